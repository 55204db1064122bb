"""Model server processes and a client for their REST API that hides nothing."""
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

from ports import free_port
from reply import PATIENCE, Reply

SOURCE = pathlib.Path(__file__).resolve().parents[3] / 'src'


class ModelServer:
    """A running model server."""

    def __init__(self, process, grpc_port, rest_port, log_path):
        self.process = process
        self.grpc_port = grpc_port
        self.rest_port = rest_port
        self._log_path = log_path

    @property
    def log(self):
        return self._log_path.read_text(errors='replace')

    def connection(self, timeout=PATIENCE):
        return http.client.HTTPConnection('127.0.0.1', self.rest_port, timeout=timeout)

    def request(self, method, path, body=None, headers=None, connection=None):
        """One request, on a connection of its own unless one is given."""
        used = connection or self.connection()
        try:
            used.request(method, path, body, headers or {})
            answer = used.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()},
                         answer.read())
        finally:
            if connection is None:
                used.close()

    def get(self, path):
        return self.request('GET', path)

    def post(self, model, body, method='predict', version=None, connection=None):
        """POST to a model; a body that is no text or bytes is sent as JSON."""
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        where = f'{model}/versions/{version}' if version is not None else model
        return self.request('POST', f'/v1/models/{where}:{method}',
                            body.encode() if isinstance(body, str) else body,
                            {'Content-Type': 'application/json'}, connection)

    def states(self, model):
        """{version: state} of a model."""
        return {int(item['version']): item['state'] for item in
                self.get(f'/v1/models/{model}').json['model_version_status']}

    def wait_until(self, condition, what='the expected state'):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, f'the model server ended:\n{self.log}'
            assert time.monotonic() < end, f'{what} did not come about:\n{self.log}'
            time.sleep(0.02)

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', self.rest_port)) == 0

    def ended(self):
        """Wait until it ends by itself; returns the exit status."""
        return self.process.wait(PATIENCE)

    def stop(self, signum=signal.SIGTERM):
        """End the process; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        return self.ended()


class ModelServers:
    """Starts model servers, each with a folder for its configuration and log."""

    def __init__(self, serving_python, environment, folder):
        real = os.environ.get('TENSORFLOW_MODEL_SERVER')
        self.is_real = bool(real)
        self._command = [real] if real else [serving_python, '-m', 'hosting.model_server']
        self._environment = dict(environment, PYTHONPATH=str(SOURCE))
        self._folder = folder
        self._started = []

    def start(self, models, *flags, policy='', wait=True, contract='2019'):
        """A server of {name: base path} with more flags; `policy`: a model_version_policy.

        `contract`: what the supervisor says to it of the container it is in.
        Without models there is no configuration file: the flags tell what to serve.
        """
        folder = self._folder / str(len(self._started))
        folder.mkdir()
        if models is not None:
            config = folder / 'models.cfg'
            entries = ''.join(
                f'  config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow"'
                + (f' model_version_policy {{ {policy} }}' if policy else '') + ' }\n'
                for name, path in models.items())
            config.write_text(f'model_config_list {{\n{entries}}}\n')
            flags = (f'--model_config_file={config}', *flags)
        grpc_port, rest_port = free_port(), free_port()
        with open(folder / 'log', 'wb') as log:
            process = subprocess.Popen(
                [*self._command, f'--port={grpc_port}', f'--rest_api_port={rest_port}', *flags],
                stdout=log, stderr=subprocess.STDOUT,
                env=dict(self._environment, HOSTING_CONTRACT=contract))
        server = ModelServer(process, grpc_port, rest_port, folder / 'log')
        self._started.append(server)
        if wait:
            server.wait_until(server.listens, 'listening')
        return server

    def stop_all(self):
        for server in self._started:
            server.stop(signal.SIGKILL)


def in_parallel(function, items, threads=16):
    """The results of `function(item)` for all items, many at a time."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


def error_text(reply):
    """The message of an error body, its C escapes undone."""
    found = re.fullmatch(rb'\{ "error": "(.*)" \}', reply.body, re.DOTALL)
    assert found, reply
    return found.group(1).decode('unicode_escape').encode('latin-1').decode()
