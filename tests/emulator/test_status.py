"""cloud-status and cloud-delete: what is the project's is found by its tag, whatever its name."""

import re

from conftest import hyperparameters, kill

from emulator.account import INTERNAL_KEY


def test_what_runs_is_listed_with_its_cost_and_followed_to_its_end(project, account):
    options = ("--set", "PRICES=ml.p2.xlarge=3600000")  # a thousand dollars a second
    process = project.tool(*options, "train", *hyperparameters(epochs=30))
    account.wait_for_call("DescribeLogStreams", 0)
    kill(process)
    (name,) = account.names()["TrainingJob"]
    watch = account.client("cloudwatch", key=INTERNAL_KEY)

    def metrics():
        found = watch.list_metrics(Namespace="/aws/sagemaker/TrainingJobs")["Metrics"]
        return {(each["MetricName"], *each["Dimensions"][0].values()) for each in found}

    sampled = {("CPUUtilization", "Host", f"{name}/algo-1"),
               ("MemoryUtilization", "Host", f"{name}/algo-1")}
    account.eventually(lambda: sampled <= metrics(), "a sample")
    before = account.count("GetLogEvents")
    process = project.tool(*options, "status", "--follow")
    account.wait_for_call("GetLogEvents", before)
    project.release()
    output = process.communicate()
    assert process.returncode == 0, output
    row = re.search(rf"training job +{name} +InProgress +(\d+) min +(\d+)\.\d\d", output)
    assert row, output
    minutes, dollars = map(int, row.groups())
    assert 100 <= dollars <= 60_000 * (minutes + 1)
    assert "Epoch 1/30\n" in output and f"job {name}: Completed" in output
    assert ("valid:acc", "TrainingJobName", name) in metrics()


def test_a_second_endpoint_of_the_project_is_found_by_its_tag_and_deleted(project, account):
    other = ("--set", "ENDPOINT_NAME=another")
    done = project.run_tool(*other, "deploy")
    assert done.returncode == 0, done.stdout
    status = project.run_tool("status").stdout
    assert re.search(r"endpoint +another +InService +\d+ min +0\.\d\d", status)
    assert "alarm another-answers-with-errors" in status
    client = account.client("sagemaker")
    endpoint = client.describe_endpoint(EndpointName="another")
    client.create_endpoint(
        EndpointName="of-someone-else", EndpointConfigName=endpoint["EndpointConfigName"])
    account.settled("of-someone-else")
    done = project.run_tool("--set", "ENDPOINT_NAME=of-someone-else", "deploy")
    assert done.returncode == 2
    assert "does not belong to project train2deploy" in done.stdout
    done = project.run_tool("delete", "--data")
    assert done.returncode == 0, done.stdout
    assert account.names() == {
        "TrainingJob": [], "Model": [], "EndpointConfig": [], "Endpoint": ["of-someone-else"]}
    assert account.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
