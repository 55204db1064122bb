"""What MODEL= names: a model.tar.gz, a SavedModel, a folder of its versions, or a job.

Each is read into the files of a package, by their names in it (docs/contract.md#a2).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from train2deploy import archives, package_lint, paths
from train2deploy.errors import UserError

Files = dict[str, Path]

MODEL, OUTPUT = RESULTS = ("model.tar.gz", "output.tar.gz")
"""What a training job leaves, on SageMaker and here, side by side."""
EXPECTED = "expected a model.tar.gz, a SavedModel directory or a folder of numbered versions"
SCHEMA, META_GRAPH = 0x08, 0x12
"""A SavedModel begins with one of its two fields; an empty file or a Git LFS pointer does not."""
LEFT_OUT = ("__pycache__", ".ipynb_checkpoints", ".git", ".DS_Store")


@dataclass(frozen=True)
class Found:
    """The files of a model."""

    files: Files
    archive: Path | None = None  # the model.tar.gz that holds exactly these, if they came from one
    # what the job's script left in SM_OUTPUT_DATA_DIR, by name
    output: Files = field(default_factory=dict)


def find(given: Path, scratch: Path) -> Found:
    """The model at `given`; archives are unpacked below `scratch`.

    Raises:
        UserError: it is none of these, or an archive that is unsafe or that SageMaker would refuse.
    """
    if given.is_dir():
        if (given / MODEL).is_file():
            return _of_archive(given / MODEL, scratch)
        return Found(_of_directory(given))
    if given.is_file():
        return _of_archive(given, scratch)
    if str(given).startswith("s3:"):
        raise UserError(
            f"MODEL=s3:/{str(given)[3:]}: expected a path on this machine."
            f" Download it first: aws s3 cp s3:/{str(given)[3:]} ."
        )
    raise UserError(f"MODEL={given}: {EXPECTED}, found nothing.")


def below(directory: Path, prefix: str = "") -> Files:
    """All files below a directory, links followed; no caches and no version control."""
    return {
        prefix + path.relative_to(directory).as_posix(): path for path in _walk(directory, set())
    }


def _walk(directory: Path, above: set[Path]) -> Iterator[Path]:
    above = above | {directory.resolve()}
    for path in sorted(directory.iterdir()):
        if path.name in LEFT_OUT:
            continue
        if path.is_dir():
            if path.resolve() not in above:  # a link that leads back up
                yield from _walk(path, above)
        elif path.is_file():
            yield path
        elif path.is_symlink():
            raise UserError(f"{path}: a link to {os.readlink(path)}, which is not there.")


def _of_archive(archive: Path, scratch: Path) -> Found:
    with archive.open("rb") as source:
        if source.read(2) == b"PK":
            raise UserError(f"MODEL={archive}: {EXPECTED}, found a zip file. Use tar -czf.")
    model, output = scratch / "model", scratch / "output"
    archives.unpack(archive, model)
    package_lint.check(archive)
    files = below(model)
    _check_models(archive, files)
    left = archive.with_name(OUTPUT)
    if archive.name == MODEL and left.is_file():
        archives.unpack(left, output)
    return Found(files, archive, below(output) if output.is_dir() else {})


def _of_directory(given: Path) -> Files:
    if (given / "saved_model.pb").is_file():
        name = given.resolve().name
        files = below(given, f"{int(name) if _is_version(name) else 1}/")
        _check_models(given, files)
        return files
    files = below(given)
    bundles = [PurePosixPath(name) for name in files if name.endswith("/saved_model.pb")]
    numbered = [f"{bundle.parent}/" for bundle in bundles if _is_version(bundle.parent.name)]
    if not numbered:
        if bundles:
            inner = given / bundles[0].parent
            raise UserError(
                f"MODEL={given}: {EXPECTED}, found one in {bundles[0].parent}. Give MODEL={inner}"
            )
        names = ", ".join(sorted(path.name for path in given.iterdir())[:5]) or "nothing"
        raise UserError(
            f"MODEL={given}: {EXPECTED} (with saved_model.pb), found {names}. Export a SavedModel,"
            " for instance with tf.saved_model.simple_save."
        )
    kept = ("code/", *numbered)
    files = {name: path for name, path in files.items() if name.startswith(kept)}
    _check_models(given, files)
    return files


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdecimal()


def _check_models(given: Path, files: Files) -> None:
    for name, path in files.items():
        if name.endswith("saved_model.pb"):
            with path.open("rb") as source:
                first = source.read(1)
            if not first or first[0] not in (SCHEMA, META_GRAPH):
                raise UserError(
                    f"MODEL={paths.relative(given)}: {name} is not a SavedModel"
                    f" ({path.stat().st_size} bytes). Export or download it again."
                )
