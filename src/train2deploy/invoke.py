"""`make invoke`: one request to the endpoint; a ranking as bars, other JSON pretty-printed."""

from rich.table import Table

from train2deploy import answers, console, endpoint, paths
from train2deploy.answers import Ranking
from train2deploy.hashing import sha256_file
from train2deploy.requests import Request


def invoke(request: Request, port: int, as_json: bool) -> None:
    """Asks the endpoint on `port` and prints what it says."""
    _say_whether_outdated(port)
    show(request, endpoint.invocations(endpoint.Endpoint(port, 0, None), request), as_json)


def show(request: Request, answer: bytes, as_json: bool) -> None:
    """Prints an answer; as JSON, it is raw, and the request as sent goes to standard error."""
    if as_json:
        console.note(request.body.decode("utf-8", "replace"))
        console.say(answer.decode("utf-8", "replace").removesuffix("\n"))
        return
    rankings = answers.read_rankings(answer)
    if rankings:
        titles = list(request.titles)
        titles += [f"{number}" for number in range(len(titles) + 1, len(rankings) + 1)]
        for title, ranking in zip(titles, rankings, strict=False):
            console.print_table(ranking_table(title, ranking))
        return
    for line in _text(answer).split("\n"):
        console.say(console.shown(line, None))


def _text(answer: bytes) -> str:
    try:
        return answers.pretty(answers.parse(answer))
    except (ValueError, RecursionError):
        pass
    try:
        text = answer.decode()
    except UnicodeDecodeError:
        return f"{len(answer)} bytes that are not text; JSON=1 prints them as they are"
    return text.replace("\r\n", "\n").removesuffix("\n")


def _say_whether_outdated(port: int) -> None:
    running = endpoint.current()
    if running is None or running.port != port or not running.model_sha256:
        return
    if paths.MODEL_ARCHIVE.exists() and sha256_file(paths.MODEL_ARCHIVE) != running.model_sha256:
        console.note(
            f"{running.url} serves an earlier package than {paths.relative(paths.MODEL_ARCHIVE)}:"
            " `make local-stop local-serve DETACH=1` serves this one."
        )


def ranking_table(title: str, ranking: Ranking) -> Table:
    """A row a label: name, probability, bar."""
    table = Table(
        title=console.shown(title, None), title_justify="left", box=None, show_header=False
    )
    table.add_column("label")
    table.add_column("prob", justify="right")
    table.add_column("bar")
    for entry in ranking:
        probability = float(str(entry["prob"]))
        table.add_row(
            console.shown(str(entry["label"])), f"{probability:.6f}", console.bar(probability)
        )
    return table
