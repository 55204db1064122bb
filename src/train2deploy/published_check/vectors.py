"""What is stated of the vectors that are still available: those of ja-ginza 3.1.0."""

from collections.abc import Iterator

import numpy as np

from train2deploy import paths
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file
from train2deploy.published_check.lines import Line, compared
from train2deploy.vectors import ginza

SHA256 = "c004c75834cc63ee789d5edd81a29d5058761473025ef6aa1c5a6b3376877f5a"
"""Of the source archive of ja-ginza 3.1.0, the release of the article's day."""


def lines() -> Iterator[Line]:
    """They cannot be checked where the package can be neither found nor fetched."""
    try:
        words = ginza.words(ginza.WIKIPEDIA)
    except UserError:
        yield from (Line(statement, None) for statement in ("vector-table", "vector-package"))
        return
    table = np.load(words / "vectors.npy", mmap_mode="r", allow_pickle=False)
    yield compared("vector-table", (117951, 100), table.shape)
    digest = sha256_file(paths.RAW / ginza.WIKIPEDIA.archive)
    yield Line("vector-package", digest == SHA256, digest[:16])
