"""An AWS account on this machine: SageMaker, whose jobs and endpoints run, S3, IAM, logs, metrics.

What is in it stays in its directory, whichever way it is ended, and is there again at the next
start; --fresh begins with an empty account. docs/emulated-account.md
"""

import argparse
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import FrameType

from emulator import limits, orphans
from emulator.server import Server
from train2deploy import console, endpoint, exits, manifest, next_step, paths
from train2deploy.errors import JobFailed, UserError
from train2deploy.make import ending
from train2deploy.runtimes import choice

START_SECONDS = 600.0  # endpoints that were there are started first
STOP_SECONDS = 60.0


class Place:
    """Where an account lies, and what tells of the one that runs there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.state = self.directory.with_name(f"{self.directory.name}.json")
        self.log = self.directory.with_name(f"{self.directory.name}.log")

    def running_pid(self) -> int | None:
        """The process of its account, if there is one and it is still ours."""
        state = manifest.read(self.state)
        if state is None:
            return None
        try:
            command = Path(f"/proc/{state['pid']}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return None
        return int(state["pid"]) if b"emulator" in command else None


def main() -> int:
    target = ending.taken()
    parser = argparse.ArgumentParser(
        prog="python -m emulator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", default="0", help="of 127.0.0.1; 0, the default: a free one")
    parser.add_argument(
        "--directory",
        type=Path,
        default=paths.EMULATOR,
        help=f"of the account and of what runs in it (default: {paths.relative(paths.EMULATOR)})",
    )
    parser.add_argument("--fresh", action="store_true", help="begin with an empty account")
    parser.add_argument("--detach", action="store_true", help="in the background, once it answers")
    parser.add_argument("--stop", action="store_true", help="end the one of this directory")
    parser.add_argument("--faults", default="", help="kind:target[:number],… (docs/cloud.md)")
    parser.add_argument(
        "--limits", default="", help="name:seconds,…; a name is response, start or minute"
    )
    parser.add_argument(
        "--runtime", default="host", help="where jobs and endpoints run: host (default) or docker"
    )
    arguments = parser.parse_args()
    place = Place(arguments.directory)

    def command() -> None:
        if arguments.stop:
            console.say("emulator stopped" if stop(place) else "no emulator was running")
        elif arguments.detach:
            start_detached(place, arguments)
        else:
            run(place, arguments)

    return next_step.said(target, exits.run(command, program="emulator"))


def run(place: Place, arguments: argparse.Namespace) -> None:
    """The account, until SIGTERM or Ctrl-C; then every job and endpoint is ended."""
    _refuse_a_second(place)
    port = _port(arguments.port)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        given = limits.parse(arguments.limits)
    except ValueError as error:
        raise UserError(str(error)) from error
    server = Server(
        place.directory,
        port,
        choice.named(arguments.runtime),
        arguments.faults,
        given,
        arguments.fresh,
    )

    def end(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=server.end, daemon=True).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    state = {"url": server.url, "pid": os.getpid(), "minute": given.minute}
    manifest.write_json(place.state, state)
    console.say(f"an AWS account at {server.url}: CLOUD=emulator uses it; Ctrl-C ends it")
    try:
        server.serve()
    finally:
        place.state.unlink(missing_ok=True)


def _port(given: str) -> int:
    """A port that can be listened on; given "0", a free one."""
    if not (given.isascii() and given.isdecimal() and int(given) < 65536):
        raise UserError(f"EMULATOR_PORT={given}: expected 0 to 65535 (0: a free port).")
    port = int(given) or endpoint.free_port()
    endpoint.check_port(port, "EMULATOR_PORT", "emulator-stop")
    return port


def start_detached(place: Place, arguments: argparse.Namespace) -> None:
    """Starts the account in the background and waits until it answers."""
    _refuse_a_second(place)
    _port(arguments.port)
    place.log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "emulator", "--directory", str(place.directory)]
    command += ["--fresh"] if arguments.fresh else []
    for name in ("port", "faults", "limits", "runtime"):
        command += [f"--{name}", str(getattr(arguments, name))]
    with place.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        state = manifest.read(place.state)
        if state is not None and state["pid"] == process.pid and answers(state["url"]):
            console.say(
                f"an AWS account at {state['url']} (pid {process.pid}), log in"
                f" {paths.relative(place.log)}; end it with `make emulator-stop`"
            )
            return
        time.sleep(0.1)
    process.terminate()
    raise JobFailed(
        f"{place.log.read_text(errors='replace')[-2000:]}\n"
        f"the emulator did not start. The whole log: {paths.relative(place.log)}"
    )


def stop(place: Place) -> bool:
    """Ends the running account; whether there was one."""
    pid = place.running_pid()
    if pid is None:
        place.state.unlink(missing_ok=True)
        return orphans.end(place.directory) > 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline and place.running_pid() is not None:
        time.sleep(0.05)
    if place.running_pid() is not None:
        raise JobFailed(f"the emulator (pid {pid}) did not end within {STOP_SECONDS:.0f} s.")
    return True


def answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/emulator/health", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _refuse_a_second(place: Place) -> None:
    if place.running_pid() is not None:
        state = manifest.read(place.state) or {}
        raise UserError(
            f"an emulator of this project is already running: {state.get('url')}. End it with"
            " `make emulator-stop`."
        )


if __name__ == "__main__":
    sys.exit(main())
