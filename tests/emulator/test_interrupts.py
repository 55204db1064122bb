"""The tool is killed in the middle of each step; the same command then finishes."""

import os
import pty
import signal

from conftest import HYPERPARAMETERS, NOTHING, hyperparameters, kill
from project import TIMEOUT_SECONDS

TRAINING = ("PutObject", "CreateTrainingJob", "DescribeLogStreams", "GetObject")
DEPLOYMENT = (
    "PutObject", "CreateModel", "CreateEndpointConfig", "PutMetricAlarm", "CreateEndpoint",
    "GetObject", "InvokeEndpoint")


def kill_in_the_middle_of(account, project, operation, *arguments):
    """Kills the tool while a call waits to be carried out (it is, afterwards)."""
    account.faults(f"slow:{operation}:2")
    before = account.count(operation)
    process = project.tool(*arguments)
    account.wait_for_call(operation, before)
    kill(process)
    account.faults("")


def test_killed_at_each_step_of_training_one_job_is_made(project, account):
    arguments = ("train", *HYPERPARAMETERS)
    for operation in TRAINING:
        kill_in_the_middle_of(account, project, operation, *arguments)
    done = project.run_tool(*arguments)
    assert done.returncode == 0, done.stdout
    assert "is there already: Completed" in done.stdout
    assert account.count("CreateTrainingJob") <= 2  # the killed one, and one that was refused
    assert len(account.names()["TrainingJob"]) == 1
    again = project.run_tool(*arguments)
    assert "nothing new is paid for" in again.stdout
    assert "sent s3://" not in again.stdout


def test_killed_at_each_step_of_a_deployment_one_endpoint_is_made(project, account):
    for operation in DEPLOYMENT:
        kill_in_the_middle_of(account, project, operation, "deploy")
    done = project.run_tool("deploy")
    assert done.returncode == 0, done.stdout
    names = account.names()
    assert [len(names[kind]) for kind in ("Endpoint", "EndpointConfig", "Model")] == [1, 1, 1]
    assert account.count("CreateEndpoint") <= 2  # the killed one, and one that was refused
    done = project.run_tool("delete", "--data")
    assert done.returncode == 0, done.stdout
    assert account.names() == NOTHING


def test_a_deletion_that_was_killed_is_finished_by_the_next_one(project, account):
    assert project.run_tool("deploy").returncode == 0
    for operation in ("DeleteEndpoint", "DeleteModel", "DeleteObjects"):
        kill_in_the_middle_of(account, project, operation, "delete", "--data")
    done = project.run_tool("delete", "--data")
    assert done.returncode == 0, done.stdout
    assert not any(account.names().values())


def test_ctrl_c_leaves_the_job_and_says_how_to_go_on(project, account):
    arguments = ("train", *hyperparameters(epochs=300))
    process = project.tool(*arguments)
    account.wait_for_call("DescribeLogStreams", 0)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 130
    assert "the same command takes it up again" in output
    name = account.names()["TrainingJob"][0]
    client = account.client("sagemaker")
    job = client.describe_training_job(TrainingJobName=name)
    assert job["TrainingJobStatus"] == "InProgress"
    done = project.run_tool("delete")
    assert done.returncode == 0, done.stdout
    job = client.describe_training_job(TrainingJobName=name)
    assert job["TrainingJobStatus"] == "Stopped"


def test_ctrl_c_on_a_terminal_asks_and_stops_the_job(project, account):
    terminal, inside = pty.openpty()
    process = project.tool("train", *hyperparameters(epochs=300), stdin=inside)
    account.wait_for_call("DescribeLogStreams", 0)
    process.send_signal(signal.SIGINT)
    os.write(terminal, b"s\n")
    output, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    os.close(terminal)
    os.close(inside)
    assert process.returncode == 130
    assert "It costs until it ends. [s]top / [L]eave:" in output
    assert "the job is being stopped" in output
    (name,) = account.names()["TrainingJob"]
    job = account.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert job["TrainingJobStatus"] in ("Stopping", "Stopped")
