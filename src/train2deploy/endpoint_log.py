"""What an endpoint's log says of why it ended."""

from pathlib import Path

TRACEBACK = "Traceback (most recent call last):"
CHAINED = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)


def why(log: Path, lines: int = 15) -> str:
    """The last traceback in a log, whole; without one, the last lines.

    What the other processes print after it would push it out of those.
    """
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    starts = [number for number, line in enumerate(text) if line == TRACEBACK]
    if not starts:
        return "\n".join(text[-lines:])
    start = end = starts.pop()
    while starts and any(line in CHAINED for line in text[starts[-1] : start]):
        start = starts.pop()
    while start > 0 and "ERROR" in text[start - 1]:  # what led to it, and what to do
        start -= 1
    while end + 1 < len(text) and text[end + 1].startswith((" ", "\t")):
        end += 1
    return "\n".join(text[start : end + 2])
