"""A user's own small data set, and what is said of it."""

from pathlib import Path

import pytest

from train2deploy.datasets import directory
from train2deploy.datasets.rows import InvalidDataSet

FEATURES = "feature\n電波が悪い\n抹茶パフェ\nつながらない\n団子\n"
LABELS = "label\n携帯電話\nグルメ\n携帯電話\nグルメ\n"


def lay(folder: Path, features: str | bytes | None = FEATURES, labels: str | bytes | None = LABELS):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("features.csv", features), ("labels.csv", labels)):
        if content is not None:
            data = content if isinstance(content, bytes) else content.encode()
            (folder / name).write_bytes(data)
    return folder


def message(folder: Path) -> str:
    with pytest.raises(InvalidDataSet) as caught:
        directory.load(folder)
    return str(caught.value)


def texts(folder: Path) -> list[str]:
    return [row.text for row in directory.load(folder).rows]
