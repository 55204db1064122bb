"""What is stated of the vectors that can still be had: those of ja-ginza 3.1.0."""

from collections.abc import Iterator

import numpy as np

from train2deploy.errors import UserError
from train2deploy.published_check.lines import Line, compared
from train2deploy.vectors import ginza


def lines() -> Iterator[Line]:
    """One line; it cannot be checked where the package can be neither found nor fetched."""
    try:
        words = ginza.words(ginza.WIKIPEDIA)
    except UserError:
        yield Line("vector-table", None)
        return
    table = np.load(words / "vectors.npy", mmap_mode="r", allow_pickle=False)
    yield compared("vector-table", (117951, 100), table.shape)
