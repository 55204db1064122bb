"""McNemar's exact test against values worked by hand, and what is said of two runs."""

import math
from fractions import Fraction
from pathlib import Path

import made_runs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train2deploy.errors import UserError
from train2deploy.runs import compare, mcnemar
from train2deploy.runs.mcnemar import McNemar


def predictions(both: int, only_a: int, only_b: int, neither: int) -> tuple[str, str, str]:
    """Truth and the two predictions, a letter a sentence."""
    n = both + only_a + only_b + neither
    a = "r" * (both + only_a) + "w" * (only_b + neither)
    b = "r" * both + "w" * only_a + "r" * only_b + "w" * neither
    return "r" * n, a, b


def test_a_case_worked_by_hand():
    """Of 12 sentences that one alone gets right, 10 are A's: p = 2 (1 + 12 + 66) / 2^12."""
    found = mcnemar.mcnemar(*predictions(50, 10, 2, 7))
    assert (found.both, found.only_a, found.only_b, found.neither) == (50, 10, 2, 7)
    assert found.p == pytest.approx(2 * (1 + 12 + 66) / 4096)


@pytest.mark.parametrize(
    "only_a, only_b, p",
    [
        # Exact two-sided values: 2 P(X <= smaller), X ~ B(a + b, 1/2), at most 1.
        (0, 0, 1.0),
        (1, 0, 1.0),
        (0, 5, 2 / 32),
        (6, 0, 2 / 64),
        (7, 7, 1.0),
        (1, 9, 2 * 11 / 1024),
        (86, 150, 3.7158e-05),
    ],
)
def test_known_values(only_a: int, only_b: int, p: float):
    found = mcnemar.mcnemar(*predictions(3, only_a, only_b, 4))
    assert found.p == pytest.approx(p, rel=1e-4)


@given(a=st.integers(0, 60), b=st.integers(0, 60))
def test_p_is_the_binomial_tail_and_does_not_depend_on_who_is_a(a: int, b: int):
    n, few = a + b, min(a, b)
    tail = 2 * sum(Fraction(math.comb(n, k), 2**n) for k in range(few + 1))
    found = mcnemar.mcnemar(*predictions(1, a, b, 1))
    assert found.p == pytest.approx(float(min(Fraction(1), tail)))
    truth, first, second = predictions(1, a, b, 1)
    turned = mcnemar.mcnemar(truth, second, first)
    assert (turned.only_a, turned.only_b, turned.p) == (b, a, pytest.approx(found.p))


def test_predictions_of_other_lengths_are_no_pairs():
    with pytest.raises(ValueError):
        mcnemar.mcnemar("rr", "rr", "r")


@pytest.mark.parametrize(
    "found, english, japanese",
    [
        (
            McNemar(50, 2, 12, 3, 0.013),
            "B alone is right on 12 sentences, A alone on 2: chance alone would rarely give this"
            " (p = 0.013), so B is better.",
            "B だけが正解した文は 12 件、A だけが正解した文は 2 件です。偶然とは考えにくい差で"
            "（p = 0.013）、B のほうが優れています。",
        ),
        (
            McNemar(50, 5, 4, 3, 1.0),
            "A alone is right on 5 sentences, B alone on 4: chance alone may well give this"
            " (p = 1); it does not show A is better.",
            "A だけが正解した文は 5 件、B だけが正解した文は 4 件です。偶然でも起こりうる差なので"
            "（p = 1）、A のほうが優れているとは言えません。",
        ),
        (
            McNemar(50, 4, 4, 3, 1.0),
            "B alone is right on 4 sentences, A alone on 4: no difference.",
            "B だけが正解した文は 4 件、A だけが正解した文は 4 件です。両者に差はありません。",
        ),
        (
            McNemar(50, 0, 0, 3, 1.0),
            "A and B are right and wrong on the very same test sentences.",
            "A と B の正誤は、すべてのテスト文で一致しました。",
        ),
    ],
)
def test_what_is_said_of_it(found: McNemar, english: str, japanese: str):
    assert mcnemar.meaning(found, "en") == english
    assert mcnemar.meaning(found, "ja") == japanese


# --- two runs -----------------------------------------------------------------------------

TRUTH = ["グルメ"] * 10
WRONG = "携帯電話"


def test_two_runs_side_by_side(project: Path, capsys: pytest.CaptureFixture[str]):
    a = made_runs.run("v1", 1, 0.7, truth=TRUTH, predicted=TRUTH[:3] + [WRONG] * 7, epochs=20)
    b = made_runs.run("v2", 2, 0.9, truth=TRUTH, predicted=[WRONG] + TRUTH[:9], patience=4)
    found = compare.compare("sample-v1", b["id"])
    assert found == McNemar(2, 1, 7, 0, pytest.approx(2 * 9 / 256))
    out = capsys.readouterr().out
    assert f"A  {a['id']}" in out
    assert "test sentences: 10; both right 2, only A 1, only B 7, neither 0" in out
    assert "p = 0.07031" in out
    rows = {line.split("│")[1].strip(): line for line in out.splitlines() if line.count("│") > 3}
    assert "+0.200" in rows["accuracy"]
    assert "10" in rows["training_s"]
    assert {"seed", "epochs", "patience", "sources: train"} <= rows.keys()
    assert "hidden" not in rows, "what is the same in both is not shown"
    assert "channels: train" not in rows


def test_it_speaks_japanese(project: Path, capsys: pytest.CaptureFixture[str]):
    made_runs.run("v1"), made_runs.run("v2")
    compare.compare("best:v1", "best:v2", "ja")
    assert "正誤は、すべてのテスト文で一致" in capsys.readouterr().out


def test_other_test_sentences_are_refused_with_both_hashes(project: Path):
    made_runs.run("v1", test_sha256="abc123"), made_runs.run("v2", test_sha256="def456")
    with pytest.raises(UserError, match=r"different test sentences \(sha256 abc123 and def456\)"):
        compare.compare("best:v1", "best:v2")


@pytest.mark.parametrize("b", ["sample-v1", "best:v1"])
def test_a_run_is_not_compared_with_itself(project: Path, b: str):
    made = made_runs.run("v1")
    with pytest.raises(UserError, match=rf"A={made['id']} and B={b} are the same run"):
        compare.compare(made["id"], b)


def test_without_a_and_b_it_lists_the_runs(project: Path):
    with pytest.raises(UserError, match=r"expected two runs, A=<run> B=<run>.*There are none"):
        compare.compare("", "")
    made = made_runs.run()
    with pytest.raises(UserError, match=f"There are {made['id']}"):
        compare.compare(made["id"], "")


@pytest.mark.parametrize(
    "only_a, only_b, better", [(10, 2, "A"), (2, 10, "B"), (6, 1, ""), (7, 7, "")]
)
def test_the_better_one_is_named_where_it_is_more_than_chance(only_a, only_b, better):
    assert mcnemar.mcnemar(*predictions(3, only_a, only_b, 4)).better == better
