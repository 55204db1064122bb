"""The front's configuration, as nginx would be told it: it is printed at the start.

docs/contract.md#a1

Nothing reads it: the edge is configured by its arguments. Users and scripts look in the log
for lines such as `error_log` and `proxy_read_timeout`.
"""


def nginx_conf(settings, rest_ports, socket_path, python_mode, default_model):
    """The text; what the contract of 2019 leaves to nginx's defaults is not in it.

    Args:
        rest_ports: the model servers'.
        socket_path: gunicorn's.
        python_mode: whether gunicorn answers /ping and /invocations.
    """
    directives = [
        "daemon off;",
        # Two blanks: scripts look for the container's very line.
        f"error_log  /dev/stderr {settings.nginx_log_level};",
        (
            "http",
            [
                "default_type application/json;",
                "access_log /dev/stdout combined;",
                *(
                    [f"proxy_read_timeout {settings.proxy_read_timeout:g};"]
                    if settings.head
                    else []
                ),
                ("upstream tfs_upstream", [f"server localhost:{port};" for port in rest_ports]),
                ("upstream gunicorn_upstream", [f"server unix:{socket_path};"]),
                (
                    "server",
                    [
                        f"listen {settings.http_port};",
                        "keepalive_timeout 3;",
                        "client_max_body_size 0;",
                        "client_body_buffer_size 100m;",
                        "subrequest_output_buffer_size 100m;",
                        f"set $tfs_version {settings.tfs_version};",
                        f"set $default_tfs_model {default_model};",
                        ("location /tfs", ["proxy_pass http://tfs_upstream;"]),
                        *[
                            (
                                "location /" + name,
                                [
                                    f"proxy_pass http://gunicorn_upstream/{name};"
                                    if python_mode
                                    else f"js_content {name};"
                                ],
                            )
                            for name in ("ping", "invocations")
                        ],
                        *(
                            [("location /models", ["proxy_pass http://gunicorn_upstream/models;"])]
                            if settings.head
                            else []
                        ),
                        *(
                            [("location = /metrics", ["js_content metrics;"])]
                            if settings.metrics
                            else []
                        ),
                        ("location /", ['return 404 \'{"error": "Not Found"}\';']),
                    ],
                ),
            ],
        ),
    ]
    return "\n".join(_lines(directives))


def _lines(directives, indent=""):
    for directive in directives:
        if isinstance(directive, str):
            yield indent + directive
        else:
            name, block = directive
            yield "%s%s {" % (indent, name)
            yield from _lines(block, indent + "  ")
            yield indent + "}"
