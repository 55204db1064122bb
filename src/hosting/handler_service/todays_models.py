"""Multi-model endpoints of today's container: some model server processes per model.

docs/contract.md#a10
"""

import errno
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import falcon
import requests

from hosting import bundles, commands
from hosting.handler_service.answer import error
from hosting.handler_service.context import MODEL_NAME
from hosting.handler_service.loaded_models import LoadedModels
from hosting.handler_service.loader import load_handler
from hosting.handler_service.multi_model import free_port, has_version, port_pools, relocated
from hosting.handler_service.today import invoke, script_or_default
from hosting.processes import child_setup, is_alive
from hosting.settings import Settings

log = logging.getLogger("python_service")

_EXHAUSTED = "Memory exhausted: not enough memory to start TFS instance"
STATUS_SECONDS = 5
MEMORY = "/proc/meminfo"
_MUCH = 0.7  # of the machine's memory: a model that is not ready then is taken to lack it


class _Failed(Exception):
    """A load that came to nothing: the status and the text that the client gets."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class ModelsResource:
    """/models, /models/X, /models/X/invoke, and what is left of /invocations."""

    def __init__(self):
        self._settings = Settings()
        self._code_dir = os.environ["HOSTING_CODE_DIR"]
        self._models_dir = os.environ["HOSTING_MODELS_DIR"]
        self._runtime_dir = os.environ["HOSTING_RUNTIME_DIR"]
        self._loaded = LoadedModels(self._runtime_dir)
        self._processes = {}
        self._handlers = {}
        self._for_all = script_or_default(self._code_dir)

    # -- routes ----------------------------------------------------------------------------

    def on_post(self, request, response, model_name=None):
        if model_name:
            self._invoke(request, response, model_name)
        elif "invocations" in request.uri:
            message = "Invocation request does not contain model name."
            error(response, falcon.HTTP_400, message)
        else:
            data = json.loads(request.stream.read().decode("utf-8"))
            self._load(response, data["model_name"], data["url"])

    def on_get(self, request, response, model_name=None):
        models = self._loaded.read()
        if model_name is None:
            try:
                found = {name: _status(name, models[name]).json() for name in models}
            except requests.RequestException as failure:
                error(response, falcon.HTTP_500, str(failure))
                return
            response.body = json.dumps(found)
        elif not MODEL_NAME.fullmatch(model_name):
            error(response, falcon.HTTP_400, f"invalid model_name: {model_name!r}")
        elif model_name not in models:
            error(response, falcon.HTTP_404, f"Model {model_name} is not loaded yet.")
        else:
            self._one(response, model_name, models[model_name])

    def on_delete(self, request, response, model_name):
        with self._loaded.changed() as models:
            if model_name not in models:
                error(response, falcon.HTTP_404, f"Model {model_name} is not loaded yet")
                return
            self._end(model_name, [pid for _, _, pid in models.pop(model_name)])
        response.body = json.dumps({"success": f"Successfully unloaded model {model_name}."})

    # -- what they do ----------------------------------------------------------------------

    @staticmethod
    def _one(response, name, instances):
        try:
            reply = _status(name, instances)
        except requests.Timeout as failure:
            error(response, falcon.HTTP_504, str(failure))
        except requests.RequestException as failure:
            error(response, falcon.HTTP_502, str(failure))
        else:
            response.status = falcon.code_to_http_status(reply.status_code)
            ok = reply.status_code == 200
            response.body = json.dumps({"model": reply.json()}) if ok else reply.text

    def _invoke(self, request, response, name):
        instances = self._loaded.read().get(name)
        if instances and not self._is_alive(instances[0][2]):
            with self._loaded.changed() as models:
                self._end(name, [pid for _, _, pid in models.pop(name, [])])
            instances = None
        if not instances:
            error(response, falcon.HTTP_404, f"Model {name} is not loaded yet.")
            return
        rest_port, grpc_port, _ = random.choice(instances)
        if name not in self._handlers:  # another worker has loaded the model
            self._handlers[name] = self._handler(name)
        seconds = self._settings.tfs_wait_seconds
        further = {"model_name": name, "timeout": seconds}
        invoke(self._handlers[name], request, response, (rest_port, grpc_port), None, **further)

    def _load(self, response, name, url):
        with self._loaded.changed() as models:
            if not MODEL_NAME.fullmatch(name):
                error(response, falcon.HTTP_400, f"invalid model_name: {name!r}")
                return
            if name in models:
                error(response, falcon.HTTP_409, f"Model {name} is already loaded.")
                return
            try:
                models[name] = self._started(models, name, url)
            except _Failed as failure:
                response.status = failure.status
                response.content_type = falcon.MEDIA_TEXT
                response.body = str(failure)
                if failure.status in (falcon.HTTP_404, falcon.HTTP_500) or "ports" in str(failure):
                    error(response, failure.status, str(failure))
                    response.content_type = falcon.MEDIA_JSON
                return
            rest_port, grpc_port, _ = models[name][-1]
        listening = f"listening on rest port {rest_port} and grpc port {grpc_port}."
        response.body = json.dumps({"success": f"Successfully loaded model {name}, {listening}"})

    def _started(self, models, name, url):
        """[(REST port, gRPC port, process id)] of a model's processes, all ready."""
        pools = port_pools(*self._settings.port_bounds())
        taken = {port for instances in models.values() for one in instances for port in one[:2]}
        rest_pool, grpc_pool = ([port for port in pool if port not in taken] for pool in pools)
        try:
            ports = [
                (free_port(rest_pool), free_port(grpc_pool))
                for _ in range(self._settings.instance_count)
            ]
        except IndexError:
            text = "Memory exhausted: no available ports to load the model."
            raise _Failed(falcon.HTTP_507, text) from None
        base_path = relocated(url, self._models_dir)
        if not has_version(base_path):
            text = f"Could not find valid base path {url} for servable {name}"
            raise _Failed(falcon.HTTP_404, text)
        instances = []
        try:
            for number, pair in enumerate(ports):
                instances.append((*pair, self._start(name, base_path, number, *pair)))
                self._wait(name, pair[0])
            self._handlers[name] = self._handler(name)
        except OSError as failure:
            self._end(name, [pid for _, _, pid in instances])
            if failure.errno == errno.ENOMEM:
                raise _Failed(falcon.HTTP_507, _EXHAUSTED) from None
            raise _Failed(falcon.HTTP_500, failure.strerror) from None
        except BaseException:
            self._end(name, [pid for _, _, pid in instances])
            raise
        return instances

    def _start(self, name, base_path, number, rest_port, grpc_port):
        config = bundles.model_config([bundles.Model(name, base_path)], specific_versions=True)
        folder = os.path.join(self._config_dir(name), str(number))
        os.makedirs(folder)
        config_path = os.path.join(folder, "model-config.cfg")
        with open(config_path, "w") as stream:
            stream.write(config)
        log.info("tensorflow serving model config: \n%s\n", config)
        command = commands.model_server_command(
            commands.model_server_program(),
            self._settings,
            grpc_port,
            rest_port,
            config_path,
            os.environ.get("HOSTING_BATCHING_CONFIG"),
        )
        environment = commands.model_server_environment(self._settings, self._runtime_dir)
        process = subprocess.Popen(command, env=environment, preexec_fn=child_setup(os.getpid()))
        self._processes[process.pid] = process
        log.info("started tensorflow serving (pid: %d)", process.pid)
        return process.pid

    def _wait(self, name, rest_port):
        limit = self._settings.tfs_wait_seconds
        end = time.monotonic() + limit
        while not commands.available(rest_port, name):
            if time.monotonic() > end:
                if _memory_used() > _MUCH:
                    raise _Failed(falcon.HTTP_507, _EXHAUSTED)
                raise _Failed(falcon.HTTP_408, f"Timed out after {limit} seconds")
            time.sleep(0.1)

    def _handler(self, name):
        """A model's own script, else that of all; its code/lib comes last on the search path."""
        code = os.path.join(self._models_dir, name, "model", "code")
        script = os.path.join(code, "inference.py")
        if not os.path.exists(script):
            return self._for_all
        lib = os.path.join(code, "lib")
        if os.path.isdir(lib) and lib not in sys.path:
            sys.path.append(lib)
        return load_handler(script)

    def _is_alive(self, pid):
        process = self._processes.get(pid)
        return process.poll() is None if process else is_alive(pid)

    def _end(self, name, pids):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass  # it has ended by itself
            process = self._processes.pop(pid, None)
            if process is not None:
                process.wait()
        shutil.rmtree(self._config_dir(name), ignore_errors=True)

    def _config_dir(self, name):
        return os.path.join(self._runtime_dir, "models", name)


def _status(name, instances):
    uri = f"http://localhost:{instances[0][0]}/v1/models/{name}"
    return requests.get(uri, timeout=STATUS_SECONDS)


def _memory_used():
    """The share of memory and swap that is in use, as `free -t` adds them up; 0: not Linux."""
    if not os.path.exists(MEMORY):
        return 0
    with open(MEMORY) as stream:
        lines = (line.split() for line in stream)
        amounts = {words[0].rstrip(":"): int(words[1]) for words in lines}
    total = amounts["MemTotal"] + amounts["SwapTotal"]
    return 1 - (amounts["MemAvailable"] + amounts["SwapFree"]) / total
