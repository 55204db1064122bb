"""What is given on make's command line, checked before anything runs.

    python -m train2deploy.variables --goals "tune" SEEED=3 EPOCHS=0

prints one line that says what is wrong, or `ok` and what make must know of the model. Which
variables a target knows is read from the Makefile: those that its recipe, and whatever that needs,
speak of. What a variable must be stands above it there, in a line that begins with `#:`.
Standard library alone: make asks before any environment is made.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from train2deploy import hyperparameters, job_source, kinds, paths, versions
from train2deploy.errors import EXIT_USAGE, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from train2deploy.kinds import Kind

COMMON = "# ---- of every target"
"""The heading of the Makefile's section of variables that every target knows."""
PASSED_ON = re.compile(
    r"(SAGEMAKER|HOSTING|AWS|PIP|TF|TRAIN2DEPLOY)_\w+|(HTTPS?|NO|ALL)_PROXY|[a-z]+_proxy"
    r"|MAKE\w*|SHELL|LANG|LC_\w+|TMPDIR|HOME|PATH|PYTHON\w*"
)
"""Variables of the programs that make starts, and of make itself."""
TRAINING = "TRAINING"
"""The variable of the Makefile that hands a model's hyperparameters on."""
WISH = "WISH"
"""The variable that hands on what was given for the model, to commands that need none, too."""
DATA, PACKED = "data", "package"
"""Targets: what lays out a data set, and what packs a model."""
LIST = "_VARIABLES"
"""How the name of a variable ends whose value names variables that may be given."""
WORD = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass
class Rules:
    """What a Makefile says.

    Attributes:
        texts: of a target, all that is written of it: prerequisites, recipe and help.
        values: of a variable, all that is assigned to it.
        kinds: of a variable, what it must be.
        common: variables that every target knows.
        offered: variables that are there to be given.
    """

    texts: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, list[str]] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    common: set[str] = field(default_factory=set)
    offered: set[str] = field(default_factory=set)


ASSIGNED = re.compile(r"(?:override |export |private )*(\w+)\s*(?:\?|:|::|\+)?=\s*(.*)")
RULE = re.compile(r"([^\t#=:]+):(?![:=])\s*(.*)")
OF_TARGETS = re.compile(r"([^\t#=:]+):\s*(?:override |export |private )*(\w+)\s*[?:+]?=\s*(.*)")


def read(makefile: Path) -> Rules:
    """Reads a Makefile and those that it includes."""
    rules = Rules()
    _read(makefile, rules)
    return rules


def _read(makefile: Path, rules: Rules) -> None:
    text = re.sub(r"\\\n\s*", " ", makefile.read_text(encoding="utf-8"))
    targets: list[str] = []
    is_common, kind = False, ""
    for line in text.splitlines():
        if line.startswith("\t"):
            for target in targets:
                rules.texts[target].append(line)
        elif line.startswith("include "):
            _read(makefile.parent / line.split()[1], rules)
        elif line.startswith("#"):
            kind = line[2:].strip() if line.startswith("#:") else ""
            if line.startswith("# ----"):
                is_common = line.startswith(COMMON)
        elif found := OF_TARGETS.match(line):
            for target in _expanded(found[1], rules):
                rules.texts.setdefault(target, []).append(f"{found[2]} {found[3]}")
        elif found := ASSIGNED.match(line):
            name = found[1]
            rules.values.setdefault(name, []).append(found[2])
            if kind:
                rules.kinds[name] = kinds.parsed(kind)
            if is_common:
                rules.common.add(name)
            if kind or "?=" in line[: found.start(2)] or not found[2]:
                rules.offered.add(name)
            if name.endswith(LIST):
                for each in WORD.findall(found[2]):
                    rules.values.setdefault(each, [])
                    rules.offered.add(each)
            kind = ""
        elif found := RULE.match(line):
            targets = _expanded(found[1], rules)
            for target in targets:
                rules.texts.setdefault(target, []).append(found[2])


def _expanded(targets: str, rules: Rules) -> list[str]:
    """Targets, those that a variable lists among them."""
    found = []
    for word in targets.split():
        listed = rules.values.get(word[2:-1], []) if word.startswith("$(") else []
        found += [word, *(each for text in listed for each in text.split())]
    return found


def known(rules: Rules, goals: Iterable[str]) -> tuple[set[str], set[str]]:
    """The variables that goals know, and the targets that are made for them."""
    names, targets = set(rules.common), set()
    followed: set[str] = set()
    waiting = [(goal, True) for goal in goals]
    while waiting or (TRAINING in names and WISH not in followed):
        word, is_target = waiting.pop() if waiting else (WISH, False)
        followed.add(word)
        if is_target:
            if word in targets or word not in rules.texts:
                continue
            targets.add(word)
            texts = rules.texts[word]
        else:
            texts = rules.values.get(word, [])
        for text in texts:
            waiting += [(each, True) for each in _targets(text, rules)]
            for name in WORD.findall(text):
                # NEEDS_ of $(NEEDS_$(A)) stands for each that begins so.
                its = (
                    {each for each in rules.values if each.startswith(name)}
                    if (name.endswith("_"))
                    else {name}
                )
                documented = f"{name}=" in text.partition("##")[2]
                new = {each for each in its if each in rules.values or documented} - names
                names |= new
                waiting += [(each, False) for each in new if each != WISH]
    return names, targets


def _targets(text: str, rules: Rules) -> list[str]:
    """Those that a rule or a recipe names; `data` within a sentence or a command is none."""
    is_recipe = text.startswith("\t")
    if is_recipe and "$(MAKE)" not in text:
        return []
    words = re.split(r"[\s(),]+", text.partition("##")[0])
    return [word for word in words if word in rules.texts]


def check(
    goals: Sequence[str], given: dict[str, str], defaults: dict[str, str], rules: Rules
) -> list[str]:
    """What make must know of the model: `words`, and the variables that are hyperparameters.

    Args:
        given: on make's command line.
        defaults: what make has of VERSION, SCRIPT and TOKENS where they are not given.

    Raises:
        UserError: something is wrong.
    """
    goals = list(goals) or ["help"]
    names, targets = known(rules, goals)
    asked = {**defaults, **{name: value for name, value in given.items() if value}}
    if given.get("SCRIPT") and given.get("VERSION"):
        raise UserError(
            f"SCRIPT={given['SCRIPT']} VERSION={given['VERSION']}: expected one of them."
        )
    named = asked.get("SCRIPT") or asked["VERSION"]
    version = named if TRAINING in names else ""
    found = versions.declared(version) if version else None
    own = {one.variable for one in found.hyperparameters.values()} if found else set()
    if version:
        names &= rules.values.keys()  # what a help text says of hyperparameters is an example
    for name, value in given.items():
        if name in names or PASSED_ON.fullmatch(name):
            if name in rules.kinds and value:
                _check_value(name, value, rules.kinds[name])
        elif name not in own:
            offered = [each for each in names if each in rules.offered]
            raise _unknown(f"{name}={value}", goals, rules, version, [*offered, *sorted(own)])
    _check_settings({name: value for name, value in given.items() if value and name in names})
    _check_places(asked, bool({DATA, "reproduce"} & targets))
    if not {DATA, TRAINING} & {*names, *targets}:
        return []
    tokens = asked.get("TOKENS") or versions.tokens_of(named)
    versions.check_reads(named, tokens)
    words = ["words"] if tokens else []
    if found is None:
        return words
    if PACKED in targets:
        versions.check_packed(version)
    chosen = [
        name for name in given if given[name] and (name not in names or name == hyperparameters.HP)
    ]
    hyperparameters.of_make(version, found, chosen, given)
    job_source.check(version)
    return [*words, *(name for name in chosen if name in own)]


def _check_value(name: str, value: str, kind: Kind) -> None:
    try:
        kind.value(value)
    except ValueError as error:
        raise UserError(f"{name}={value}: expected {error}.") from None


def _check_places(given: dict[str, str], reads_data: bool) -> None:
    dataset = given.get("DATASET") or "sample"
    if reads_data and dataset not in ("sample", "knbc") and not Path(dataset).is_dir():
        raise UserError(f"DATASET={dataset}: expected sample, knbc or a directory, found none.")


def _check_settings(given: dict[str, str]) -> None:
    """The keys of cloud.toml, where this Python can read TOML; else the command does it."""
    try:
        from train2deploy.cloud import config
    except ModuleNotFoundError:
        return
    settings = {name: value for name, value in given.items() if name.lower() in config.KEYS}
    if settings:
        config.load(settings, needs=())


def _unknown(
    said: str, goals: Sequence[str], rules: Rules, version: str, names: Sequence[str]
) -> UserError:
    """Whose name it is, or the nearest one of this target and model."""
    name = said.partition("=")[0]
    every = [goal for goal in rules.texts if re.fullmatch(r"[a-z][a-z0-9-]*", goal)]
    having = [goal for goal in every if name in rules.values and name in known(rules, [goal])[0]]
    near = difflib.get_close_matches(name, names, 1, 0.6)
    text = f"{said}: not a variable of {' '.join(goals)}"
    text += f" or a hyperparameter of {version}" if version else ""
    if having:
        return UserError(f"{text}, but of {', '.join(having[:4])}.")
    declares = bool(version) and bool(versions.declared(version).hyperparameters)
    if other := hyperparameters.having(name) if declares else []:
        return UserError(f"{text}, but of VERSION={' or '.join(other)}.")
    if near:
        return UserError(f"{text}. The nearest is {near[0]}.")
    return UserError(
        f"{text}. {hyperparameters.expected(version, name)}" if version else f"{text}."
    )


def main(argv: Sequence[str]) -> int:
    """Prints what was found; the exit status is one of errors.EXIT_*."""
    parser = argparse.ArgumentParser(prog="train2deploy.variables")
    parser.add_argument("--goals", default="")
    parser.add_argument("--default", action="append", default=[], help="NAME=VALUE, not given")
    parser.add_argument("given", nargs="*", help="NAME=VALUE, as they were given to make")
    arguments = parser.parse_args(argv)
    given, defaults = (
        dict(each.split("=", 1) for each in pairs) for pairs in (arguments.given, arguments.default)
    )
    try:
        found = check(arguments.goals.split(), given, defaults, read(paths.ROOT / "Makefile"))
    except UserError as error:
        print(" ".join(str(error).rstrip(".").split()))
        return EXIT_USAGE
    print("ok", *found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
