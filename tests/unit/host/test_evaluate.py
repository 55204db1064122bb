"""evaluate, verify and yardsticks: the numbers, against others' and worked by hand."""

import json
import math
from collections import Counter
from pathlib import Path

import pytest
from fake_endpoint import answering, rankings_of
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report, confusion_matrix

from train2deploy import archives, endpoint, evaluate, manifest, paths, verify, yardsticks
from train2deploy.datasets import channels
from train2deploy.datasets.rows import DataSet, Row
from train2deploy.errors import JobFailed, UserError
from train2deploy.hashing import sha256_file
from train2deploy.staleness import Wish

# Worked by hand. True: a a a a b b b c; predicted: a a b c b b a a.
TRUTH = list("aaaabbbc")
PREDICTED = list("aabcbbaa")


def test_scores_of_a_case_worked_by_hand():
    found = evaluate.scores(TRUTH, PREDICTED)
    assert found["n"] == 8
    assert found["labels"] == ["a", "b", "c"]
    assert found["confusion"] == [[2, 1, 1], [1, 2, 0], [1, 0, 0]]
    assert found["accuracy"] == pytest.approx(4 / 8)
    a, b, c = (found["per_class"][label] for label in "abc")
    assert a == pytest.approx({"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "support": 4})
    assert b == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3})
    assert c == {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert found["f1_macro"] == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    assert found["f1_weighted"] == pytest.approx((4 * 1 / 2 + 3 * 2 / 3 + 0) / 8)


LABELS = st.sampled_from(["京都", "グルメ", "携帯電話", "スポーツ"])
PAIRS = st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=40)


@given(pairs=PAIRS)
def test_scores_are_those_of_scikit_learns_report(pairs: list[tuple[str, str]]):
    truth, predicted = zip(*pairs)
    found = evaluate.scores(truth, predicted)
    report = classification_report(truth, predicted, output_dict=True, zero_division=0)
    for label, values in found["per_class"].items():
        assert values["f1"] == pytest.approx(report[label]["f1-score"])
        assert values["precision"] == pytest.approx(report[label]["precision"])
        assert values["recall"] == pytest.approx(report[label]["recall"])
        assert values["support"] == report[label]["support"]
    assert found["f1_macro"] == pytest.approx(report["macro avg"]["f1-score"])
    assert found["f1_weighted"] == pytest.approx(report["weighted avg"]["f1-score"])


@given(pairs=PAIRS.filter(lambda pairs: len(set(sum(pairs, ()))) > 1))
def test_the_matrix_is_scikit_learns(pairs: list[tuple[str, str]]):
    truth, predicted = zip(*pairs)
    found = evaluate.scores(truth, predicted)
    expected = confusion_matrix(truth, predicted, labels=found["labels"])
    assert found["confusion"] == expected.tolist()


@given(pairs=PAIRS)
def test_the_matrix_counts_every_sentence_once(pairs: list[tuple[str, str]]):
    truth, predicted = zip(*pairs)
    found = evaluate.scores(truth, predicted)
    counts = Counter(pairs)
    for row, true in zip(found["confusion"], found["labels"], strict=True):
        assert row == [counts[(true, label)] for label in found["labels"]]
    diagonal = sum(found["confusion"][place][place] for place in range(len(found["labels"])))
    assert found["accuracy"] == pytest.approx(diagonal / len(pairs))


def test_scores_can_be_written_as_json():
    assert json.loads(json.dumps(evaluate.scores(TRUTH, PREDICTED)))["n"] == 8


# --- through an endpoint ------------------------------------------------------------------


@pytest.fixture
def data(project: Path) -> list[Row]:
    """build/data of two easy classes, and something that stands for build/model.tar.gz."""
    rows = [Row(f"k{n}", f"電波が悪い {n}", "携帯電話") for n in range(60)]
    rows += [Row(f"g{n}", f"抹茶パフェ {n}", "グルメ") for n in range(60)]
    rows[0] = Row("k0", "", "携帯電話")
    held_out = frozenset([f"k{n}" for n in range(20)] + [f"g{n}" for n in range(20)])
    channels.write(DataSet(rows, held_out, {"dataset": "made"}), 1, "random", paths.DATASET)
    paths.MODEL_ARCHIVE.write_bytes(b"model")
    return channels.read(paths.DATASET / "test")


def test_the_test_split_is_asked_in_batches_and_the_result_is_written(data, capsys):
    batches = []

    def answer(sentences: list[str]):
        batches.append(sentences)
        return rankings_of(["携帯電話" if "電波" in text else "グルメ" for text in sentences])

    with answering(answer) as running:
        result = evaluate.evaluate(running)
    assert [len(batch) for batch in batches] == [32, 8]
    asked = [text for batch in batches for text in batch]
    assert asked == [row.text or "。" for row in data], "an empty sentence would be refused"
    assert result["model"]["accuracy"] == pytest.approx(39 / 40)
    assert result["truth"] == [row.label for row in data]
    assert Counter(result["predicted"]) == {"携帯電話": 19, "グルメ": 21}
    assert set(result["yardsticks"]) == set(yardsticks.yardsticks())
    assert all(scores["n"] == 40 for scores in result["yardsticks"].values())
    assert result["model_sha256"] == sha256_file(paths.MODEL_ARCHIVE)
    assert result["data"]["dataset"] == "made"
    assert json.loads(paths.EVALUATION.read_text(encoding="utf-8")) == result
    out = capsys.readouterr().out
    assert "test split, 40 sentences" in out
    assert "only 40 test rows: one row more or less is 2.5 points" in out
    assert "from 0.87 to 1.00 (95 %)" in out
    assert "0.975" in out
    assert "characters 1-3, logistic regression" in out


def test_every_sentences_probabilities_are_there_in_the_order_of_the_labels(data: list[Row]):
    def answer(sentences: list[str]):
        def ranking(text: str) -> list[dict]:
            first, second = ("携帯電話", "グルメ") if "電波" in text else ("グルメ", "携帯電話")
            return [{"label": first, "prob": 0.75}, {"label": second, "prob": 0.25}]

        return 200, json.dumps([ranking(text) for text in sentences]).encode()

    with answering(answer) as running:
        result = evaluate.evaluate(running)
    assert result["labels"] == ["グルメ", "携帯電話"]
    assert result["probabilities"] == [
        [0.25, 0.75] if "電波" in row.text else [0.75, 0.25] for row in data
    ]
    ids = json.loads((paths.DATASET / "split.json").read_text(encoding="utf-8"))["test"]
    assert result["test_ids"] == ids
    assert len(ids) == 40


def test_a_data_set_and_an_archive_of_another_place_are_taken(data: list[Row], tmp_path: Path):
    paths.DATASET.rename(tmp_path / "data")
    (tmp_path / "other.tar.gz").write_bytes(b"other model")
    with answering(lambda sentences: rankings_of(["グルメ"] * len(sentences))) as running:
        result = evaluate.result_of(running, tmp_path / "data", tmp_path / "other.tar.gz")
    assert result["model"]["accuracy"] == 0.5
    assert result["model_sha256"] == sha256_file(tmp_path / "other.tar.gz")
    assert not paths.EVALUATION.exists(), "only `evaluate` writes"


@pytest.mark.parametrize(
    ("known", "unknown"), [(["スポーツ"], "グルメ, 携帯電話"), (["グルメ", "スポーツ"], "携帯電話")]
)
def test_labels_that_the_model_does_not_know_are_refused_with_both_sides_labels(
    data: list[Row], known: list[str], unknown: str
):
    ranking = [{"label": label, "prob": 1 / len(known)} for label in known]
    said = rf"model.tar.gz knows the labels {', '.join(known)}, and \S+/test has {unknown}:"

    def answer(sentences: list[str]):
        return 200, json.dumps([ranking for _ in sentences]).encode()

    with answering(answer) as running, pytest.raises(UserError, match=said):
        evaluate.result_of(running, paths.DATASET, paths.MODEL_ARCHIVE)


def test_test_rows_that_are_training_rows_are_counted_and_all_of_them_refused(project, capsys):
    train = [Row(str(n), f"{label}{n}", label) for n in range(4) for label in "茶話"]
    for fresh in (7, 8):
        test = [Row(f"t{n}", row.text, row.label) for n, row in enumerate(train[:fresh])]
        test += [Row("new", "別", "茶")] * (fresh < 8)
        ids = frozenset(row.id for row in test)
        made = DataSet(train + test, ids, {"dataset": "made", "fresh": fresh})
        channels.write(made, 1, "random", paths.DATASET)
        if fresh < 8:
            evaluate.check_held_out(paths.DATASET)
            assert "7 of 8 rows in build/data/test are in build/data/train" in (
                capsys.readouterr().out
            )
    with pytest.raises(UserError, match=r"^8 of 8 rows in .* STALE=ok"):
        evaluate.check_held_out(paths.DATASET)
    evaluate.check_held_out(paths.DATASET, Wish(insist=True))


def test_without_a_test_split_it_says_what_to_run(project: Path):
    with pytest.raises(
        UserError, match=r"build/data/test: expected the held-out sentences.*make data"
    ):
        evaluate.evaluate(endpoint.Endpoint(1, 0, None))


# --- the SavedModel against the endpoint ---------------------------------------------------


CODE = ("labels.json", "vocabulary.json", "tokenizer.model", "encoding.py", "inference.py")


@pytest.fixture
def packed(data: list[Row], tmp_path: Path) -> list[str]:
    """A packed model with two labels; what a session would say of it is set by the test."""
    labels = ["グルメ", "携帯電話"]
    (tmp_path / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    (tmp_path / "saved_model.pb").touch()
    entries = [
        ("1/saved_model.pb", tmp_path / "saved_model.pb"),
        *((f"code/{name}", tmp_path / "labels.json") for name in CODE),
    ]
    archives.pack(entries, paths.MODEL_ARCHIVE)
    return labels


def check(monkeypatch: pytest.MonkeyPatch, served: list[float], direct: list[float]) -> list[str]:
    asked = []

    def session(model_dir: Path, sentences: list[str], *_: object) -> dict:
        asked.extend(sentences)
        signature = {"inputs": {"inputs": "x:0 float32 [-1, 64]"}, "outputs": {}}
        rows = [direct] * len(sentences)
        return {"probabilities": rows, "signature": signature, "tensorflow": "1.13.1"}

    def answer(sentences: list[str]):
        ranking = [
            {"label": "携帯電話", "prob": served[1]},
            {"label": "グルメ", "prob": served[0]},
        ][: len(served)]
        return 200, json.dumps([ranking] * len(sentences)).encode()

    monkeypatch.setattr(verify, "run_session", session)
    unpacked = endpoint.unpacked_model(paths.MODEL_ARCHIVE)
    monkeypatch.setattr(endpoint, "unpacked_model", lambda: unpacked)
    with answering(answer) as running:
        verify.verify(running)
    return asked


def test_the_same_probabilities_are_ok_and_written(packed, monkeypatch, capsys):
    asked = check(monkeypatch, [0.25, 0.75], [0.25, 0.7500001])
    assert len(asked) == 20
    test = [row.text for row in channels.read(paths.DATASET / "test") if row.text.strip()]
    assert asked == test[:20], "the article's sentence is for our own data sets"
    out = capsys.readouterr().out
    assert "signature inputs inputs: x:0 float32 [-1, 64]" in out
    assert out.splitlines()[-1].endswith("max |Δp| = 1e-07, tolerance 1e-06: ok")
    record = manifest.read(paths.VERIFICATION)
    assert record is not None
    assert record["max_abs_difference"] == pytest.approx(1e-7)
    assert record["sentences"] == 20


@pytest.mark.parametrize(
    "served, direct",
    [
        ([0.25, 0.75], [0.25, 0.750002]),
        ([0.75, 0.25], [0.25, 0.75]),
        ([math.nan, 0.75], [0.25, 0.75]),
        ([0.25, 0.75], [0.25, math.nan]),
        ([0.25, math.nan], [0.25, math.nan]),
    ],
)
def test_other_probabilities_fail(packed, monkeypatch, served, direct):
    with pytest.raises(JobFailed, match="the endpoint's answers differ from the model's"):
        check(monkeypatch, served, direct)


# --- yardsticks ----------------------------------------------------------------------------


def test_yardsticks_learn_what_is_easy():
    texts = [
        "電波が悪い",
        "電池が切れた",
        "電話がつながらない",
        "抹茶を飲む",
        "団子を食べる",
        "茶を飲む",
    ]
    labels = ["携帯"] * 3 + ["グルメ"] * 3
    for predicted in yardsticks.predictions(texts, labels, ["電話が悪い", "団子を飲む"]).values():
        assert predicted == ["携帯", "グルメ"]


def test_yardsticks_say_the_same_twice():
    texts = [f"{a}{b}" for a in "あいうえ" for b in "かきくけ"]
    labels = [str(number % 3) for number in range(len(texts))]
    assert yardsticks.predictions(texts, labels, texts) == yardsticks.predictions(
        texts, labels, texts
    )


def test_yardsticks_take_an_empty_sentence():
    for predicted in yardsticks.predictions(["a", "b"], ["x", "y"], [""]).values():
        assert predicted[0] in {"x", "y"}
