"""Dividing rows into train and test: at random within each label, or by article.

The test set that most of the author's articles share is lost; of it are known its size and the
sentences of each label. A random draw of the same numbers is a test set of the same kind.
"""

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

from train2deploy.datasets.rows import DataSet, Row
from train2deploy.errors import UserError

TEST_FRACTION = 0.1
SUPPORTS = {"京都": 137, "携帯電話": 145, "スポーツ": 47, "グルメ": 90}
"""Sentences of each label in the author's test set."""
FOLDS = 5


def check_seed(way: str, seed: int, variable: str) -> None:
    """Raises UserError where a way of dividing has no such seed.

    Args:
        variable: of make, which gave the seed.
    """
    if way == "fold" and not 1 <= seed <= FOLDS:
        raise UserError(
            f"{variable}={seed}: SPLIT=fold has {FOLDS} folds. Give a number from 1 to {FOLDS}."
        )


def draw(dataset: DataSet, rows: Sequence[Row], seed: int, way: str) -> frozenset[str]:
    """The ids of the test rows.

    Args:
        rows: those of the data set, shuffled.
        way: what SPLIT= may be.

    Raises:
        UserError: the data set cannot be divided in this way.
    """
    name = dataset.source.get("dataset")
    if way == "published" and name != "knbc":
        raise UserError(
            f"SPLIT=published: the author's test sets are of the KNB corpus, found DATASET={name}."
            " Use SPLIT=random, or DATASET=knbc."
        )
    if way == "fold" and dataset.test_ids is not None:
        raise UserError(
            f"SPLIT=fold: {name} has a test part of its own, so there is nothing to divide."
            " Leave SPLIT out, or use another data set, such as DATASET=knbc."
        )
    if dataset.test_ids is not None:
        return dataset.test_ids
    if way == "published":
        return sample(rows, SUPPORTS, seed)
    if way == "fold":
        return fold(rows, seed)
    return by_group(rows, seed) if way == "article" else stratified(rows, seed)


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
    return sample(rows, sizes, seed)


def sample(rows: Sequence[Row], sizes: Mapping[str, int], seed: int) -> frozenset[str]:
    """Draws as many rows of each label as `sizes` says."""
    by_label: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_label[row.label].append(row.id)
    generator = random.Random(seed)
    return frozenset(
        row_id
        for label in sorted(by_label)
        for row_id in generator.sample(sorted(by_label[label]), sizes[label])
    )


def fold(rows: Sequence[Row], number: int) -> frozenset[str]:
    """One of five parts of whole articles; each label has about a fifth of its rows in each part.

    The parts are the same whatever is asked for, and no row is in two of them.

    Args:
        number: 1 to FOLDS.
    """
    check_seed("fold", number, "SPLIT_SEED")
    articles, by_label = _articles(rows)
    test: set[str] = set()
    for label in sorted(by_label):
        names = sorted(by_label[label])
        random.Random(FOLDS).shuffle(names)
        names.sort(key=lambda name: -len(articles[name]))
        sizes = [0] * FOLDS
        for name in names:  # the largest first, each to the smallest part
            smallest = sizes.index(min(sizes))
            sizes[smallest] += len(articles[name])
            if smallest == number - 1:
                test.update(row.id for row in articles[name])
    return frozenset(test)


def _articles(rows: Sequence[Row]) -> tuple[dict[str, list[Row]], dict[str, list[str]]]:
    """The rows of each article, and each label's articles: that of an article's first row."""
    articles: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.id):
        articles[row.group or row.id].append(row)
    by_label: dict[str, list[str]] = defaultdict(list)
    for name, members in articles.items():
        by_label[members[0].label].append(name)
    return articles, by_label


def by_group(rows: Sequence[Row], seed: int) -> frozenset[str]:
    """Holds out whole articles of each label until a tenth of the label's rows is reached.

    Sentences of one article are not independent; with this split no article is
    on both sides. An article's label is that of its first row.
    """
    articles, by_label = _articles(rows)
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
