"""endpoint_log: the reason of an endpoint's end, whatever is printed after it."""

from pathlib import Path

import pytest

from train2deploy import endpoint_log

TRACEBACK = """\
Traceback (most recent call last):
  File "code/inference.py", line 3, in <module>
    import nothing
ModuleNotFoundError: No module named 'nothing'"""
SYNTAX = """\
Traceback (most recent call last):
  File "code/inference.py", line 1
    def f(:
          ^
SyntaxError: invalid syntax"""
CHAINED = f"""\
{TRACEBACK}

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "code/inference.py", line 5, in <module>
    raise ValueError('x')
ValueError: x"""
BEFORE = "INFO: starting services\n"
AFTER = "\n" + "".join(f"INFO: line {number} of another process\n" for number in range(40))


def why(tmp_path: Path, text: str) -> str:
    (tmp_path / "endpoint.log").write_text(text, encoding="utf-8")
    return endpoint_log.why(tmp_path / "endpoint.log")


@pytest.mark.parametrize("traceback", [TRACEBACK, SYNTAX, CHAINED], ids=["one", "syntax", "two"])
def test_a_traceback_is_shown_whole(tmp_path: Path, traceback: str):
    assert why(tmp_path, BEFORE + traceback + AFTER) == traceback


def test_of_the_same_traceback_of_each_worker_one_is_shown(tmp_path: Path):
    assert why(tmp_path, BEFORE + TRACEBACK + AFTER + TRACEBACK + AFTER) == TRACEBACK


def test_the_errors_right_before_it_say_what_to_do(tmp_path: Path):
    advice = "ERROR:python_service: put it into code/lib\n[12] [ERROR] Exception in worker\n"
    assert why(tmp_path, BEFORE + advice + TRACEBACK + AFTER) == advice + TRACEBACK


def test_without_a_traceback_the_last_lines_are_shown(tmp_path: Path):
    shown = why(tmp_path, BEFORE + AFTER).splitlines()
    assert len(shown) == 15
    assert shown[-1] == "INFO: line 39 of another process"
    assert why(tmp_path, "") == ""
