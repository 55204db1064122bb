"""The versions of the model, and the hyperparameters that the script of each declares.

    python -m train2deploy.versions --model-version v2 --members 5

ends with one line where the version has not what is given. Standard library alone, and nothing
that an older Python could not read: make asks this before any environment is made.
"""

from __future__ import annotations

import argparse
import ast
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from train2deploy import exits, paths
from train2deploy.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Kind = Callable[[str], object]

OURS = {"v1": "train_v1.py", "v2": "train_v2.py", "v3": "train_v3.py"}
PUBLISHED = {
    "comp-vectorizer-words": "large BiLSTM, words",
    "comp-vectorizer-pieces": "large BiLSTM, pieces",
    "comp-vectorizer-characters": "large BiLSTM, characters",
    "mymodel": "BiLSTM of 32 units",
    "mymodel-tuned": "BiLSTM, tuned",
    "bilstm": "BiLSTM",
    "bilstm-attention-pooling": "BiLSTM, self-attention, pooling",
    "word-or-character-pieces": "BiLSTM, pieces",
    "word-or-character-characters": "BiLSTM, characters",
    "word-or-character-both": "two BiLSTM, pieces and characters",
    "comp-corpus": "BiLSTM, pieces, vectors of more dimensions",
    "attention-visualize": "self-attention, BiLSTM",
    "attention-visualize-with-spacy": "self-attention, words",
}
"""The models that the author scored on the KNB corpus, by their articles, and what they are.

They are trained and scored, not packed: their figures are what is asked for."""
READ_WORDS = {"comp-vectorizer-words": "janome", "attention-visualize-with-spacy": "sudachi"}
"""What cuts the sentences (TOKENS) for the versions that read words."""
PUBLISHED_SOURCE = "published"
SCRIPTS = {
    **OURS,
    **{name: f"{PUBLISHED_SOURCE}/{name.replace('-', '_')}.py" for name in PUBLISHED},
}
"""By version, below src/train."""
TABLE = "HYPERPARAMETERS"
"""Where a script declares them: a list of (name, kind, default, what it is)."""
DEFAULTS = "DEFAULTS"
"""Where a published model's script says which of the table that its driver has are its own."""
SET_OTHERWISE = ("seed", "single-thread", "container-log-level")
"""By SEED and REPRO, and by the platform."""


def switch(text: str) -> bool:
    """What a user writes for yes and no.

    >>> switch("1"), switch("false")
    (True, False)
    """
    values = {"1": True, "true": True, "0": False, "false": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"expected 1 or 0, found {text!r}")
    return values[text.lower()]


NUMBERS: dict[str, Kind] = {"at_least": int, "share": float, "positive": float}
KINDS: dict[str, Kind] = {**NUMBERS, "switch": switch}
"""By the name that src/train/arguments.py has for it."""


@dataclass(frozen=True)
class Hyperparameter:
    """One that a script takes.

    Attributes:
        kind: one of KINDS.
    """

    name: str
    kind: str

    @property
    def variable(self) -> str:
        """What make calls it.

        >>> Hyperparameter("batch-size", "at_least").variable
        'BATCH_SIZE'
        """
        return self.name.upper().replace("-", "_")

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBERS

    @property
    def is_whole(self) -> bool:
        return NUMBERS.get(self.kind) is int


def known() -> list[str]:
    """The versions whose script is there."""
    return [name for name, script in SCRIPTS.items() if (paths.TRAIN_SOURCE / script).exists()]


def check(version: str) -> None:
    """Raises UserError where there is no script of this version."""
    if version not in known():
        ours = [name for name in known() if name in OURS]
        published = [name for name in known() if name in PUBLISHED]
        models = f", or a published model: {', '.join(published)}" if published else ""
        raise UserError(f"VERSION={version}: expected one of {', '.join(ours)}{models}.")


def check_packed(version: str) -> None:
    """Raises UserError where a version has no package, and so nothing that needs one."""
    check(version)
    if version in PUBLISHED:
        raise UserError(
            f"VERSION={version}: published models are trained and scored, not packed."
            f" `make reproduce VERSION={version}` records its figures."
        )


def vectors_of(version: str) -> str:
    """What VECTORS is where it is not given: the published models' vectors are Wikipedia's."""
    if version in PUBLISHED:
        return "wikipedia"
    return "encoder" if version == "v3" else "chive"


def tokenizer_of(version: str, vectors: str) -> str:
    """What TOKENIZER is where it is not given; "" learns one, or takes the vectors' own."""
    reads_pieces = version in PUBLISHED and version not in READ_WORDS
    return "author" if reads_pieces and vectors not in ("wikija", "corpus", "characters") else ""


def tokens_of(version: str) -> str:
    """What TOKENS is where it is not given; "" leaves the sentences whole."""
    return READ_WORDS.get(version, "")


def check_reads(version: str, tokens: str) -> None:
    """Raises UserError where a version does not read such sentences.

    Args:
        tokens: what cut them into words; "": nothing did.
    """
    check(version)
    if tokens and version not in READ_WORDS:
        raise UserError(
            f"TOKENS={tokens}: {version} cuts sentences by itself. Leave TOKENS away, or take a"
            f" version that reads words: {', '.join(READ_WORDS)}."
        )
    if not tokens and version in READ_WORDS:
        raise UserError(
            f"VERSION={version}: it reads words, and the sentences in the data are whole."
            f" Run `make data TOKENS={READ_WORDS[version]}`."
        )


def declared(version: str) -> dict[str, Hyperparameter]:
    """What the version's script lets be chosen, by name, in its own order.

    >>> declared("v1")["hidden"].is_whole, declared("v1")["dropout"].is_whole
    (True, False)
    """
    script = paths.TRAIN_SOURCE / SCRIPTS[version]
    if version not in PUBLISHED:
        return _table(script)
    found = _table(script.with_name("driver.py"))
    its_own = ast.literal_eval(_assigned(script, DEFAULTS))
    return {name: each for name, each in found.items() if name in {*its_own, "validation-split"}}


def _table(script: Path) -> dict[str, Hyperparameter]:
    found = [_entry(entry) for entry in getattr(_assigned(script, TABLE), "elts", [])]
    return {each.name: each for each in found if each.name not in SET_OTHERWISE}


def _assigned(script: Path, name: str) -> Any:
    """The value of a script's constant. Read, not imported: it is for another Python."""
    for node in ast.parse(script.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return node.value
    raise UserError(f"{paths.relative(script)}: expected {name} in it, found none.")


def _entry(node: Any) -> Hyperparameter:
    """Of ('hidden', arguments.at_least(1), 32, 'units of …'); a plain `int` has no kind."""
    name, kind = node.elts[:2]
    function = kind.func if isinstance(kind, ast.Call) else kind
    return Hyperparameter(ast.literal_eval(name), getattr(function, "attr", ""))


def every() -> dict[str, Hyperparameter]:
    """Those of all versions, by name."""
    return {name: each for version in known() for name, each in declared(version).items()}


def add_options(parser: argparse.ArgumentParser) -> None:
    """--model-version, and an option for each hyperparameter of any version."""
    parser.add_argument("--model-version", default="v1")
    for each in every().values():
        parser.add_argument(f"--{each.name}", type=KINDS[each.kind])


def given(arguments: argparse.Namespace) -> dict[str, object]:
    """The hyperparameters that were given, by name.

    Raises:
        UserError: there is no such version, or it has not one of them.
    """
    version = arguments.model_version
    check(version)
    its_own = declared(version)
    values = {}
    for name, each in every().items():
        value = getattr(arguments, name.replace("-", "_"))
        if value is None:
            continue
        if name not in its_own:
            having = [other for other in known() if name in declared(other)]
            having = [other for other in having if other in OURS] or having
            raise UserError(
                f"{each.variable}={value}: {version} has no such hyperparameter,"
                f" VERSION={' or '.join(having)} has. Expected one of"
                f" {', '.join(one.variable for one in its_own.values())}."
            )
        values[name] = value
    return values


def main(argv: Sequence[str]) -> int:
    """Checks options of a training; others than ours are none of its business."""
    parser = exits.Parser(prog="train2deploy.versions", allow_abbrev=False)
    add_options(parser)
    parser.add_argument("--tokens", default="")
    parser.add_argument("--packed", action="store_true", help="what is asked for needs a package")
    arguments = parser.parse_known_args(argv)[0]

    def check_given() -> None:
        given(arguments)
        if arguments.packed:
            check_packed(arguments.model_version)
        check_reads(arguments.model_version, arguments.tokens or tokens_of(arguments.model_version))

    return exits.run(check_given)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
