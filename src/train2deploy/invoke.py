"""`make invoke Q=…`: one sentence to the endpoint, the ranking as a table with bars."""

import json

from rich.table import Table

from train2deploy import console, endpoint, paths
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file
from train2deploy.rankings import Ranking


def invoke(sentence: str, port: int, as_json: bool) -> None:
    """Asks the endpoint on `port` and prints what it says."""
    check(sentence)
    _say_whether_outdated(port)
    show(sentence, endpoint.rank(endpoint.Endpoint(port, 0, None), sentence), as_json)


def check(sentence: str) -> None:
    """Raises UserError for what is not a sentence."""
    if not sentence.strip():
        raise UserError("Q: expected a sentence, found nothing. For instance Q='電波が悪い'.")
    try:
        sentence.encode()
    except UnicodeEncodeError as error:
        raise UserError("Q: expected UTF-8, found other bytes.") from error


def show(sentence: str, ranking: Ranking, as_json: bool) -> None:
    """Prints a ranking; as JSON, the request as it was sent goes to standard error."""
    if as_json:
        console.note(json.dumps({"q": sentence}, ensure_ascii=False))
        console.say(json.dumps(ranking, ensure_ascii=False))
    else:
        console.print_table(ranking_table(sentence, ranking))


def _say_whether_outdated(port: int) -> None:
    running = endpoint.current()
    if running is None or running.port != port or not running.model_sha256:
        return
    if paths.MODEL_ARCHIVE.exists() and sha256_file(paths.MODEL_ARCHIVE) != running.model_sha256:
        console.note(
            f"{running.url} serves an earlier package than {paths.relative(paths.MODEL_ARCHIVE)}:"
            " `make local-stop local-serve DETACH=1` serves this one."
        )


def ranking_table(sentence: str, ranking: list[dict[str, object]]) -> Table:
    """A row a label: name, probability, bar."""
    table = Table(
        title=console.shown(sentence, None), title_justify="left", box=None, show_header=False
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
