"""What Python 3.12 says of files that it compiles: run in a Python that is new enough.

    python -m train2deploy.upgrade.syntax FOLDER

prints a JSON list of {"file": …, "line": …, "text": …, "warning": …}.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

WANTED = (3, 12)


def problems(folder: Path) -> list[dict[str, Any]]:
    """Errors and warnings of each .py file below a folder, with its name from there."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        for line, text, is_warning in _of(path):
            found.append({"file": name, "line": line, "text": text, "warning": is_warning})
    return found


def _of(path: Path) -> list[tuple[int, str, bool]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except SyntaxError as error:
            return [(error.lineno or 0, error.msg, False)]
        except (ValueError, RecursionError, MemoryError, OverflowError) as error:
            return [(0, str(error), False)]
    return [(each.lineno, str(each.message), True) for each in caught]


if __name__ == "__main__":
    print(json.dumps(problems(Path(sys.argv[1]))))
