"""What the tool says in more than one language: a TOML file beside this one for each."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from train2deploy import versions
from train2deploy.toml import tomllib

LANGUAGES = ("en", "ja")


class Texts:
    """The texts of one language: `texts("seed", seed=3)` fills in and returns one."""

    def __init__(self, language: str, known: Mapping[str, str]) -> None:
        self.language = language
        self.known = known

    def __call__(self, key: str, /, **values: object) -> str:
        return self.known[key].format(**values)

    def name(self, key: str) -> str:
        """The text of a key that is somebody else's name: itself where it has none."""
        return self.known.get(key, key)

    def title(self, version: str) -> str:
        """What a version's script says that it is; "" where it does not say."""
        return versions.title(version, self.language)

    @staticmethod
    def spread(found: Mapping[str, Any], before: str = "", decimals: int = 3) -> str:
        """Mean and, of several, the standard deviation.

        >>> Texts.spread({"mean": 0.8561, "sd": 0.0079})
        '0.856 ± 0.008'
        """
        sd = "" if found["sd"] is None else f" ± {found['sd']:.{decimals}f}"
        return f"{before}{found['mean']:.{decimals}f}{sd}"

    def runs(self, number: int) -> str:
        """So many runs, in words.

        >>> load("en").runs(1), load("en").runs(5)
        ('one run', '5 runs')
        """
        return self("runs_one") if number == 1 else self("n_runs", n=number)


@cache
def load(language: str) -> Texts:
    path = Path(__file__).with_name(f"{language}.toml")
    return Texts(language, tomllib.loads(path.read_text(encoding="utf-8")))
