"""The models that can be trained, found by looking: VERSION=<name> or SCRIPT=<path>.

    src/train/train_<name>.py      its source: the script and the modules of ours that it imports
    src/train/today/train_<name>.py  the same with STACK=today
    models/<name>/train.py         its source: its folder, and the modules of ours that it imports
    SCRIPT=<path>.py               likewise
    src/train/published/<name>.py  a published model, scored and not packed; _ for each hyphen

In what follows a version is such a name or path. What it declares is read from its script when it
is asked for, so that a broken script breaks itself alone. Standard library alone: make asks before
any environment is made.
"""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from train2deploy import declaration, paths, stack
from train2deploy.declaration import Declaration
from train2deploy.errors import UserError

SCRIPT = "train.py"
PREFIX = "train_"
DEFAULT_VECTORS = "chive"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Version:
    """A model that was found."""

    name: str  # in the names of jobs and runs
    script: Path
    is_published: bool = False  # trained and scored, not packed: its figures are what is asked for
    is_folder: bool = False  # its source is all of its script's folder


def known() -> list[Version]:
    """Every model that has a name: ours, the user's, then the published ones."""
    ours = [
        Version(path.stem.removeprefix(PREFIX), path)
        for path in sorted(stack.scripts().glob(f"{PREFIX}*.py"))
    ]
    folders = [
        Version(path.parent.name, path, is_folder=True)
        for path in sorted(paths.MODELS.glob(f"*/{SCRIPT}"))
    ]
    published = [
        Version(path.stem.replace("_", "-"), path, is_published=True)
        for path in sorted((paths.TRAIN_SOURCE / "published").glob("*.py"))
        if declaration.is_published(path)
    ]
    return [*ours, *folders, *([] if stack.is_todays() else published)]


def find(version: str) -> Version:
    """Raises UserError where there is no such model."""
    if version.endswith(".py") or "/" in version:
        return _at(version)
    found = [one for one in known() if one.name == version]
    if len(found) > 1:
        places = " and ".join(paths.relative(one.script) for one in found)
        raise UserError(f"VERSION={version}: {places} have this name. Rename one of them.")
    if not found:
        raise UserError(f"VERSION={version}: {_expected(version)}.")
    if not NAME.fullmatch(version):
        raise UserError(
            f"VERSION={version}: expected letters, digits, hyphens, underscores and dots in the"
            f" name of {paths.relative(found[0].script)}."
        )
    return found[0]


def _expected(version: str) -> str:
    every = known()
    near = difflib.get_close_matches(version, [one.name for one in every], 1)
    folder = paths.MODELS / version
    if folder.is_dir():
        return f"expected {paths.relative(folder / SCRIPT)}, found none"
    ours = ", ".join(one.name for one in every if not one.is_published)
    published = ", ".join(one.name for one in every if one.is_published)
    also = f", or a published model: {published}" if published else ""
    also += f" ({stack.VARIABLE}={stack.TODAYS})" if stack.is_todays() else ""
    return f"expected one of {ours}{also}" + (f"; the nearest is {near[0]}" if near else "")


def _at(given: str) -> Version:
    script = Path(given)
    if script.is_dir() and (script / SCRIPT).is_file():
        script /= SCRIPT
    if script.suffix != ".py" or not script.is_file():
        raise UserError(f"SCRIPT={given}: expected a Python file, found none.")
    script = script.resolve()
    for one in known():
        if one.script.resolve() == script:
            return one
    name = script.parent.name if script.name == SCRIPT else script.stem
    return Version(
        re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or "own", script, False, True
    )


def declared(version: str) -> Declaration:
    return declaration.read(find(version).script)


def is_published(version: str) -> bool:
    """Whether it is a published model; of a name that is no model's any more: no."""
    name = version.replace("-", "_")
    script = paths.TRAIN_SOURCE / "published" / f"{name}.py"
    return "/" not in version and script.is_file() and declaration.is_published(script)


def check_packed(version: str) -> None:
    """Raises UserError where a version has no package, and so nothing that needs one."""
    if find(version).is_published:
        raise UserError(
            f"VERSION={version}: published models are trained and scored, not packed."
            f" `make reproduce VERSION={version}` records its figures."
        )


def vectors_of(version: str) -> str:
    """What VECTORS is where it is not given: the published models' vectors are Wikipedia's."""
    return _further(version, "vectors", "wikipedia" if is_published(version) else DEFAULT_VECTORS)


def usual_vectors(name: str) -> str:
    """The same of a recorded run's version, which may not be there any more."""
    try:
        return vectors_of(name)
    except UserError:
        return DEFAULT_VECTORS


def tokenizer_of(version: str, vectors: str) -> str:
    """What TOKENIZER is where it is not given; "" learns one, or takes the vectors' own."""
    reads_pieces = is_published(version) and not tokens_of(version)
    return "author" if reads_pieces and vectors not in ("wikija", "corpus", "characters") else ""


def tokens_of(version: str) -> str:
    """What TOKENS is where it is not given; "" leaves the sentences whole."""
    return _further(version, "tokens", "")


def title(name: str, language: str) -> str:
    """What a version calls itself; "" where it does not say, or is not there any more."""
    try:
        found: str = declared(name).further.get("title", {}).get(language, "")
    except UserError:
        return ""
    return found


def _further(version: str, key: str, otherwise: str) -> str:
    found: str = declared(version).further.get(key, otherwise)
    return found


def check_reads(version: str, tokens: str) -> None:
    """Raises UserError where a version does not read such sentences.

    Args:
        tokens: what cut them into words; "": nothing did.
    """
    its_own = tokens_of(version)
    if tokens and not its_own:
        reading = [one.name for one in known() if one.is_published and tokens_of(one.name)]
        raise UserError(
            f"TOKENS={tokens}: {version} cuts sentences by itself. Leave TOKENS out, or take a"
            f" version that reads words: {', '.join(reading)}."
        )
    if not tokens and its_own:
        raise UserError(
            f"VERSION={version}: it reads words, and the sentences in the data are whole."
            f" Run `make data TOKENS={its_own}`."
        )
