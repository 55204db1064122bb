"""The account's one door: SageMaker answered here, everything else by moto, in one process.

Beside AWS's own calls:

    GET  /                  for a browser: a page of what is in the account
    GET  /emulator/health   "ok"
    GET  /emulator/calls    what was called so far: [[service, operation, ARN, count], …]
    POST /emulator/faults   the faults from now on (faults.py)
    POST /emulator/reset    an empty account, without faults; what runs in it is ended
"""

import dataclasses
import html
import threading
import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from emulator import calls, cloudwatch, status_page
from emulator.account import INTERNAL_KEY, Account, Settings
from emulator.journal import Entry
from emulator.kept import Kept
from emulator.protocol import ApiError
from emulator.sagemaker_api import SageMaker, json_response, refusal
from train2deploy.runtimes import Runtime

SAVED_SECONDS = 1.0
"""How often it is looked for what has changed without a call, such as the status of a job."""


class Application:
    """A WSGI application. Each region has a SageMaker of its own, from its first request on.

    Args:
        moto: answers everything else; it keeps regions apart, too.
        runtime: where jobs and endpoints run.
    """

    def __init__(self, settings: Settings, moto: Kept, runtime: Runtime) -> None:
        self._settings = settings
        self._faults = settings.faults
        self._moto = moto
        self._runtime = runtime
        self._calls: Counter[calls.Call] = Counter()
        self._regions: dict[str, SageMaker] = {}
        self._lock = threading.Lock()
        self._is_resumed = threading.Event()

    def restore(self, entries: list[Entry]) -> None:
        """Has the account what the journal says; nothing runs yet. Before the first request."""
        for entry in entries:
            if "request" in entry:
                self._sagemaker(calls.scope(entry["request"])[1])  # whose metrics these may be
                self._moto.replay(entry)
            else:
                self._sagemaker(entry["region"]).restore(entry)

    def resume(self, when: datetime) -> None:
        """Starts what ran when the last emulator was ended, and lets requests in.

        Their answers would be of an account that is not quite there: until then they wait.
        """
        threads = [
            threading.Thread(target=sagemaker.resume, args=(when,), daemon=True)
            for sagemaker in self._regions.values()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._is_resumed.set()
        while not self._settings.journal.is_closed.wait(SAVED_SECONDS):
            for sagemaker in list(self._regions.values()):
                sagemaker.save()

    def end_all(self) -> None:
        """Ends every process of every job and endpoint."""
        self._settings.stopping.set()
        for sagemaker in list(self._regions.values()):
            sagemaker.end_all()

    def reset(self) -> None:
        """Begins again with an empty account."""
        self.end_all()
        self._settings = dataclasses.replace(self._settings, stopping=threading.Event())
        with self._lock:
            self._regions.clear()
        self._faults.replace("")
        self._moto.reset()
        self._calls.clear()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"].startswith("/emulator/"):
            return self._control(Request(environ))(environ, start_response)
        if INTERNAL_KEY in environ.get("HTTP_AUTHORIZATION", ""):
            return self._moto(environ, start_response)
        if status_page.is_asked_for(environ):
            return self._page(Request(environ))(environ, start_response)
        self._is_resumed.wait()
        call, region = calls.recognise(environ)
        service, operation = call.service, call.operation
        sagemaker = self._sagemaker(region)
        self._calls[call] += 1
        time.sleep(self._faults.delay(service, operation))
        self._faults.wait_while_held(service, operation)
        kind = self._faults.take(service, operation)
        if kind in ("throttle", "error"):
            return _refusal(kind, service)(environ, start_response)
        if kind == "drop":
            return _cut(environ)
        if service == "sagemaker":
            answer: Any = sagemaker.answer(operation, Request(environ))
        elif operation == "GetResources":
            answer = sagemaker.tagged(Request(environ))
        elif operation == "SimulatePrincipalPolicy":
            answer = _all_allowed(Request(environ))
        elif service == "application-autoscaling":
            try:
                answer = sagemaker.scaling.answer(operation, Request(environ), self._moto)
            except ApiError as error:
                answer = refusal(error)
        else:
            answer = self._moto
        if kind == "lost":
            b"".join(answer(environ, lambda *_: lambda _: None))
            return _cut(environ)
        return answer(environ, start_response)

    def _sagemaker(self, region: str) -> SageMaker:
        with self._lock:
            if region not in self._regions:
                account = Account(self._settings, region)
                account.alarms = cloudwatch.serve(region, account.metrics).alarms
                self._regions[region] = SageMaker(account, self._runtime)
            return self._regions[region]

    def _page(self, request: Request) -> Response:
        accounts = [sagemaker.account for sagemaker in list(self._regions.values())]
        return status_page.answer(request, accounts, self._settings.url, self._is_resumed.is_set())

    def _control(self, request: Request) -> Response:
        text = request.get_data(as_text=True)
        self._is_resumed.wait()
        if request.path == "/emulator/calls":
            return json_response([[*call, count] for call, count in sorted(self._calls.items())])
        if request.path == "/emulator/faults" and request.method == "POST":
            try:
                self._faults.replace(text)
            except ValueError as error:
                return Response(str(error), 400)
        if request.path == "/emulator/reset" and request.method == "POST":
            self.reset()
        return Response("ok")


def _all_allowed(request: Request) -> Response:
    """What moto's IAM does not have, and version 3 of the SDK asks: of a role the form counts."""
    given = sorted(request.form.items())
    actions = [value for name, value in given if name.startswith("ActionNames.member.")]
    found = "".join(
        f"<member><EvalActionName>{html.escape(action)}</EvalActionName>"
        "<EvalResourceName>*</EvalResourceName><EvalDecision>allowed</EvalDecision></member>"
        for action in actions
    )
    results = f"<EvaluationResults>{found}</EvaluationResults><IsTruncated>false</IsTruncated>"
    text = (
        '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<SimulatePrincipalPolicyResult>{results}</SimulatePrincipalPolicyResult>"
        "</SimulatePrincipalPolicyResponse>"
    )
    return Response(text, content_type="text/xml")


def _refusal(kind: str, service: str) -> Response:
    if service == "s3":
        text = "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
        return Response(text, 503, content_type="application/xml")
    if kind == "throttle":
        return refusal(ApiError("ThrottlingException", "Rate exceeded"))
    return refusal(ApiError("InternalFailure", "The request processing has failed.", 500))


def _cut(environ: dict[str, Any]) -> Iterable[bytes]:
    """The client sees its connection closed without an answer."""
    connection = environ["werkzeug.socket"]
    connection.shutdown(2)
    raise ConnectionError("cut on request")
