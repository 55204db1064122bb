"""Data sets: `sample` (shipped), `knbc` (the article's), or a directory of the user's.

Each gives rows; `split` divides them; `channels` writes build/data.
"""

import csv
import sys
from pathlib import Path

from train2deploy.datasets.rows import DataSet

# A text may be longer than the 131,072 characters that csv takes for a cell by default.
csv.field_size_limit(sys.maxsize)


def load(
    name: str, titles: bool = True, clean: bool = False, knbc_place: Path | None = None
) -> DataSet:
    """The data set that DATASET= names.

    Args:
        titles, clean, knbc_place: see `knbc.load`; of no meaning for the others.
    """
    from train2deploy.datasets import directory, knbc, sample

    if name == "sample":
        return sample.load()
    if name == "knbc":
        return knbc.load(titles=titles, clean=clean, place=knbc_place)
    return directory.load(Path(name))


def name_of(dataset: str) -> str:
    """What runs, reports and manifests call the data set that DATASET= names."""
    from train2deploy.datasets import directory

    return dataset if dataset in directory.RESERVED else directory.name_of(Path(dataset))
