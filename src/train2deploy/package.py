"""build/model.tar.gz: SavedModel and inference code in one archive, ready to be deployed.

Layout (docs/contract.md#a2, docs/contract.md#a7), of a job of ours:

    1/saved_model.pb, 1/variables/…     from the job's model.tar.gz
    code/inference.py, code/encoding.py from src/
    code/labels.json, vocabulary.json, tokenizer.model   from the job's output.tar.gz
    code/lib/…  or  code/requirements.txt                what the code imports

Any other SavedModel (MODEL=) is packed the same way, with its own code (CODE=) or with none.
These bytes are what is served here, uploaded and deployed; no later step repacks them.
"""

import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from train2deploy import (
    archives,
    console,
    manifest,
    model_path,
    package_code,
    package_lint,
    paths,
    stack,
    versions,
)
from train2deploy.errors import JobFailed, UserError
from train2deploy.hashing import sha256_file, sha256_tree
from train2deploy.model_path import RESULTS


def package(
    source: Path,
    asked: package_code.Asked = package_code.NOTHING_ASKED,
    archive: Path = paths.MODEL_ARCHIVE,
) -> str:
    """Packs a finished job or a model that was trained elsewhere.

    Args:
        source: whatever model_path.find reads.

    Returns:
        The archive's sha256.
    """
    if source.is_relative_to(paths.JOBS):
        _check_finished(source)
    made_of = _manifest_inputs(source, asked)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        found = model_path.find(source, Path(scratch))
        code, origin = package_code.files(found, asked)
        files = {name: path for name, path in found.files.items() if not name.startswith("code/")}
        files |= code
        if origin == package_code.OURS:
            made_of["our_code_sha256"] = package_code.ours_sha256()
        mistakes = package_lint.mistakes(map(PurePosixPath, files))
        if mistakes:
            where = paths.relative(archive)
            raise JobFailed("\n".join(f"{where}: {line}" for line in mistakes))
        if found.archive is None or files != found.files:
            archives.pack(files.items(), archive)
        elif not (archive.exists() and found.archive.samefile(archive)):
            _copy(found.archive, archive)
        else:
            return sha256_file(archive)
    digest = sha256_file(archive)
    manifest.write(
        _manifest(archive),
        made_of,
        {archive.name: digest},
        size=archive.stat().st_size,
        seconds=round(time.monotonic() - started, 1),
    )
    if not code and (source / "code" / "inference.py").is_file():
        origin += " (CODE=<folder> takes the inference.py that lies beside the script)"
    size = archive.stat().st_size / 1e6
    console.say(f"{paths.relative(archive)}: {origin}; {size:.1f} MB, sha256 {digest}")
    return digest


def _check_finished(job: Path) -> None:
    for name in RESULTS:
        if not (job / name).exists():
            raise UserError(
                f"{paths.relative(job / name)}: expected a finished job, found none."
                " Run `make local-train`."
            )


def _manifest_inputs(source: Path, asked: package_code.Asked) -> dict[str, Any]:
    """What the manifest says that a package was made of."""
    job = source.parent if source.name == RESULTS[0] else source
    made_of: dict[str, Any] = {"dependencies": asked.dependencies}
    if all((job / name).exists() for name in RESULTS):
        record = manifest.read(job / "manifest.json") or {}
        version = record.get("inputs", {}).get("version")
        if version and versions.is_published(version):
            versions.check_packed(version)
        stack.check(record.get("inputs", {}), paths.relative(job))
        made_of |= ({"version": version} if version else {}) | stack.recorded()
        made_of |= {"job": job.resolve().name, **results(job)}
        made_of |= {"data": record["data"]} if record.get("data") else {}
    latest = paths.LATEST_JOB
    follows = "job" in made_of and (job.samefile(latest) if latest.exists() else True)
    if source.exists() and not follows:
        made_of |= {"model": paths.relative(source), "given_sha256": sha256(source)}
    if asked.code:
        made_of |= {"code": paths.relative(asked.code), "code_sha256": sha256(asked.code)}
    return made_of | ({"include": list(asked.include)} if asked.include else {})


def _copy(source: Path, target: Path) -> None:
    partial = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, partial)
    partial.replace(target)


def job_of(archive: Path) -> str | None:
    """The name of the job that an archive was packed from; None where no manifest tells."""
    return made_of(archive).get("job")


def version_of(archive: Path) -> str | None:
    return made_of(archive).get("version")


def described(archive: Path) -> dict[str, Any]:
    """What is measured of an archive says this of it: version, data, hyperparameters.

    Empty where they are not known, as of a model that was trained elsewhere.
    """
    inputs = made_of(archive)
    job = manifest.read(paths.JOBS / str(inputs.get("job")) / "manifest.json") or {}
    if not {"version", "data"} <= inputs.keys() or not job:
        return {}
    used = {
        **job["inputs"]["hyperparameters"],
        **(job.get("metrics", {}).get("hyperparameters") or {}),
    }
    return {
        "version": inputs["version"],
        "data": inputs["data"],
        "hyperparameters": comparable(used),
    }


def comparable(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those that make another model: not the seed, nor whether it can be repeated bit by bit."""
    left_out = ("seed", "single-thread", "container-log-level")
    return {
        name: value
        for name, value in hyperparameters.items()
        if name.replace("_", "-") not in left_out  # metrics.json has the script's spelling
    }


def made_of(archive: Path) -> dict[str, Any]:
    """What an archive was made from; empty where no manifest is there, or that of other bytes."""
    found = manifest.read(_manifest(archive))
    if found is None or found["outputs"].get(archive.name) != sha256_file(archive):
        return {}
    inputs: dict[str, Any] = found["inputs"]
    return inputs


def sha256(given: Path) -> str:
    """Of what MODEL= or CODE= names."""
    return sha256_file(given) if given.is_file() else sha256_tree(given)


def results(job: Path) -> dict[str, str]:
    """What a job left, by sha256."""
    return {f"{name.partition('.')[0]}_sha256": sha256_file(job / name) for name in RESULTS}


def _manifest(archive: Path) -> Path:
    return archive.with_name(archive.name + ".manifest.json")
