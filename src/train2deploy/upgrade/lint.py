"""What a newer container refuses or does otherwise, told by a package's files alone."""

import ast
import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

from train2deploy import bundles, paths, processes, signature
from train2deploy.errors import UserError
from train2deploy.upgrade import code_lint, csv_lint, lines_lint, syntax, wheels
from train2deploy.upgrade.cases import CSV_TYPE, INVOCATIONS, Case
from train2deploy.upgrade.finding import ATTRIBUTES, HEAD, PLAIN, PROCESSES, TODAY, Finding
from train2deploy.upgrade.lines_lint import FIRST_ALONE

ORDER = ("2019", HEAD, TODAY)
SERVICE = {"serve", "python_service", "tfs_utils", "multi_model_utils"}
"""Modules of today's container, which it finds before a package's."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
METHODS = ("predict", "classify", "regress")
PAIR = re.compile(r"tfs-[a-z-]+=[^,]+")
IMPORT = """
import importlib.util, sys, time
sys.path[:0] = [folder for folder in sys.argv[2:]]
spec = importlib.util.spec_from_file_location("inference", sys.argv[1])
start = time.monotonic()
spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(time.monotonic() - start)
"""


def findings(model_dir: Path, contracts: Sequence[str], asked: Sequence[Case]) -> list[Finding]:
    """What speaks against a package on any of the contracts but the first.

    Args:
        asked: the user's own requests.
    """
    code = model_dir / "code"
    found = [*_models(model_dir), *_attributes(asked)]
    if (code / "inference.py").is_file():
        found += _files(code)
        if TODAY in contracts:
            found += [*_compiled(code), *_import_time(code)]
    else:
        found += [*_without_script(code), *_named_as_requests(model_dir), *_bodies(asked)]
    found += _packages(code)
    wanted = ORDER[: max((ORDER.index(each) for each in contracts[1:]), default=0) + 1]
    oldest = ORDER.index(contracts[0])
    return [each for each in found if each.since in wanted and ORDER.index(each.since) > oldest]


def _models(model_dir: Path) -> Iterator[Finding]:
    models = bundles.newest(model_dir)
    if len(models) > 1:
        text = "several models: which of them answers requests that name none is not defined;"
        text += " set SAGEMAKER_TFS_DEFAULT_MODEL_NAME"
        yield Finding(", ".join(sorted(models)), text, HEAD, "a2")
    for name, newest in models.items():
        folder = newest.parent
        numbers = sorted(int(path.name) for path in folder.iterdir() if _is_version(path))
        if len(numbers) > 1:
            text = f"versions {', '.join(map(str, numbers))}: 2019 serves the highest alone, newer"
            text += " containers load all of them; leave out what nobody asks for"
            yield Finding(f"model {name}", text, HEAD, "a2")
        if not NAME.fullmatch(name):
            text = "tfs-model-name takes letters, digits and ._- alone: no request can name it;"
            yield Finding(f"model {name}", f"{text} rename its folder", TODAY, ATTRIBUTES)


def _is_version(path: Path) -> bool:
    return path.name.isdecimal() and (path / "saved_model.pb").is_file()


def _without_script(code: Path) -> Iterator[Finding]:
    there = [name for name in ("requirements.txt", "lib") if (code / name).exists()]
    if there:
        yield Finding(
            f"code/{there[0]}", "without code/inference.py: today's container takes its default"
            " handler then, which converts neither CSV nor JSON lines, and /ping is 200 whatever"
            " the model does; remove code/ or add inference.py", TODAY, PROCESSES,
        )  # fmt: skip


def _files(code: Path) -> Iterator[Finding]:
    own = sorted(path for path in code.rglob("*.py") if path.relative_to(code).parts[0] != "lib")
    tops = {path.relative_to(code).parts[0].removesuffix(".py") for path in own}
    lib = code / "lib"
    libs = {path.name.partition(".")[0] for path in lib.iterdir()} if lib.is_dir() else set()
    required = code / "requirements.txt"
    brought = tops | libs | (wheels.modules(required) if required.is_file() else set())
    for path in own:
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, RecursionError):
            continue  # told by the compiler
        yield from code_lint.findings(f"code/{path.relative_to(code).as_posix()}", tree, brought)
    for name in sorted(tops & SERVICE):
        text = "is a module of today's container itself, which is found first; give it another name"
        yield Finding(f"code/{name}.py", text)
    standard = set(sys.stdlib_module_names) - set(code_lint.REMOVED)
    for name in sorted(tops & standard):
        text = "has the name of a module of Python, which the container itself would take it for;"
        yield Finding(f"code/{name}.py", f"{text} give it another name")
    for name in sorted(tops & libs):
        text = "is in code/ and in code/lib: 2019 takes that of lib, today's container that of code"
        yield Finding(f"code/{name}", f"{text}; keep one of them")


def _compiled(code: Path) -> Iterator[Finding]:
    for each in _syntax(code):
        in_lib = each["file"].startswith("lib/")
        if in_lib and (each["warning"] or "/test" in each["file"]):
            continue
        said = "warns" if each["warning"] else "refuses it"
        place = f"code/{each['file']}, line {each['line']}"
        yield Finding(place, f"Python {wheels.PYTHON} {said}: {each['text']}")


def _syntax(code: Path) -> list[dict[str, Any]]:
    """What a Python that is new enough says of all files; none is there: nothing."""
    if sys.version_info >= syntax.WANTED:
        return syntax.problems(code)
    python = paths.VENVS / "handler-today" / "bin" / "python"
    if not python.exists():
        return []
    words = [str(python), "-m", "train2deploy.upgrade.syntax", str(code)]
    done = processes.captured(words, processes.clean_environment(PYTHONPATH=str(paths.SRC)))
    found: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
    return found


def can_compile() -> bool:
    """Whether there is a Python here that knows today's syntax."""
    today = paths.VENVS / "handler-today" / "bin" / "python"
    return sys.version_info >= syntax.WANTED or today.exists()


def _import_time(code: Path) -> Iterator[Finding]:
    """Today's container imports inference.py before gunicorn has the socket that it waits for."""
    limit = int(os.environ.get("SAGEMAKER_GUNICORN_TIMEOUT_SECONDS") or 30)
    pythons = [paths.VENVS / name / "bin" / "python" for name in ("handler-today", "handler")]
    python = next((path for path in pythons if path.exists()), None)
    if python is None:
        return
    folders = [str(folder) for folder in (code, code / "lib") if folder.is_dir()]
    words = [str(python), "-c", IMPORT, str(code / "inference.py"), *folders]
    environment = processes.clean_environment(PYTHONDONTWRITEBYTECODE="1")
    started = time.monotonic()
    try:
        done = processes.captured(words, environment, seconds=limit + 5)
        last = processes.last_line(done.stdout)
        took = float(last) if done.returncode == 0 else 0.0
    except ValueError:
        return
    except TimeoutExpired:
        took = time.monotonic() - started
    if took > limit:
        text = f"takes {took:.0f} s to import here, and gunicorn waits {limit} s: today's container"
        text += " ends; load later, or raise SAGEMAKER_GUNICORN_TIMEOUT_SECONDS"
        yield Finding("code/inference.py", text, TODAY, PROCESSES)


def _packages(code: Path) -> Iterator[Finding]:
    required, lib = code / "requirements.txt", code / "lib"
    if lib.is_dir():
        yield from wheels.library(lib, "code/lib")
    elif required.is_file():
        yield from wheels.requirements(required, "code/requirements.txt")


def _attributes(asked: Sequence[Case]) -> Iterator[Finding]:
    for case in asked:
        for pair in PAIR.findall(case.attributes):
            if not _allowed(*pair.split("=", 1)):
                text = f"today's container refuses the custom attribute {pair}: 400"
                yield Finding(f"REQUESTS, {case.name}", text, TODAY, ATTRIBUTES)


def _allowed(key: str, value: str) -> bool:
    if key == "tfs-model-name":
        return bool(NAME.fullmatch(value))
    if key == "tfs-model-version":
        return value.isascii() and value.isdecimal()
    return key != "tfs-method" or value in METHODS


def _named_as_requests(model_dir: Path) -> Iterator[Finding]:
    """Models whose rows look like requests to a container."""
    for name, newest in bundles.newest(model_dir).items():
        with contextlib.suppress(UserError):
            if keys := sorted(set(lines_lint.KEYS) & signature.read(newest).inputs.keys()):
                text = f"has an input {keys[0]}: of JSON lines that name it, {FIRST_ALONE}"
                yield Finding(f"model {name}", text, TODAY, PLAIN)


def _bodies(asked: Sequence[Case]) -> Iterator[Finding]:
    for case in asked:
        kind = case.request.content_type.partition(";")[0].strip().lower()
        change = csv_lint.change if kind == CSV_TYPE else lines_lint.dropped
        why = change(case.request.body.decode("utf-8", "replace"))
        if why and case.path.startswith(INVOCATIONS):
            yield Finding(f"REQUESTS, {case.name}", why, TODAY, PLAIN)
