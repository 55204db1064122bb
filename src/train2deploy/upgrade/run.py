"""`make upgrade-check`: a package under several contracts, asked the same, and a verdict."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train2deploy import bundles, console, endpoint, golden, package_lint, paths, stack
from train2deploy.errors import JobFailed, MissingRequirement, UserError
from train2deploy.hashing import sha256_file
from train2deploy.runtimes import Runtime
from train2deploy.upgrade import compare, given, lint, page, serve
from train2deploy.upgrade.cases import Case

CONTRACTS = stack.CONTRACTS


@dataclass(frozen=True)
class Asked:
    """What is compared."""

    # a model.tar.gz, or a directory as /opt/ml/model; None: build/model.tar.gz
    package: Path | None = None
    requests: Path | None = None  # a file of the user's own, see given.py
    contracts: Sequence[str] = CONTRACTS  # the first is what the others are compared with
    allowed: Sequence[str] = ()  # kinds of difference

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


def check(asked: Asked, runtime: Runtime) -> None:
    """Compares, prints, and writes build/reports/upgrade.

    Raises:
        JobFailed: something differs that is not allowed.
        MissingRequirement: fewer than two of the contracts can be served here.
    """
    own = given.read(asked.requests)
    package = asked.package or paths.MODEL_ARCHIVE
    model_dir = _model_dir(package)
    left_out = {name: why for name in asked.contracts if (why := serve.missing(name, runtime))}
    served = [name for name in asked.contracts if name not in left_out]
    found = lint.findings(model_dir, asked.contracts, own)
    if len(served) < 2:
        page.show_findings(found)
        raise MissingRequirement(f"nothing is left to compare: {'; '.join(left_out.values())}")
    columns: dict[str, serve.Column] = {}
    plan: list[Case] = []
    for name in served:
        console.note(f"serving under {name} …")
        columns[name] = serve.column(name, model_dir, own, plan, runtime)
    result = _result(package, model_dir, served, plan, columns)
    result |= {"left_out": left_out, "findings": [vars(each) for each in found]}
    result["notes"] = _notes(asked, model_dir)
    judge(result, asked.allowed)
    page.write(result)
    page.show(result)
    if result["refused"]:
        raise JobFailed(
            f"{page.counted(result['refused'])} not allowed. Report:"
            f" {paths.relative(paths.UPGRADE / 'report.html')}; ALLOW=… allows kinds"
        )


def _notes(asked: Asked, model_dir: Path) -> list[str]:
    """What was not looked at."""
    found = []
    if "today" in asked.contracts and not lint.can_compile():
        found.append("no Python 3.12 here: the syntax of code/ was not read as it does")
    has_code = (model_dir / "code" / "inference.py").is_file()
    if has_code and not asked.requests and not golden.reads_sentences(model_dir):
        found.append("its inference.py is not ours, and was asked nothing that it knows: REQUESTS=")
    return found


def _model_dir(package: Path) -> Path:
    if not package.is_dir():
        return endpoint.unpacked_model(package)
    package_lint.check_directory(package)
    return package.resolve()


def _result(
    package: Path,
    model_dir: Path,
    served: Sequence[str],
    plan: Sequence[Case],
    columns: dict[str, serve.Column],
) -> dict[str, Any]:
    has_code = (model_dir / "code" / "inference.py").is_file()
    first, *others = [name for name in served if columns[name].answers] or served
    rows, compared = [], []
    for place, case in enumerate(plan):
        there = {n: columns[n].answers[place] for n in (first, *others) if columns[n].answers}
        answers = {name: answer for name, answer in there.items() if answer}
        newer = [name for name in others if name in answers and first in answers]
        found = {name: compare.compared(answers[first], answers[name]) for name in newer}
        compared.append(found)
        if any(each.kinds for each in found.values()):
            rows.append(page.row(case, found, answers, has_code))
    logs = {name: columns[name].log for name in served if not columns[name].failed}
    return {
        "package": paths.relative(package),
        "sha256": None if package.is_dir() else sha256_file(package),
        "models": bundles.model_names(model_dir),
        "code": has_code,
        "contracts": list(served),
        "requests": len(plan),
        "failed": {n: columns[n].failed for n in served if columns[n].failed},
        "differences": rows,
        "largest": {
            name: compare.largest(each[name] for each in compared if name in each)
            for name in others
        },
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
