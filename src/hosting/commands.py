"""The processes that the supervisor starts: their command lines, and when a model is there."""

import json
import os
import shutil
import subprocess
import sys

import hosting
from hosting.processes import PYTHON_VARIABLE, python_command

MODEL_SERVER = "tensorflow_model_server"


def child_environment():
    """This process's environment, in which `python -m hosting.…` works."""
    environment = dict(os.environ)
    sources = os.path.dirname(os.path.dirname(os.path.abspath(hosting.__file__)))
    environment["PYTHONPATH"] = sources
    environment["PYTHONUNBUFFERED"] = "1"  # a handler's print must reach the log at once
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return environment


def handler_python():
    """The interpreter of the environment that holds what the container holds, and no more.

    It lies beside the one that this runs in (handler beside serve, handler-today beside
    serve-today), unless HOSTING_HANDLER_PYTHON names another.
    """
    folder, own = os.path.split(sys.prefix)
    handlers = "handler-today" if own.endswith("-today") else "handler"
    beside = os.path.join(folder, handlers, "bin", "python")
    return os.environ.get("HOSTING_HANDLER_PYTHON") or beside


def site_packages(python):
    """The packages of a virtual environment's interpreter, which is of this Python version."""
    environment = os.path.dirname(os.path.dirname(python))
    return os.path.join(environment, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")


def model_server_environment(settings, runtime_dir):
    """The environment of a model server: what a killed one leaves goes with its endpoint."""
    return dict(child_environment(), TMPDIR=runtime_dir, HOSTING_METRICS=str(int(settings.metrics)))


def model_server_program():
    """The real tensorflow_model_server if there is one, else this project's."""
    named = os.environ.get("TENSORFLOW_MODEL_SERVER")
    if named:
        found = shutil.which(named)
        if not found:
            raise ValueError(
                f"TENSORFLOW_MODEL_SERVER names {named!r}, which is not a program; unset it to use "
                "the one of this project"
            )
        return [found]
    found = shutil.which(MODEL_SERVER)
    return [found] if found else python_command("hosting.model_server")


def model_server_version(program):
    """What `tensorflow_model_server --version` prints."""
    if program[0] == sys.executable:
        return "hosting.model_server, in place of " + MODEL_SERVER
    done = subprocess.run(
        program + ["--version"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.stdout.decode("utf-8", "backslashreplace").strip()


def model_server_command(program, settings, grpc_port, rest_port, config_path, batching_path=None):
    """tensorflow_model_server with the container's flags (docs/contract.md#a1)."""
    command = program + [f"--port={grpc_port}", f"--rest_api_port={rest_port}"]
    command.append(f"--model_config_file={config_path}")
    if settings.head:
        command.append("--max_num_load_retries=0")
    if batching_path:
        command += ["--enable_batching=true", f"--batching_parameters_file={batching_path}"]
    if settings.intra_op_parallelism:
        command.append(f"--tensorflow_intra_op_parallelism={settings.intra_op_parallelism}")
    if settings.inter_op_parallelism:
        command.append(f"--tensorflow_inter_op_parallelism={settings.inter_op_parallelism}")
    if settings.instance_count > 1 and os.path.exists("/usr/bin/nvidia-smi"):
        command.append(
            "--per_process_gpu_memory_fraction=%.4f"
            % ((1 - settings.gpu_memory_margin) / settings.instance_count)
        )
    return command


def available(port, model_name):
    """Whether every version of a model that the model server knows is AVAILABLE."""
    # Imported here: it brings ssl along, 5 MB that most supervisors do without.
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        connection.request("GET", "/v1/models/" + model_name)
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            return False
        versions = json.loads(body.decode("utf-8")).get("model_version_status", [])
        return bool(versions) and all(v.get("state") == "AVAILABLE" for v in versions)
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()


def choose_gpu(environment, settings, instance):
    """With several model servers, GPU i mod n is the i-th one's (docs/contract.md#a8)."""
    if settings.instance_count > 1 and shutil.which("nvidia-smi"):
        listed = subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.PIPE)
        count = len(listed.stdout.splitlines())
        if count:
            environment["CUDA_VISIBLE_DEVICES"] = str(instance % count)


def handler_environment(
    settings, default_model, models_dir, code_dir, packages_dir, runtime_dir, batching_path
):
    """What the handler's process is told: the container's variables, and HOSTING_… ones."""
    environment = {
        "TFS_DEFAULT_MODEL_NAME": default_model,
        "SAGEMAKER_TFS_VERSION": settings.tfs_version,
        "HOSTING_CODE_DIR": code_dir,
        "HOSTING_CONTRACT": settings.contract,
        PYTHON_VARIABLE: sys.executable,
    }
    if packages_dir:
        environment["HOSTING_PACKAGES_DIR"] = packages_dir
    if settings.today:
        environment["HOSTING_WAIT_SECONDS"] = str(settings.tfs_wait_seconds)
        environment["HOSTING_MODELS_DIR"] = models_dir
    if not settings.multi_model:
        environment["TFS_GRPC_PORT"] = str(settings.grpc_ports[0])
        environment["TFS_REST_PORT"] = str(settings.rest_ports[0])
    if settings.head:
        environment["HOSTING_RUNTIME_DIR"] = runtime_dir
        environment["HOSTING_GRPC_PORTS"] = _comma_separated(settings.grpc_ports)
        environment["HOSTING_REST_PORTS"] = _comma_separated(settings.rest_ports)
        if batching_path:
            environment["HOSTING_BATCHING_CONFIG"] = batching_path
    return environment


def gunicorn_command(settings, socket_path, working_dir):
    """gunicorn with one gevent worker (head: as its variables say; docs/contract.md#a7)."""
    worker_class = settings.gunicorn_worker_class
    if worker_class == "gevent" and not settings.today:
        worker_class = "hosting.handler_service.worker.Worker"
    command = [handler_python(), "-m", "hosting.handler_service"]
    command += ["-c", "python:hosting.handler_service.gunicorn_conf", "-b", "unix:" + socket_path]
    command += ["-k", worker_class, "--chdir", working_dir]
    if not _needs_fresh_connections(settings):
        # nginx sends one header more, Connection: close; of its clients' 97 reach a POST handler.
        command += ["--limit-request-fields", "99"]
    if settings.today:
        command.append("--no-control-socket")
    if settings.gunicorn_timeout != 30:
        command += ["--timeout", str(settings.gunicorn_timeout)]
    if settings.head:
        command += ["--workers", str(settings.gunicorn_workers)]
        command += ["--threads", str(settings.gunicorn_threads)]
        command += ["--log-level", settings.gunicorn_log_level]
    return command + ["hosting.handler_service.wsgi:app"]


def edge_command(settings, host, rest_ports, socket_path, python_mode, default_model):
    """The public port (docs/contract.md#a3)."""
    options = {
        "host": host,
        "port": settings.http_port,
        "rest-ports": _comma_separated(rest_ports),
        "gunicorn": socket_path,
        "mode": "python" if python_mode else "plain",
        "default-model": default_model,
        "contract": settings.contract,
        "tfs-version": settings.tfs_version,
        "read-timeout": f"{settings.proxy_read_timeout:g}",
        "log-level": settings.nginx_log_level,
    }
    if settings.metrics:
        options["metrics"] = _comma_separated(settings.rest_ports)
    command = python_command("hosting.edge")
    for name, value in options.items():
        command += ["--" + name, str(value)]
    if _needs_fresh_connections(settings):
        command.append("--fresh-connections")
    return command


def _comma_separated(ports):
    return ",".join(map(str, ports))


def _needs_fresh_connections(settings):
    """A kept connection would tie requests to one worker; other workers keep none."""
    ours = settings.gunicorn_worker_class == "gevent" and not settings.today
    return settings.gunicorn_workers != 1 or not ours


def pip_command(requirements, target):
    """`pip3 install -r`, into a directory of its own instead of the handler's environment."""
    options = ["--disable-pip-version-check", "--no-warn-script-location", "--target", target]
    return [handler_python(), "-m", "pip", "install", *options, "-r", requirements]
