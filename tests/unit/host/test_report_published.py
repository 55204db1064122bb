"""results/published.toml and its articles: complete, consistent, and every mistake is named."""

import shutil
from pathlib import Path

import pytest

from train2deploy import paths, versions
from train2deploy.errors import UserError
from train2deploy.report import published
from train2deploy.report.shape import Printed

PUBLISHED = published.read()
MODELS = {model.id: model for model in PUBLISHED.models}
REPORTS = {name: model for name, model in MODELS.items() if model.report}


# id: right, n, at the last epoch, test set, and the report's rows.
PRINTED = {
    "comp-vectorizer-words": (268, 419, 268, "B", 4),
    "comp-vectorizer-pieces": (310, 419, 310, "B", 4),
    "comp-vectorizer-characters": (259, 419, 259, "B", 4),
    "mymodel": (253, 377, None, "none", 0),
    "mymodel-tuned": (314, 419, 314, "A", 4),
    "bilstm": (319, 419, None, "A", 4),
    "bilstm-attention-pooling": (330, 419, None, "A", 4),
    "word-or-character-pieces": (324, 419, 324, "A", 4),
    "word-or-character-characters": (274, 419, 274, "A", 4),
    "word-or-character-both": (329, 419, 329, "A", 4),
    "comp-corpus-wikipedia": (323, 419, 320, "A", 4),
    "comp-corpus-bccwj": (332, 419, 326, "A", 4),
    "keras-bert": (339, 419, 333, "A", 4),
    "attention-visualize": (330, 419, 329, "A", 0),
    "keras-bert-with-finetuning": (342, 419, 340, "A", 4),
    "train2deploy": (None, None, None, "none", 0),
    "keras-bert-with-text-vectorian": (345, 419, 340, "A", 4),
    "attention-visualize-with-spacy": (None, None, None, "none", 0),
    "hugging-face": (375, 448, 375, "C", 0),
}


def test_all_that_was_published_is_there():
    """Twelve articles, nineteen models, fourteen reports; counted from the articles."""
    found = {
        model.id: (
            model.right,
            model.n,
            model.last_right,
            model.test_set,
            len(model.report.classes) if model.report else 0,
        )
        for model in PUBLISHED.models
    }
    assert found == PRINTED
    assert len(PUBLISHED.articles) == 12
    assert len(REPORTS) == 14
    assert [len(article.models) for article in PUBLISHED.articles].count(0) == 0


def test_articles_are_in_the_order_of_their_first_publication():
    first = [article.first_published for article in PUBLISHED.articles]
    assert first == sorted(first)
    earlier = {a.id: a.first_published for a in PUBLISHED.articles if a.first_published != a.date}
    assert earlier == {
        "comp-vectorizer": "2018-12-05",
        "keras-bert": "2019-03-11",
        "sagemaker-with-keras-traing2deploy": "2019-07-14",
    }
    assert PUBLISHED.model("keras-bert-with-finetuning").article.url.endswith(
        "ai_ml/keras-bert-with-finetuning/"
    )


def test_six_figures_are_of_the_best_epoch_on_the_test_set_and_three_were_stopped_by_it():
    chosen = [model.chosen_on for model in PUBLISHED.models]
    assert chosen.count("test set, best epoch") == 6
    assert chosen.count("test set, stopped by it") == 3
    for model in PUBLISHED.models:
        if model.chosen_on == "test set, best epoch" and not model.at_least:
            assert model.accuracy and model.last_right and model.log("val_acc")
            assert model.last_right < model.right


def test_what_cannot_be_run_says_why_and_the_rest_names_its_version_and_its_substitutes():
    for model in PUBLISHED.models:
        assert bool(model.impossible) == (model.version is None)
        assert model.version is None or versions.find(model.version)
        assert bool(model.substitutes) == (model.version is not None)
    assert sum(bool(model.impossible) for model in PUBLISHED.models) == 4


@pytest.mark.parametrize(
    "name", ["keras-bert", "keras-bert-with-finetuning", "keras-bert-with-text-vectorian"]
)
def test_wrong_class_names_are_kept_beside_the_true_ones(name: str):
    report = MODELS[name].report
    assert report
    assert [(row.printed, row.label) for row in report.classes] == [
        ("グルメ", "京都"), ("携帯電話", "携帯電話"), ("京都", "スポーツ"), ("スポーツ", "グルメ"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].right])
def test_the_count_rounds_to_the_printed_headline(name: str):
    model = MODELS[name]
    assert model.accuracy is not None and model.right and model.n
    assert model.right <= model.n
    if model.metric in ("accuracy", "val_acc") and not model.at_least:
        assert model.printed is not None and model.printed.is_rounding_of(model.accuracy)


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_agrees_with_itself_and_with_its_count(name: str):
    model = REPORTS[name]
    report = model.report
    assert report and model.right and model.n
    supports = report.supports
    assert sum(supports.values()) == model.n == 419
    assert supports == PUBLISHED.test_sets[model.test_set].supports
    averages = {row.average: row for row in report.averages}
    # The weighted mean of the recalls is the accuracy.
    assert averages["weighted"].recall.is_rounding_of(model.right / model.n)
    if "micro" in averages:
        micro = averages["micro"]
        assert micro.precision == micro.recall == micro.f1
        assert micro.f1.is_rounding_of(model.right / model.n)
    right = sum(row.recall * row.support for row in report.classes)
    room = sum(row.recall.rounding * row.support for row in report.classes)
    assert abs(right - model.right) <= room
    if model.metric == "f1_weighted":
        assert model.printed == averages["weighted"].f1


def edit(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """A copy of everything that was published, changed in one place."""
    path = tmp_path / "published.toml"
    shutil.copy(paths.PUBLISHED, path)
    shutil.copytree(paths.PUBLISHED.with_suffix(""), tmp_path / "published")
    changed = path if file == "published" else tmp_path / "published" / f"{file}.toml"
    text = changed.read_text(encoding="utf-8")
    assert old in text
    changed.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


CV = "comp-vectorizer"


@pytest.mark.parametrize(
    "file, old, new, told",
    [
        ("published", "[rule]", "[rule", "published.toml: expected the published figures as TOML"),
        ("published", "[rule]", "[rules]", "published.toml: expected the keys articles, chosen"),
        ("published", '"not stated" = {', '"unknown" = {', "chosen_on: expected the keys"),
        ("published", 'kind = "split"', 'kind = "rows"', "substitute.split.kind: expected one of"),
        ("published", "[test_set.A]", "[test_set.Z]", "test_set.Z: expected one of A; B; C; none"),
        ("published", f'"{CV}"', '"comp-nothing"', "comp-nothing.toml: expected the published"),
        ("published", '"京都" = 137', '"京都" = 0', "supports.京都: expected a whole number"),
        (CV, 'date = "2018-12-06"', 'date = "2018"', "date: expected a date such as 2019-01-20"),
        (CV, '[note]\nen = "', '[note]\nde = "', "note: expected the keys en, ja"),
        (CV, 'test_set = "B"', 'test_set = "D"', "words.test_set: expected one of A; B; C; none"),
        (CV, '"last epoch"', '"best"', "words.chosen_on: expected one of validation split;"),
        (CV, '"f1_weighted"', '"bleu"', "words.headline.metric: expected one of accuracy"),
        (CV, "value = 0.64", "value = 64.0", "headline.value: expected a decimal number from 0"),
        (CV, "right = 268\n", "", "comp-vectorizer-words: expected right and n, or neither"),
        (CV, "right = 268", "wrong = 151", "expected no keys but answer, at_least"),
        (CV, '["vectors-words"', '["vectors-none"', "words.substitutes: expected one of split;"),
        (CV, 'version = "comp-vectorizer-words"\n', "", "expected either version or impossible"),
        (CV, "bilstm = 3330048", "bilstm = 0", "words.parameters.bilstm: expected a whole number"),
        (CV, "precision = 0.53, ", "", "report.classes, row 1: expected the keys class, f1"),
        (CV, "precision = 0.53", "precision = 53", "row 1.precision: expected a decimal number"),
        (CV, 'average = "weighted"', 'average = "mean"', "averages, row 1.average: expected one"),
        (CV, 'metric = "val_mae"', 'metric = "loss"', "log, number 1.metric: expected one of"),
        (CV, "patience = 3", "epochs = [1]", "log, number 1: expected 16 epochs, found [1]"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, file: str, old: str, new: str, told: str):
    path = edit(tmp_path, file, old, new)
    with pytest.raises(UserError) as caught:
        published.read(path)
    assert told in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"none\.toml: expected the published figures as TOML"):
        published.read(tmp_path / "none.toml")


RULES = {
    "test set, best epoch": "best-on-test",
    "test set, stopped by it": "stopped-on-test",
    "last epoch": "last-epoch",
    "not stated": "not-stated",
}


@pytest.mark.parametrize(
    "version", [one.name for one in versions.known() if one.is_published]
)
def test_a_version_applies_the_rule_by_which_its_article_chose(version: str):
    models = [model for model in PUBLISHED.models if model.version == version]
    assert models, "each version of a published model is run for one"
    script = versions.find(version).script.read_text(encoding="utf-8")
    named = {rule for rule in RULES.values() if f"'{rule}'" in script}
    if not named:  # it takes them from another's script, as the tuned one does
        assert "RULE" in script
        return
    assert named == {RULES[model.chosen_on] for model in models}


def test_a_number_keeps_the_decimals_it_was_printed_with():
    assert [str(Printed(text)) for text in ("0.70", "0.7", "0.816229")] == [
        "0.70", "0.7", "0.816229",
    ]  # fmt: skip
    assert Printed("0.64").is_rounding_of(268 / 419)
    assert Printed("0.76").is_rounding_of(0.755)
    assert not Printed("0.76").is_rounding_of(0.7549)
