"""Dividing rows into train and test: at random within each label, or by article."""

import math
import random
from collections import defaultdict
from collections.abc import Sequence

from train2deploy.datasets.rows import Row

TEST_FRACTION = 0.1


def stratified(rows: Sequence[Row], seed: int) -> frozenset[str]:
    """Draws a tenth of the rows (rounded up), each label with its share, at least one of each.

    4,186 sentences give 3,767 and 419, the sizes of the article's series.

    Returns:
        The ids of the test rows.
    """
    by_label: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_label[row.label].append(row.id)
    sizes = _shares(
        {label: len(ids) for label, ids in by_label.items()}, math.ceil(len(rows) * TEST_FRACTION)
    )
    generator = random.Random(seed)
    return frozenset(
        row_id
        for label in sorted(by_label)
        for row_id in generator.sample(sorted(by_label[label]), sizes[label])
    )


def by_group(rows: Sequence[Row], seed: int) -> frozenset[str]:
    """Holds out whole articles of each label until a tenth of the label's rows is reached.

    Sentences of one article are not independent; with this split no article is
    on both sides. An article's label is that of its first row.
    """
    articles: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        articles[row.group or row.id].append(row)
    by_label: dict[str, list[str]] = defaultdict(list)
    for name, members in articles.items():
        by_label[members[0].label].append(name)
    generator = random.Random(seed)
    test: set[str] = set()
    for label in sorted(by_label):
        names = sorted(by_label[label])
        generator.shuffle(names)
        wanted = sum(len(articles[name]) for name in names) * TEST_FRACTION
        taken = 0
        for name in names[:-1]:  # at least one article stays in train
            if taken >= wanted:
                break
            taken += len(articles[name])
            test.update(row.id for row in articles[name])
    return frozenset(test)


def _shares(counts: dict[str, int], total: int) -> dict[str, int]:
    """Divides `total` in proportion to `counts` by largest remainder; 1 to count - 1 for each."""
    whole = sum(counts.values())
    exact = {label: count * total / whole for label, count in counts.items()}
    shares = {label: max(1, math.floor(value)) for label, value in exact.items()}
    by_remainder = sorted(counts, key=lambda label: (shares[label] - exact[label], label))
    for label in by_remainder:
        if sum(shares.values()) >= total:
            break
        shares[label] += 1
    return {label: min(share, counts[label] - 1) for label, share in shares.items()}
