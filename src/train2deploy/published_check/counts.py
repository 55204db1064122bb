"""Which counts a printed classification report allows: right and predicted sentences by class.

Recall is right / support, precision right / predicted, F1 2·right / (support + predicted), and the
predicted sentences of all classes are as many as the sentences. Printed with two decimals, few
whole numbers fit each class, and the means decide between the rest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from train2deploy.report.catalogue import AverageRow, ClassRow, Report, Scores


@dataclass(frozen=True)
class Counts:
    """Of one class, and the scores that follow."""

    right: int
    predicted: int
    support: int

    @property
    def scores(self) -> tuple[float, float, float]:
        """Precision, recall, F1; 0 where nothing is predicted."""
        precision = self.right / self.predicted if self.predicted else 0.0
        return (
            precision,
            self.right / self.support,
            2 * self.right / (self.support + self.predicted),
        )


def right_answers(report: Report) -> set[int]:
    """Every number of right answers that gives each printed digit."""
    return {sum(one.right for one in counts) for counts in solutions(report)}


def solutions(report: Report) -> Iterator[tuple[Counts, ...]]:
    """Every way to fill the confusion's margins that gives each printed digit."""
    n = sum(row.support for row in report.classes)
    *but_one, last = [list(_of_a_class(row, n)) for row in report.classes]
    # The predictions of the last class are what the others leave.
    by_predicted: dict[int, list[Counts]] = {}
    for one in last:
        by_predicted.setdefault(one.predicted, []).append(one)
    for some in product(*but_one):
        left = n - sum(one.predicted for one in some)
        for one in by_predicted.get(left, ()):
            if all(_gives((*some, one), row) for row in report.averages):
                yield (*some, one)


def _of_a_class(row: ClassRow, n: int) -> Iterator[Counts]:
    for right in range(row.support + 1):
        if not row.recall.is_rounding_of(right / row.support):
            continue
        for predicted in range(right, n + 1):
            counts = Counts(right, predicted, row.support)
            if _rounds_to(counts.scores, row):
                yield counts


def _gives(counts: Sequence[Counts], row: AverageRow) -> bool:
    return _rounds_to(_averages(counts)[row.average], row)


def _averages(counts: Sequence[Counts]) -> Mapping[str, tuple[float, float, float]]:
    n = sum(one.support for one in counts)
    scores = [one.scores for one in counts]
    micro = sum(one.right for one in counts) / n
    by_score = list(zip(*scores, strict=True))
    macro = tuple(sum(values) / len(values) for values in by_score)
    weighted = tuple(
        sum(value * one.support for value, one in zip(values, counts, strict=True)) / n
        for values in by_score
    )
    return {
        "micro": (micro, micro, micro),
        "macro": (macro[0], macro[1], macro[2]),
        "weighted": (weighted[0], weighted[1], weighted[2]),
    }


def _rounds_to(exact: tuple[float, float, float], printed: Scores) -> bool:
    pairs = zip((printed.precision, printed.recall, printed.f1), exact, strict=True)
    return all(one.is_rounding_of(number) for one, number in pairs)
