"""Whether today's container answers the first of several requests in a body and drops the others.

docs/contract.md#a12-plain
"""

import json

KEYS = ("instances", "inputs", "examples")
"""With one of them a body is handed on to the model server as it is, which reads one JSON value."""
FIRST_ALONE = (
    "today's container answers the first line alone, with 200, and drops the others without a word"
    " (2019 took lines for rows, the final container refuses them); send one request with all rows:"
    ' {"instances": [row, row]}'
)


def dropped(body: str) -> str:
    """What becomes of a body that is sent to a model without inference.py; "" where all is read.

    >>> dropped('{"inputs": [1]}\\n{"inputs": [2]}').partition(":")[0]
    '"inputs" on several lines'
    >>> dropped('{"x": 1}\\n{"x": 2}'), dropped('{"inputs": [1]}\\n')
    ('', '')
    """
    text = body.strip()
    try:
        first, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return ""
    key = next((key for key in KEYS if isinstance(first, dict) and key in first), "")
    return f'"{key}" on several lines: {FIRST_ALONE}' if key and text[end:].strip() else ""
