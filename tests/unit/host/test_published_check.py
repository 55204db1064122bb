"""make published-check: what the articles state holds, and a changed digit is found."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from corpus import REAL, needs_the_corpus

from train2deploy import paths
from train2deploy.datasets import knbc
from train2deploy.datasets.rows import Row
from train2deploy.datasets.words import PLACE, Tokenizer
from train2deploy.errors import JobFailed
from train2deploy.published_check import arithmetic, corpus, counts, parameters, pieces, run, words
from train2deploy.published_check.lines import Line, described, statements
from train2deploy.report import published
from train2deploy.report.catalogue import AverageRow, ClassRow, Model, Published, Report
from train2deploy.report.shape import Printed
from train2deploy.runtimes.host import HOST
from train2deploy.texts import LANGUAGES

KNOWN = published.read()
TOKENIZER = REAL.with_name("wikija_sentencepiece.model")


def changed(model_id: str, change: Callable[[Model], Model]) -> Published:
    """Everything that was published, one model of it changed."""
    articles = []
    for article in KNOWN.articles:
        models = [change(model) if model.id == model_id else model for model in article.models]
        articles.append(replace(article, models=models))
    return replace(KNOWN, articles=tuple(articles))


def failing(lines: list[Line]) -> set[str]:
    return {line.statement for line in lines if line.holds is False}


# --- the counts behind a report ------------------------------------------------------------------


@pytest.mark.parametrize("name", [model.id for model in KNOWN.models if model.report])
def test_each_report_has_one_number_of_right_answers_but_one_that_has_two(name: str):
    model = KNOWN.model(name)
    assert model.report
    two = {342, 343} if name == "keras-bert-with-finetuning" else {model.right}
    assert counts.right_answers(model.report) == two


def printed(exact: Sequence[float]) -> dict[str, Printed]:
    names = ("precision", "recall", "f1")
    return {name: Printed(f"{number:.2f}") for name, number in zip(names, exact, strict=True)}


def report_of(margins: list[counts.Counts]) -> Report:
    """What scikit-learn would print of these counts."""
    classes = [
        ClassRow(label=str(place), support=one.support, **printed(one.scores))
        for place, one in enumerate(margins)
    ]
    n = sum(one.support for one in margins)
    columns = list(zip(*(one.scores for one in margins), strict=True))
    weighted = [
        sum(value * one.support for value, one in zip(column, margins, strict=True)) / n
        for column in columns
    ]
    averages = (AverageRow(average="weighted", **printed(weighted)),)
    return Report(classes=tuple(classes), averages=averages)


@pytest.mark.parametrize(
    "margins",
    [
        [(3, 5, 6), (4, 7, 5), (2, 3, 4)],
        [(0, 0, 4), (6, 11, 7)],  # a class that is never predicted
        [(10, 10, 10), (7, 7, 7)],
        [(1, 9, 3), (2, 4, 8), (3, 3, 5), (0, 2, 2)],
    ],
)
def test_the_enumeration_finds_what_trying_everything_finds(margins: list[tuple[int, int, int]]):
    true = [counts.Counts(*one) for one in margins]
    report = report_of(true)
    n = sum(one.support for one in true)
    candidates = [
        [
            counts.Counts(right, predicted, one.support)
            for right in range(one.support + 1)
            for predicted in range(right, n + 1)
            if printed(counts.Counts(right, predicted, one.support).scores)
            == {name: getattr(row, name) for name in ("precision", "recall", "f1")}
        ]
        for one, row in zip(true, report.classes, strict=True)
    ]
    everything = {
        sum(one.right for one in some)
        for some in product(*candidates)
        if sum(one.predicted for one in some) == n and report_of(list(some)) == report
    }
    assert sum(one.right for one in true) in everything
    # A half may have been rounded either way, so the enumeration may allow more, never less.
    assert everything <= counts.right_answers(report)


def test_a_report_that_no_counts_give_has_no_number_of_right_answers():
    report = KNOWN.model("bilstm").report
    assert report
    first, *others = report.classes
    wrong = replace(first, f1=Printed("0.93"))
    assert counts.right_answers(replace(report, classes=(wrong, *others))) == set()


# --- arithmetic and parameters -------------------------------------------------------------------


def test_the_printed_figures_agree_with_one_another():
    found = list(arithmetic.lines(KNOWN))
    assert failing(found) == set()
    assert [line for line in found if line.holds is None] == []
    by_statement: dict[str, int] = {}
    for line in found:
        by_statement[line.statement] = by_statement.get(line.statement, 0) + 1
    assert by_statement == {
        "right": 14, "shares-419": 6, "shares-377": 1, "shares-3390": 1, "size": 1,
        "best-epoch": 5, "stop": 6, "stop-implied": 1, "names": 3, "normalized": 1, "twice": 1,
    }  # fmt: skip


def with_epoch(metric: str, epoch: int, value: str) -> Callable[[Model], Model]:
    def change(model: Model) -> Model:
        (log,) = [one for one in model.logs if one.metric == metric]
        found = {**log.by_epoch, epoch: Printed(value)}
        changed = replace(log, values=tuple(found.values()), epochs=tuple(found))
        logs = tuple(changed if one is log else one for one in model.logs)
        return replace(model, logs=logs)

    return change


def without_names(model: Model) -> Model:
    assert model.report
    rows = [replace(row, label=row.printed) for row in model.report.classes]
    first = replace(rows[0], name="京都")
    return replace(model, report=replace(model.report, classes=(first, *rows[1:])))


@pytest.mark.parametrize(
    "model, change, found",
    [
        ("mymodel", with_epoch("val_acc", 3, "0.4720"), {"shares-377", "size"}),
        ("mymodel", with_epoch("acc", 3, "0.45071"), {"shares-3390"}),
        ("keras-bert", with_epoch("val_acc", 2, "0.737475"), {"shares-419"}),
        ("keras-bert", with_epoch("val_acc", 5, "0.811456"), {"best-epoch", "stop"}),
        ("comp-corpus-bccwj", with_epoch("val_acc", 9, "0.7757"), {"best-epoch"}),
        ("comp-vectorizer-words", with_epoch("val_mae", 12, "0.160000"), {"stop"}),
        ("attention-visualize", with_epoch("val_acc", 22, "0.7852"), {"stop-implied"}),
        ("bilstm", lambda model: replace(model, right=318), {"right"}),
        ("keras-bert-with-finetuning", lambda model: replace(model, right=343),
         {"right", "best-epoch"}),
        ("keras-bert", without_names, {"names"}),
        ("hugging-face", lambda model: replace(model, right=376), {"twice"}),
        ("hugging-face", lambda model: replace(model, counted_twice=28), {"twice"}),
    ],
)  # fmt: skip
def test_a_changed_figure_is_found(model, change, found):
    assert failing(list(arithmetic.lines(changed(model, change)))) == found


def test_a_changed_weight_of_attention_is_found():
    def change(model: Model) -> Model:
        first, *others = model.answers
        weights = (Printed("4.46468"), *first.weights[1:])
        return replace(model, answers=(replace(first, weights=weights), *others))

    assert failing(list(arithmetic.lines(changed("attention-visualize", change)))) == {"normalized"}


def test_printed_parameters_follow_from_the_sizes_of_the_layers():
    found = list(parameters.lines(KNOWN))
    assert [line.holds for line in found] == [True] * 7

    def change(model: Model) -> Model:
        return replace(model, parameters={**model.parameters, "bilstm": 3204001})

    assert failing(list(parameters.lines(changed("keras-bert", change)))) == {"parameters"}


# --- corpus and tokenizer ------------------------------------------------------------------------


def test_another_corpus_holds_nothing_and_breaks_nothing():
    rows = [Row("KN001_Kyoto_1-1-1-01", "［京都観光］金閣寺", "京都", group="KN001_Kyoto_1")]
    found = list(corpus.lines(rows, KNOWN))
    held = {line.statement for line in found if line.holds}
    assert held == {"filter", "unknown-total"}
    assert "sentences" in failing(found)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return knbc.load(place=REAL).rows


@needs_the_corpus
def test_what_is_stated_of_the_corpus_holds(rows: list[Row]):
    found = list(corpus.lines(rows, KNOWN))
    assert failing(found) == set()
    assert [line.statement for line in found if line.holds is None] == ["unknown-pieces"]
    assert len(found) == 16


@needs_the_corpus
@pytest.mark.parametrize(
    "row_id, text, statements",
    [
        ("KN238_Gourmet_2-1-11-01", "なし", {"test-row"}),
        ("KN006_Keitai_1-1-3-01", "なし", {"training-rows"}),
        ("KN033_Keitai_1-1-19-01", "なし", {"longest"}),
        ("KN259_Sports_1-1-9-01", "ｈｔｔｐ", {"head-and-tail"}),
        ("KN259_Sports_1-1-9-01", "http", {"head-and-tail", "filter"}),
        ("KN259_Sports_1-1-9-01", "KANSA", {"head-and-tail", "unknown-tokens"}),
    ],
)
def test_a_changed_sentence_is_found(rows, row_id, text, statements):
    other = [replace(row, text=text) if row.id == row_id else row for row in rows]
    assert failing(list(corpus.lines(other, KNOWN))) >= statements


@needs_the_corpus
@pytest.mark.skipif(not paths.TRAIN_PYTHON.exists(), reason="SentencePiece is in .venvs/train")
@pytest.mark.skipif(not TOKENIZER.exists(), reason=f"the author's tokenizer is not at {TOKENIZER}")
def test_the_authors_tokenizer_cuts_as_printed(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    found = list(pieces.lines(rows, TOKENIZER, HOST, KNOWN))
    assert failing(found) == set()
    assert [line.statement for line in found if line.holds is None] == list(pieces.GONE)
    assert list(tmp_path.iterdir()) == []
    told = json.dumps([described(line, KNOWN) for line in found], ensure_ascii=False)
    assert not any(row.text in told for row in rows if len(row.text) > 12)


@needs_the_corpus
@pytest.mark.skipif(not PLACE.is_dir(), reason="no janome and no Sudachi: make .stamps/words")
def test_sentences_are_cut_into_words_as_printed(rows: list[Row]):
    rows = [*rows[:5], *(row for row in rows if row.id == words.LONGEST[0])]
    found = {line.statement: line.holds for line in words.lines(rows)}
    assert found == {**dict.fromkeys(words.CUT, True), words.NEEDS_NEOLOGD: None}
    other = [replace(row, text=f"大{row.text}") for row in rows]
    assert failing(list(words.lines(other))) == {"longest-words", "cut-words"}


def test_words_are_not_checked_where_no_tokenizer_is_installed(monkeypatch: pytest.MonkeyPatch):
    absent = Tokenizer("made", ("no-such-package",), "", "as written", lambda: str.split)
    monkeypatch.setattr(words.words, "TOKENIZERS", {"janome": absent, "sudachi": absent})
    found = list(words.lines([]))
    assert [line.statement for line in found] == [*words.CUT, words.NEEDS_NEOLOGD]
    assert all(line.holds is None for line in found)


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def command(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Line]], None]:
    """Runs the command with made-up lines."""
    data = type("Data", (), {"rows": []})()
    monkeypatch.setattr(knbc, "load", lambda place: data)
    monkeypatch.setattr(run.tokenizer, "find", lambda name, beside: Path(name))

    def call(lines: list[Line], language: str = "en") -> None:
        monkeypatch.setattr(run, "lines", lambda *_: iter(lines))
        run.check(None, "", HOST, language)

    return call


def written() -> Any:
    return json.loads((paths.BUILD / run.FILE).read_text(encoding="utf-8"))


def test_the_command_prints_a_tick_each_and_writes_them(command, capsys):
    lines = [Line("sentences", True, "4,186"), Line("right", True, "319", "bilstm")]
    command([*lines, Line("gone-attention", None)])
    told = capsys.readouterr().out.splitlines()
    assert "  ✓ 4,186 sentences: 4,186" in told
    assert told[-1] == "2 hold, 0 do not, 1 cannot be checked any more"
    assert any(line.startswith("  – the longest training sentence has 66") for line in told)
    found = written()
    assert (found["holds"], found["fails"], found["unchecked"]) == (2, 0, 1)
    assert found["lines"][1]["id"] == "right/bilstm"
    assert found["lines"][1]["article"] == "text-classification-by-selfattention"
    assert found["lines"][2]["reason"]["ja"].endswith("入手できない")
    command(lines, "ja")
    assert "  ✓ 4,186 文: 4,186" in capsys.readouterr().out


def test_a_statement_that_does_not_hold_ends_the_command_with_status_1(command, capsys):
    with pytest.raises(JobFailed, match="1 of the published statements do not hold") as caught:
        command([Line("sentences", False, "4,185"), Line("longest", True, "228")])
    assert caught.value.exit_code == 1
    assert "  ✗ 4,186 sentences: 4,185" in capsys.readouterr().out
    assert written()["fails"] == 1


def test_every_statement_has_its_words_its_section_and_an_article():
    known = {article.id for article in KNOWN.articles} | {"training/aiml-nlp"}
    for key, entry in statements().items():
        assert entry["section"] in run.SECTIONS, key
        assert all(entry[language] for language in LANGUAGES), key
        assert entry.get("article", "bilstm") in {*known, "bilstm"}, key
        assert set(entry.get("reason", {})) in ({*LANGUAGES}, set()), key
