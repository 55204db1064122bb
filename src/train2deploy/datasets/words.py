"""Sentences cut into words, for the published models that read words instead of pieces.

Japanese has no spaces, so a tokenizer says where a word ends. The words stand in features.csv one
after the other, with BETWEEN between them. The tokenizers are packages of their own, in
.venvs/words: nobody else needs them, and their dictionaries are large.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from train2deploy import paths
from train2deploy.errors import UserError

BETWEEN = "\x1f"  # the unit separator, which no text has; where one has it, a space takes its place
VARIABLE = "TOKENS"
PLACE = paths.VENVS / "words"

Cut = Callable[[str], list[str]]


@dataclass(frozen=True)
class Tokenizer:
    """A way to cut sentences."""

    name: str  # what TOKENS= calls it
    # tokenizer and dictionary, as pip calls them; their versions are recorded
    packages: tuple[str, ...]
    dictionary: str  # which words it knows, where that is not a package
    words: str  # what of a word is written, and how long words are
    load: Callable[[], Cut]  # gives the function that cuts

    def facts(self) -> dict[str, str]:
        """For the manifest of the data.

        Raises:
            UserError: the packages are not there.
        """
        versions = [f"{package} {_version(self.name, package)}" for package in self.packages]
        tokenizer, dictionary = [*versions, self.dictionary][:2]
        return {
            "tokens": self.name,
            "tokenizer": tokenizer,
            "dictionary": dictionary,
            "words": self.words,
        }

    def cutter(self) -> Callable[[str], str]:
        """A function from a sentence to its words with BETWEEN between them."""
        self.facts()
        cut = self.load()
        return lambda text: BETWEEN.join(cut(text.replace(BETWEEN, " ")))


def find(name: str) -> Tokenizer | None:
    """The tokenizer that TOKENS= names; None where sentences stay whole.

    Raises:
        UserError: there is none of that name.
    """
    if not name:
        return None
    if name not in TOKENIZERS:
        raise UserError(f"{VARIABLE}={name}: expected one of {', '.join(TOKENIZERS)}.")
    return TOKENIZERS[name]


def whole(text: str) -> str:
    """The sentence that was cut; of base forms, about the sentence.

    >>> whole("電波\\x1fが\\x1f悪い")
    '電波が悪い'
    """
    return text.replace(BETWEEN, "")


def _version(tokenizer: str, package: str) -> str:
    from importlib import metadata

    if str(PLACE) not in sys.path:
        sys.path.append(str(PLACE))
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError as error:
        raise UserError(
            f"{VARIABLE}={tokenizer}: the package {package} is not installed."
            f" Run `make .stamps/{PLACE.name}`."
        ) from error


def _janome() -> Cut:
    from janome.tokenizer import Tokenizer as Janome

    janome = Janome()
    return lambda text: [token.base_form for token in janome.tokenize(text)]


def _sudachi() -> Cut:
    """As ginza 3.1.2 does: the longest words, and no word for the space that follows a word."""
    from sudachipy import Dictionary, SplitMode
    from sudachipy.config import Config

    # SudachiPy's own settings have had a third one since, which drops readings in brackets.
    plugins = [
        {"class": "com.worksap.nlp.sudachi.DefaultInputTextPlugin"},
        {
            "class": "com.worksap.nlp.sudachi.ProlongedSoundMarkPlugin",
            "prolongedSoundMarks": ["ー", "-", "⁓", "〜", "〰"],
            "replacementSymbol": "ー",
        },
    ]
    dictionary = Dictionary(config=Config(system="core", inputTextPlugin=plugins))
    sudachi = dictionary.create(mode=SplitMode.C)

    def cut(text: str) -> list[str]:
        words: list[str] = []
        follows_word = False
        for morpheme in sudachi.tokenize(text):
            is_space = morpheme.part_of_speech()[0] == "空白"
            if morpheme.surface() and not (is_space and follows_word):
                words.append(morpheme.surface())
            follows_word = not is_space
        return words

    return cut


TOKENIZERS = {
    tokenizer.name: tokenizer
    for tokenizer in (
        Tokenizer(
            "janome",
            ("janome",),
            "mecab-ipadic-2.7.0-20070801, within janome",
            "base forms",
            _janome,
        ),
        Tokenizer(
            "sudachi", ("SudachiPy", "SudachiDict-core"), "", "as written, split mode C", _sudachi
        ),
    )
}
