"""The front's configuration, as nginx would be told it: it is printed at the start.

docs/contract.md#a1

Nothing reads it: the edge is configured by its arguments. Users and scripts look in the log
for lines such as `error_log` and `proxy_read_timeout`; before the level are two blanks, as in
the container's.
"""

_TEXT = """\
daemon off;
error_log  /dev/stderr {level};
http {{
  default_type application/json;
  access_log /dev/stdout combined;
{timeout}  upstream tfs_upstream {{
{servers}  }}
  upstream gunicorn_upstream {{
    server unix:{socket};
  }}
  server {{
    listen {port};
    keepalive_timeout 3;
    client_max_body_size 0;
    client_body_buffer_size 100m;
    subrequest_output_buffer_size 100m;
{variables}{locations}  }}
}}"""
_VARIABLES = "    set $tfs_version {version};\n    set $default_tfs_model {model};\n"
_TODAYS_VARIABLES = '    set $default_tfs_model "{model}";\n'
_LOCATION = "    location {} {{\n      {};\n    }}\n"


def nginx_conf(settings, rest_ports, socket_path, python_mode, default_model):
    """The text; what the contract of 2019 leaves to nginx's defaults is not in it.

    Args:
        rest_ports: the model servers'.
        socket_path: gunicorn's.
        python_mode: whether gunicorn answers /ping and /invocations.
    """
    head = settings.head
    how = "proxy_pass http://gunicorn_upstream/{}" if python_mode else "js_content {}"
    locations = [("/tfs", "proxy_pass http://tfs_upstream")]
    locations += [("/" + name, how.format(name)) for name in ("ping", "invocations")]
    if head:
        locations.append(("/models", "proxy_pass http://gunicorn_upstream/models"))
    if settings.metrics:
        locations.append(("= /metrics", "stub_status"))  # the nearest that nginx has
    locations.append(("/", """return 404 '{"error": "Not Found"}'"""))
    variables = _TODAYS_VARIABLES if settings.today else _VARIABLES
    return _TEXT.format(
        level=settings.nginx_log_level,
        timeout=f"  proxy_read_timeout {settings.proxy_read_timeout:g};\n" if head else "",
        servers="".join(f"    server localhost:{port};\n" for port in rest_ports),
        socket=socket_path,
        port=settings.http_port,
        variables=variables.format(version=settings.tfs_version, model=default_model),
        locations="".join(_LOCATION.format(*location) for location in locations),
    )
