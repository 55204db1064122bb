"""Reads results/published.toml and the articles beside it, and checks them."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from train2deploy import paths
from train2deploy.errors import UserError
from train2deploy.report import published_model, shape
from train2deploy.report.catalogue import (
    CHOSEN_ON,
    KINDS,
    TEST_SETS,
    Article,
    Published,
    Substitute,
    TestSet,
    Texts,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read(path: Path | None = None) -> Published:
    """Everything that was published, in the order of first publication.

    Args:
        path: None: results/published.toml; the articles lie in the folder of its name.

    Raises:
        UserError: a key is missing, unknown, or not what it should be; file and key are named.
    """
    path = path or paths.PUBLISHED
    name, document = paths.relative(path), _toml(path)
    texts = {"rule", "rule_of_answers"}
    tables = {"test_set", "chosen_on", "substitute", "impossible"}
    shape.keys(name, document, {"articles", *texts, *tables})
    rule, of_answers = (
        shape.texts(f"{name}, {key}", document[key]) for key in ("rule", "rule_of_answers")
    )
    shape.expect(
        set(document["chosen_on"]) == set(CHOSEN_ON), f"{name}, chosen_on",
        f"the keys {'; '.join(CHOSEN_ON)}", sorted(document["chosen_on"]),
    )  # fmt: skip
    chosen_on = {
        key: shape.texts(f"{name}, chosen_on.{key}", entry)
        for key, entry in document["chosen_on"].items()
    }
    sets = {
        key: _test_set(f"{name}, test_set.{key}", key, entry)
        for key, entry in document["test_set"].items()
    }
    substitutes = {
        key: _substitute(f"{name}, substitute.{key}", key, entry)
        for key, entry in document["substitute"].items()
    }
    reasons = {
        key: shape.texts(f"{name}, impossible.{key}", entry)
        for key, entry in document["impossible"].items()
    }
    articles = tuple(
        _article(path.with_suffix("") / f"{article}.toml", substitutes, reasons)
        for article in document["articles"]
    )
    ids = [model.id for article in articles for model in article.models]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    shape.expect(not twice, name, "each model once", twice)
    return Published(articles, rule, of_answers, sets, chosen_on, substitutes)


def _toml(path: Path) -> dict[str, Any]:
    try:
        # As text, so that .70 keeps the two decimals it was published with.
        text = path.read_text(encoding="utf-8")
        document: dict[str, Any] = tomllib.loads(text, parse_float=shape.Printed)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{paths.relative(path)}: expected the published figures as TOML, found: {error}."
        ) from None
    return document


def _test_set(where: str, key: str, entry: Any) -> TestSet:
    shape.one_of(where, key, TEST_SETS)
    shape.keys(where, entry, {"en", "ja"}, {"supports"})
    supports = entry.get("supports", {})
    for label, support in supports.items():
        shape.whole(f"{where}.supports.{label}", support)
    return TestSet(key, supports, shape.texts(where, _only(entry, "en", "ja")))


def _substitute(where: str, key: str, entry: Any) -> Substitute:
    shape.keys(where, entry, {"kind", "en", "ja"})
    shape.one_of(f"{where}.kind", entry["kind"], KINDS)
    return Substitute(key, entry["kind"], shape.texts(where, _only(entry, "en", "ja")))


def _only(entry: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: entry[key] for key in keys}


def _article(
    path: Path, substitutes: Mapping[str, Substitute], reasons: Mapping[str, Texts]
) -> Article:
    where, entry = paths.relative(path), _toml(path)
    shape.keys(where, entry, {"title", "path", "date", "model"}, {"first_published", "note"})
    for key in ("title", "path"):
        shape.text(f"{where}, {key}", entry[key])
    first = entry.get("first_published", entry["date"])
    for key, date in (("date", entry["date"]), ("first_published", first)):
        shape.date(f"{where}, {key}", date)
    shape.expect(first <= entry["date"], f"{where}, first_published", "no later date", first)
    note = shape.texts(f"{where}, note", entry["note"]) if "note" in entry else {}
    article = Article(path.stem, entry["title"], entry["path"], entry["date"], first, note)
    for key, model in entry["model"].items():
        article.models.append(
            published_model.read(f"{where}, model.{key}", key, article, model, substitutes, reasons)
        )
    return article
