"""The source of a training job: the scripts, and beside them what their container lacks.

SageMaker's TensorFlow 1.12 container installs nothing for a plain script (contract B2):
third-party modules reach it only by lying in the source directory. They are taken from
the training environment, which pip made from requirements/train.lock, hash by hash.
"""

import importlib.metadata
import re
import shutil
import tempfile
from pathlib import Path

from train2deploy import archives, jobs, paths
from train2deploy.errors import MissingRequirement
from train2deploy.hashing import sha256_file

BESIDE = (
    "boto",
    "gensim",
    "keras",
    "keras-bert",
    "keras-embed-sim",
    "keras-layer-normalization",
    "keras-multi-head",
    "keras-pos-embd",
    "keras-position-wise-feed-forward",
    "keras-self-attention",
    "keras-transformer",
    "pyyaml",
    "sentencepiece",
    "smart-open",
    "text-vectorian",
)
"""Distributions that lie beside the script."""

IN_THE_CONTAINER = (
    "boto3",
    "h5py",
    "keras-applications",
    "keras-preprocessing",
    "numpy",
    "requests",
    "scipy",
    "six",
    "tensorflow",
)
"""What these need and AWS's image for TensorFlow 1.12 holds."""

LEFT_OUT = re.compile(
    r"(^|/)(tests?|__pycache__|benchmarks?)/|\.(pyc|pyx|pxd|c|cpp)$|^_yaml\.|^\.\.|\.(dist|egg)-info/"
)
"""Not imported; or, _yaml, built against this machine's libraries (PyYAML goes without it)."""


def stage(archive: Path) -> str:
    """Packs the source of a job to `archive`.

    Returns:
        Its sha256, the same for the same sources and lock.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "source")
        jobs.stage_source(source)
        entries = {
            path.relative_to(source).as_posix(): path
            for path in source.rglob("*")
            if path.is_file()
        }
        for name, path in third_party().items():
            entries.setdefault(name, path)
        archives.pack(entries.items(), archive)
    return sha256_file(archive)


def unpack(archive: Path, directory: Path) -> None:
    """The source directory that the container sees."""
    shutil.rmtree(directory, ignore_errors=True)
    archives.unpack(archive, directory)


def third_party() -> dict[str, Path]:
    """Files by their name below the source directory."""
    files: dict[str, Path] = {}
    found = _distributions()
    for name in BESIDE:
        if name not in found:
            raise MissingRequirement(
                f".venvs/train: expected {name} of requirements/train.lock in it, found none."
                " Run `make setup`."
            )
        distribution = found[name]
        for file in distribution.files or []:
            path = Path(str(file.locate())).resolve()
            relative = _below_site_packages(path)
            if relative and not LEFT_OUT.search(relative) and path.is_file():
                files[relative] = path
    return files


def _distributions() -> dict[str, importlib.metadata.Distribution]:
    return {
        normalised(each.metadata["Name"]): each
        for each in importlib.metadata.distributions(path=[str(_site_packages())])
    }


def normalised(name: str) -> str:
    """
    >>> normalised("Keras_Bert")
    'keras-bert'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _site_packages() -> Path:
    found = sorted(paths.TRAIN_PYTHON.parents[1].glob("lib/python3.6/site-packages"))
    if not found:
        raise MissingRequirement(".venvs/train: expected it, found none. Run `make setup`.")
    return found[0].resolve()


def _below_site_packages(path: Path) -> str:
    try:
        return path.relative_to(_site_packages()).as_posix()
    except ValueError:
        return ""
