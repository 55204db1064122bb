"""What the article's author published, as values: articles, models, reports, logs, answers.

Each field says what its key in results/published may hold (see `shape`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from train2deploy.report import shape
from train2deploy.report.shape import key

SITE = "https://www.inoue-kobo.com/"
CHOSEN_ON = (
    "validation split",
    "test set, best epoch",
    "test set, stopped by it",
    "last epoch",
    "not stated",
)
TEST_SETS = ("A", "B", "C", "none")
Texts = Mapping[str, str]  # by language


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Precision, recall and F1 as printed: each knows its decimals (shape.Printed)."""

    precision: shape.Printed = key(shape.share)
    recall: shape.Printed = key(shape.share)
    f1: shape.Printed = key(shape.share)


@dataclass(frozen=True, kw_only=True)
class ClassRow(Scores):
    """A class of a classification report."""

    # the true class; where the report printed a wrong name, `name` is that one
    label: str = key(shape.text, name="class")
    name: str = key(shape.text, "", name="printed")
    support: int = key(shape.whole)

    @property
    def printed(self) -> str:
        return self.name or self.label


@dataclass(frozen=True, kw_only=True)
class AverageRow(Scores):
    """An average of a classification report, and the name that it was printed with."""

    average: str = key(shape.one_of("micro", "macro", "weighted"))
    printed: str = key(shape.text, "")


@dataclass(frozen=True, kw_only=True)
class Report:
    """A classification report, class by class in its printed order."""

    classes: tuple[ClassRow, ...] = key(shape.rows(ClassRow))
    averages: tuple[AverageRow, ...] = key(shape.rows(AverageRow))

    @property
    def supports(self) -> dict[str, int]:
        return {row.label: row.support for row in self.classes}


@dataclass(frozen=True, kw_only=True)
class Log:
    """A column of the printed log of a training."""

    metric: str = key(shape.one_of("val_acc", "val_mae", "acc"))
    values: tuple[shape.Printed, ...] = key(
        lambda where, values: tuple(shape.share(where, value) for value in values)
    )
    # sentences that an accuracy is a share of; None for an error
    n: int | None = key(shape.whole, None)
    # of the early stopping on this column; None where it did not stop by it
    patience: int | None = key(shape.whole, None)
    # those that were printed, where these are not all
    epochs: tuple[int, ...] = key(shape.any_value, ())

    @property
    def by_epoch(self) -> dict[int, shape.Printed]:
        epochs = self.epochs or range(1, len(self.values) + 1)
        return dict(zip(epochs, self.values, strict=True))


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the published model said of a sentence: its class, and what was printed of more."""

    # the author's own; None where it is a `row` of the corpus, which is named
    sentence: str | None = key(shape.text, None)
    row: str | None = key(shape.text, None)
    label: str = key(shape.text)
    probabilities: Mapping[str, shape.Printed] = key(shape.mapping(shape.share), {})
    # weights, normalized: of attention, a number a token; the second is how much a weight is
    # above the mean of the sentence, or 0
    weights: tuple[shape.Printed, ...] = key(shape.any_value, ())
    normalized: tuple[shape.Printed, ...] = key(shape.any_value, ())


@dataclass(frozen=True, kw_only=True)
class Substitute:
    """What stands here for something that is no longer available."""

    id: str
    kind: str = key(shape.one_of("vectors", "tokenizer", "split", "corpus encoding"))
    en: str = key(shape.text)
    ja: str = key(shape.text)

    @property
    def text(self) -> Texts:
        return {"en": self.en, "ja": self.ja}


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The figure that an article gives first."""

    metric: str = key(shape.one_of("accuracy", "f1_weighted", "val_acc", "probability", "none"))
    value: shape.Printed | None = key(shape.share, None)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A published model."""

    id: str
    article: "Article"
    substitutes: tuple[Substitute, ...] = ()
    impossible: Texts = field(default_factory=dict)  # why it cannot be run; empty where it can
    name: Texts = key(shape.texts)
    layers: str = key(shape.text)  # from input to output, with sizes
    training: Texts = key(shape.texts)  # optimiser, batch, epochs, stopping
    headline: Headline = key(shape.a(Headline))
    # right, n: right answers and sentences; None where no accuracy was published
    right: int | None = key(shape.whole, None)
    n: int | None = key(shape.whole, None)
    # `right` is a lower bound, as far as the printed log tells
    at_least: bool = key(shape.any_value, False)
    # of what `right` is a count
    measured_on: str = key(shape.one_of("test set", "validation split"), "test set")
    epoch: int | None = key(shape.whole, None)  # of `right`, where the log says; None otherwise
    chosen_on: str = key(shape.one_of(*CHOSEN_ON))
    # right answers at the last epoch, where that is known
    last_right: int | None = key(shape.whole, None)
    counted_twice: int = key(shape.whole, 0)  # sentences that the author's evaluation took twice
    test_set: str = key(shape.one_of(*TEST_SETS))
    # other figures, by metric
    further: Mapping[str, shape.Printed] = key(shape.mapping(shape.decimal), {})
    # by part, as printed; `total` is of the whole network
    parameters: Mapping[str, int] = key(shape.mapping(shape.whole), {})
    # the tokens that the article lists as unknown, and how often each occurs
    out_of_vocabulary: Mapping[str, int] = key(shape.mapping(shape.whole), {})
    report: Report | None = key(shape.a(Report), None)
    logs: tuple[Log, ...] = key(shape.rows(Log, "number"), (), name="log")
    answers: tuple[Answer, ...] = key(shape.rows(Answer, "number"), (), name="answer")
    version: str | None = key(shape.text, None)  # ours (VERSION=), or None
    # what to give to make with it
    options: Mapping[str, str] = key(shape.mapping(shape.text), {})
    inferred: Texts = key(shape.texts, {})  # what the article does not say, and why it is taken so
    note: Texts = key(shape.texts, {})

    def check(self, where: str) -> None:
        """What one key says of another."""
        both = (self.right is None) == (self.n is None)
        shape.expect(both, where, "right and n, or neither", (self.right, self.n))
        one = bool(self.version) != bool(self.impossible)
        shape.expect(one, where, "either version or impossible", self.version)
        for number, log in enumerate(self.logs, start=1):
            good = len(log.epochs) in (0, len(log.values))
            shape.expect(
                good, f"{where}.log, number {number}", f"{len(log.values)} epochs", log.epochs
            )
        for number, answer in enumerate(self.answers, start=1):
            one = bool(answer.sentence) != bool(answer.row)
            shape.expect(
                one, f"{where}.answer, number {number}", "either sentence or row", answer.label
            )

    @property
    def metric(self) -> str | None:
        """Of the headline; None where the article gives no figure."""
        return None if self.headline.metric == "none" else self.headline.metric

    @property
    def printed(self) -> shape.Printed | None:
        return self.headline.value

    @property
    def accuracy(self) -> float | None:
        """Exact, from the count; None where no accuracy was published."""
        return self.right / self.n if self.right is not None and self.n else None

    def log(self, metric: str) -> Log | None:
        """The printed column; None where it is not printed."""
        return next((log for log in self.logs if log.metric == metric), None)


@dataclass(frozen=True, kw_only=True)
class Article:
    """An article of the author's site."""

    id: str
    title: str = key(shape.text)
    path: str = key(shape.text)  # below SITE
    date: str = key(shape.date)  # in its front matter
    # when it was first published, where that was before
    earlier: str = key(shape.date, "", name="first_published")
    note: Texts = key(shape.texts, {})
    models: list[Model] = field(default_factory=list, repr=False, compare=False)

    @property
    def url(self) -> str:
        return f"{SITE}{self.path}/"

    @property
    def first_published(self) -> str:
        return self.earlier or self.date


@dataclass(frozen=True, kw_only=True)
class TestSet:
    """The sentences that an article scored; `supports` is empty where they were not printed."""

    __test__ = False

    id: str
    supports: Mapping[str, int] = key(shape.mapping(shape.whole), {})
    en: str = key(shape.text)
    ja: str = key(shape.text)

    @property
    def text(self) -> Texts:
        return {"en": self.en, "ja": self.ja}


@dataclass(frozen=True)
class Published:
    """Everything that was published."""

    articles: tuple[Article, ...]
    rule: Texts  # when a figure counts as reproduced, two sentences
    rule_of_answers: Texts  # when an answer does
    test_sets: Mapping[str, TestSet]
    chosen_on: Mapping[str, Texts]  # words for each of CHOSEN_ON
    substitutes: Mapping[str, Substitute]

    @property
    def models(self) -> tuple[Model, ...]:
        return tuple(model for article in self.articles for model in article.models)

    def model(self, model_id: str) -> Model:
        return next(model for model in self.models if model.id == model_id)
