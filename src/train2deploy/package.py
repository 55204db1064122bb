"""build/model.tar.gz: SavedModel and inference code in one archive, ready to be deployed.

Layout (docs/contract.md#a2, docs/contract.md#a7):

    1/saved_model.pb, 1/variables/…     from the job's model.tar.gz
    code/inference.py, code/encoding.py from src/
    code/labels.json, vocabulary.json, tokenizer.model   from the job's output.tar.gz
    code/lib/…  or  code/requirements.txt                what the code imports

These bytes are what is served here, uploaded and deployed; no later step repacks them.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path, PurePosixPath
from typing import Any

from train2deploy import (
    archives,
    console,
    disk,
    manifest,
    package_lint,
    partial,
    paths,
    processes,
    versions,
)
from train2deploy.datasets import channels
from train2deploy.errors import JobFailed, UserError
from train2deploy.hashing import sha256_file

ENCODING_FILES = ("labels.json", "vocabulary.json", "tokenizer.model")
SPECIFICATION = "encoding.json"
FURTHER_FILES = (SPECIFICATION, "encoder.model")
"""Only of a model that reads more than tokens."""
REQUIREMENTS = "requirements.txt"
RESULTS = ("model.tar.gz", "output.tar.gz")
"""Of a job."""

# The serving container: Ubuntu 18.04, CPython 3.6.
CONTAINER = ["--python-version", "36", "--implementation", "cp", "--abi", "cp36m"]
CONTAINER += ["--platform", "manylinux1_x86_64", "--only-binary", ":all:"]


def package(job: Path, dependencies: str = "lib", archive: Path = paths.MODEL_ARCHIVE) -> str:
    """Packs a finished job.

    Args:
        job: directory with model.tar.gz and output.tar.gz.
        dependencies: "lib" vendors the packages (nothing is installed when the
            endpoint starts), "requirements" lets the container install them. Never
            both: the container ignores requirements.txt beside lib/.

    Returns:
        The archive's sha256.
    """
    version = (manifest.read(job / "manifest.json") or {}).get("inputs", {}).get("version")
    if version in versions.PUBLISHED:
        versions.check_packed(version)
    if dependencies not in ("lib", "requirements"):
        raise UserError(f"DEPS={dependencies}: expected lib or requirements.")
    for name in RESULTS:
        if not (job / name).exists():
            raise UserError(
                f"{paths.relative(job / name)}: expected a finished job, found none."
                " Run `make local-train`."
            )
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        model, output = Path(scratch, "model"), Path(scratch, "output")
        archives.unpack(job / "model.tar.gz", model)
        archives.unpack(job / "output.tar.gz", output)
        entries = _below(model, "")
        entries += [
            (f"code/{source.name}", source)
            for source in [*sorted(paths.PREDICT_CODE.glob("*.py")), paths.ENCODING]
        ]
        for name in ENCODING_FILES:
            if not (output / name).exists():
                raise UserError(f"{paths.relative(job)}/output.tar.gz: expected {name} in it.")
            entries.append((f"code/{name}", output / name))
        entries += [
            (f"code/{name}", output / name) for name in FURTHER_FILES if (output / name).exists()
        ]
        if dependencies == "lib":
            entries += _below(vendored(), "code/lib/")
        else:
            entries.append((f"code/{REQUIREMENTS}", paths.PREDICT_CODE / REQUIREMENTS))
        mistakes = package_lint.mistakes(PurePosixPath(name) for name, _ in entries)
        if mistakes:
            where = paths.relative(archive)
            raise JobFailed("\n".join(f"{where}: {line}" for line in mistakes))
        archives.pack(entries, archive)
    digest = sha256_file(archive)
    data = (manifest.read(job / "manifest.json") or {}).get("data")
    manifest.write(
        _manifest(archive),
        {
            "job": job.resolve().name,
            **_results(job),
            "dependencies": dependencies,
            **({"data": data} if data else {}),
        },
        {archive.name: digest},
        size=archive.stat().st_size,
        seconds=round(time.monotonic() - started, 1),
    )
    console.say(
        f"{paths.relative(archive)}: {archive.stat().st_size / 1e6:.1f} MB, sha256 {digest}"
    )
    return digest


def job_of(archive: Path) -> str | None:
    """The name of the job that an archive was packed from; None where no manifest tells."""
    return _inputs(archive).get("job")


def outdated() -> str:
    """What is to be said of build/model.tar.gz where it is not of the latest job; else "".

    Nothing is said of an archive that `make package` has not made: it is somebody's own.
    """
    archive, latest = paths.MODEL_ARCHIVE, paths.LATEST_JOB
    inputs = _inputs(archive)
    done = all((latest / name).exists() for name in RESULTS)
    if not inputs or not done or _results(latest).items() <= inputs.items():
        return ""
    return (
        f"{paths.relative(archive)} holds job {inputs['job']}, which is older than the latest job,"
        f" {latest.resolve().name}. `make package` packs the latest."
    )


def check_latest() -> None:
    """Raises UserError where build/model.tar.gz is outdated."""
    if said := outdated():
        raise UserError(said)


def check_trained_on(data: Path) -> None:
    """Raises UserError where build/model.tar.gz was trained on other rows than `<data>/train`'s.

    Of an archive that tells nothing, a line says that this is not known.
    """
    archive = paths.MODEL_ARCHIVE
    trained = _inputs(archive).get("data")
    if trained is None:
        console.say(
            f"{paths.relative(archive)} does not tell what it was trained on: whether the test"
            " sentences were held out from it is not known."
        )
        return
    found = channels.facts(data)
    if found["train_sha256"] != trained["train_sha256"]:
        raise UserError(
            f"{paths.relative(archive)} was trained on {channels.named(trained)}, but"
            f" {paths.relative(data)} holds {channels.named(found)}: its test sentences were not"
            " held out from this model. Train on it (`make local-train package`, with its DATASET="
            " and SEED=), or make the other one again (`make data`, with those)."
        )


def _inputs(archive: Path) -> dict[str, Any]:
    """What an archive was made from; empty where no manifest is there, or that of other bytes."""
    found = manifest.read(_manifest(archive))
    if found is None or found["outputs"].get(archive.name) != sha256_file(archive):
        return {}
    inputs: dict[str, Any] = found["inputs"]
    return inputs


def _results(job: Path) -> dict[str, str]:
    """What a job left, by sha256."""
    return {f"{name.partition('.')[0]}_sha256": sha256_file(job / name) for name in RESULTS}


def _manifest(archive: Path) -> Path:
    return archive.with_name(archive.name + ".manifest.json")


def vendored() -> Path:
    """The packages of src/predict/code/requirements.txt as the serving container needs them.

    Wheels for the container's Python, whatever Python and system runs this.
    """
    requirements = paths.PREDICT_CODE / REQUIREMENTS
    record = paths.BUILD / "code-lib.manifest.json"
    inputs = {"requirements_sha256": sha256_file(requirements)}
    if manifest.is_current(record, inputs) and paths.CODE_LIB.is_dir():
        return paths.CODE_LIB
    fresh = partial.beside(paths.CODE_LIB)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--no-compile", *CONTAINER]
    command += ["--target", str(fresh), "-r", str(requirements)]
    done = subprocess.run(
        command, env=processes.pip_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        disk.check_output(done.stderr, fresh)
        raise UserError(
            f"{paths.relative(requirements)}: the packages for the endpoint could not be fetched:\n"
            f"{done.stderr.strip()}\nCheck the network, or use DEPS=requirements."
        )
    # Metadata that says how, not what, was installed differs between machines.
    for path in fresh.rglob("*"):
        if path.name in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}:
            path.unlink()
    shutil.rmtree(paths.CODE_LIB, ignore_errors=True)
    fresh.replace(paths.CODE_LIB)
    manifest.write(record, inputs, {})
    return paths.CODE_LIB


def _below(directory: Path, prefix: str) -> list[tuple[str, Path]]:
    return [
        (prefix + path.relative_to(directory).as_posix(), path)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
