"""What the printed figures say of one another: shares of 419, best epochs, stops, wrong names."""

from collections.abc import Iterator
from fractions import Fraction
from math import floor
from statistics import fmean

from train2deploy.published_check import counts
from train2deploy.published_check.lines import Line, compared
from train2deploy.report.catalogue import Log, Model, Published
from train2deploy.report.shape import Printed

SMALLEST, LARGEST = 300, 459
"""Sizes of a validation split that are tried; the article does not print it."""
ROUNDING_OF_A_MEAN = 1e-5
SINGLE = 1e-7
"""Keras averages its batches in 32 bits, so a sixth decimal may have been rounded otherwise."""


def lines(published: Published) -> Iterator[Line]:
    """Section 4."""
    for model in published.models:
        for log in model.logs:
            if log.n:
                yield _shares(model, log)
        if model.report:
            yield _right_answers(model)
        if accuracy := model.log("val_acc"):
            if model.measured_on == "validation split":
                yield _size(model, accuracy)
            elif not model.at_least:
                yield _best_epoch(model, accuracy)
        yield from (_stop(model, log) for log in model.logs if log.patience)
        if model.report and any(row.label != row.printed for row in model.report.classes):
            yield _names(model, published)
        if any(answer.normalized for answer in model.answers):
            yield _normalized(model)
        if model.counted_twice:
            yield _counted_twice(model)


def count_of(share: Printed, n: int) -> int | None:
    """The whole number of `n` that was printed as `share`; None where there is none."""
    near = floor(share * n)
    room = share.rounding + SINGLE
    return next((k for k in (near, near + 1) if abs(k / n - share) <= room), None)


def _shares(model: Model, log: Log) -> Line:
    assert log.n
    found = [count_of(share, log.n) for share in log.by_epoch.values()]
    held = sum(one is not None for one in found)
    text = f"{held} / {len(found)}"
    return Line(f"shares-{log.n}", held == len(found), text, model.id)


def _size(model: Model, log: Log) -> Line:
    sizes = [
        n
        for n in range(SMALLEST, LARGEST + 1)
        if all(count_of(share, n) is not None for share in log.by_epoch.values())
    ]
    return compared("size", [model.n], sizes, model.id)


def _right_answers(model: Model) -> Line:
    """One number, or of two the one that the log has."""
    assert model.report and model.right and model.n
    found = counts.right_answers(model.report)
    text = ", ".join(map(str, sorted(found)))
    log = model.log("val_acc")
    if len(found) > 1 and log:
        logged = {count_of(share, model.n) for share in log.by_epoch.values()}
        found &= {k for k in logged if k is not None}
        text += f" → {', '.join(map(str, sorted(found)))}"
    return Line("right", found == {model.right}, text, model.id)


def _best_epoch(model: Model, log: Log) -> Line:
    """The reported accuracy is the highest of the test set over the epochs."""
    assert model.right and model.n
    best = max(log.by_epoch, key=lambda epoch: (log.by_epoch[epoch], -epoch))
    held = best == model.epoch and count_of(log.by_epoch[best], model.n) == model.right
    last = log.by_epoch[max(log.by_epoch)]
    held = held and count_of(last, model.n) == model.last_right
    return Line("best-epoch", held, f"{best}: {log.by_epoch[best]} ({last})", model.id)


def _stop(model: Model, log: Log) -> Line:
    """Early stopping ends `patience` epochs after the first of the best.

    Where the log has not all epochs, the best one follows from that.
    """
    assert log.patience
    last = max(log.by_epoch)
    if len(log.by_epoch) < last:
        implied = last - log.patience
        held = implied == model.epoch and implied not in log.by_epoch
        return Line("stop-implied", held, str(implied), model.id)
    sign = -1 if log.metric == "val_mae" else 1
    best = max(log.by_epoch, key=lambda epoch: (sign * log.by_epoch[epoch], -epoch))
    return compared("stop", best + log.patience, last, model.id)


def _names(model: Model, published: Published) -> Line:
    assert model.report
    supports = published.test_sets[model.test_set].supports
    true = {support: label for label, support in supports.items()}
    named = [true.get(row.support) for row in model.report.classes]
    wrong = sum(
        row.printed != label for row, label in zip(model.report.classes, named, strict=True)
    )
    held = named == [row.label for row in model.report.classes] and wrong == 3
    return Line("names", held, ", ".join(map(str, named)), model.id)


def _normalized(model: Model) -> Line:
    worst = 0.0
    for answer in model.answers:
        mean = fmean(answer.weights) if answer.weights else 0.0
        for weight, printed in zip(answer.weights, answer.normalized, strict=True):
            worst = max(worst, abs(max(weight - mean, 0.0) - printed))
    return Line("normalized", worst <= ROUNDING_OF_A_MEAN, f"{worst:.0e}", model.id)


def _counted_twice(model: Model) -> Line:
    """The printed accuracy in lowest terms, and what filled the last batch of 64."""
    assert model.printed and model.n
    exact = Fraction(model.printed).limit_denominator(1000)
    held = exact == Fraction(model.right or 0, model.n) and exact.denominator == model.n
    held = held and model.n == 7 * 64 and model.n - model.counted_twice == 419
    held = held and count_of(model.printed, 419) is None
    return Line("twice", held, f"{exact.numerator} / {exact.denominator}", model.id)
