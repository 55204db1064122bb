"""The tokenizer that TOKENIZER= names: learnt from the text, a file, or the author's own.

The author published the SentencePiece model of his articles until February 2019 (100,000 pieces,
Japanese Wikipedia) in the repository of text-vectorian, under its MIT licence; the later one, which
the article of August 2019 used, is gone.
"""

from pathlib import Path

from train2deploy import downloads, paths
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file

AUTHOR = "author"
NAME = "wikija_sentencepiece.model"
URL = (
    "https://raw.githubusercontent.com/lhideki/text-vectorian/"
    f"0bec98bdf5bc264dc84fe6850b244753a8bf0989/text_vectorian/models/{NAME}"
)
SHA256 = "1ef45387e94e7ccfac2dd248b2fb9def373c27562ede2a9596db0226ac6de832"


def find(name: str, beside: Path | None = None) -> Path | None:
    """The model file; None where the tokenizer is to be learnt from the text.

    Args:
        name: `author`, a path, or "" to learn one.
        beside: where the corpus is (KNBC=): the author's model may lie in the same folder.

    Raises:
        UserError: no such file.
        DownloadFailed: the author's could not be fetched, or is not the published one.
    """
    if not name:
        return None
    if name == AUTHOR:
        laid = beside and (beside if beside.is_dir() else beside.parent) / NAME
        if laid and laid.is_file() and sha256_file(laid) == SHA256:
            return laid
        return downloads.fetch(URL, paths.RAW / NAME, SHA256)
    path = Path(name)
    if not path.is_file():
        raise UserError(
            f"TOKENIZER={name}: no such file. Give a SentencePiece model, or {AUTHOR} for the one"
            " that the article's author published."
        )
    return path
