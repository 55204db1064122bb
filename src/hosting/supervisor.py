"""The container's serve.py: starts everything, restarts what dies, ends all together.

docs/contract.md#a1, docs/contract.md#a9
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections import namedtuple
from functools import partial

from hosting import bundles, commands
from hosting.edge.nginx_conf import nginx_conf
from hosting.packages import Requirements, of_another_python
from hosting.processes import child_setup
from hosting.runtime import Ports, RuntimeDirectory, can_listen
from hosting.settings import batching_parameters

log = logging.getLogger("__main__")

BOOT_ERROR = 3  # gunicorn's exit code when its worker cannot import the application
LAST_GRACE = 2.0  # seconds between the first child's end and SIGKILL for the others
POLL = 0.1  # seconds between two looks at something that is starting

TFS = "tensorflow serving"
GUNICORN = "gunicorn"
NGINX = "nginx"  # the name of the public port's process in the container's log


class StartError(Exception):
    """The endpoint cannot start; the message says why and what to do."""


_Child = namedtuple("_Child", ["name", "process", "restart"])


class Supervisor:
    """One endpoint: `model_dir` stands for /opt/ml/model (multi-model: /opt/ml/models)."""

    def __init__(self, settings, model_dir, host="127.0.0.1", pip_environment=None):
        self.settings = settings
        self.model_dir = os.path.abspath(model_dir)
        self.host = host
        # Today's multi-model endpoint has /opt/ml/code beside /opt/ml/models.
        beside = settings.today and settings.multi_model
        parent = os.path.dirname(self.model_dir) if beside else self.model_dir
        self.code_dir = os.path.join(parent, "code")
        asked = ("inference.py", "requirements.txt", "lib") if settings.today else ("inference.py",)
        self.has_code = any(os.path.exists(os.path.join(self.code_dir, name)) for name in asked)
        self.python_mode = self.has_code or settings.multi_model
        self.default_model = settings.default_model_name
        self._pip_environment = pip_environment or {}
        self._packages_dir = None
        self._runtime = None
        self._config_path = self._batching_path = None
        self._public_port = Ports()  # apart from the others: a model server must not take it
        self._ports = Ports()
        self._children = {}  # pid → _Child
        self._pip = None
        self._stopping = False
        self._status = 0

    # -- life ------------------------------------------------------------------------------

    def run(self):
        """Serve until told to stop; returns the exit status."""
        log.info("starting services")
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, self._stop)
        self._check_port()
        if self.python_mode and not os.path.exists(commands.handler_python()):
            raise StartError(
                f"{commands.handler_python()}: the environment of inference.py is missing. Run "
                "`make setup`."
            )
        self._runtime = RuntimeDirectory()
        try:
            self._start_all()
            self._monitor()
        except StartError as error:
            log.error("%s", error)
            self._status = 1
        finally:
            self._end_children()
            self._runtime.remove()
        return self._status

    def _start_all(self):
        """The two start orders (docs/contract.md#a1)."""
        settings = self.settings
        if settings.head:
            os.environ.setdefault("OMP_NUM_THREADS", "1")
        if settings.multi_model:
            log.info("multi-model endpoint is enabled, TFS model servers will be started later")
            self.default_model = self.default_model or "None"
            self._batching_path = self._write_batching_config()
        else:
            self._write_model_config()
            self._choose_ports()
            if not settings.head:
                self._log_front_config()
            self._batching_path = self._write_batching_config()
            for instance in range(settings.instance_count):
                self._start_model_server(instance)
            if settings.head:
                self._wait_for_model()
        if settings.head and not self._stopping:
            self._log_front_config()
        if self.python_mode and not self._stopping:
            if self.has_code:
                self._install_packages()
            if not self._stopping:
                self._start_gunicorn()
            if settings.head:
                self._wait_for_gunicorn()
        if not self._stopping:
            self._start_edge()

    def _monitor(self):
        """Restart whatever exits: at once, without back-off or limit."""
        while not self._stopping:
            try:
                pid, status = os.wait()
            except ChildProcessError:
                return
            child = self._ended(pid, status)
            if self._stopping or child is None:
                continue
            name = child.name
            if name == GUNICORN and self.settings.dev and _exit_code(status) == BOOT_ERROR:
                self._status = 1
                raise StartError(
                    "inference.py could not be loaded (the traceback is above). Stopping, since "
                    "DEV=1; the container (and DEV=0) restarts for ever and answers 502."
                )
            log.warning("unexpected %s exit (status: %d). restarting.", name, status)
            child.restart()

    def _ended(self, pid, status):
        """Forget a child that was waited for; returns it, or None if it is not ours."""
        child = self._children.pop(pid, None)
        if child is not None:
            child.process.returncode = status  # or Popen would wait for it itself
        return child

    def _stop(self, *_):
        """SIGQUIT to nginx's stand-in, SIGTERM to the others (docs/contract.md#a9)."""
        if self._stopping:
            return
        self._stopping = True
        log.info("stopping services")
        if self._pip is not None:
            self._pip.terminate()
        for pid, child in list(self._children.items()):
            try:
                os.kill(pid, signal.SIGQUIT if child.name == NGINX else signal.SIGTERM)
            except OSError:
                pass  # it has just ended by itself

    def _end_children(self):
        """Nothing stays behind: the container would end with its first process."""
        self._stop()
        end = time.monotonic() + LAST_GRACE
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid:
                self._ended(pid, status)
            elif time.monotonic() > end:
                for pid in self._children:
                    os.kill(pid, signal.SIGKILL)
                end = float("inf")
            else:
                time.sleep(0.02)
        log.info("stopped")

    # -- before anything is started --------------------------------------------------------

    def _check_port(self):
        port = self.settings.http_port
        claimed = self._public_port.claim(port)
        if not can_listen(self.host, port) or self.host == "127.0.0.1" and not claimed:
            raise StartError(
                f"port {port} of {self.host} is in use. Stop what listens there, or choose another "
                "port with SAGEMAKER_BIND_TO_PORT."
            )

    def _write_model_config(self):
        models = bundles.find_models(self.model_dir)
        if not models:
            raise ValueError("no SavedModel bundles found!")
        if self.default_model is None:
            self.default_model = models[0].name
            log.info("using default model name: %s", self.default_model)
        config = bundles.model_config(models, specific_versions=self.settings.head)
        log.info("tensorflow serving model config: \n%s\n", config)
        self._config_path = self._runtime.write("model-config.cfg", config)

    def _write_batching_config(self):
        if not self.settings.enable_batching:
            return None
        log.info("batching is enabled")
        parameters, warnings = batching_parameters()
        if warnings:
            log.warning("\n".join(warnings))
        config = bundles.batching_config(parameters)
        log.info("batching config: \n%s\n", config)
        return self._runtime.write("batching-config.cfg", config)

    def _choose_ports(self):
        """The container's ports, or others when they are taken on this machine."""
        settings = self.settings
        for ports in (settings.grpc_ports, settings.rest_ports):
            for i, port in enumerate(ports):
                if self._ports.claim(port):
                    continue
                if settings.port_range is not None:
                    given = f"SAGEMAKER_SAFE_PORT_RANGE ({settings.port_range})"
                    raise StartError(f"port {port} of {given} is in use")
                ports[i] = self._ports.claim_any()
                log.warning(
                    "port %d is in use on this machine: port %d takes its place", port, ports[i]
                )

    def _install_packages(self):
        """requirements.txt, unless code/lib is there (docs/contract.md#a7-packages)."""
        path = os.path.join(self.code_dir, "requirements.txt")
        lib = os.path.join(self.code_dir, "lib")
        compiled = of_another_python(lib)
        if compiled:
            log.error(
                "%s is compiled for another Python than this container's %d.%d, which will not find"
                " it: pack code/lib again with wheels for that, or name the package in"
                " code/requirements.txt and leave code/lib out.",
                os.path.relpath(compiled, self.model_dir),
                *sys.version_info[:2],
            )
        if not os.path.exists(path):
            return
        if os.path.exists(lib):
            log.warning('loading modules in "%s", ignoring requirements.txt', lib)
            return
        log.info("installing packages from requirements.txt...")
        requirements = Requirements(path)
        if requirements.satisfied(commands.site_packages(commands.handler_python())):
            log.info("the container has them all")
            return
        if not requirements.installed():
            staging = requirements.staging()
            self._pip = subprocess.Popen(
                commands.pip_command(path, staging),
                env=dict(os.environ, **self._pip_environment),
                stdin=subprocess.DEVNULL,
                preexec_fn=child_setup(os.getpid()),
            )
            status = self._pip.wait()
            self._pip = None
            if status or self._stopping:
                requirements.discard(staging)
                if not self._stopping:
                    log.error("failed to install required packages, exiting.")
                    raise StartError("failed to install required packages.")
                return
            requirements.keep(staging)
        self._packages_dir = requirements.directory
        log.info("packages are in %s", self._packages_dir)

    # -- processes -------------------------------------------------------------------------

    def _spawn(self, name, command, environment, restart, cwd=None):
        log.info("%s command: %s", name, " ".join(command))
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            preexec_fn=child_setup(os.getpid()),
        )
        # The Popen object must be kept: one that is forgotten is waited for by the next one,
        # and _monitor would never learn that the process has ended.
        self._children[process.pid] = _Child(name, process, restart)
        log.info("started %s (pid: %d)", name, process.pid)

    def _start_model_server(self, instance):
        settings = self.settings
        program = commands.model_server_program()
        log.info("tensorflow version info:\n%s", commands.model_server_version(program))
        environment = commands.model_server_environment(settings, self._runtime.path)
        commands.choose_gpu(environment, settings, instance)
        ports = settings.grpc_ports[instance], settings.rest_ports[instance]
        command = commands.model_server_command(
            program, settings, *ports, self._config_path, self._batching_path
        )
        self._spawn(TFS, command, environment, partial(self._start_model_server, instance))

    def _start_gunicorn(self):
        environment = commands.child_environment()
        runtime = self._runtime
        paths = self.model_dir, self.code_dir, self._packages_dir, runtime.path, self._batching_path
        environment.update(commands.handler_environment(self.settings, self.default_model, *paths))
        command = commands.gunicorn_command(
            self.settings, runtime.gunicorn_socket, runtime.working_dir
        )
        # Where gunicorn starts is on the handler's search path: not where make was called.
        self._spawn(GUNICORN, command, environment, self._start_gunicorn, runtime.working_dir)

    def _front(self):
        """What the front is told: model servers' ports, gunicorn's socket, mode, default model."""
        # Multi-model: where nginx looks for a model server all the same.
        ports = self.settings.rest_ports or [self.settings.port_bounds()[0] + 1]
        return ports, self._runtime.gunicorn_socket, self.python_mode, self.default_model

    def _log_front_config(self):
        log.info("nginx config: \n%s\n", nginx_conf(self.settings, *self._front()))

    def _start_edge(self):
        command = commands.edge_command(self.settings, self.host, *self._front())
        log.info("nginx version info:\n%s, in place of nginx", command[2])
        self._spawn(NGINX, command, commands.child_environment(), self._start_edge)

    # -- waiting (last container) ----------------------------------------------------------

    def _wait_for_model(self):
        """Final container: nothing else starts before the default model is there."""
        limit = self.settings.tfs_wait_seconds
        for port in self.settings.rest_ports:
            message = f"model {self.default_model} is not available after {limit} seconds"
            if self.settings.today:
                message = f"Timed out after {limit} seconds: {message}"
            message += " (SAGEMAKER_TFS_WAIT_TIME_SECONDS)"
            self._wait(partial(self._has_model, port), limit, message)

    def _has_model(self, port):
        """While the model loads there are no restarts: a process that ends takes all along."""
        pid, status = os.waitpid(-1, os.WNOHANG)
        child = self._ended(pid, status) if pid else None
        if child is not None:
            raise StartError(
                f"{child.name} exited with status {status} while model {self.default_model} was "
                "loading"
            )
        return commands.available(port, self.default_model)

    def _wait_for_gunicorn(self):
        """Final container: nginx starts after gunicorn. One that has ended is left to _monitor.

        Today's has loaded inference.py by then, and ends with a gunicorn that could not.
        """
        limit = self.settings.gunicorn_timeout
        message = f"gunicorn is not there after {limit} seconds"
        if self.settings.today:
            message = (
                "gunicorn did not create /tmp/gunicorn.sock in time: inference.py is imported"
                f" before, and may take {limit} s (SAGEMAKER_GUNICORN_TIMEOUT_SECONDS)"
            )
        socket = self._runtime.gunicorn_socket
        self._wait(lambda: os.path.exists(socket) or self._gunicorn_ended(), limit, message)
        log.info("gunicorn server is ready!")

    def _gunicorn_ended(self):
        """Whether it has, of which _monitor does not know yet."""
        for pid, child in list(self._children.items()):
            ended = child.name == GUNICORN and os.waitid(
                os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT
            )
            if ended and self.settings.today:
                raise StartError(f"gunicorn exited during startup: rc={ended.si_status}")
            if ended:
                return True
        return False

    def _wait(self, ready, seconds, message):
        end = time.monotonic() + seconds
        while not self._stopping and not ready():
            if time.monotonic() > end:
                raise StartError(message)
            time.sleep(POLL)


def _exit_code(status):
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
