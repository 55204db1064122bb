"""make's targets: each stands for a command that the tool takes, whatever is given."""

import pytest

from train2deploy import cli
from train2deploy.make import plan, targets
from train2deploy.make.variables import VARIABLES, Values

GIVEN = {
    "SORT": "-accuracy", "TARGET": "600", "SECONDS": "1.5", "MAX_USD": "1.5", "TYPE": "text/csv",
    "ACCEPT": "text/csv", "CLIENTS": "1,8", "VERSION": "v2", "Q": "-圏外", "PYTHON": "python3",
    "WEIGHT": "0.5",
}  # fmt: skip
"""Values of variables that take more than a number or one of their choices."""
TOOLS = (targets.HOST, targets.CLOUD_TOOL)
RUN = [name for name, one in targets.TARGETS.items() if one.command and one.program in TOOLS]


def value(name: str) -> str:
    kind = VARIABLES[name].parsed
    if name in GIVEN or kind is None or kind.type == "path":
        return GIVEN.get(name, "some")
    return kind.choices[-1] if kind.choices else "3"


def given(target: str) -> Values:
    """All that a target takes, at once."""
    names, _ = targets.known([target])
    return Values({name: value(name) for name in names & VARIABLES.keys() if name != "SCRIPT"}, {})


@pytest.mark.parametrize("everything", [True, False], ids=["everything", "nothing"])
@pytest.mark.parametrize("target", RUN)
def test_the_command_of_a_target_is_one_that_the_tool_takes(target: str, everything: bool):
    values = given(target) if everything else Values({}, {})
    words = plan.command(target, values, lambda: "docker")
    assert words[1:3] == ["-m", "train2deploy"]
    arguments = cli._parser().parse_args(words[3:])
    assert callable(arguments.run)
    if target in ("invoke", "cloud-invoke", "dry-run"):
        assert arguments.sentence == ("-圏外" if everything else "電波が悪い")


def test_a_variable_that_a_target_takes_is_one_that_is_described():
    taken = {name for one in targets.TARGETS.values() for name in one.takes.split()}
    elsewhere = {"EPOCHS", "BASE_URL"}  # a hyperparameter, and a variable of the tests
    assert taken - VARIABLES.keys() == elsewhere
    assert VARIABLES.keys() - taken == targets.COMMON


def test_what_is_given_reaches_the_command_and_what_the_shell_has_only_where_it_may():
    shell = {"SEED": "5", "YES": "1", "DATASET": ""}
    values = Values({"EPOCHS": "3", "SPLIT": ""}, shell)
    assert (values["SEED"], values["YES"], values["DATASET"]) == ("5", "", "sample")
    assert values["SPLIT"] == "random"
    assert ("SEED" in values, "YES" in values) == (True, False)


def stamps(target: str, **given: str) -> list[str]:
    return plan.made(target, Values(given, {}), lambda: "host").stamps


def test_todays_contract_is_served_in_todays_environments(monkeypatch: pytest.MonkeyPatch):
    today = [".stamps/serve-today", ".stamps/handler-today"]
    assert stamps("local-serve", MODEL_DIR="x")[:2] == [".stamps/serve", ".stamps/handler"]
    monkeypatch.setenv("HOSTING_CONTRACT", "today")
    assert stamps("local-serve", MODEL_DIR="x")[:2] == today
    assert stamps("local-train")[0] == ".stamps/train"


def test_parity_of_two_contracts_needs_both_environments_and_trains_nothing():
    found = plan.made("parity", Values({"A": "2019", "B": "today"}, {}), lambda: "host")
    for name in ("serve", "handler", "serve-today", "handler-today"):
        assert f".stamps/{name}" in found.stamps
    words = plan.command("parity", Values({"A": "2019", "B": "today"}, {}), lambda: "host")
    assert words[-3:] == ["--", "2019", "today"] and "--package" in words
