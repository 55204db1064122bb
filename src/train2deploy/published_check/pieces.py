"""What the articles state of the author's tokenizer, cut again by SentencePiece itself.

SentencePiece is in the training environment alone, so a few lines of Python run there.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from train2deploy import paths, runtimes
from train2deploy.datasets.rows import Row
from train2deploy.errors import JobFailed
from train2deploy.hashing import sha256_file
from train2deploy.published_check.corpus import TEST_ROW_83
from train2deploy.published_check.lines import Line, compared, digest
from train2deploy.report.catalogue import Published
from train2deploy.runtimes import TrainingRuntime
from train2deploy.vectors import tokenizer

PROGRAM = """
import json, sys, sentencepiece
model, given, written = sys.argv[1:]
pieces = sentencepiece.SentencePieceProcessor()
pieces.Load(model)
with open(given, encoding='utf-8') as sentences, open(written, 'w', encoding='utf-8') as cut:
    json.dump([pieces.EncodeAsPieces(sentence) for sentence in json.load(sentences)], cut)
"""
SENTENCES = {
    "cut-fat": ("脂", "▁ 脂"),
    "cut-unit-test": ("これはテストです。", "▁ これは テスト です 。"),
    "cut-persimmon": ("隣の客はよく柿食う客だ", "▁ 隣の 客 はよく 柿 食 う 客 だ"),
    "cut-heiankyo": (
        "平安京があった昔の日本の首都です。観光地としても有名で、海外から多くの観光客が訪れます。",
        "▁ 平安京 があった 昔の 日本の 首都 です 。 観光地 としても有名 で 、 海外 から"
        " 多くの観光客 が訪れ ます 。",
    ),
}
HEADS = ("85e01bc18a58f2d3", "327e027bda44fd34", "23cdd28bb589893f", "967d2640b7b0ab1b",
         "382cdac3834263cb")  # fmt: skip
"""The first ten pieces of each of the first five sentences, as printed: hashes of them."""
TEST_ROW_83_PIECES = "800dd46d7c69e32c"
GONE = ("gone-finetuning", "gone-attention", "gone-indices")
"""What the files that are needed are not to be found for; statements.toml says which."""


def lines(
    rows: Sequence[Row], model: Path, runtime: TrainingRuntime, published: Published
) -> Iterator[Line]:
    """Section 2.

    Args:
        model: the author's tokenizer.
    """
    yield Line("tokenizer", sha256_file(model) == tokenizer.SHA256, sha256_file(model)[:16])
    own = [sentence for sentence, _ in SENTENCES.values()]
    cut = encode([*(row.text for row in rows), *own], model, runtime)
    of_rows = cut[: len(rows)]
    longest = max(map(len, of_rows))
    holders = [row.id for row, pieces in zip(rows, of_rows, strict=True) if len(pieces) == longest]
    held = (longest, holders) == (96, ["KN033_Keitai_1-1-19-01"])
    yield Line("longest-pieces", held, str(longest))
    first = (digest(" ".join(pieces[:10])) for pieces in of_rows)
    found = [one == head for one, head in zip(first, HEADS, strict=False)]
    yield Line("cut-heads", found == [True] * 5, f"{sum(found)} / 5")
    row_83 = next((p for row, p in zip(rows, of_rows, strict=True) if row.id == TEST_ROW_83), [])
    held = (digest(" ".join(row_83)), len(row_83)) == (TEST_ROW_83_PIECES, 14)
    yield Line("cut-test-row", held, str(len(row_83)))
    for (statement, (_, printed)), pieces in zip(SENTENCES.items(), cut[len(rows) :], strict=True):
        yield compared(statement, printed, " ".join(pieces))
    weights = [len(answer.weights) for answer in published.model("attention-visualize").answers]
    yield compared("weights", (14, 18), tuple(weights))
    yield from (Line(statement, None) for statement in GONE)


def encode(sentences: Sequence[str], model: Path, runtime: TrainingRuntime) -> list[list[str]]:
    """The pieces of each sentence.

    Raises:
        JobFailed: the training environment could not cut them.
    """
    paths.BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.BUILD) as scratch:
        given, written = Path(scratch, "sentences.json"), Path(scratch, "pieces.json")
        given.write_text(json.dumps(list(sentences)), encoding="utf-8")
        launch = runtime.python(
            "train",
            ["-c", PROGRAM, str(model), str(given), str(written)],
            {},
            reads=[model],
            writes=[Path(scratch)],
        )
        status, said = runtimes.run(runtime, launch)
        if status != 0:
            raise JobFailed(f"cutting the sentences failed: {(said or ['no reason given'])[-1]}")
        cut: list[list[str]] = json.loads(written.read_text(encoding="utf-8"))
    return cut
