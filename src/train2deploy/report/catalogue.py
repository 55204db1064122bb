"""What the article's author published, as values: articles, models, reports, logs, answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from train2deploy.report import shape

SITE = "https://www.inoue-kobo.com/"
CHOSEN_ON = (
    "validation split",
    "test set, best epoch",
    "test set, stopped by it",
    "last epoch",
    "not stated",
)
TEST_SETS = ("A", "B", "C", "none")
KINDS = ("vectors", "tokenizer", "split", "corpus encoding")
HEADLINES = ("accuracy", "f1_weighted", "val_acc", "probability", "none")
LOGS = ("val_acc", "val_mae", "acc")
Texts = Mapping[str, str]
"""By language."""


@dataclass(frozen=True)
class Scores:
    """Precision, recall and F1 as printed: each knows its decimals (shape.Printed)."""

    precision: shape.Printed
    recall: shape.Printed
    f1: shape.Printed


@dataclass(frozen=True)
class ClassRow:
    """A class of a classification report.

    Attributes:
        label: the true class; where the report printed a wrong name, `printed` is that name.
    """

    label: str
    printed: str
    scores: Scores
    support: int


@dataclass(frozen=True)
class AverageRow:
    """An average of a classification report: micro, macro or weighted, and the printed name."""

    average: str
    printed: str
    scores: Scores


@dataclass(frozen=True)
class Report:
    """A classification report, class by class in its printed order."""

    classes: tuple[ClassRow, ...]
    averages: tuple[AverageRow, ...]

    @property
    def supports(self) -> dict[str, int]:
        return {row.label: row.support for row in self.classes}


@dataclass(frozen=True)
class Log:
    """A column of the printed log of a training.

    Attributes:
        n: sentences that an accuracy is a share of; None for an error.
        patience: of the early stopping on this column; None where it did not stop by it.
        by_epoch: the printed epochs.
    """

    metric: str
    n: int | None
    patience: int | None
    by_epoch: Mapping[int, shape.Printed]


@dataclass(frozen=True)
class Answer:
    """What the published model said of a sentence: its class, and what was printed of more.

    Attributes:
        sentence: the author's own; None where it is a `row` of the corpus, which is named.
        weights, normalized: of attention, a number a token; the second is how much a weight is
            above the mean of the sentence, or 0.
    """

    sentence: str | None
    row: str | None
    label: str
    probabilities: Mapping[str, shape.Printed]
    weights: tuple[shape.Printed, ...]
    normalized: tuple[shape.Printed, ...]


@dataclass(frozen=True)
class Substitute:
    """What stands here for something that cannot be had any more."""

    id: str
    kind: str
    text: Texts


@dataclass(frozen=True)
class Model:
    """A published model.

    Attributes:
        layers: from input to output, with sizes; training: optimiser, batch, epochs, stopping.
        inferred: what the article does not say, and why it is taken so.
        metric, printed: the headline figure; None where the article gives no figure.
        right, n: right answers and sentences; None where no accuracy was published.
        at_least: `right` is a lower bound, as far as the printed log tells.
        measured_on: `test set` or `validation split`: of what `right` is a count.
        epoch: of `right`, where the log says; None otherwise.
        chosen_on: one of CHOSEN_ON.
        last_right: right answers at the last epoch, where that is known.
        counted_twice: sentences that the author's evaluation took twice.
        test_set: one of TEST_SETS.
        further: other figures, by metric.
        parameters: by part, as printed; `total` is of the whole network.
        out_of_vocabulary: the tokens that the article lists as unknown, and how often each occurs.
        version: ours (VERSION=), or None; options: what to give to make with it.
        impossible: why it cannot be run; empty where it can.
    """

    id: str
    article: "Article"
    name: Texts
    layers: str
    training: Texts
    metric: str | None
    printed: shape.Printed | None
    right: int | None
    n: int | None
    at_least: bool
    measured_on: str
    epoch: int | None
    chosen_on: str
    last_right: int | None
    counted_twice: int
    test_set: str
    further: Mapping[str, shape.Printed]
    parameters: Mapping[str, int]
    out_of_vocabulary: Mapping[str, int]
    report: Report | None
    logs: tuple[Log, ...]
    answers: tuple[Answer, ...]
    version: str | None
    options: Mapping[str, str]
    substitutes: tuple[Substitute, ...]
    impossible: Texts
    inferred: Texts
    note: Texts

    @property
    def accuracy(self) -> float | None:
        """Exact, from the count; None where no accuracy was published."""
        return self.right / self.n if self.right is not None and self.n else None

    @property
    def last_accuracy(self) -> float | None:
        """At the last epoch, where that is known."""
        return self.last_right / self.n if self.last_right is not None and self.n else None

    def log(self, metric: str) -> Log | None:
        """The printed column; None where it is not printed."""
        return next((log for log in self.logs if log.metric == metric), None)


@dataclass(frozen=True)
class Article:
    """An article of the author's site.

    Attributes:
        path: below SITE.
        date: in its front matter.
        first_published: where that was earlier; the same otherwise.
    """

    id: str
    title: str
    path: str
    date: str
    first_published: str
    note: Texts
    models: list[Model] = field(default_factory=list, repr=False, compare=False)

    @property
    def url(self) -> str:
        return f"{SITE}{self.path}/"


@dataclass(frozen=True)
class TestSet:
    """The sentences that an article scored; `supports` is empty where they were not printed."""

    __test__ = False

    id: str
    supports: Mapping[str, int]
    text: Texts


@dataclass(frozen=True)
class Published:
    """Everything that was published.

    Attributes:
        rule: when a figure counts as reproduced, two sentences; rule_of_answers: when an answer.
        chosen_on: words for each of CHOSEN_ON.
    """

    articles: tuple[Article, ...]
    rule: Texts
    rule_of_answers: Texts
    test_sets: Mapping[str, TestSet]
    chosen_on: Mapping[str, Texts]
    substitutes: Mapping[str, Substitute]

    @property
    def models(self) -> tuple[Model, ...]:
        """Of all articles, in order."""
        return tuple(model for article in self.articles for model in article.models)

    def model(self, model_id: str) -> Model:
        """The one of this id."""
        return next(model for model in self.models if model.id == model_id)

    def of_version(self, version: str) -> tuple[Model, ...]:
        """The published models that a version of ours is run for."""
        return tuple(model for model in self.models if model.version == version)
