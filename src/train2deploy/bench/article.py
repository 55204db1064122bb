"""The article's way: its handler, with vectors of its size, before a model that it can feed."""

import shutil
from pathlib import Path

from train2deploy import partial, paths
from train2deploy.bench import subjects
from train2deploy.bench.workload import Sentences
from train2deploy.errors import JobFailed
from train2deploy.hashing import sha256_file, sha256_value
from train2deploy.processes import run_streaming

WORDS = 171_000  # in the word vectors of the article's handler, 300 dimensions each

ARTICLE_DIR = paths.BENCH / "article"
VECTORS = "vectors.model"


def can_feed(sentences: Sentences) -> bool:
    """Whether a model has one input, which is all that the article's handler knows."""
    return len(sentences.inputs) == 1


def left_out(sentences: Sentences) -> str:
    """Why there is no article's handler, in one line."""
    if can_feed(sentences):
        return (
            "the article's handler is left out: it needs packages of 2019;"
            " AGAINST=<a v1 package made with STACK=2019> gives it one to serve"
        )
    return (
        "the article's handler is left out: it feeds one input, this model has"
        f" {len(sentences.inputs)} ({', '.join(sentences.inputs)});"
        " AGAINST=<a v1 package> gives it one to serve"
    )


def model(model_dir: Path, words: int) -> Path:
    """The same SavedModel with a handler as the article writes it, made below build/bench.

    Args:
        words: in the handler's word vectors, at least as many as the model has tokens.

    Raises:
        JobFailed: the word vectors could not be made.
    """
    target = ARTICLE_DIR / "model"
    code = target / "code"
    shutil.rmtree(target, ignore_errors=True)
    code.mkdir(parents=True)
    for version in model_dir.iterdir():
        if version.name.isdigit():
            (target / version.name).symlink_to(version.resolve())
    for name in ("tokenizer.model", "labels.json"):
        shutil.copyfile(model_dir / "code" / name, code / name)
    shutil.copyfile(paths.SRC / "bench" / "article_inference.py", code / "inference.py")
    for file in word_vectors(model_dir, words).iterdir():
        (code / file.name).symlink_to(file.resolve())
    return target


def word_vectors(model_dir: Path, words: int) -> Path:
    """The directory of the vectors' files (410 MB), made once for a model; the last one is kept."""
    kept = ARTICLE_DIR / f"vectors-{_fingerprint(model_dir, words)}"
    if not kept.is_dir():
        for old in ARTICLE_DIR.glob("vectors-*"):
            shutil.rmtree(old)
        with partial.directory(kept) as fresh:
            _write(model_dir, fresh / VECTORS, words)
    return kept


def _write(model_dir: Path, path: Path, words: int) -> None:
    lines: list[str] = []
    command = [str(paths.TRAIN_PYTHON), "-m", "bench.word_vectors", str(model_dir)]
    status = run_streaming(
        [*command, str(path), str(words)], subjects.environment(), paths.ROOT, lines.append
    )
    if status != 0:
        raise JobFailed("\n".join([*lines[-15:], "the article's word vectors could not be made."]))


def _fingerprint(model_dir: Path, words: int) -> str:
    """Of all that the vectors' files are made from."""
    sources = [
        model_dir / "code" / "vocabulary.json",
        *sorted(model_dir.glob("*/variables/*")),
        paths.SRC / "bench" / "word_vectors.py",
    ]
    return sha256_value([words, *map(sha256_file, sources)])[:16]


def environment() -> dict[str, str]:
    """What the article's handler needs to find its packages."""
    return {"BENCH_SITE_PACKAGES": str(site_packages(paths.TRAIN_PYTHON))}


def site_packages(python: Path) -> Path:
    """The site-packages directory of a virtual environment's interpreter."""
    return next((python.parents[1] / "lib").glob("python*/site-packages"))
