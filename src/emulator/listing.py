"""Lists of SageMaker's, in pages: by the filters and orders that its List operations have."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from emulator.account import Record
from emulator.protocol import invalid

DEFAULT_PAGE = 10


def page(request: Record, kind: str, member: str, records: Iterable[Record]) -> Record:
    """One page of an answer.

    Args:
        kind: of the resource, as its members begin: TrainingJob.
        member: of the answer, which has the list.
        records: in order of creation, with every member that a summary may have.
    """

    def fits(record: Record) -> bool:
        wanted = request.get("StatusEquals")
        return (
            request.get("NameContains", "") in record[f"{kind}Name"]
            and wanted in (None, record.get(f"{kind}Status"))
            and _is_between(request, "CreationTime", record["CreationTime"])
            and _is_between(request, "LastModifiedTime", modified(record))
        )

    found = [{"LastModifiedTime": modified(each), **each} for each in records if fits(each)]
    key, by_time = _order(request.get("SortBy", "CreationTime"), kind)
    if not by_time:
        found.sort(key=key)
    # The newest first, unless something else is asked for.
    if request.get("SortOrder", "Descending" if by_time else "Ascending") == "Descending":
        found.reverse()
    start = _start(request.get("NextToken"), len(found))
    end = start + request.get("MaxResults", DEFAULT_PAGE)
    more = {"NextToken": str(end)} if end < len(found) else {}
    return {member: found[start:end], **more}


def modified(record: Record) -> datetime:
    found: datetime = record.get("LastModifiedTime") or record["CreationTime"]
    return found


def _order(by: str, kind: str) -> tuple[Callable[[Record], Any], bool]:
    """What to sort by, and whether that is the order of creation, in which records come."""
    keys: dict[str, Callable[[Record], Any]] = {
        "Name": lambda record: record[f"{kind}Name"],
        "Status": lambda record: record.get(f"{kind}Status", ""),
        "FinalObjectiveMetricValue": lambda record: record.get(
            "FinalHyperParameterTuningJobObjectiveMetric", {}
        ).get("Value", float("-inf")),
    }
    return keys.get(by, lambda record: record["CreationTime"]), by not in keys


def _is_between(request: Record, what: str, when: datetime) -> bool:
    after, before = request.get(f"{what}After"), request.get(f"{what}Before")
    return (after is None or when > after) and (before is None or when < before)


def _start(token: str | None, count: int) -> int:
    if token is None:
        return 0
    if not (token.isascii() and token.isdecimal() and int(token) < max(count, 1)):
        raise invalid(f"NextToken {token!r}: expected the one of the answer before.")
    return int(token)
