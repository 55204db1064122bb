"""Reads results/published.toml and the articles beside it, and checks them key by key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from train2deploy import paths
from train2deploy.errors import UserError
from train2deploy.report import shape
from train2deploy.report.catalogue import (
    CHOSEN_ON,
    TEST_SETS,
    Article,
    Model,
    Published,
    Substitute,
    TestSet,
    Texts,
)
from train2deploy.toml import tomllib


def read(path: Path | None = None) -> Published:
    """Everything that was published, in the order of first publication.

    Args:
        path: None: results/published.toml; the articles lie in the folder of its name.

    Raises:
        UserError: a key is missing, unknown, or not what it should be; file and key are named.
    """
    path = path or paths.PUBLISHED
    name, document = paths.relative(path), _toml(path)
    tables = {"test_set", "chosen_on", "substitute", "impossible"}
    shape.keys(name, document, {"articles", "rule", "rule_of_answers", *tables})

    def each(key: str, check: shape.Check) -> dict[str, Any]:
        found: dict[str, Any] = shape.mapping(check)(f"{name}, {key}", document[key])
        return found

    def named(key: str, kind: type[Any]) -> dict[str, Any]:
        return {
            one: shape.table(kind, f"{name}, {key}.{one}", entry, id=one)
            for one, entry in document[key].items()
        }

    rule, of_answers = (
        shape.texts(f"{name}, {key}", document[key]) for key in ("rule", "rule_of_answers")
    )
    shape.expect(
        set(document["chosen_on"]) == set(CHOSEN_ON), f"{name}, chosen_on",
        f"the keys {'; '.join(CHOSEN_ON)}", sorted(document["chosen_on"]),
    )  # fmt: skip
    for key in document["test_set"]:
        shape.one_of(*TEST_SETS)(f"{name}, test_set.{key}", key)
    substitutes = named("substitute", Substitute)
    reasons = each("impossible", shape.texts)
    articles = tuple(
        _article(path.with_suffix("") / f"{article}.toml", substitutes, reasons)
        for article in document["articles"]
    )
    ids = [model.id for article in articles for model in article.models]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    shape.expect(not twice, name, "each model once", twice)
    chosen_on = each("chosen_on", shape.texts)
    sets = named("test_set", TestSet)
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


def _article(
    path: Path, substitutes: Mapping[str, Substitute], reasons: Mapping[str, Texts]
) -> Article:
    where, entry = paths.relative(path), _toml(path)
    models = entry.pop("model", {})
    article = shape.table(Article, where, entry, id=path.stem)
    first = article.first_published
    shape.expect(first <= article.date, f"{where}, first_published", "no later date", first)
    for key, model in models.items():
        place = f"{where}, model.{key}"
        named: dict[str, Any] = {
            "substitutes": tuple(
                substitutes[shape.one_of(*substitutes)(f"{place}.substitutes", one)]
                for one in model.pop("substitutes", [])
            )
        }
        if "impossible" in model:
            reason = shape.one_of(*reasons)(f"{place}.impossible", model.pop("impossible"))
            named["impossible"] = reasons[reason]
        article.models.append(
            made := shape.table(Model, place, model, id=key, article=article, **named)
        )
        made.check(place)
    return article
