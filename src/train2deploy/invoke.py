"""`make invoke Q=…`: one sentence to the endpoint, the ranking as a table with bars."""

import json

from rich.table import Table

from train2deploy import console, endpoint
from train2deploy.errors import UserError


def invoke(sentence: str, port: int, as_json: bool) -> None:
    """Asks the endpoint on `port` and prints what it says."""
    if not sentence:
        raise UserError("Q: expected a sentence, found nothing. For instance Q='電波が悪い'.")
    ranking = endpoint.rank(endpoint.Endpoint(port, 0, None), sentence)
    if as_json:
        console.say(json.dumps(ranking, ensure_ascii=False))
    else:
        console.print_table(ranking_table(sentence, ranking))


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
