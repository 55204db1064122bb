"""The article's graph with the weights of a packed v1: what speed is compared with.

A package's own graph is made for serving. src/train/article_graph.py builds the network
again as the article defines it, with the package's weights, and saves it as the article
does. The result is a model directory that can be loaded and served like the package.
"""

from pathlib import Path

from train2deploy import bundles, partial, paths, runtimes
from train2deploy.errors import JobFailed
from train2deploy.hashing import sha256_file, sha256_value
from train2deploy.runtimes import TrainingRuntime
from train2deploy.runtimes.host import HOST

SCRIPT = paths.TRAIN_SOURCE / "article_graph.py"


def model(model_dir: Path, runtime: TrainingRuntime = HOST) -> Path:
    """A model directory with the article's graph and the package's code/, made once.

    Args:
        model_dir: an unpacked package of v1.
        runtime: where the training environment is.

    Raises:
        JobFailed: the package is not of v1, or the graph could not be built.
    """
    version = bundles.latest(model_dir)
    kept = paths.ARTICLE_GRAPHS / _fingerprint(version) / "model"
    if not kept.is_dir():
        with partial.directory(kept) as fresh:
            _write(version.resolve(), fresh.resolve() / version.name, runtime)
            (fresh / "code").symlink_to((model_dir / "code").resolve())
    return kept


def _write(saved_model: Path, target: Path, runtime: TrainingRuntime) -> None:
    launch = runtime.python(
        "train",
        [str(SCRIPT), str(saved_model), str(target)],
        {"TF_CPP_MIN_LOG_LEVEL": "2"},
        reads=[saved_model],
        writes=[target.parent],
    )
    status, lines = runtimes.run(runtime, launch)
    if status != 0:
        raise JobFailed(f"The article's graph: {(lines or ['not built, no reason given'])[-1]}")


def _fingerprint(saved_model: Path) -> str:
    """Of all that the graph is made from."""
    files = sorted(path for path in saved_model.rglob("*") if path.is_file())
    names = ("train_v1.py", "serving_v1.py", "serving_lstm.py")
    scripts = [paths.TRAIN_SOURCE / name for name in names]
    return sha256_value([sha256_file(path) for path in [*files, SCRIPT, *scripts]])[:16]
