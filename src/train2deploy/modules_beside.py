"""The third-party modules that lie beside a script where its container lacks them.

SageMaker's TensorFlow 1.12 container installs nothing for a plain script
(docs/contract.md#b2): third-party modules reach it only by lying in the source directory.
They are taken from the training environment, which pip made from requirements/train.lock,
hash by hash.
"""

import csv
import os
import re
from pathlib import Path

from train2deploy import paths
from train2deploy.errors import MissingRequirement

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

LEFT_OUT = re.compile(
    r"(^|/)(tests?|__pycache__|docs)/|\.(pyc|pyx|pxd|c|cpp)$|^_yaml\.|(dist|egg)-info/"
)
"""Not imported; or, _yaml, built against this machine's libraries (PyYAML goes without it)."""


def files() -> dict[str, Path]:
    """By their names below the source directory."""
    packages = _site_packages()
    found: dict[str, Path] = {}
    for name in BESIDE:
        for path in _files(packages, name):
            relative = path.relative_to(packages).as_posix() if packages in path.parents else ""
            if relative and not LEFT_OUT.search(relative) and path.is_file():
                found[relative] = path
    return found


def _files(packages: Path, name: str) -> list[Path]:
    """What pip installed of a distribution: of a wheel, or of an sdist as in 2019."""
    for metadata in packages.glob("*-info"):
        if normalised(metadata.name.split("-")[0]) != name:
            continue
        record, installed = metadata / "RECORD", metadata / "installed-files.txt"
        if record.exists():
            rows = csv.reader(record.read_text(encoding="utf-8").splitlines())
            return [Path(os.path.normpath(packages / row[0])) for row in rows if row]
        lines = installed.read_text(encoding="utf-8").splitlines()
        return [Path(os.path.normpath(metadata / line)) for line in lines]
    raise MissingRequirement(
        f".venvs/train: expected {name} of requirements/train.lock in it, found none."
        " Run `make setup`."
    )


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
