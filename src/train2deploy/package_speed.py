"""How fast a package of v1 is, compared with the article's graph: one short measurement."""

from collections.abc import Callable
from pathlib import Path

from train2deploy import article_graph, console, endpoint, package, paths, runtimes, stack
from train2deploy.datasets import sample
from train2deploy.errors import JobFailed, MissingRequirement
from train2deploy.runtimes import Runtime

SENTENCES = 320


def say(find_runtime: Callable[[], Runtime], archive: Path = paths.MODEL_ARCHIVE) -> None:
    """Prints one line; none for a model that is not the article's.

    A package is not worse for a machine that cannot measure it: then the line says why.
    """
    model_dir = endpoint.unpacked_model(archive)
    if (
        stack.is_todays()
        or package.version_of(archive) != "v1"
        or not (model_dir / "code" / "encoding.py").exists()
    ):
        return
    try:
        runtime = find_runtime()
        medians = measure(model_dir, article_graph.model(model_dir, runtime), runtime)
    except (JobFailed, MissingRequirement) as error:
        console.say(f"speed not measured: {str(error).splitlines()[-1]}")
        return
    console.say(line(medians))


def line(medians: dict[str, list[float]]) -> str:
    """The line for medians in ms by batch size, the package's and the article's.

    >>> line({"1": [0.9, 4.5], "32": [5.0, 25.0]})
    "session.run, × the article's graph: 0.20 for 1 sentence (0.90 ms), 0.20 for 32 (5.00 ms)"
    """
    first = "session.run, × the article's graph: "
    parts = [
        f"{ours / theirs:.2f} for {batch}{' sentence' * (batch == '1')} ({ours:.2f} ms)"
        for batch, (ours, theirs) in medians.items()
    ]
    return first + ", ".join(parts)


def measure(model_dir: Path, article: Path, runtime: Runtime) -> dict[str, list[float]]:
    """Medians in ms by batch size, the package's and the article's; takes some seconds."""
    (saved_model,) = (path for path in article.iterdir() if path.name.isdigit())
    texts = [row.text for row in sample.load().rows][:SENTENCES]
    read = (model_dir, saved_model.resolve())
    medians: dict[str, list[float]] = runtimes.ask(runtime, "hosting.graphs", read, texts)
    return medians
