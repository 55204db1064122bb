"""`make upgrade-check`: a package under several contracts, asked the same, and a verdict."""

import argparse
import contextlib
import http.client
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from train2deploy import bundles, console, endpoint, package_lint, paths, pythons
from train2deploy.endpoint import Answer, Endpoint, EndpointError
from train2deploy.errors import JobFailed, MissingRequirement, UserError
from train2deploy.hashing import sha256_file
from train2deploy.runtimes import Runtime
from train2deploy.upgrade import cases, compare, given, lint, page
from train2deploy.upgrade.cases import Case

CONTRACTS = ("2019", "head", "today")
VARIABLE = "HOSTING_CONTRACT"
POLLED = ("while connecting to upstream", "js: failed ping")
"""In the log of an endpoint that is asked whether it has started."""


@dataclass(frozen=True)
class Asked:
    """What is compared.

    Attributes:
        package: a model.tar.gz, or a directory as /opt/ml/model; None: build/model.tar.gz.
        requests: a file of the user's own, see given.py.
        contracts: the first is what the others are compared with.
        allowed: kinds of difference.
    """

    package: Path | None = None
    requests: Path | None = None
    contracts: Sequence[str] = CONTRACTS
    allowed: Sequence[str] = ()

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> "Asked":
        """As a command gets it; raises UserError for names that are not known."""
        package, folder = arguments.package, arguments.model_dir
        if package and folder:
            raise UserError(f"PACKAGE={package} MODEL_DIR={folder}: expected one of them.")
        contracts, allowed = _names(arguments.contracts), _names(arguments.allow)
        if not set(contracts) <= set(CONTRACTS) or not len(contracts) == len(set(contracts)) > 1:
            known = ", ".join(CONTRACTS)
            raise UserError(f"CONTRACTS={arguments.contracts}: expected two or more of {known}.")
        if wrong := [name for name in allowed if name not in compare.KINDS]:
            raise UserError(f"ALLOW={wrong[0]}: expected some of {', '.join(compare.KINDS)}.")
        return cls(package or folder, arguments.requests, contracts, allowed)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@dataclass
class Column:
    """What a package did under one contract.

    Attributes:
        failed: why it did not start; "" where it did.
    """

    answers: list[Answer] = field(default_factory=list)
    log: str = ""
    failed: str = ""


def check(asked: Asked, runtime: Runtime) -> None:
    """Compares, prints, and writes build/reports/upgrade.

    Raises:
        JobFailed: something differs that is not allowed.
        MissingRequirement: fewer than two of the contracts can be served here.
    """
    own = given.read(asked.requests)
    package = asked.package or paths.MODEL_ARCHIVE
    model_dir = _model_dir(package)
    left_out = {name: why for name in asked.contracts if (why := _missing(name))}
    served = [name for name in asked.contracts if name not in left_out]
    if len(served) < 2:
        raise MissingRequirement(f"{'; '.join(left_out.values())}: nothing is left to compare.")
    found = lint.findings(model_dir, asked.contracts, own)
    columns: dict[str, Column] = {}
    plan: list[Case] = []
    for name in served:
        console.note(f"serving under {name} …")
        columns[name] = _column(name, model_dir, own, plan, runtime)
    result = _result(package, model_dir, served, plan, columns)
    result |= {"left_out": left_out, "findings": [vars(each) for each in found], "notes": []}
    if "today" in asked.contracts and not lint.can_compile():
        result["notes"] = [
            "the syntax of code/ was not read as Python 3.12 does: there is none here"
        ]
    judge(result, asked.allowed)
    page.write(result)
    page.show(result)
    if result["refused"]:
        raise JobFailed(
            f"{page.counted(result['refused'])} not allowed. Report:"
            f" {paths.relative(paths.UPGRADE / 'report.html')}; ALLOW=… allows kinds"
        )


def _model_dir(package: Path) -> Path:
    if not package.is_dir():
        return endpoint.unpacked_model(package)
    package_lint.check_directory(package)
    return package.resolve()


def _missing(contract: str) -> str:
    """Why a contract cannot be served on this machine; "" where it can."""
    if contract != "today":
        return ""
    for name in ("serve-today", "handler-today"):
        if not (paths.VENVS / name / "bin" / "python").exists():
            found = pythons.find(os.environ.get("PYTHON312", ""), pythons.TODAYS)
            do = f"make .stamps/{name}" if found else pythons.advice(pythons.TODAYS)
            return f"today: .venvs/{name} is missing. {do}"
    return ""


@contextlib.contextmanager
def _under(contract: str) -> Iterator[None]:
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = contract
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


def _column(
    contract: str, model_dir: Path, own: list[Case], plan: list[Case], runtime: Runtime
) -> Column:
    """Serves the package and asks everything; the first contract that serves makes the plan."""
    column, log = Column(), paths.UPGRADE / f"{contract}.log"
    try:
        with _under(contract), endpoint.temporary(model_dir, None, runtime, log) as running:
            started = len(_text(log))
            if not plan:
                plan += cases.of_package(model_dir, own, partial(_answers, running))
            column.answers = [_ask(running, case) for case in plan]
    except EndpointError as error:
        column.failed = _reason(str(error))
        return column
    text = _text(log)
    at_start = text[:started].splitlines()
    at_start = [line for line in at_start if not any(each in line for each in POLLED)]
    column.log = "\n".join([*at_start, text[started:]])
    return column


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


def _result(
    package: Path,
    model_dir: Path,
    served: Sequence[str],
    plan: Sequence[Case],
    columns: dict[str, Column],
) -> dict[str, Any]:
    has_code = (model_dir / "code" / "inference.py").is_file()
    working = [name for name in served if not columns[name].failed]
    rows, compared = [], []
    for place, case in enumerate(plan):
        answers = {name: columns[name].answers[place] for name in working}
        found = {n: compare.compared(answers[working[0]], answers[n]) for n in working[1:]}
        compared.append(found)
        if kinds := {name: list(each.kinds) for name, each in found.items() if each.kinds}:
            named = list(dict.fromkeys(kind for each in kinds.values() for kind in each))
            sections = dict.fromkeys(compare.section(case, kind, has_code) for kind in named)
            rows.append(page.row(case, kinds, answers, [s for s in sections if s]))
    logs = {name: columns[name].log for name in working}
    return {
        "package": paths.relative(package),
        "sha256": None if package.is_dir() else sha256_file(package),
        "models": bundles.model_names(model_dir),
        "code": has_code,
        "contracts": list(served),
        "requests": len(plan),
        "failed": {n: columns[n].failed for n in served if columns[n].failed},
        "differences": rows,
        "largest": {n: compare.largest(each[n] for each in compared) for n in working[1:]},
        "log": compare.differing_lines(logs) if len(logs) > 1 else [],
    }


def judge(result: dict[str, Any], may_differ: Sequence[str]) -> None:
    """Counts the differences by kind, and those that are not allowed."""
    counts = dict.fromkeys(compare.KINDS, 0)
    for row in result["differences"]:
        for kind in {kind for kinds in row["kinds"].values() for kind in kinds}:
            counts[kind] += 1
    counts["log"], counts["lint"] = len(result["log"]), len(result["findings"])
    counts["start"] = len(result["failed"])
    result["counts"] = {kind: count for kind, count in counts.items() if count}
    result["allowed"] = list(may_differ)
    result["refused"] = {k: n for k, n in result["counts"].items() if k not in may_differ}
