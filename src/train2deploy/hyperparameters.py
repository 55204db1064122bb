"""What make is given for a script: variables such as FILTERS=64, and HP='filters=64 name=x'.

A script that declares its hyperparameters gets values of their kinds, checked. One that does not
gets what HP says as SageMaker would pass it: JSON where it is JSON, else the text.
"""

import argparse
import difflib
import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping

from train2deploy import versions
from train2deploy.declaration import SEED, Declaration, Hyperparameter
from train2deploy.errors import UserError

HP = "HP"
ALWAYS = {"validation-split": 0.1}
"""Given to every script that declares it, so that its value is in a run's record."""
NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")
LONGEST = 2500
MOST = 100  # characters of a value, and hyperparameters of a job, that SageMaker takes


def add_options(parser: argparse.ArgumentParser) -> None:
    """What says a version and its hyperparameters."""
    parser.add_argument("--model-version", default="v1", help="its name, or a script's path")
    parser.add_argument(
        "--variables", default="", help="variables of make that are hyperparameters"
    )
    parser.add_argument("--hyperparameters", type=json.loads, default={}, help="as JSON, unchecked")
    parser.add_argument("--defaults", default="", help="a data set: with what make gives on it")


def given(arguments: argparse.Namespace) -> dict[str, object]:
    """The hyperparameters that were given, by name.

    Raises:
        UserError: there is no such version, or it does not take one of them.
    """
    found = versions.declared(arguments.model_version)
    values = of_make(arguments.model_version, found, arguments.variables.split(), os.environ)
    return {
        **(by_default(found, arguments.defaults) if arguments.defaults else {}),
        **values,
        **arguments.hyperparameters,
    }


def by_default(found: Declaration, dataset: str) -> dict[str, object]:
    """What make gives where nothing is given to it."""
    always = {name: value for name, value in ALWAYS.items() if name in found.hyperparameters}
    return {**always, **found.given(dataset)}


def of_make(
    version: str, found: Declaration, names: Iterable[str], values: Mapping[str, str]
) -> dict[str, object]:
    """Of the variables called `names`, those that are hyperparameters, and what HP holds."""
    by_variable = {one.variable: one for one in found.hyperparameters.values()}
    chosen: dict[str, object] = {}
    for variable in names:
        if variable in by_variable and values.get(variable):
            one = by_variable[variable]
            chosen[one.name] = _value(one, f"{variable}={values[variable]}", values[variable])
    for name, text in _pairs(values.get(HP, "") if HP in names else ""):
        if name in chosen:
            raise UserError(f"HP: {name}={text}: {name} is given twice.")
        chosen[name] = _of_hp(version, found, name, text)
    if len(chosen) > MOST:
        raise UserError(f"HP: SageMaker takes at most {MOST} hyperparameters, found {len(chosen)}.")
    return chosen


def for_script(version: str, chosen: Mapping[str, object], repro: bool) -> dict[str, object]:
    """What a job's script is passed: a seed where it takes one, and REPRO likewise."""
    found = versions.declared(version)
    passed = {name: value for name, value in chosen.items() if name != SEED or not found.is_whole}
    if found.seed and SEED in chosen:
        passed[found.seed] = chosen[SEED]
    if found.single_thread:
        passed[found.single_thread] = repro
    return passed


def with_seed(version: str, chosen: Mapping[str, object], seed: int) -> dict[str, object]:
    """Seeded, where the version's script takes a seed."""
    takes_it = versions.declared(version).seed is not None
    return {SEED: seed, **chosen} if takes_it else dict(chosen)


def as_variables(version: str, values: Mapping[str, object]) -> list[str]:
    """As they are given to make; of a version that is not there any more, as if it took them.

    >>> as_variables("v2", {"ngram-dropout": 0.5, "hidden": 64})
    ['HIDDEN=64', 'NGRAM_DROPOUT=0.5']
    """
    try:
        found: Mapping[str, Hyperparameter] | None = versions.declared(version).hyperparameters
    except UserError:
        found = None
    named = {name: value for name, value in values.items() if found is None or name in found}
    words = [f"{Hyperparameter(name).variable}={value}" for name, value in named.items()]
    further = [f"{name}={value}" for name, value in sorted(values.items()) if name not in named]
    return sorted(words) + ([f"HP={shlex.quote(' '.join(further))}"] if further else [])


def _pairs(text: str) -> list[tuple[str, str]]:
    """
    >>> _pairs("epochs=3 name='a b'")
    [('epochs', '3'), ('name', 'a b')]
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError(f"HP={text}: expected name=value, with blanks between: {error}.") from None
    pairs = []
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not NAME.fullmatch(name):
            raise UserError(f"HP={text}: expected name=value, with blanks between, found {word!r}.")
        pairs.append((name, value))
    return pairs


def _of_hp(version: str, found: Declaration, name: str, text: str) -> object:
    if len(text) > LONGEST:
        raise UserError(f"HP: {name}: SageMaker takes at most {LONGEST} characters.")
    if name.startswith("sagemaker_"):
        raise UserError(
            f"HP: {name}={text}: names that begin with sagemaker_ are reserved for the platform."
        )
    if name in found.hyperparameters:
        return _value(found.hyperparameters[name], f"HP: {name}={text}", text)
    if name == found.seed:
        raise UserError(f"HP: {name}={text}: give SEED={text}, which also shuffles the data.")
    if found.is_whole:
        near = difflib.get_close_matches(name, found.hyperparameters, 1, 0.6)
        nearest = f"The nearest is {near[0]}." if near else expected(version, name)
        raise UserError(f"HP: {name}={text}: not a hyperparameter of {version}. {nearest}")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _value(one: Hyperparameter, said: str, text: str) -> object:
    try:
        return one.kind.value(text)
    except ValueError as error:
        raise UserError(f"{said}: expected {error}.") from None


def expected(version: str, name: str) -> str:
    """What a version takes, for one who gave another name."""
    found = versions.declared(version).hyperparameters
    if not found:
        return f"{version} declares none: HP='{name.lower()}=…' passes any on."
    return f"Expected one of {', '.join(one.variable for one in found.values())}."


def having(variable: str) -> list[str]:
    """Versions that take a hyperparameter; ours, if one of ours does."""
    found = [one for one in versions.known() if variable in _variables(one.name)]
    ours = [one.name for one in found if not one.is_published]
    return ours or [one.name for one in found]


def _variables(version: str) -> list[str]:
    """Empty where a script is broken: that is not what was asked."""
    try:
        return [one.variable for one in versions.declared(version).hyperparameters.values()]
    except UserError:
        return []
