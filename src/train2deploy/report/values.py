"""results/published-values.toml: the published figures as the pages know them so far."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train2deploy import paths
from train2deploy.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SHARES = ("accuracy", "f1_weighted", "precision", "recall", "f1", "val_acc", "probability")
METRICS = (*SHARES, "epoch_seconds")
OF_A_CLASS = ("precision", "recall", "f1", "probability")
VERSIONS = ("v1", "v2", "none")
RELATIONS = ("same", "nearest", "other")
LANGUAGES = ("en", "ja")


@dataclass(frozen=True)
class Figure:
    """What one article says of one model.

    Attributes:
        compare: dataset, version and relation of what stands beside it here.
        model, why, note: by language; `note` may be empty.
    """

    id: str
    published_in: str
    url: str
    date: str
    model: dict[str, str]
    compare: dict[str, str]
    why: dict[str, str]
    note: dict[str, str]


@dataclass(frozen=True)
class Value:
    """One published number.

    Attributes:
        value: a share of 1, but for `epoch_seconds`.
        n: sentences it was measured on; None where the article does not say.
        tolerance: how far from it still counts, in the same unit.
        label, epoch, variant: which of several, where there are several.
        digits: decimals that were published; a value within half of the last one is equal.
    """

    figure: Figure
    metric: str
    value: float
    n: int | None
    tolerance: float
    label: str | None
    epoch: int | None
    variant: str | None
    digits: int

    @property
    def id(self) -> str:
        """Its name: figure, metric, and which of several."""
        parts = [self.figure.id, self.metric, self.label, self.epoch, self.variant]
        return "/".join(str(part) for part in parts if part is not None)

    @property
    def rounding(self) -> float:
        return 0.5 * 10.0**-self.digits


def load(path: Path | None = None) -> list[Value]:
    """Every published value, in the file's order.

    Args:
        path: None: results/published-values.toml.

    Raises:
        UserError: a key is missing, unknown, or not what it should be; the entry is named.
    """
    path = path or paths.RESULTS / "published-values.toml"
    name = paths.relative(path)
    try:
        # As text, so that .70 keeps the two decimals it was published with.
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=_Decimal)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{name}: expected the published figures as TOML, found: {error}."
        ) from None
    _expect(set(document) == {"figure"}, name, "one table `figure`", sorted(document))
    values = [
        value
        for figure_id, entry in document["figure"].items()
        for value in _values(f"{name}, figure.{figure_id}", figure_id, entry)
    ]
    ids = [value.id for value in values]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    _expect(not twice, name, "each value once", twice)
    return values


class _Decimal(float):
    """A number that knows how many decimals it was written with."""

    def __new__(cls, text: str) -> "_Decimal":
        made = super().__new__(cls, text)
        made.digits = len(text.partition(".")[2].lower().partition("e")[0])
        return made

    digits: int


def _values(where: str, figure_id: str, entry: Any) -> Iterator[Value]:
    required = {"published_in", "url", "date", "model", "compare", "tolerance", "why", "values"}
    _keys(where, entry, required, {"note"})
    for key in ("published_in", "url", "date"):
        _expect(isinstance(entry[key], str) and entry[key], f"{where}.{key}", "text", entry[key])
    texts = {key: _languages(f"{where}.{key}", entry[key]) for key in ("model", "why")}
    note = _languages(f"{where}.note", entry["note"]) if "note" in entry else {}
    compare = entry["compare"]
    _keys(f"{where}.compare", compare, {"dataset", "version", "relation"}, set())
    _one_of(f"{where}.compare.version", compare["version"], VERSIONS)
    _one_of(f"{where}.compare.relation", compare["relation"], RELATIONS)
    _expect(
        isinstance(compare["dataset"], str), f"{where}.compare.dataset", "text", compare["dataset"]
    )
    figure = Figure(
        figure_id,
        entry["published_in"],
        entry["url"],
        entry["date"],
        texts["model"],
        compare,
        texts["why"],
        note,
    )
    values = entry["values"]
    _expect(isinstance(values, list) and values, f"{where}.values", "a list of values", values)
    for number, value in enumerate(values, start=1):
        yield _value(f"{where}, value {number}", figure, value, entry["tolerance"])


def _value(where: str, figure: Figure, entry: Any, tolerance: Any) -> Value:
    _keys(where, entry, {"metric", "value"}, {"n", "class", "epoch", "variant", "tolerance"})
    metric = entry["metric"]
    _one_of(f"{where}.metric", metric, METRICS)
    tolerance = entry.get("tolerance", tolerance)
    most = 1.0 if metric in SHARES else float("inf")
    for key, number in (("value", entry["value"]), ("tolerance", tolerance)):
        good = isinstance(number, _Decimal) and 0 <= number <= most
        _expect(good, f"{where}.{key}", f"a decimal number from 0 to {most:g}", number)
    for key, needed in (("class", metric in OF_A_CLASS), ("epoch", metric == "val_acc")):
        _expect(needed == (key in entry), where, f"{'a' if needed else 'no'} {key}", dict(entry))
    for key in ("n", "epoch"):
        good = key not in entry or (type(entry[key]) is int and entry[key] > 0)
        _expect(good, f"{where}.{key}", "a whole number above 0", entry.get(key))
    for key in ("class", "variant"):
        good = key not in entry or (isinstance(entry[key], str) and entry[key])
        _expect(good, f"{where}.{key}", "text", entry.get(key))
    return Value(
        figure,
        metric,
        float(entry["value"]),
        entry.get("n"),
        float(tolerance),
        entry.get("class"),
        entry.get("epoch"),
        entry.get("variant"),
        entry["value"].digits,
    )


def _languages(where: str, entry: Any) -> dict[str, str]:
    _keys(where, entry, set(LANGUAGES), set())
    for language, text in entry.items():
        _expect(isinstance(text, str) and text, f"{where}.{language}", "text", text)
    return dict(entry)


def _keys(where: str, entry: Any, required: set[str], further: set[str]) -> None:
    _expect(isinstance(entry, dict), where, "a table", entry)
    missing, unknown = required - set(entry), set(entry) - required - further
    _expect(not missing, where, f"the keys {', '.join(sorted(required))}", sorted(entry))
    allowed = ", ".join(sorted(required | further))
    _expect(not unknown, where, f"no keys but {allowed}", sorted(unknown))


def _one_of(where: str, value: Any, choices: tuple[str, ...]) -> None:
    _expect(value in choices, where, f"one of {', '.join(choices)}", value)


def _expect(holds: object, where: str, expected: str, found: object) -> None:
    if not holds:
        raise UserError(f"{where}: expected {expected}, found {found!r}.")
