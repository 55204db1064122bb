"""An endpoint as the tests see it: a URL, and for those started here a process and a log."""
import contextlib
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

from ports import free_port
from reply import PATIENCE, Reply

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
HERE = pathlib.Path(__file__).resolve().parent
FAKE_MODEL_SERVER = HERE / 'fake_model_server.py'
HANDLERS = HERE / 'handlers'

# How a line of the supervisor's begins, in today's container otherwise.
LOGGED = r'(?:INFO:__main__:|INFO     )'

ATTRIBUTES = 'X-Amzn-SageMaker-Custom-Attributes'


class Endpoint:
    """Somewhere to send requests to."""

    process = None

    def __init__(self, url, contract):
        self.url = url
        self.contract = contract
        parts = urllib.parse.urlsplit(url)
        self.host = parts.hostname
        self.port = parts.port or 80

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE):
        """One request on a connection of its own; no header is added but Host and length."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None:
                if isinstance(body, str):
                    body = body.encode()
                if 'Content-Length' not in (headers or {}):
                    connection.putheader('Content-Length', str(len(body)))
            connection.endheaders(body)
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def get(self, path, headers=None, **options):
        return self.request('GET', path, headers=headers, **options)

    def invoke(self, body, content_type='application/json', attributes=None, accept=None,
               path='/invocations', **options):
        """POST to /invocations."""
        headers = {}
        if content_type is not None:
            headers['Content-Type'] = content_type
        if attributes is not None:
            headers[ATTRIBUTES] = attributes
        if accept is not None:
            headers['Accept'] = accept
        return self.request('POST', path, body, headers, **options)

    def raw(self, *parts, pause=0.0, turns=False, timeout=30, half_close=False):
        """Send bytes as they are; what comes back until the connection ends or is silent.

        `turns`: each part is sent when the one before it has been answered.
        """
        with socket.create_connection((self.host, self.port), timeout=timeout) as connection:
            received = []
            try:
                for number, part in enumerate(parts):
                    if turns and number:
                        received.append(connection.recv(65536))
                    connection.sendall(part)
                    if pause:
                        time.sleep(pause)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
                while True:
                    data = connection.recv(65536)
                    if not data:
                        return b''.join(received)
                    received.append(data)
            except (TimeoutError, socket.timeout):
                return b''.join(received) + b'<open>'
            except ConnectionError:
                return b''.join(received)

    def probe(self, body='', **options):
        """What handlers/probe.py tells about its request."""
        reply = self.invoke(body, **options)
        assert reply.status == 200, reply
        return reply.json

    def eventually(self, condition, what='the expected state', seconds=PATIENCE):
        """Wait for `condition()` to be true; connections may be refused meanwhile."""
        end = time.monotonic() + seconds
        last = None
        while time.monotonic() < end:
            try:
                last = condition()
                if last:
                    return last
            except (OSError, http.client.HTTPException) as error:
                last = error
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f'the endpoint ended with {self.process.returncode} before '
                                     f'{what}\n{self.log()}')
            time.sleep(0.05)
        raise AssertionError(f'no {what} after {seconds} s; last: {last!r}\n{self.log()}')

    def log(self):
        return ''


class StartedEndpoint(Endpoint):
    """An endpoint started here: `python -m hosting`."""

    def __init__(self, process, port, contract, log_path):
        super().__init__(f'http://127.0.0.1:{port}', contract)
        self.process = process
        self._log_path = log_path

    def log(self):
        return self._log_path.read_text(errors='replace')

    def command(self, name):
        """The logged command line of a process ('tensorflow serving', 'gunicorn', 'nginx')."""
        return re.findall(rf'{LOGGED}{name} command: (.*)', self.log())[-1]

    @property
    def grpc_port(self):
        return int(re.search(r'--port=(\d+)', self.command('tensorflow serving')).group(1))

    @property
    def rest_port(self):
        return int(re.search(r'--rest_api_port=(\d+)',
                             self.command('tensorflow serving')).group(1))

    def pids(self, name):
        """The process ids of all processes of that name, the newest last."""
        found = re.findall(rf'{LOGGED}started {name} \(pid: (\d+)\)', self.log())
        return [int(pid) for pid in found]

    def pid(self, name):
        return self.pids(name)[-1]

    def descendants(self):
        """Process ids of everything below the supervisor."""
        return descendants(self.process.pid)

    def wait_in_log(self, pattern):
        return self.eventually(lambda: re.search(pattern, self.log()), f'{pattern!r} in the log')

    def wait_healthy(self):
        """Until /ping says 200 and the model server has its models."""
        self.eventually(lambda: self.get('/ping').status == 200, 'healthy /ping')
        if '--multi' in self.log() or 'multi-model endpoint is enabled' in self.log():
            return self
        self.eventually(lambda: b'"AVAILABLE"' in self._status(), 'model AVAILABLE')
        return self

    def _status(self):
        name = re.search(r'--default-model (\S+)', self.command('nginx')).group(1)
        return self.get('/tfs/v1/models/' + name).body

    def ended(self, seconds=PATIENCE):
        """Wait until it ends by itself; returns the exit status."""
        return self.process.wait(timeout=seconds)

    def stop(self, signum=signal.SIGTERM):
        """End it; returns the exit status. SageMaker waits 30 seconds and kills."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        try:
            return self.ended(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class Starter:
    """Starts endpoints and ends them again."""

    def __init__(self, serving_python, environment, folder):
        self._python = serving_python
        self._environment = environment
        self._folder = folder
        self._started = []

    def program(self, command):
        """A program that runs a command, for TENSORFLOW_MODEL_SERVER."""
        command = f'[ "$1" = --version ] || exec {command}'
        path = self._folder / f'program-{len(list(self._folder.iterdir()))}'
        path.write_text(f'#!/bin/sh\n{command}\n')
        path.chmod(0o755)
        return str(path)

    def fake_model_server(self):
        """A program that stands for tensorflow_model_server and shows what it is sent."""
        path = self._folder / 'fake_tensorflow_model_server'
        if not path.exists():
            path.write_text('#!/bin/sh\n'
                            f'exec "{sys.executable}" -S "{FAKE_MODEL_SERVER}" "$@"\n')
            path.chmod(0o755)
        return str(path)

    def model_dir(self, files=(), models=(), handler=None):
        """An unpacked model.tar.gz.

        `files`: {path: text}; `models`: {path: folder to copy}; `handler`: the name of a
        file in handlers/, or the text of an inference.py.
        """
        path = self._folder / f'model-{len(list(self._folder.iterdir()))}'
        path.mkdir()
        for name, text in dict(files).items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(text)
        for name, source in dict(models).items():
            shutil.copytree(source, path / name)
        if handler is not None:
            (path / 'code').mkdir(exist_ok=True)
            if '\n' not in handler:
                handler = (HANDLERS / handler).read_text()
            (path / 'code/inference.py').write_text(handler)
        return path

    def start(self, model_dir, contract='2019', fake=False, wait=True, arguments=(),
              through=(), **variables):
        """Start `python -m hosting`; `variables` are environment variables.

        `through`: a command that runs the command it is given.
        """
        port = int(variables.setdefault('SAGEMAKER_BIND_TO_PORT', str(free_port())))
        environment = dict(self._environment, PYTHONPATH=str(REPOSITORY / 'src'),
                           HOSTING_CONTRACT=contract,
                           XDG_CACHE_HOME=str(self._folder / 'cache'), **variables)
        if fake:
            environment['TENSORFLOW_MODEL_SERVER'] = self.fake_model_server()
        log_path = self._folder / f'log-{port}-{len(self._started)}.txt'
        with open(log_path, 'wb') as log:
            process = subprocess.Popen(
                [*through, self._python, '-m', 'hosting', '--model-dir', str(model_dir),
                 '--die-with-parent', *arguments],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        endpoint = StartedEndpoint(process, port, contract, log_path)
        self._started.append(endpoint)
        if wait:
            endpoint.wait_healthy()
        return endpoint

    def stop_all(self):
        for endpoint in self._started:
            if endpoint.process.poll() is None:
                endpoint.process.terminate()
        for endpoint in self._started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                endpoint.stop()


def descendants(pid):
    """Every live process below `pid` (Linux)."""
    parents = {}
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                stat = pathlib.Path('/proc', entry, 'stat').read_text()
                fields = stat.rpartition(')')[2].split()
                if fields[0] != 'Z':
                    parents[int(entry)] = int(fields[1])
    found, frontier = [], [pid]
    while frontier:
        frontier = [child for child, parent in parents.items() if parent in frontier]
        found += frontier
    return found


def alive(pid):
    """Whether the process exists and is no zombie."""
    try:
        fields = pathlib.Path('/proc', str(pid), 'stat').read_text().rpartition(')')[2].split()
        return fields[0] != 'Z'
    except OSError:
        return False


def gone(pids):
    """Whether all the processes end."""
    end = time.monotonic() + PATIENCE
    while any(alive(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
