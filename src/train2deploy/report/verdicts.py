"""Whether a published figure came out here: the rule of results/published.toml.

A published accuracy is one draw, `right` of `n`: with another seed and another split the author
would have printed another one. So it is not compared with the mean of our runs, which is known
better the more runs there are, but with where the next single run would fall: the prediction
interval m ± t·s·√(1 + 1/R) of our R runs under the same selection rule.

s is estimated from all models of the report together, each weighted by its degrees of freedom, so
that a model with a single run has an interval as well: as the pooled ratio of the variance between
runs to the binomial variance m(1 − m)/n, since models differ in accuracy, and in n where a figure
is of the validation split. t has the pooled degrees of freedom. Whatever the runs say, the interval
is no narrower than the one of the binomial standard error and the normal quantile: a few runs that
happen to agree do not make a test set of 419 sentences more exact.

An article that prints answers and no accuracy is held to the same rule on the log-odds of the class
that it answers, with the spread of our own runs of that model, at least FEWEST_ANSWERS of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, inf, log, sqrt
from statistics import fmean, stdev, variance
from typing import Any

from train2deploy.answers import by_label
from train2deploy.report.catalogue import Model, Texts

CONFIDENCE = 0.95

REPRODUCED = "reproduced"
DIFFERS = "differs"
NOT_COMPARABLE = "not comparable"
NOT_POSSIBLE = "not possible"
NO_FIGURE = "no figure"
NOT_RUN = "not run"

DECISIVE = ("vectors", "tokenizer")
"""Kinds of substitutes that may explain a difference; another split of the same kind may not."""
FEWEST_ANSWERS = 5
"""With fewer runs their own spread tells so little that nearly any answer would do."""
SMALLEST_SHARE = 1e-6
SMALLEST_SPREAD = 1e-3  # of the log-odds: printed digits resolve no more

Answers = Mapping[str, Mapping[str, float]]  # by sentence: the probability of each class


@dataclass(frozen=True)
class Dispersion:
    """How much more runs vary than binomial counts would, over all models of a report."""

    ratio: float  # of the variances; 1 where there are no two runs of any model
    degrees: int  # of freedom; with none, what runs vary is taken to be binomial

    def half(self, mean: float, n: int, runs: int) -> float:
        """Half of the prediction interval of one more run that scores `n` sentences."""
        return max(_quantile(degrees) * scale for scale, degrees in self._scales(mean, n, runs))

    def interval(self, mean: float, n: int, runs: int) -> tuple[float, float]:
        """The prediction interval itself."""
        half = self.half(mean, n, runs)
        return max(mean - half, 0.0), min(mean + half, 1.0)

    def p(self, distance: float, mean: float, n: int, runs: int) -> float:
        """Two-sided, of one more run at least so far from the mean: below .05 beyond `half`."""
        return max(
            _two_sided(distance / scale, degrees) if scale else 0.0
            for scale, degrees in self._scales(mean, n, runs)
        )

    def _scales(self, mean: float, n: int, runs: int) -> list[tuple[float, int]]:
        binomial = sqrt(_binomial(mean, n) * (1 + 1 / runs))
        return [(binomial, 0), (binomial * sqrt(self.ratio), self.degrees)]


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one published figure."""

    verdict: str  # one of the above
    # runs, mean, sd: of ours under the author's rule; sd is None of one run
    runs: int = 0
    mean: float | None = None
    sd: float | None = None
    # low, high: the prediction interval
    low: float | None = None
    high: float | None = None
    points: float | None = None  # published minus our mean, in percentage points
    p: float | None = None  # two-sided, of a draw at least so far from our mean
    reasons: tuple[Texts, ...] = ()  # what was substituted, or why it cannot be run; by language
    sentence: str | None = None  # whose answer the numbers are of, where answers are judged

    def as_json(self) -> dict[str, Any]:
        numbers = {
            name: None if value is None else round(value, 6)
            for name, value in (
                ("mean", self.mean), ("sd", self.sd), ("low", self.low),
                ("high", self.high), ("points", self.points), ("p", self.p),
            )
        }  # fmt: skip
        reasons = [dict(reason) for reason in self.reasons]
        asked = {"sentence": self.sentence} if self.sentence else {}
        return {"verdict": self.verdict, "runs": self.runs, **numbers, "reasons": reasons, **asked}


def pooled(groups: Iterable[tuple[Sequence[float], int]]) -> Dispersion:
    """The dispersion over models.

    Args:
        groups: for each model its runs' accuracies under one rule, and the sentences of each.
    """
    total, degrees = 0.0, 0
    for accuracies, n in groups:
        if len(accuracies) > 1:
            binomial = _binomial(fmean(accuracies), n)
            total += (len(accuracies) - 1) * variance(accuracies) / binomial
            degrees += len(accuracies) - 1
    return Dispersion(total / degrees if degrees else 1.0, degrees)


def judge(model: Model, accuracies: Sequence[float], dispersion: Dispersion) -> Verdict:
    """The verdict on the accuracy of a published model.

    Args:
        accuracies: of our runs under the rule by which the author chose his (see `ours`).
        dispersion: of all models of the report.
    """
    if model.impossible:
        return Verdict(NOT_POSSIBLE, reasons=(model.impossible,))
    published, n = model.accuracy, model.n
    if published is None or n is None:
        return Verdict(NO_FIGURE)
    if not accuracies:
        return Verdict(NOT_RUN)
    runs, mean = len(accuracies), fmean(accuracies)
    # A lower bound agrees with every value above it.
    distance = max(published - mean, 0.0) if model.at_least else published - mean
    verdict = REPRODUCED
    reasons: tuple[Texts, ...] = ()
    if abs(distance) > dispersion.half(mean, n, runs):
        reasons = tuple(one.text for one in model.substitutes if one.kind in DECISIVE)
        verdict = NOT_COMPARABLE if reasons else DIFFERS
    return Verdict(
        verdict,
        runs,
        mean,
        sqrt(variance(accuracies)) if runs > 1 else None,
        *dispersion.interval(mean, n, runs),
        100 * (published - mean),
        dispersion.p(abs(distance), mean, n, runs),
        reasons,
    )


def judge_answers(model: Model, answers: Sequence[Answers]) -> Verdict:
    """The verdict on the printed probabilities of a model of which no accuracy was published.

    Of several answers each may be off by chance, so the level is divided among them. The numbers
    are those of the answer that is farthest off.

    Args:
        answers: of each of our runs, of which there must be FEWEST_ANSWERS.
    """
    published = [
        (answer.sentence, answer.label, float(answer.probabilities[answer.label]))
        for answer in model.answers
        if answer.sentence and answer.label in answer.probabilities
    ]
    if not published:
        return Verdict(NO_FIGURE)
    judged = []
    for sentence, label, probability in published:
        found = [one[sentence][label] for one in answers if label in one.get(sentence, {})]
        if len(found) < FEWEST_ANSWERS:
            return Verdict(NOT_RUN)
        one = _judge_answer(probability, found, len(published))
        judged.append(replace(one, sentence=sentence))
    worst = min(judged, key=lambda verdict: verdict.p or 0.0)
    if worst.verdict == REPRODUCED:
        return worst
    reasons = tuple(one.text for one in model.substitutes if one.kind in DECISIVE)
    return replace(worst, verdict=NOT_COMPARABLE if reasons else DIFFERS, reasons=reasons)


def _judge_answer(published: float, found: Sequence[float], together: int) -> Verdict:
    runs, odds = len(found), [_log_odds(one) for one in found]
    mean, degrees = fmean(odds), len(found) - 1
    one_more = max(stdev(odds), SMALLEST_SPREAD) * sqrt(1 + 1 / runs)
    distance = abs(_log_odds(published) - mean)
    half = _quantile(degrees, together) * one_more
    return Verdict(
        REPRODUCED if distance <= half else DIFFERS,
        runs,
        fmean(found),
        stdev(found),
        _share(mean - half),
        _share(mean + half),
        100 * (published - fmean(found)),
        min(together * _two_sided(distance / one_more, degrees), 1.0),
    )


def judge_all(
    models: Sequence[Model],
    accuracies: Mapping[str, Sequence[float]],
    answers: Mapping[str, Sequence[Answers]] | None = None,
) -> dict[str, Verdict]:
    """The verdict on each model, by its id.

    Args:
        accuracies: of our runs, by the model's id; a model without runs may be missing.
        answers: of our runs, by the id of a model of which answers were printed and no accuracy.
    """
    # A validation split of a training under way varies otherwise than a test set of a finished one.
    spread = {
        kind: pooled(
            (accuracies[model.id], model.n)
            for model in _once_each_version(models, kind)
            if model.n and accuracies.get(model.id)
        )
        for kind in {model.measured_on for model in models}
    }
    answers = answers or {}
    return {
        model.id: judge_answers(model, answers[model.id])
        if model.accuracy is None and model.id in answers
        else judge(model, accuracies.get(model.id, ()), spread[model.measured_on])
        for model in models
    }


def ours(
    model: Model, metrics: Mapping[str, Any], history: Mapping[str, Sequence[float]]
) -> float | None:
    """The accuracy of one of our runs that stands beside the published one: by the same rule.

    Args:
        metrics, history: of the run's record. `metrics.author` is the author's rule applied to
            the recorded curves; a run without one has chosen on its validation split.

    Returns:
        None where the run has not what the article printed.
    """
    if model.measured_on == "validation split":
        by_epoch = dict(zip(history.get("epoch", ()), history.get("val_acc", ()), strict=False))
        found = by_epoch.get(model.epoch or 0)
    elif "author" in metrics:
        found = metrics["author"].get("accuracy")
    else:
        found = metrics.get("accuracy")
    return None if found is None else float(found)


def our_answers(metrics: Mapping[str, Any], golden: Mapping[str, Any]) -> Answers:
    """What one of our runs answered: of the sentences of an article, or of the endpoint's one.

    Args:
        metrics, golden: of the run's record.
    """
    found = {one["text"]: one["probabilities"] for one in metrics.get("answers", ())}
    if "sentence" in golden:
        found[golden["sentence"]] = by_label(golden["ranking"])
    return found


def _once_each_version(models: Sequence[Model], kind: str) -> list[Model]:
    """Two figures that the same runs of ours are held against say only once how these vary."""
    found: dict[tuple[Any, ...], Model] = {}
    for model in models:
        if model.measured_on == kind:
            found.setdefault((model.version or model.id, *sorted(model.options.items())), model)
    return list(found.values())


def _binomial(mean: float, n: int) -> float:
    """The variance of a share; half a sentence from 0 and 1, where it would be none."""
    share = min(max(mean, 0.5 / n), 1 - 0.5 / n)
    return share * (1 - share) / n


def _log_odds(share: float) -> float:
    share = min(max(share, SMALLEST_SHARE), 1 - SMALLEST_SHARE)
    return log(share / (1 - share))


def _share(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))


def _quantile(degrees: int, together: int = 1) -> float:
    from scipy.stats import t

    return float(t.ppf(1 - (1 - CONFIDENCE) / 2 / together, degrees or inf))


def _two_sided(distance: float, degrees: int) -> float:
    from scipy.stats import t

    return float(2 * t.sf(distance, degrees or inf))
