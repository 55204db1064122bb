"""Multi-model endpoints of the final container: one model server process per model.

docs/contract.md#a10

What the container does wrong is reproduced where a client can see it: which answers are
500, and what a repeated or failed load does to the ports.
"""

import bisect
import json
import logging
import os
import re
import subprocess
import time

import falcon

from hosting import bundles, commands
from hosting.handler_service.answer import answer, error, load_script
from hosting.handler_service.context import parse_request
from hosting.processes import child_setup
from hosting.runtime import can_listen
from hosting.settings import Settings

log = logging.getLogger("python_service")

LOAD_SECONDS = 60
_CONTAINER_MODELS = "/opt/ml/models"
_WAY_BACK = re.compile(r"^/+opt/+ml/+models(/+(\./+)*\.\./+models)*(?=/)")


class LoadTimeout(SystemExit):
    """A model was not ready in time: the connection is dropped, and the client sees 502."""


def default_handler(data, context):
    """Without inference.py: the body goes to the model server as it is."""
    import requests

    body = data.read().decode("utf-8")
    reply = requests.post(context.rest_uri, data=body)  # noqa: S113, as the container
    return reply.content, context.accept_header


def port_pools(low, high):
    """(REST ports, gRPC ports): nine tenths of the range, halved; taken from the top.

    >>> port_pools(14000, 14010)
    ([14000, 14001, 14002, 14003], [14004, 14005, 14006, 14007, 14008])
    """
    upper = low + int((high - low) * 0.9)
    middle = (low + upper) // 2
    return list(range(low, middle)), list(range(middle, upper))


class ModelsResource:
    """/models, /models/X, /models/X/invoke, and what is left of /invocations."""

    def __init__(self):
        self._settings = Settings()
        self._rest_pool, self._grpc_pool = port_pools(*self._settings.port_bounds())
        self._rest_ports = {}
        self._grpc_ports = {}
        self._processes = {}
        self._code_dir = os.environ["HOSTING_CODE_DIR"]
        self._runtime_dir = os.environ["HOSTING_RUNTIME_DIR"]
        self._default_model_name = os.environ["TFS_DEFAULT_MODEL_NAME"]
        has_script = os.path.exists(os.path.join(self._code_dir, "inference.py"))
        self._handler = load_script() if has_script else default_handler

    # -- routes ----------------------------------------------------------------------------

    def on_post(self, request, response, model_name=None):
        if model_name or "invocations" in request.uri:
            self._invoke(request, response, model_name)
        else:
            data = json.loads(request.stream.read().decode("utf-8"))
            self._load(response, data["model_name"], data["url"])

    def on_get(self, request, response, model_name=None):
        if model_name is None:
            texts = {name: self._status(name).content.decode("utf-8") for name in self._rest_ports}
            response.body = json.dumps({name: json.loads(text) for name, text in texts.items()})
        elif model_name not in self._rest_ports:
            error(response, falcon.HTTP_404, f"Model {model_name} is loaded yet.")
        else:
            # The container puts the reply itself into its JSON: a TypeError, hence 500.
            response.body = json.dumps({"model": self._status(model_name)})

    def on_delete(self, request, response, model_name):
        if model_name not in self._processes:
            error(response, falcon.HTTP_404, f"Model {model_name} is not loaded yet")
            return
        process = self._processes.pop(model_name)
        process.kill()
        process.wait()
        self._forget_config(model_name)
        bisect.insort(self._rest_pool, self._rest_ports.pop(model_name))
        bisect.insort(self._grpc_pool, self._grpc_ports.pop(model_name))
        response.body = json.dumps({"success": f"Successfully unloaded model {model_name}."})

    # -- what they do ----------------------------------------------------------------------

    def _invoke(self, request, response, model_name):
        if not model_name:
            # The container forgets to return here and runs into an unset variable.
            said = "local variable 'data' referenced before assignment"
            error(response, falcon.HTTP_500, said)
        elif model_name not in self._rest_ports:
            error(response, falcon.HTTP_404, f"Model {model_name} is not loaded yet.")
        else:
            ports = self._rest_ports[model_name], self._grpc_ports[model_name]
            context = parse_request(request, *ports, self._default_model_name, model_name)
            answer(self._handler, request.stream, context, response)

    def _load(self, response, name, url):
        base_path = relocated(url, os.path.dirname(self._code_dir))
        # Ports are taken before anything is checked; with none left this raises (500). They
        # are not given back by a load that fails, and a repeated one replaces the first's.
        self._rest_ports[name] = free_port(self._rest_pool)
        self._grpc_ports[name] = free_port(self._grpc_pool)
        if not has_version(base_path):
            missing = f"Could not find valid base path {url} for servable {name}"
            error(response, falcon.HTTP_404, missing)
            return
        try:
            os.makedirs(os.path.dirname(self._config_path(name)))
        except FileExistsError:
            there = f"[Errno 17] File exists: '/sagemaker/tfs-config/{name}'"
            error(response, falcon.HTTP_409, f"Model {name} is already loaded. {there}")
            return
        self._processes[name] = self._start(name, base_path, self._config_path(name))
        success = (
            f"Successfully loaded model {name}, listening on rest port {self._rest_ports} "
            f"and grpc port {self._grpc_ports}."
        )
        response.body = json.dumps({"success": success})

    def _start(self, name, base_path, config_path):
        config = bundles.model_config([bundles.Model(name, base_path)], specific_versions=True)
        log.info("tensorflow serving model config: \n%s\n", config)
        with open(config_path, "w") as stream:
            stream.write(config)
        ports = self._grpc_ports[name], self._rest_ports[name]
        paths = config_path, os.environ.get("HOSTING_BATCHING_CONFIG")
        program = commands.model_server_program()
        command = commands.model_server_command(program, self._settings, *ports, *paths)
        environment = commands.model_server_environment(self._settings, self._runtime_dir)
        process = subprocess.Popen(command, env=environment, preexec_fn=child_setup(os.getpid()))
        log.info("started tensorflow serving (pid: %d)", process.pid)
        end = time.monotonic() + LOAD_SECONDS
        while not commands.available(self._rest_ports[name], name):
            if time.monotonic() > end:
                process.kill()
                process.wait()
                self._forget_config(name)
                log.error("model %s was not ready after %d seconds", name, LOAD_SECONDS)
                raise LoadTimeout()
            time.sleep(0.1)
        return process

    def _status(self, name):
        import requests

        uri = f"http://localhost:{self._rest_ports[name]}/v1/models/{name}"
        return requests.get(uri)  # noqa: S113, as the container

    def _config_path(self, name):
        return os.path.join(self._runtime_dir, "models", name, "model-config.cfg")

    def _forget_config(self, name):
        os.remove(self._config_path(name))
        os.rmdir(os.path.dirname(self._config_path(name)))


def relocated(url, models_dir):
    """/opt/ml/models/… is below the directory that stands for it on this machine."""
    if os.path.exists(url):
        return url
    # Also where `..` leaves the directory and comes back by the name it has there.
    url = _WAY_BACK.sub(_CONTAINER_MODELS, url)
    if url.startswith(_CONTAINER_MODELS + "/"):
        return models_dir + url[len(_CONTAINER_MODELS) :]
    return url


def free_port(pool):
    """The highest port of the pool; one that something else on this machine has is dropped."""
    while True:
        port = pool.pop()
        if can_listen("127.0.0.1", port):
            return port


def has_version(base_path):
    """Whether a numeric directory lies anywhere below the base path."""
    return any(name.isdigit() for _, names, _ in os.walk(base_path) for name in names)
