"""Nothing that costs without approval; nothing left behind by an emulator that was killed."""

import io
import os
import signal

import pytest

from train2deploy.cloud import deploy, guards, plan, session
from train2deploy.cloud_settings import prices
from train2deploy.cloud_settings.config import Config
from train2deploy.errors import UserError


class RealAccount(session.Cloud):
    """AWS, as far as a plan asks it."""

    account_id = "123456789012"


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch):
    """No endpoint whose cost would count (test_guards.py)."""
    monkeypatch.setattr(guards, "running", lambda cloud, but: {})


@pytest.fixture
def planned():
    result = plan.Plan("cloud-train")
    result.add("training job", "name")
    result.costs.append(prices.cost(Config(), "ml.p2.xlarge", 1, 1.0))
    return result


@pytest.fixture
def aws():
    return RealAccount(Config(role="Role", bucket="my-bucket"))


def test_a_plan_dearer_than_max_usd_is_not_carried_out(aws, planned):
    with pytest.raises(UserError, match=r"MAX_USD=1: cloud-train may cost 1\.12 USD"):
        plan.ask(aws, planned, plan.Approval(yes=True, max_usd=1.0))
    plan.ask(aws, planned, plan.Approval(yes=True, max_usd=1.2))


def test_a_price_of_another_region_is_said_where_it_is_shown_and_where_it_refuses(planned, capsys):
    abroad = RealAccount(Config(role="Role", bucket="my-bucket", region="ap-northeast-1"))
    planned.costs = [prices.cost(abroad.config, "ml.p2.xlarge", 1, 1.0)]
    said = "1.12 USD at the price of us-east-1; ap-northeast-1 has another"
    with pytest.raises(UserError, match=f"may cost {said}, so nothing was created"):
        plan.ask(abroad, planned, plan.Approval(yes=True, max_usd=1.0))
    assert f"highest cost           1 × ml.p2.xlarge for at most 1 h: {said}" in (
        capsys.readouterr().out)
    plan.ask(abroad, planned, plan.Approval(yes=True))
    assert "Those of ap-northeast-1 differ" in capsys.readouterr().out.replace("\n", " ")


def deployment(sha256, instances):
    return deploy.Deployment(
        sha256, "s3://b/k", {}, {"EndpointConfigName": "c"}, instances, recount=False)


@pytest.mark.parametrize(("then", "reached"), [(("a", 3), True), (("b", 2), False)])
def test_what_was_approved_is_what_is_deployed(aws, monkeypatch, then, reached):
    """Unless archive or endpoint is another by then; how many instances run is not asked."""
    found = [deployment("a", 2), deployment(*then)]
    approved, applied = [], []
    monkeypatch.setattr(deploy, "check_package", lambda: None)
    monkeypatch.setattr(RealAccount, "check_bucket", lambda self: None)
    monkeypatch.setattr(deploy, "prepare", lambda cloud, options: found.pop(0))
    monkeypatch.setattr(deploy, "planned", lambda cloud, made, options: made)
    monkeypatch.setattr(plan, "ask", lambda cloud, shown, approval: approved.append(shown))
    monkeypatch.setattr(
        deploy, "refuse_another_type_while_scaled", lambda cloud, kind: applied.append(kind))
    monkeypatch.setattr(deploy.storage, "upload_file", lambda *given: 1 / 0)
    kind, words = (ZeroDivisionError, "zero") if reached else (UserError, "changed since this was")
    with pytest.raises(kind, match=words):
        deploy.deploy(aws, plan.Approval())
    assert ([each.sha256 for each in approved], bool(applied)) == (["a"], reached)


def test_where_nobody_can_be_asked_yes_is_needed(aws, planned, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    with pytest.raises(UserError, match="give YES=1"):
        plan.ask(aws, planned, plan.Approval())


@pytest.mark.parametrize("typed, allowed", [("yes\n", True), ("y\n", False), ("\n", False)])
def test_on_a_terminal_yes_must_be_typed(aws, planned, monkeypatch, typed, allowed):
    class Terminal:
        def isatty(self):
            return True

        def readline(self):
            return typed

    monkeypatch.setattr("sys.stdin", Terminal())
    if allowed:
        plan.ask(aws, planned, plan.Approval())
    else:
        with pytest.raises(UserError, match="nothing was created"):
            plan.ask(aws, planned, plan.Approval())


def test_max_usd_stops_the_command_before_anything_is_made(project, account):
    done = project.cloud("cloud-train", "MAX_USD=0.5", check=False)
    assert done.returncode != 0
    assert "MAX_USD=0.5: cloud-train may cost 1.12 USD" in done.stdout
    assert account.names()["TrainingJob"] == []
    assert account.count("PutObject") == 0


def test_without_an_emulator_the_message_says_how_to_start_one(no_account):
    done = no_account.make("cloud-status", "CLOUD=emulator", check=False)
    assert "make emulator DETACH=1" in done.stdout


def test_without_role_and_bucket_nothing_is_called(project):
    done = project.make("cloud-deploy", check=False)
    assert "role: expected one, found none; it is never guessed" in done.stdout


def test_a_fault_that_is_no_fault_is_refused(no_account):
    done = no_account.make("emulator", "DETACH=1", "FAULTS=explode:s3", check=False)
    assert done.returncode != 0
    assert "expected kind:target[:number]" in done.stdout


def test_a_second_emulator_is_refused_and_of_a_killed_one_the_endpoint_answers_again(project):
    """In the end, emulator-stop ends what one leaves that was killed."""
    project.stop()
    project.cloud("emulator", "DETACH=1", "FRESH=1")
    assert "is already running" in project.cloud("emulator", "DETACH=1", check=False).stdout
    assert project.run_tool("deploy").returncode == 0
    answer = project.run_tool("invoke", "電波が悪い").stdout.splitlines()[1:]
    assert len(answer) == 3
    os.kill(project.json("emulator.json")["pid"], signal.SIGKILL)
    project.cloud("emulator", "DETACH=1")
    assert project.run_tool("invoke", "電波が悪い").stdout.splitlines()[1:] == answer
    os.kill(project.json("emulator.json")["pid"], signal.SIGKILL)
    project.cloud("emulator-stop")
    assert project.wait_until_quiet() == []
