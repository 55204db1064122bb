"""A package under one contract: served, asked, and what it said and logged."""

import contextlib
import http.client
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from train2deploy import bundles, endpoint, paths, pythons, stack
from train2deploy.endpoint import Answer, Endpoint, EndpointError
from train2deploy.runtimes import Runtime
from train2deploy.runtimes.host import HOST
from train2deploy.upgrade import cases
from train2deploy.upgrade.cases import Case

POLLED = ("while connecting to upstream", "js: failed ping")
"""In the log of an endpoint that is asked whether it has started."""


@dataclass
class Column:
    """What a package did under one contract."""

    # to each request; None for one that was not made
    answers: list[Answer | None] = field(default_factory=list)
    log: str = ""
    failed: str = ""  # why it did not start; "" where it did


def missing(contract: str, runtime: Runtime) -> str:
    """Why a contract cannot be served on this machine; "" where it can."""
    is_todays = contract == stack.TODAYS
    if runtime.name != HOST.name:
        why = f"RUNTIME={runtime.name} has no image of it; RUNTIME={HOST.name} does without"
        return f"{contract}: {why}" if is_todays else ""
    suffix = f"-{stack.TODAYS}" if is_todays else ""
    version = pythons.TODAYS if is_todays else pythons.ARTICLES
    for name in (f"serve{suffix}", f"handler{suffix}"):
        if not (paths.VENVS / name / "bin" / "python").exists():
            found = pythons.find(os.environ.get(pythons.VARIABLES[version], ""), version)
            do = f"make .stamps/{name}" if found else pythons.advice(version)
            return f"{contract}: .venvs/{name} is missing. {do}"
    return ""


def column(
    contract: str, model_dir: Path, own: list[Case], plan: list[Case], runtime: Runtime
) -> Column:
    """Serves the package and asks everything; the first contract that serves makes the plan.

    Where its code does not start, the models are asked without it, as far as they can be.
    """
    found, log = Column(), paths.UPGRADE / f"{contract}.log"
    try:
        with stack.under(contract), endpoint.temporary(model_dir, None, runtime, log) as running:
            started = len(_text(log))
            if not plan:
                plan += cases.of_package(model_dir, own, partial(_answers, running))
            found.answers = [_ask(running, case) for case in plan]
    except EndpointError as error:
        found.failed = _reason(str(error))
        if (model_dir / "code").is_dir():
            found.answers = _of_models_alone(contract, model_dir, plan, runtime)
        return found
    text = _text(log)
    at_start = text[:started].splitlines()
    at_start = [line for line in at_start if not any(each in line for each in POLLED)]
    found.log = "\n".join([*at_start, text[started:]])
    return found


def _of_models_alone(
    contract: str, model_dir: Path, plan: Sequence[Case], runtime: Runtime
) -> list[Answer | None]:
    log = paths.UPGRADE / f"{contract}-models.log"
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(EndpointError):
        alone = shutil.copytree(
            model_dir, f"{folder}/{bundles.CONTAINER_NAME}", ignore=shutil.ignore_patterns("code")
        )
        with stack.under(contract), endpoint.temporary(Path(alone), None, runtime, log) as running:
            return [_ask(running, case) if case.path.startswith("/tfs/") else None for case in plan]
    return []


def _reason(message: str) -> str:
    """Why an endpoint did not start, in a line: of a traceback, its end.

    >>> _reason("Traceback …\\n  File …\\nValueError: no\\nthe endpoint ended with status 1")
    'ValueError: no; the endpoint ended with status 1'
    """
    lines = [line for line in message.replace(f"{paths.ROOT}/", "").splitlines() if line.strip()]
    return "; ".join(line.strip() for line in lines[-2:])


def _text(log: Path) -> str:
    return log.read_text("utf-8", "replace")


def _answers(running: Endpoint, case: Case) -> bool:
    return _ask(running, case).status == http.client.OK


def _ask(running: Endpoint, case: Case) -> Answer:
    sent = case.request
    try:
        return endpoint.exchange(
            running, case.method, case.path, sent.body or None, sent.content_type, sent.accept,
            case.attributes,
        )  # fmt: skip
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, "", f"no answer: {str(error) or type(error).__name__}".encode())
