"""What a training script declares, read and not run: it is for another Python.

Its hyperparameters are those of its list HYPERPARAMETERS (tuples of name, kind, default and what
it is), or else of its calls of `add_argument`. A constant DECLARES may say more, each key optional:

    DECLARES = {
        'title': {'en': 'a small CNN', 'ja': '小さな CNN'},
        'metrics': {'valid:acc': r'val_acc: ([0-9.]+)'},    # name: regex, as SageMaker takes them
        'search': {'jobs': 4, 'ranges': {'filters': {'min': 16, 'max': 128, 'scale': 'log'}}},
        'vectors': 'chive',                                 # VECTORS where it is not given
        'tokens': 'janome',                                 # it reads words, cut by this
        'given': {'epochs': {'sample': 20, 'default': 10}}, # what make gives, by data set
    }

`<script>.model.json` says the same beside a script that must not change. Standard library alone,
see kinds.
"""

import ast
import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from train2deploy import kinds, paths
from train2deploy.errors import UserError
from train2deploy.kinds import Kind

TABLE = "HYPERPARAMETERS"
DEFAULTS = "DEFAULTS"
"""Where a published model's script says which of the table that its driver has are its own."""
DECLARES = "DECLARES"
KEYS = ("title", "metrics", "search", "vectors", "tokens", "given")
BESIDE = ".model.json"
DRIVER = "driver.py"
OF_THE_PLATFORM = ("container-log-level", "model-dir", "model-version")
SEED, SINGLE_THREAD = "seed", "single-thread"  # given by SEED and REPRO
KINDS = {
    "int": Kind(kinds.WHOLE),
    "float": Kind(kinds.NUMBER),
    "share": Kind(kinds.NUMBER, 0, 1, below=True),
    "positive": Kind(kinds.NUMBER, 0, above=True),
    "switch": Kind(kinds.SWITCH),
}
"""By the name that Python or src/train/arguments.py has for it; at_least(n) is made."""
LARGEST_REGEX = 500


@dataclass(frozen=True)
class Hyperparameter:
    """One that a script takes."""

    name: str
    kind: Kind = field(default_factory=Kind)
    default: object = None
    text: str = ""

    @property
    def variable(self) -> str:
        """What make calls it.

        >>> Hyperparameter("batch-size").variable
        'BATCH_SIZE'
        """
        return re.sub(r"[^A-Z0-9]", "_", self.name.upper())


@dataclass(frozen=True)
class Declaration:
    """What a script says of itself."""

    # by name, in the script's order, but for those below
    hyperparameters: dict[str, Hyperparameter]
    # seed, single_thread: what the script calls them; None: it does not take them
    seed: str | None
    single_thread: str | None
    # every hyperparameter that the script takes is known; what is not among them is refused.
    # Else it reads them in a way of its own, and takes what it is given.
    is_whole: bool
    further: dict[str, Any]  # by the KEYS

    @property
    def metrics(self) -> list[dict[str, str]] | None:
        """Definitions as SageMaker takes them; None: those of Keras' log."""
        found: list[dict[str, str]] | None = self.further.get("metrics")
        return found

    def given(self, dataset: str) -> dict[str, object]:
        """What make gives where nothing is given to it."""
        found: dict[str, object] = {
            name: by_dataset.get(dataset, by_dataset["default"])
            for name, by_dataset in self.further.get("given", {}).items()
        }
        return found


def read(script: Path) -> Declaration:
    """Raises UserError, with file and line, where the script cannot be read."""
    tree = parse(script)
    constants = _constants(tree)
    driver = script.with_name(DRIVER)
    if isinstance(constants.get(TABLE), (ast.List, ast.Tuple)):
        found, is_whole = _table(script, constants[TABLE]), True
    elif DEFAULTS in constants and driver.is_file() and _runs_driver(tree):
        its_own = _literal(script, DEFAULTS, constants[DEFAULTS])
        every = _table(driver, _constants(parse(driver))[TABLE])
        always = ("validation-split", SEED, SINGLE_THREAD)
        found, is_whole = [one for one in every if one.name in {*its_own, *always}], True
    else:
        found, is_whole = _options(tree)
    by_name = {one.name: one for one in found if _plain(one.name) not in OF_THE_PLATFORM}
    special = {_plain(name): name for name in by_name if _plain(name) in (SEED, SINGLE_THREAD)}
    return Declaration(
        {name: one for name, one in by_name.items() if name not in special.values()},
        special.get(SEED),
        special.get(SINGLE_THREAD),
        is_whole,
        _further(script, constants),
    )


def is_published(script: Path) -> bool:
    """Whether it is one of the published models, which their driver runs."""
    return "\ndriver.run(__name__)" in script.read_text(encoding="utf-8", errors="replace")


def parse(script: Path) -> ast.Module:
    """The syntax tree of a script or module."""
    try:
        return _tree(script.read_bytes(), str(script))
    except SyntaxError as error:
        raise UserError(f"{paths.relative(script)}:{error.lineno or 1}: {error.msg}.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{paths.relative(script)}:1: {error}.") from None


@lru_cache(maxsize=128)
def _tree(source: bytes, name: str) -> ast.Module:
    """A report asks each of its scripts ten times."""
    return ast.parse(source, name)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _runs_driver(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Import) and node.names[0].name == "driver" for node in tree.body
    )


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    found = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign) and node.value:
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                assert isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value
                found[target.id] = node.value
    return found


def _literal(script: Path, name: str, node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _wrong(script, node, name, "a value that is written out") from None


def _wrong(script: Path, node: ast.AST, name: str, expected: str) -> UserError:
    line = getattr(node, "lineno", 1)
    return UserError(f"{paths.relative(script)}:{line}: {name}: expected {expected}.")


def _table(script: Path, node: ast.expr) -> list[Hyperparameter]:
    expected = "(name, kind, default, what it is)"
    found = []
    for entry in getattr(node, "elts", []):
        parts = entry.elts if isinstance(entry, (ast.Tuple, ast.List)) else []
        name = _value(parts[0]) if parts else None
        if not isinstance(name, str) or not name or len(parts) not in (2, 3, 4):
            raise _wrong(script, entry, TABLE, expected)
        default = _value(parts[2]) if len(parts) > 2 else None
        text = _value(parts[3]) if len(parts) > 3 else ""
        found.append(Hyperparameter(name, _kind(parts[1]), default, str(text or "")))
    return found


def _options(tree: ast.Module) -> tuple[list[Hyperparameter], bool]:
    """Those of argparse, and whether they are all that the script takes."""
    found: list[Hyperparameter] = []
    is_whole = False
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument"):
            continue
        names = [_value(argument) for argument in node.args]
        if not names or not all(isinstance(name, str) for name in names):
            return found, False  # made in a loop, or from a table of the script's own
        is_whole = True
        options = [str(name) for name in names if str(name).startswith("-")]
        words = {word.arg: word.value for word in node.keywords}
        # A place of SageMaker's is no hyperparameter; a flag cannot take the value that it sends.
        if not options or "action" in words or _is_a_place(words.get("default")):
            continue
        name = next((name for name in options if name.startswith("--")), options[0]).lstrip("-")
        kind = _kind(words.get("type"), words.get("choices"))
        default, text = _value(words.get("default")), _value(words.get("help"))
        found.append(Hyperparameter(name, kind, default, str(text or "")))
    return found, is_whole


def _is_a_place(node: ast.expr | None) -> bool:
    return node is not None and "environ" in ast.dump(node)


def _value(node: ast.expr | None) -> object:
    """None where the value is not written out."""
    try:
        return None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _kind(node: ast.expr | None, choices: ast.expr | None = None) -> Kind:
    """Of `int`, `arguments.share` or `at_least(1)`; what is not known is text."""
    function = node.func if isinstance(node, ast.Call) else node
    name = getattr(function, "attr", getattr(function, "id", ""))
    kind = KINDS.get(name, Kind())
    if name == "at_least" and isinstance(node, ast.Call) and node.args:
        least = _value(node.args[0])
        kind = Kind(kinds.WHOLE, least if isinstance(least, (int, float)) else None)
    if choices is None:
        return kind
    if isinstance(choices, ast.Call) and getattr(choices.func, "id", "") == "range":
        ends = [end for end in map(_value, choices.args) if isinstance(end, int)]
        if len(ends) == len(choices.args) and len(ends) in (1, 2):
            return Kind(kinds.WHOLE, ends[0] if len(ends) > 1 else 0, ends[-1] - 1)
    values = _value(choices)
    if isinstance(values, (list, tuple, set)):
        return Kind(kind.type, choices=tuple(str(value) for value in values))
    return kind


def _further(script: Path, constants: dict[str, ast.expr]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if DECLARES in constants:
        node = constants[DECLARES]
        written = _literal(script, DECLARES, node)
        found |= _all_checked(f"{paths.relative(script)}:{node.lineno}: {DECLARES}", written)
    beside = script.with_suffix(BESIDE)
    if beside.is_file():
        try:
            written = json.loads(beside.read_text(encoding="utf-8"))
        except ValueError as error:
            line = getattr(error, "lineno", 1)
            raise UserError(f"{paths.relative(beside)}:{line}: {error}.") from None
        found |= _all_checked(paths.relative(beside), written)
    return found


def _all_checked(where: str, written: Any) -> dict[str, Any]:
    if not isinstance(written, dict) or not set(written) <= set(KEYS):
        found = ", ".join(map(str, set(written) - set(KEYS))) if isinstance(written, dict) else ""
        raise UserError(
            f"{where}: expected keys of {', '.join(KEYS)}, found {found or 'no table'}."
        )
    return {key: _checked(f"{where}: {key}", key, value) for key, value in written.items()}


def _checked(where: str, key: str, value: Any) -> Any:
    """The value of a key in the form that is used."""
    if key == "title":
        value = {"en": value, "ja": value} if isinstance(value, str) else value
        if not isinstance(value, dict) or not {"en", "ja"} <= set(value):
            raise UserError(f"{where}: expected a text, or one for en and one for ja.")
    elif key == "metrics":
        return _metrics(where, value)
    elif key == "given":
        good = isinstance(value, dict) and all(
            isinstance(each, dict) and "default" in each for each in value.values()
        )
        if not good:
            raise UserError(f"{where}: expected values by data set, one of them by default.")
    elif key == "search" and not isinstance(value, dict):
        raise UserError(f"{where}: expected a table such as {{'ranges': …}}, found {value!r}.")
    elif key in ("vectors", "tokens") and not isinstance(value, str):
        raise UserError(f"{where}: expected a text, found {value!r}.")
    return value


def _metrics(where: str, value: Any) -> list[dict[str, str]]:
    if isinstance(value, dict):
        value = [{"Name": name, "Regex": regex} for name, regex in value.items()]
    good = isinstance(value, list) and all(
        isinstance(one, dict)
        and set(one) == {"Name", "Regex"}
        and all(isinstance(text, str) for text in one.values())
        for one in value
    )
    if not good:
        raise UserError(f"{where}: expected regular expressions by the metrics' names.")
    for one in value:
        here = f"{where}: {one['Name']}"
        try:
            groups = re.compile(one["Regex"]).groups
        except re.error as error:
            raise UserError(f"{here}: expected a regular expression: {error}.") from None
        if groups != 1 or len(one["Regex"]) > LARGEST_REGEX:
            raise UserError(f"{here}: expected one group in at most {LARGEST_REGEX} characters.")
    return list(value)
