"""The tool is killed in the middle of each step; the same command then finishes."""

import os
import pty
import signal

from conftest import HYPERPARAMETERS, NOTHING, hyperparameters, kill

TRAINING = ("PutObject", "CreateTrainingJob", "DescribeLogStreams", "GetObject")
DEPLOYMENT = (
    "PutObject", "CreateModel", "CreateEndpointConfig", "PutMetricAlarm", "CreateEndpoint",
    "GetObject", "InvokeEndpoint")


def kill_in_the_middle_of(account, project, operation, *arguments):
    """Kills the tool while a call is held, which is carried out afterwards."""
    account.faults(f"hold:{operation}")
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
    assert "already exists: Completed" in done.stdout
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


def test_ctrl_c_leaves_the_job_and_says_how_to_go_on_on_a_terminal_it_asks(project, account):
    arguments = ("train", *hyperparameters(epochs=300))
    process = project.tool(*arguments)
    account.wait_for_call("DescribeLogStreams", 0)
    process.send_signal(signal.SIGINT)
    output = process.communicate()
    assert process.returncode == 130
    assert "run the same command to follow it again" in output
    (name,) = account.names()["TrainingJob"]
    client = account.client("sagemaker")

    def status():
        return client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"]

    assert status() == "InProgress"
    terminal, inside = pty.openpty()
    before = account.count("DescribeLogStreams")
    process = project.tool(*arguments, stdin=inside)
    account.wait_for_call("DescribeLogStreams", before)
    process.send_signal(signal.SIGINT)
    os.write(terminal, b"s\n")
    output = process.communicate()
    os.close(terminal)
    os.close(inside)
    assert process.returncode == 130
    assert f"job {name} already exists: InProgress" in output
    assert "It costs until it ends. [s]top / [L]eave:" in output
    assert "the job is being stopped" in output
    assert status() in ("Stopping", "Stopped")
    assert account.names()["TrainingJob"] == [name]
