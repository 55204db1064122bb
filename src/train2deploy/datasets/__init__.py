"""Data sets: `sample` (shipped), `knbc` (the article's), or a directory of the user's.

Each gives rows; `split` divides them; `channels` writes build/data.
"""

from pathlib import Path

from train2deploy.datasets.rows import DataSet


def load(name: str, titles: bool = True, clean: bool = False) -> DataSet:
    """The data set that DATASET= names.

    Args:
        titles, clean: see `knbc.load`; of no meaning for the others.
    """
    from train2deploy.datasets import directory, knbc, sample

    if name == "sample":
        return sample.load()
    if name == "knbc":
        return knbc.load(titles=titles, clean=clean)
    return directory.load(Path(name))
