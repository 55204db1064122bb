"""How many instances an endpoint has: fixed, or following the load."""

import contextlib
import threading

import botocore.exceptions
import pytest
from conftest import another_model

GROUP = "/aws/sagemaker/Endpoints/train2deploy"


def count(account):
    endpoint = account.client("sagemaker").describe_endpoint(EndpointName="train2deploy")
    return endpoint["ProductionVariants"][0]["CurrentInstanceCount"]


def targets(account):
    client = account.client("application-autoscaling")
    return client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]


def answered(account):
    """How many invocations the log of each instance shows, those of ended ones included."""
    logs = account.client("logs")
    streams = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    found = {}
    for stream in streams:
        events = logs.get_log_events(
            logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True)
        found[stream["logStreamName"]] = sum(
            "POST /invocations" in event["message"] for event in events["events"])
    return found


def test_a_burstable_type_is_not_scaled_by_load_and_the_message_names_two_ways(project, deployed):
    done = project.run_tool("scale", "--min", "1", "--max", "3")
    assert done.returncode == 2
    assert "make cloud-scale MIN=3 MAX=3" in done.stdout
    assert "make cloud-deploy ENDPOINT_INSTANCE_TYPE=ml.m5.large" in done.stdout
    assert targets(deployed) == [] and count(deployed) == 1


def test_the_account_itself_refuses_to_scale_a_burstable_type(deployed):
    with pytest.raises(botocore.exceptions.ClientError, match="burstable"):
        deployed.client("application-autoscaling").register_scalable_target(
            ServiceNamespace="sagemaker", ResourceId="endpoint/train2deploy/variant/AllTraffic",
            ScalableDimension="sagemaker:variant:DesiredInstanceCount", MinCapacity=1,
            MaxCapacity=2)


@pytest.mark.parametrize("fault, words", [
    ("capacity", "expected 2 instances, found 1: CapacityError"),
    ("limit", "ResourceLimitExceeded"),
])
def test_instances_that_are_not_to_be_had_leave_the_endpoint_as_it_was(
    project, deployed, fault, words
):
    deployed.faults(f"{fault}:ml.t2.large")
    done = project.run_tool("scale")
    deployed.faults("")
    assert done.returncode == 1
    assert words in done.stdout and "Traceback" not in done.stdout
    assert count(deployed) == 1
    assert project.run_tool("invoke", "電波が悪い").returncode == 0


def test_without_numbers_a_burstable_endpoint_gets_two_instances_and_both_answer(project, deployed):
    done = project.run_tool("scale")
    assert done.returncode == 0, done.stdout
    assert "2 × ml.t2.large for at most 24 h: 5.33 USD" in done.stdout
    assert count(deployed) == 2
    for _ in range(4):
        assert project.run_tool("invoke", "電波が悪い").returncode == 0
    assert len(answered(deployed)) == 2
    deployed.eventually(lambda: all(answered(deployed).values()), "a line in the log of each")
    again = project.run_tool("scale", "--min", "2", "--max", "2")
    assert again.returncode == 0, again.stdout
    assert deployed.count("UpdateEndpointWeightsAndCapacities") == 3  # two of them in vain


@contextlib.contextmanager
def under_load(account):
    """Requests all the while, by three clients; none of them may see an error."""
    over, answers, errors = threading.Event(), [], []

    def ask(client):
        while not over.wait(0.02):
            try:
                answers.append(client.invoke_endpoint(
                    EndpointName="train2deploy", Body=b'{"q": "a"}',
                    ContentType="application/json")["Body"].read())
            except Exception as error:
                errors.append(error)

    clients = [account.client("sagemaker-runtime") for _ in range(3)]
    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join()
    assert errors == [] and len(answers) > 10


def test_an_update_keeps_the_number_unless_the_settings_name_another(project, deployed, tmp_path):
    def add_a_note(model):
        (model / "code" / "note.txt").write_text("another model")

    with another_model(project, tmp_path, add_a_note), under_load(deployed):
        done = project.run_tool("deploy")
    assert done.returncode == 0, done.stdout
    assert "2 × ml.t2.large" in done.stdout
    assert count(deployed) == 2
    done = project.run_tool("--set", "ENDPOINT_INSTANCE_COUNT=3", "deploy")
    assert done.returncode == 0, done.stdout
    assert count(deployed) == 3


def test_the_load_is_followed_on_another_type_until_a_number_is_fixed(project, deployed):
    done = project.run_tool("--set", "ENDPOINT_INSTANCE_TYPE=ml.m5.large", "deploy")
    assert done.returncode == 0, done.stdout
    assert count(deployed) == 1  # what the settings say again
    options = ("--set", "ENDPOINT_INSTANCE_TYPE=ml.m5.large")
    done = project.run_tool(*options, "scale", "--min", "2", "--max", "3", "--target", "500")
    assert done.returncode == 0, done.stdout
    assert "3 × ml.m5.large for at most 24 h: 8.28 USD" in done.stdout
    (target,) = targets(deployed)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 3)
    policies = deployed.client("application-autoscaling").describe_scaling_policies(
        ServiceNamespace="sagemaker")["ScalingPolicies"]
    tracked = policies[0]["TargetTrackingScalingPolicyConfiguration"]
    assert tracked["TargetValue"] == 500
    deployed.settled()
    assert count(deployed) == 2  # as many as the lower bound asks for, at once

    done = project.run_tool("deploy")  # on ml.t2.large
    assert done.returncode == 2
    assert "make cloud-scale OFF=1" in done.stdout

    with under_load(deployed):
        done = project.run_tool(*options, "scale", "--min", "1", "--max", "1")
    assert done.returncode == 0, done.stdout
    assert targets(deployed) == [] and count(deployed) == 1


def test_a_variant_that_somebody_put_beside_ours_goes_on(project, deployed, tmp_path):
    client = deployed.client("sagemaker")
    endpoint = client.describe_endpoint(EndpointName="train2deploy")
    config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    (ours,) = config["ProductionVariants"]
    theirs = {**ours, "VariantName": "theirs", "InitialVariantWeight": 0.0}
    client.create_endpoint_config(
        EndpointConfigName="theirs", ProductionVariants=[ours, theirs])
    client.update_endpoint(EndpointName="train2deploy", EndpointConfigName="theirs")
    deployed.settled()

    def add_a_note(model):
        (model / "code" / "note.txt").write_text("a third model")

    with another_model(project, tmp_path, add_a_note):
        done = project.run_tool("--set", "ENDPOINT_INSTANCE_TYPE=ml.m5.large", "deploy")
    assert done.returncode == 0, done.stdout
    endpoint = client.describe_endpoint(EndpointName="train2deploy")
    assert [each["VariantName"] for each in endpoint["ProductionVariants"]] == [
        ours["VariantName"], "theirs"]
    assert endpoint["ProductionVariants"][1]["CurrentWeight"] == 0.0
    config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    first, second = (each["ModelName"] for each in config["ProductionVariants"])
    assert first != second == ours["ModelName"]
    assert len(deployed.names()["Model"]) == 2


def test_everything_of_it_is_deleted(project, deployed):
    done = project.run_tool("delete", "--data")
    assert done.returncode == 0, done.stdout
    assert targets(deployed) == []
    assert deployed.names()["Endpoint"] == [] and deployed.names()["Model"] == []
