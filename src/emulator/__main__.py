"""`python -m emulator`: the account, in the foreground, detached, or ended."""

import argparse
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import FrameType

from emulator import limits, orphans
from train2deploy import console, endpoint, exits, manifest, next_step, paths
from train2deploy.errors import JobFailed, UserError
from train2deploy.make import ending
from train2deploy.runtimes import choice

START_SECONDS = 60.0
STOP_SECONDS = 60.0


def main() -> int:
    target = ending.taken()
    parser = argparse.ArgumentParser(prog="emulator", description=__doc__)
    parser.add_argument("--port", default="0", help="of 127.0.0.1; 0: a free one")
    parser.add_argument("--detach", action="store_true")
    parser.add_argument("--stop", action="store_true")
    parser.add_argument("--faults", default="", help="kind:target[:number],…")
    parser.add_argument("--limits", default="", help="name:seconds,…")
    parser.add_argument("--runtime", default="host", help="host or docker")
    arguments = parser.parse_args()

    def command() -> None:
        if arguments.stop:
            console.say("emulator stopped" if stop() else "no emulator was running")
        elif arguments.detach:
            start_detached(arguments)
        else:
            run(arguments)

    return next_step.said(target, exits.run(command, program="emulator"))


def run(arguments: argparse.Namespace) -> None:
    """The account, until SIGTERM or Ctrl-C; then every job and endpoint is ended."""
    _refuse_a_second()
    port = _port(arguments.port)
    # The user's account, region and endpoint must not be reached from here.
    for name in [name for name in os.environ if name.startswith(("AWS_", "SAGEMAKER_"))]:
        del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["no_proxy"] = "*"
    os.environ["MOTO_PORT"] = str(port)
    os.environ["MOTO_ALLOW_NONEXISTENT_REGION"] = "true"
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "false"
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    from emulator.account import Settings
    from emulator.application import Application
    from emulator.faults import Faults

    try:
        faults, given = Faults(arguments.faults), limits.parse(arguments.limits)
    except ValueError as error:
        raise UserError(str(error)) from error
    orphans.end(paths.EMULATOR)
    shutil.rmtree(paths.EMULATOR, ignore_errors=True)
    url = f"http://{endpoint.ADDRESS}:{port}"
    settings = Settings(paths.EMULATOR, url, faults, given)
    moto = DomainDispatcherApplication(create_backend_app)
    application = Application(settings, moto, choice.named(arguments.runtime))
    server = make_server(
        endpoint.ADDRESS, port, application, threaded=True, request_handler=MotoRequestHandler
    )
    server.daemon_threads = True

    def finish() -> None:
        # Processes first, while this still answers: their last lines go to its own port.
        application.end_all()
        server.shutdown()

    def end(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=finish, daemon=True).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    manifest.write_json(paths.EMULATOR_STATE, {"url": url, "pid": os.getpid()})
    console.say(f"an AWS account at {url}: CLOUD=emulator uses it; Ctrl-C ends it")
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        paths.EMULATOR_STATE.unlink(missing_ok=True)
        shutil.rmtree(paths.EMULATOR, ignore_errors=True)


def _port(given: str) -> int:
    """A port that can be listened on; given "0", a free one."""
    if not (given.isascii() and given.isdecimal() and int(given) < 65536):
        raise UserError(f"EMULATOR_PORT={given}: expected 0 to 65535 (0: a free port).")
    port = int(given) or endpoint.free_port()
    endpoint.check_port(port, "EMULATOR_PORT", "emulator-stop")
    return port


def start_detached(arguments: argparse.Namespace) -> None:
    """Starts the account in the background and waits until it answers."""
    _refuse_a_second()
    _port(arguments.port)
    paths.EMULATOR_LOG.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "emulator"]
    for name in ("port", "faults", "limits", "runtime"):
        command += [f"--{name}", str(getattr(arguments, name))]
    with paths.EMULATOR_LOG.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        state = manifest.read(paths.EMULATOR_STATE)
        if state is not None and state["pid"] == process.pid and answers(state["url"]):
            console.say(
                f"an AWS account at {state['url']} (pid {process.pid}), log in"
                f" {paths.relative(paths.EMULATOR_LOG)}; end it with `make emulator-stop`"
            )
            return
        time.sleep(0.1)
    process.terminate()
    raise JobFailed(
        f"{paths.EMULATOR_LOG.read_text(errors='replace')[-2000:]}\n"
        f"the emulator did not start. The whole log: {paths.relative(paths.EMULATOR_LOG)}"
    )


def stop() -> bool:
    """Ends the running account; whether there was one."""
    pid = running_pid()
    if pid is None:
        paths.EMULATOR_STATE.unlink(missing_ok=True)
        return orphans.end(paths.EMULATOR) > 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline and running_pid() is not None:
        time.sleep(0.05)
    if running_pid() is not None:
        raise JobFailed(f"the emulator (pid {pid}) did not end within {STOP_SECONDS:.0f} s.")
    return True


def running_pid() -> int | None:
    """The process of build/emulator.json, if it is still ours."""
    state = manifest.read(paths.EMULATOR_STATE)
    if state is None:
        return None
    try:
        command = Path(f"/proc/{state['pid']}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return int(state["pid"]) if b"emulator" in command else None


def answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/emulator/health", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _refuse_a_second() -> None:
    if running_pid() is not None:
        state = manifest.read(paths.EMULATOR_STATE) or {}
        raise UserError(
            f"an emulator of this project is already running: {state.get('url')}. End it with"
            " `make emulator-stop`."
        )


if __name__ == "__main__":
    sys.exit(main())
