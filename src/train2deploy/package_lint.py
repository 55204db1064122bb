"""Known mistakes in the layout of a model archive, each with one line that says what to do.

On SageMaker each of them ends in an endpoint that never starts, or starts and
answers 415 or 500 with no hint at the cause.
"""

import ast
import os
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from train2deploy import archives, paths
from train2deploy.errors import UserError

GZIP = b"\x1f\x8b"
REFUSED = 'SageMaker answers "Failed to extract model data archive"'

PYTHON = (3, 6)  # the container's

CONTAINER_PATH = re.compile(r"/opt/ml/models?(?![\w-])")
READ_FOR_PATHS = {".py", ".json", ".txt", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".sh"}
"""Endings of the files in which a path may stand that code opens."""


def problems(archive: Path) -> list[str]:
    """The mistakes found in `archive`, one line each; an empty list is a clean bill.

    Raises:
        UserError: it is not a readable tar archive.
    """
    try:
        with tarfile.open(archive) as tar:
            members = tar.getmembers()
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise UserError(
            f"{archive}: expected a tar archive, found {archives.said(error)}."
        ) from error
    names = [PurePosixPath(member.name) for member in members if not member.isdir()]
    found = [*_not_extractable(archive, members), *mistakes(names)]
    return [f"{paths.relative(archive)}: {line}" for line in found]


def check(archive: Path) -> None:
    """Raises UserError with the mistakes found in `archive`."""
    if found := problems(archive):
        raise UserError("\n".join(found))


def check_directory(model_dir: Path) -> None:
    """Raises UserError where MODEL_DIR is not what an unpacked archive would be.

    A multi-model endpoint loads its models later, so its directory may hold none.
    """
    wrong = f"MODEL_DIR={model_dir}"
    if not model_dir.is_dir():
        found = "a file" if model_dir.exists() else "nothing"
        unpack = "; unpack it first (tar -xzf)" if model_dir.is_file() else ""
        raise UserError(f"{wrong}: expected a directory, found {found}{unpack}.")
    if os.environ.get("SAGEMAKER_MULTI_MODEL", "").lower() == "true":
        return
    if (model_dir / "saved_model.pb").exists() and model_dir.resolve().name.isdigit():
        above = model_dir.parent if model_dir.name.isdigit() else model_dir.resolve().parent
        raise UserError(
            f"{wrong}: this is a version of a model; give the folder above it, MODEL_DIR={above}"
        )
    files = (path.relative_to(model_dir) for path in model_dir.rglob("*") if path.is_file())
    if found_mistakes := mistakes(PurePosixPath(path.as_posix()) for path in files):
        raise UserError("\n".join(f"{wrong}: {line}" for line in found_mistakes))


def container_paths(model_dir: Path) -> list[str]:
    """One line for each file of code/ that names /opt/ml/model, which is only in a container.

    Packages in code/lib are not looked at: they are written for no container in particular.
    """
    found = []
    code = model_dir / "code"
    for path in sorted(code.rglob("*")):
        name = path.relative_to(code)
        if name.parts[0] == "lib" or path.suffix not in READ_FOR_PATHS or not path.is_file():
            continue
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        number = next((n for n, line in enumerate(lines, 1) if CONTAINER_PATH.search(line)), 0)
        if number:
            found.append(
                f"code/{name.as_posix()}, line {number}: names /opt/ml/model, which does not exist"
                f" in RUNTIME=host (here it is {model_dir}). Use a path relative to"
                " os.path.dirname(__file__), which works here and on SageMaker, or RUNTIME=docker."
            )
    return found


def not_extractable(archive: Path) -> str:
    """Why SageMaker would refuse to extract a readable tar archive; "" where it would not."""
    with tarfile.open(archive) as tar:
        return "; ".join(_not_extractable(archive, tar.getmembers()))


def _not_extractable(archive: Path, members: Iterable[tarfile.TarInfo]) -> list[str]:
    found = []
    with archive.open("rb") as source:
        if source.read(len(GZIP)) != GZIP:
            found.append(f"a tar archive, but not compressed with gzip, so {REFUSED}; use tar -czf")
    links = [member for member in members if member.issym() or member.islnk()]
    if links:
        kind = "symbolic" if links[0].issym() else "hard"
        others = f" (and {len(links) - 1} more)" if links[1:] else ""
        found.append(
            f"{links[0].name} is a {kind} link to {links[0].linkname}{others}, so {REFUSED};"
            " put the file itself there (tar -czhf --hard-dereference)"
        )
    return found


def mistakes(names: Iterable[PurePosixPath]) -> list[str]:
    """The same for an archive that would hold files of these names."""
    names = list(names)
    wrapper = _wrapping_folder(names)
    found = []
    if wrapper is not None:
        found.append(
            f"everything lies in a folder {wrapper!r}, so code/ is not at the root and would be"
            " ignored; pack the folder's contents instead of the folder"
        )
        names = [name.relative_to(wrapper) for name in names]
    return [*found, *_models(names), *_code(names), *_leftovers(names)]


def _wrapping_folder(names: list[PurePosixPath]) -> str | None:
    tops = {name.parts[0] for name in names}
    top = next(iter(tops), "")
    wraps_code = any(name.parts[1:2] == ("code",) for name in names)
    return top if len(tops) == 1 and not top.isdigit() and wraps_code else None


def _models(names: list[PurePosixPath]) -> list[str]:
    bundles = [name for name in names if name.name == "saved_model.pb"]
    if not bundles:
        return ["no saved_model.pb in it: expected <number>/saved_model.pb; export a SavedModel"]
    return [
        f"{bundle}: a SavedModel is served only from a folder with a numeric name (its version),"
        f" found {bundle.parent.name or 'the root'!r}; move it to 1/"
        for bundle in bundles
        if not bundle.parent.name.isdigit()
    ]


def _code(names: list[PurePosixPath]) -> list[str]:
    found = []
    packages = ("code", "lib")
    handlers = [n for n in names if n.name == "inference.py" and n.parts[:2] != packages]
    if PurePosixPath("code/inference.py") not in handlers:
        found += [
            f"{handler}: would be ignored; the endpoint reads code/inference.py and no other"
            for handler in handlers
        ]
    has_lib = any(name.parts[:2] == packages for name in names)
    if has_lib and PurePosixPath("code/requirements.txt") in names:
        found.append(
            "code/requirements.txt beside code/lib/ is ignored by the container; keep one of them"
        )
    return found


def _leftovers(names: list[PurePosixPath]) -> list[str]:
    checkpoints = [name for name in names if ".ipynb_checkpoints" in name.parts]
    if checkpoints:
        return [f"{checkpoints[0]}: notebook checkpoints do not belong here; remove the folder"]
    return []


def check_handler(file: Path) -> None:
    """Raises UserError where inference.py could not be loaded, as far as its text tells."""
    where = paths.relative(file)
    try:
        tree = ast.parse(file.read_bytes(), feature_version=PYTHON)
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(f"{where}{line}: not Python 3.6, the container's: {reason}.") from error
    names = set(_names(tree.body))
    if names.isdisjoint({"handler", "*"}) and not {"input_handler", "output_handler"} <= names:
        found = ", ".join(sorted(name for name in names if name.endswith("handler"))) or "neither"
        raise UserError(
            f"{where}: expected handler(data, context), or input_handler(data, context) and"
            f" output_handler(response, context); found {found}."
        )


def _names(statements: Iterable[ast.stmt]) -> Iterator[str]:
    """What statements define at a module's top level; "*" is what an import may bring."""
    for statement in statements:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            yield statement.name
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.alias):
                yield node.asname or node.name
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                yield node.name
