"""The rule by which a published figure counts as reproduced: made-up runs come out each way."""

from dataclasses import replace

import numpy
import pytest

from train2deploy.report import published, verdicts
from train2deploy.report.catalogue import Substitute
from train2deploy.report.verdicts import (
    DIFFERS,
    NO_FIGURE,
    NOT_COMPARABLE,
    NOT_POSSIBLE,
    NOT_RUN,
    REPRODUCED,
    Dispersion,
    judge,
    pooled,
)

TEXT = {"en": "other", "ja": "別"}
SPLIT = Substitute(id="split", kind="split", **TEXT)
VECTORS = Substitute(id="vectors", kind="vectors", **TEXT)
MODEL = replace(
    published.read().model("comp-vectorizer-pieces"), right=310, n=419, substitutes=(SPLIT,)
)  # .7399, standard error .0214
BINOMIAL = Dispersion(1.0, 0)


@pytest.mark.parametrize(
    "ours, verdict",
    [
        ([0.74, 0.75, 0.73], REPRODUCED),
        ([0.70, 0.71, 0.70], REPRODUCED),  # 3.7 points; the interval is ± 4.8
        ([0.78, 0.79, 0.78], REPRODUCED),
        ([0.68, 0.68, 0.68], DIFFERS),  # runs that agree do not make it narrower
        ([0.80, 0.80, 0.80], DIFFERS),  # better is not reproduced, either
        ([0.69], REPRODUCED),  # one run: ± 6.3
        ([0.67], DIFFERS),
        ([], NOT_RUN),
    ],
)
def test_a_figure_is_reproduced_where_one_more_run_of_ours_could_give_it(ours, verdict):
    assert judge(MODEL, ours, BINOMIAL).verdict == verdict


def test_the_interval_is_that_of_the_rule():
    found = judge(MODEL, [0.69, 0.71], BINOMIAL)
    half = 1.959964 * (0.7 * 0.3 / 419) ** 0.5 * 1.5**0.5
    assert (found.low, found.high) == (pytest.approx(0.7 - half), pytest.approx(0.7 + half))
    assert (found.runs, found.mean) == (2, pytest.approx(0.7))
    assert found.sd == pytest.approx(0.02 / 2**0.5)
    assert found.points == pytest.approx(100 * 310 / 419 - 70)


def test_runs_that_vary_widen_the_interval_and_runs_that_agree_do_not_narrow_it():
    binomial = BINOMIAL.half(0.7, 419, 3)
    assert Dispersion(0.01, 8).half(0.7, 419, 3) == binomial
    assert Dispersion(4.0, 1000).half(0.7, 419, 3) == pytest.approx(2 * binomial, rel=0.01)
    # Of few degrees of freedom a wider quantile: 4.302653 of two.
    assert Dispersion(1.0, 2).half(0.7, 419, 3) == pytest.approx(binomial * 4.302653 / 1.959964)


def test_the_distance_and_the_p_value_agree_with_the_verdict():
    for mean in numpy.arange(0.6, 0.9, 0.005):
        found = judge(MODEL, [float(mean)] * 3, Dispersion(1.3, 12))
        assert found.p is not None and found.low is not None and found.high is not None
        within = found.low <= 310 / 419 <= found.high
        assert (found.verdict == REPRODUCED) == within == (found.p >= 0.05)


def test_a_difference_is_not_comparable_where_vectors_or_tokenizer_are_others():
    substituted = replace(MODEL, substitutes=(SPLIT, VECTORS))
    far, near = [0.6, 0.61], [0.74, 0.75]
    assert judge(MODEL, far, BINOMIAL).verdict == DIFFERS  # another split is no excuse
    found = judge(substituted, far, BINOMIAL)
    assert (found.verdict, found.reasons) == (NOT_COMPARABLE, (TEXT,))
    assert found.p is not None and found.p < 0.001
    assert judge(substituted, near, BINOMIAL).verdict == REPRODUCED
    assert judge(substituted, near, BINOMIAL).reasons == ()


def test_what_cannot_be_run_and_what_has_no_figure_say_so():
    gone = replace(MODEL, impossible=TEXT)
    assert judge(gone, [0.74], BINOMIAL) == verdicts.Verdict(NOT_POSSIBLE, reasons=(TEXT,))
    assert judge(replace(MODEL, right=None, n=None), [0.74], BINOMIAL).verdict == NO_FIGURE


def test_a_lower_bound_is_met_from_above_at_any_distance():
    bound = replace(MODEL, at_least=True)
    assert judge(bound, [0.9, 0.9], BINOMIAL).verdict == REPRODUCED
    assert judge(bound, [0.6, 0.6], BINOMIAL).verdict == DIFFERS


def test_dispersion_is_pooled_by_degrees_of_freedom_as_a_ratio_to_the_binomial_variance():
    binomial = 0.7 * 0.3 / 419
    wide = [0.7 - (8 * binomial) ** 0.5, 0.7 + (8 * binomial) ** 0.5]  # variance 16 of them
    found = pooled([(wide, 419), ([0.7, 0.7, 0.7, 0.7], 419), ([0.5], 419)])
    assert found.degrees == 4
    assert found.ratio == pytest.approx(16 / 4)
    assert pooled([([0.5], 419), ([], 419)]) == Dispersion(1.0, 0)
    # The same share of twice as many sentences varies half as much.
    assert found.half(0.7, 838, 1) == pytest.approx(found.half(0.7, 419, 1) / 2**0.5)


def test_a_model_with_one_run_is_judged_by_how_the_others_vary():
    other = replace(MODEL, id="other", version="other")
    tight = {"other": [0.740, 0.741, 0.742, 0.741], MODEL.id: [0.67]}
    assert verdicts.judge_all([MODEL, other], tight)[MODEL.id].verdict == DIFFERS
    loose = {"other": [0.64, 0.84, 0.70, 0.78], MODEL.id: [0.67]}
    assert verdicts.judge_all([MODEL, other], loose)[MODEL.id].verdict == REPRODUCED


def test_runs_that_two_figures_are_held_against_count_once_in_the_pool():
    again = replace(MODEL, id="again")
    runs = [0.70, 0.75]
    twice = verdicts.judge_all([MODEL, again], {MODEL.id: runs, "again": runs})
    assert twice["again"] == judge(MODEL, runs, pooled([(runs, 419)]))


def test_runs_at_both_ends_of_the_scale_have_an_interval():
    for accuracy in (0.0, 1.0):
        found = judge(MODEL, [accuracy] * 2, pooled([([accuracy] * 2, 419)]))
        assert found.verdict == DIFFERS
        assert found.low is not None and found.high is not None and found.low < found.high


def test_ours_is_the_figure_under_the_authors_rule():
    history = {"epoch": [1, 2], "val_acc": [0.5, 0.6]}
    metrics = {"accuracy": 0.7, "author": {"rule": "best-on-test", "epoch": 2, "accuracy": 0.72}}
    assert verdicts.ours(MODEL, metrics, history) == 0.72
    assert verdicts.ours(MODEL, {"accuracy": 0.7}, history) == 0.7
    of_the_split = replace(MODEL, measured_on="validation split", epoch=2)
    assert verdicts.ours(of_the_split, metrics, history) == 0.6
    assert verdicts.ours(replace(of_the_split, epoch=3), metrics, history) is None


# --- answers -------------------------------------------------------------------------------------

ONE = published.read().model("train2deploy")  # 携帯電話 0.96622, vectors and tokenizer are others
THREE = published.read().model("attention-visualize-with-spacy")  # .9316, .962, .9466


def answered(*probabilities: float) -> list[verdicts.Answers]:
    return [{"電波が悪い": {"携帯電話": one, "京都": 1 - one}} for one in probabilities]


@pytest.mark.parametrize(
    "ours, verdict",
    [
        ([0.95, 0.97, 0.96, 0.95, 0.97], REPRODUCED),
        ([0.5, 0.8, 0.97, 0.6, 0.9], REPRODUCED),  # runs that differ so much say little
        ([0.60, 0.62, 0.61, 0.60, 0.62], NOT_COMPARABLE),
        ([0.9999, 0.9998, 0.9999, 0.9998, 0.9999], NOT_COMPARABLE),  # too sure
        ([1.0] * 5, NOT_COMPARABLE),
        ([0.0, 1.0, 0.5, 0.0, 1.0], REPRODUCED),
        ([0.97] * 4, NOT_RUN),
        ([], NOT_RUN),
    ],
)
def test_a_printed_answer_is_held_to_the_spread_of_our_runs(ours: list[float], verdict: str):
    found = verdicts.judge_answers(ONE, answered(*ours))
    assert found.verdict == verdict
    assert bool(found.reasons) == (verdict == NOT_COMPARABLE)
    if found.p is not None and found.low is not None and found.high is not None:
        assert (found.p >= 0.05) == (verdict == REPRODUCED)
        assert (found.low <= 0.96622 <= found.high) == (verdict == REPRODUCED)


def test_of_several_answers_the_farthest_off_decides():
    def run(*probabilities: float) -> verdicts.Answers:
        pairs = zip(THREE.answers, probabilities, strict=True)
        return {answer.sentence or "": {answer.label: one} for answer, one in pairs}

    near = [run(0.93, 0.95, 0.94), run(0.94, 0.97, 0.95), run(0.92, 0.96, 0.96)] * 2
    assert verdicts.judge_answers(THREE, near).verdict == REPRODUCED
    far = [run(0.93, 0.5, 0.94), run(0.94, 0.51, 0.95), run(0.92, 0.5, 0.96)] * 2
    found = verdicts.judge_answers(THREE, far)
    # The words are cut by another dictionary, which may be why.
    assert (found.verdict, found.mean) == (NOT_COMPARABLE, pytest.approx(0.503333))
    assert found.as_json()["sentence"] == THREE.answers[1].sentence
    as_his = replace(THREE, substitutes=())
    assert verdicts.judge_answers(as_his, far).verdict == DIFFERS
    assert verdicts.judge_answers(THREE, [{}, {}]).verdict == NOT_RUN


def test_a_model_with_answers_and_no_accuracy_is_judged_by_its_answers():
    found = verdicts.judge_all([MODEL, ONE], {}, {ONE.id: answered(*[0.96, 0.97] * 3)})
    assert {name: one.verdict for name, one in found.items()} == {
        MODEL.id: NOT_RUN, ONE.id: REPRODUCED,
    }  # fmt: skip
    assert verdicts.judge_all([ONE], {})[ONE.id].verdict == NO_FIGURE
    # One that has an accuracy is not judged by what it answered.
    assert verdicts.judge_all([MODEL], {}, {MODEL.id: answered(0.96, 0.97)})[MODEL.id].verdict == (
        NOT_RUN
    )


def test_our_answers_are_those_of_the_job_and_of_the_endpoint():
    golden = {"sentence": "電波が悪い", "ranking": [{"label": "携帯電話", "prob": 0.9}]}
    metrics = {"answers": [{"text": "夕食は焼肉だ", "probabilities": {"グルメ": 0.96}}]}
    assert verdicts.our_answers(metrics, {}) == {"夕食は焼肉だ": {"グルメ": 0.96}}
    assert verdicts.our_answers({}, golden) == {"電波が悪い": {"携帯電話": 0.9}}
    assert verdicts.our_answers({}, {}) == {}


# --- in the long run -----------------------------------------------------------------------------


@pytest.mark.parametrize("between", [0.0, 0.015])
def test_about_95_of_100_true_draws_are_reproduced(between: float):
    """Author and we draw from one distribution: seed and split, 1 to 5 runs of 12 models."""
    random = numpy.random.RandomState(20190814)
    hits = total = 0
    for _ in range(150):
        models, runs = [], {}
        for number in range(12):
            truth = random.uniform(0.6, 0.82)
            draws = random.binomial(
                419, numpy.clip(random.normal(truth, between, random.randint(2, 7)), 0, 1)
            )
            model = replace(MODEL, id=str(number), version=str(number), right=int(draws[0]))
            models.append(model)
            runs[model.id] = [draw / 419 for draw in draws[1:]]
        found = verdicts.judge_all(models, runs).values()
        hits += sum(one.verdict == REPRODUCED for one in found)
        total += len(found)
    assert 0.94 <= hits / total <= 0.97
