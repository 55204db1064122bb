"""The account as it runs: its state read from its directory, its door open on a port."""

import gc
import html
import json
import os
import shutil
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from emulator import orphans
from emulator.limits import Limits
from train2deploy import endpoint
from train2deploy.errors import UserError
from train2deploy.runtimes import Runtime

LARGEST_IN_MEMORY = 256 * 1024
"""Bytes of an S3 object that moto keeps in memory; a larger one is in a temporary file."""


class Server:
    """An account that listens on 127.0.0.1.

    What a predecessor in this directory left running is ended; what it had, this one has.

    Args:
        directory: of the state and of what runs; made if need be.
        port: 0 for a free one.
        fresh: an empty account, whatever the directory has.

    Raises:
        UserError: faults or limits that are none, or a directory that cannot be used.

    Attributes:
        url: where the account answers.
    """

    def __init__(
        self,
        directory: Path,
        port: int,
        runtime: Runtime,
        faults: str = "",
        limits: Limits | None = None,
        fresh: bool = False,
    ) -> None:
        _settle(port)
        # Only now: moto reads its settings when it is imported. Much else that it reads then stays,
        # and looking through it for garbage would take a third of the start.
        gc.disable()
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler
        from werkzeug.serving import make_server

        from emulator.account import Settings
        from emulator.application import Application
        from emulator.faults import Faults
        from emulator.journal import Journal
        from emulator.kept import Kept

        gc.freeze()
        gc.enable()
        try:
            given = Faults(faults)
        except ValueError as error:
            raise UserError(str(error)) from error
        orphans.end(directory)
        running = directory / "run"
        shutil.rmtree(running, ignore_errors=True)
        self._journal = Journal(directory / "account")
        if fresh:
            self._journal.clear()
        entries = self._journal.open()
        ended = max((entry["at"] for entry in entries), default=0.0)
        self._ended = datetime.fromtimestamp(ended, timezone.utc)
        moto = Kept(DomainDispatcherApplication(_backend), self._journal)
        self.url = f"http://{endpoint.ADDRESS}:{port}"
        settings = Settings(running, self.url, given, limits or Limits(), self._journal)
        self._application = Application(settings, moto, runtime)
        self._application.restore(entries)
        self._server = make_server(
            endpoint.ADDRESS,
            port,
            self._application,
            threaded=True,
            request_handler=MotoRequestHandler,
        )
        self._server.daemon_threads = True
        self._running = running

    def serve(self) -> None:
        """Answers until `end` is called, by another thread."""
        threading.Thread(target=self._application.resume, args=(self._ended,), daemon=True).start()
        try:
            self._server.serve_forever(poll_interval=0.1)
        finally:
            self._server.server_close()
            self._journal.close()
            shutil.rmtree(self._running, ignore_errors=True)

    def end(self) -> None:
        """Ends what runs, then the answers: the last lines of a job go to this very account."""
        self._application.end_all()
        self._server.shutdown()


def _backend(service: str) -> Any:
    """moto's application of a service; what it lacks is refused, in words that a client reads."""
    from moto.moto_server.werkzeug_app import create_backend_app

    made = create_backend_app(service)
    made.register_error_handler(NotImplementedError, _not_emulated)
    return made


def _not_emulated(error: NotImplementedError) -> Any:
    import flask

    kind = flask.request.content_type or ""
    if "json" in kind:
        text = json.dumps({"__type": "NotImplemented", "message": str(error)})
        return flask.Response(text, 501, content_type="application/x-amz-json-1.1")
    said = f"<Code>NotImplemented</Code><Message>{html.escape(str(error))}</Message>"
    text = f"<ErrorResponse><Error><Type>Sender</Type>{said}</Error></ErrorResponse>"
    return flask.Response(text, 501, content_type="text/xml")


def _settle(port: int) -> None:
    """The user's account, region and endpoint must not be reached from here."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "SAGEMAKER_"))]:
        del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["no_proxy"] = "*"
    os.environ["MOTO_PORT"] = str(port)
    os.environ["MOTO_ALLOW_NONEXISTENT_REGION"] = "true"
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "false"
    os.environ["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = str(LARGEST_IN_MEMORY)
