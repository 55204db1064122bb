"""What an account holds is there again at the next start, also after kill -9; nothing runs on."""

import contextlib
import io
import json
import os
import signal
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import botocore.errorfactory
import conftest
import pytest
import stub
from project import PATIENCE_SECONDS

from emulator import pytest_plugin
from emulator.account import Account, Settings
from emulator.limits import Limits

ROLE = "arn:aws:iam::123456789012:role/worker"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:1.13-cpu"
SCALED = {
    "ServiceNamespace": "sagemaker", "ResourceId": "endpoint/mine/variant/A",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
MEGABYTE = 1024 * 1024
ONE_MINUTE = ("--limits", "minute:1e9")  # at whose end an alarm would have another state
TRAINING = {
    "AlgorithmSpecification": {
        "TrainingImage": IMAGE, "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss: ([0-9.]+)"}]},
    "RoleArn": ROLE,
    "OutputDataConfig": {"S3OutputPath": "s3://data/jobs"},
    "ResourceConfig": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
}  # fmt: skip


class Emulator(pytest_plugin.Emulator):
    """One of small programs instead of TensorFlow's."""

    def __init__(self, directory):
        super().__init__(directory, [sys.executable, stub.__file__])

    def start(self, *options):
        return conftest.Account(super().start(*options).url)

    def processes(self):
        """Of its jobs and endpoints, by their ids."""
        found = set()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                if entry.name.isdigit() and str(self.directory / "run").encode() in text:
                    found.add(int(entry.name))
        return found


def eventually(condition, what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


@pytest.fixture
def emulator(tmp_path):
    made = Emulator(tmp_path / "emulator")
    yield made
    if made.runs:
        made.end()
    eventually(lambda: not made.processes(), "no process is left")


def archive(answer):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("answer")
        member.size = len(answer)
        tar.addfile(member, io.BytesIO(answer))
    return packed.getvalue()


def fill(account):
    """Something of everything."""
    s3 = account.client("s3")
    for name in ("data", "gone"):
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="text", Body="電波".encode(), Metadata={"Of_it": "yes"})
    s3.put_object(Bucket="data", Key="dir/model.tar.gz", Body=archive(b"first: "))
    s3.put_object(Bucket="data", Key="bytes", Body=b"\xff\x00" * 10)
    s3.put_object(Bucket="data", Key="large", Body=os.urandom(MEGABYTE))
    s3.put_object(Bucket="data", Key="large", Body=os.urandom(MEGABYTE))
    s3.copy_object(Bucket="data", Key="copy", CopySource="gone/text")
    s3.put_object_tagging(
        Bucket="data", Key="copy", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    upload = s3.create_multipart_upload(Bucket="data", Key="parts")["UploadId"]
    parts = [
        s3.upload_part(Bucket="data", Key="parts", UploadId=upload, PartNumber=number, Body=body)
        for number, body in ((1, b"a" * 5 * MEGABYTE), (2, b"b"))
    ]
    numbered = [{"PartNumber": n, "ETag": part["ETag"]} for n, part in enumerate(parts, 1)]
    s3.complete_multipart_upload(
        Bucket="data", Key="parts", UploadId=upload, MultipartUpload={"Parts": numbered})
    open_upload = s3.create_multipart_upload(Bucket="data", Key="begun")["UploadId"]
    s3.upload_part(Bucket="data", Key="begun", UploadId=open_upload, PartNumber=1, Body=b"x")
    s3.delete_object(Bucket="gone", Key="text")
    s3.delete_bucket(Bucket="gone")
    iam = account.client("iam")
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument="{}")
    iam.put_role_policy(
        RoleName="worker", PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}))
    cloudwatch = account.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="errors", MetricName="Errors", Namespace="mine", Period=60, Statistic="Sum",
        EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold")
    cloudwatch.put_metric_data(
        Namespace="mine", MetricData=[{"MetricName": "Errors", "Value": 3.0}])
    logs = account.client("logs")
    logs.create_log_group(logGroupName="mine")
    logs.create_log_stream(logGroupName="mine", logStreamName="one")
    logs.put_log_events(logGroupName="mine", logStreamName="one", logEvents=[
        {"timestamp": int(time.time() * 1000), "message": "行"}])
    serve(account)
    scaling = account.client("application-autoscaling")
    scaling.register_scalable_target(**SCALED, MinCapacity=1, MaxCapacity=2)
    scaling.put_scaling_policy(
        **SCALED, PolicyName="follow", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 100.0, "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}})
    scaling.put_scheduled_action(
        **SCALED, ScheduledActionName="morning", Schedule="cron(0 8 ? * MON-FRI 2099)",
        Timezone="Asia/Tokyo", ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 4})


def create(account, model, key):
    sagemaker = account.client("sagemaker")
    sagemaker.create_model(
        ModelName=model, ExecutionRoleArn=ROLE, Tags=[{"Key": "team", "Value": "nlp"}],
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://data/{key}"})
    sagemaker.create_endpoint_config(EndpointConfigName=model, ProductionVariants=[
        {"VariantName": "A", "ModelName": model, "InstanceType": "ml.m5.large",
         "InitialInstanceCount": 1}])


def serve(account, model="mine", key="dir/model.tar.gz", name="mine"):
    create(account, model, key)
    account.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=model)
    assert account.settled(name)["EndpointStatus"] == "InService"


def train(account, name, **hyperparameters):
    account.client("sagemaker").create_training_job(
        TrainingJobName=name, HyperParameters=hyperparameters, **TRAINING)


def job(account, name):
    return account.client("sagemaker").describe_training_job(TrainingJobName=name)


def ask(account, name="mine"):
    runtime = account.client("sagemaker-runtime")
    return runtime.invoke_endpoint(EndpointName=name, Body=b"?")["Body"].read()


def contents(account):
    """Everything that the calls of a region tell of what `fill` made."""
    s3, sagemaker = account.client("s3"), account.client("sagemaker")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="data")["Contents"]]
    logs, cloudwatch = account.client("logs"), account.client("cloudwatch")
    scaling, of = account.client("application-autoscaling"), {"ServiceNamespace": "sagemaker"}
    found = {
        "buckets": s3.list_buckets()["Buckets"],
        "objects": s3.list_objects_v2(Bucket="data")["Contents"],
        "heads": [s3.head_object(Bucket="data", Key=key) for key in keys],
        "bodies": [s3.get_object(Bucket="data", Key=key)["Body"].read() for key in keys],
        "object tags": s3.get_object_tagging(Bucket="data", Key="copy")["TagSet"],
        "uploads": s3.list_multipart_uploads(Bucket="data")["Uploads"],
        "roles": account.client("iam").list_roles()["Roles"],
        "policy": account.client("iam").get_role_policy(RoleName="worker", PolicyName="all"),
        "alarms": [without_times(each) for each in cloudwatch.describe_alarms()["MetricAlarms"]],
        "metrics": cloudwatch.list_metrics(Namespace="mine")["Metrics"],
        "groups": logs.describe_log_groups(logGroupNamePrefix="mine")["logGroups"],
        "lines": logs.filter_log_events(logGroupName="mine")["events"],
        "targets": scaling.describe_scalable_targets(**of)["ScalableTargets"],
        "policies": scaling.describe_scaling_policies(**of)["ScalingPolicies"],
        "schedules": scaling.describe_scheduled_actions(**of)["ScheduledActions"],
        "model": sagemaker.describe_model(ModelName="mine"),
        "config": sagemaker.describe_endpoint_config(EndpointConfigName="mine"),
        "endpoint": sagemaker.describe_endpoint(EndpointName="mine"),
        "tags": sagemaker.list_tags(
            ResourceArn=sagemaker.describe_model(ModelName="mine")["ModelArn"])["Tags"],
        "jobs": [each for each in sagemaker.list_training_jobs()["TrainingJobSummaries"]
                 if each["TrainingJobStatus"] == "Completed"],
    }  # fmt: skip
    return json.loads(json.dumps(found, default=str), object_hook=without_metadata)


def without_times(alarm):
    """Those that a scaling policy has are made again, so that their times are the restart's."""
    is_of_a_policy = alarm["AlarmName"].startswith("TargetTracking-")
    return {key: value for key, value in alarm.items()
            if not (is_of_a_policy and key.endswith("Timestamp"))}


def without_metadata(value):
    value.pop("ResponseMetadata", None)
    return value


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_everything_is_there_again(emulator, number):
    account = emulator.start(*ONE_MINUTE)
    fill(account)
    train(account, "done")
    eventually(lambda: job(account, "done")["TrainingJobStatus"] == "Completed", "done")
    train(account, "running", wait="yes")
    eventually(lambda: job(account, "running")["SecondaryStatus"] == "Training", "running")
    before, processes = contents(account), emulator.processes()
    assert [len(before[kind]) for kind in ("targets", "policies", "schedules")] == [1, 1, 1]
    assert len(processes) == 2 and ask(account) == b"first: ?"

    emulator.end(number)
    account = emulator.start(*ONE_MINUTE)

    assert ask(account) == b"first: ?"
    assert contents(account) == before
    ended = job(account, "running")
    assert (ended["TrainingJobStatus"], ended["SecondaryStatus"]) == ("Failed", "Failed")
    assert "the emulator was ended while this job was running" in ended["FailureReason"]
    assert ended["TrainingEndTime"] >= ended["TrainingStartTime"]
    assert not processes & emulator.processes() and len(emulator.processes()) == 1
    # It goes on from there: ids are new, and what was begun can be ended.
    s3 = account.client("s3")
    upload = s3.list_multipart_uploads(Bucket="data")["Uploads"][0]["UploadId"]
    assert s3.list_parts(Bucket="data", Key="begun", UploadId=upload)["Parts"][0]["Size"] == 1
    role = account.client("iam").create_role(RoleName="b", AssumeRolePolicyDocument="{}")["Role"]
    assert role["RoleId"] not in [each["RoleId"] for each in before["roles"]]


def test_what_was_on_its_way_is_where_a_kill_leaves_it(emulator):
    account = emulator.start()
    fill(account)
    s3, sagemaker = account.client("s3"), account.client("sagemaker")
    s3.put_object(Bucket="data", Key="never.tar.gz", Body=archive(stub.NEVER))
    create(account, "never", "never.tar.gz")
    s3.put_object(Bucket="data", Key="fresh.tar.gz", Body=archive(b"second: "))
    create(account, "fresh", "fresh.tar.gz")
    for name in ("updated", "bare", "gone", "baking"):
        s3.copy_object(Bucket="data", Key=f"{name}.tar.gz", CopySource="data/dir/model.tar.gz")
        serve(account, name, f"{name}.tar.gz", name)
    sagemaker.create_endpoint(EndpointName="late", EndpointConfigName="never")
    sagemaker.update_endpoint(EndpointName="updated", EndpointConfigName="never")
    half = {"Type": "CAPACITY_PERCENT", "Value": 50}
    sagemaker.update_endpoint(
        EndpointName="baking", EndpointConfigName="fresh", DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {
                "Type": "CANARY", "CanarySize": half, "WaitIntervalInSeconds": 3600}}})
    eventually(lambda: ask(account, "baking") == b"second: ?", "the canary's answer")
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="mine",
        DesiredWeightsAndCapacities=[{"VariantName": "A", "DesiredInstanceCount": 2}])
    account.settled("mine")
    sagemaker.delete_endpoint_config(EndpointConfigName="bare")
    sagemaker.delete_model(ModelName="bare")
    s3.delete_object(Bucket="data", Key="gone.tar.gz")
    sagemaker.create_transform_job(
        TransformJobName="batch", ModelName="never",
        TransformInput={"DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": "s3://data/text"}}},
        TransformOutput={"S3OutputPath": "s3://data/out"},
        TransformResources={"InstanceType": "ml.m4.xlarge", "InstanceCount": 1})
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="search",
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"}},
        TrainingJobDefinition={"StaticHyperParameters": {"wait": "yes"}, **TRAINING})
    found = eventually(
        lambda: sagemaker.list_training_jobs()["TrainingJobSummaries"], "a training job")

    emulator.end(signal.SIGKILL)
    account = emulator.start()

    def described(name):
        answer = account.client("sagemaker").describe_endpoint(EndpointName=name)
        return answer["EndpointStatus"], answer.get("FailureReason", "")

    assert described("mine") == ("InService", "") and ask(account) == b"first: ?"
    mine = account.client("sagemaker").describe_endpoint(EndpointName="mine")
    assert mine["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert described("bare") == ("InService", "") and ask(account, "bare") == b"first: ?"
    for name in ("updated", "baking"):
        status, reason = described(name)
        assert status == "InService" and "ended during an update" in reason, name
        assert {ask(account, name) for _ in range(20)} == {b"first: ?"}
    baking = account.client("sagemaker").describe_endpoint(EndpointName="baking")
    assert baking["EndpointConfigName"] == "baking" and "PendingDeploymentSummary" not in baking
    assert described("late") == ("Creating", "")
    status, reason = described("gone")
    assert status == "Failed" and "404" in reason
    sagemaker = account.client("sagemaker")
    batch = sagemaker.describe_transform_job(TransformJobName="batch")
    search = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="search")
    for answer, noun in ((batch, "TransformJob"), (search, "HyperParameterTuningJob"),
                         (job(account, found[0]["TrainingJobName"]), "TrainingJob")):  # fmt: skip
        assert answer[f"{noun}Status"] == "Failed"
        assert "the emulator was ended" in answer["FailureReason"]
    assert search["TrainingJobStatusCounters"]["InProgress"] == 0


def test_threads_catch_the_errors_of_a_client_that_they_share(monkeypatch, tmp_path):
    """Two endpoints of one log group come back at the same moment: one of them finds it there."""
    made = botocore.errorfactory.ClientExceptionsFactory._create_client_exceptions

    def slowly(factory, model):
        time.sleep(0.1)
        return made(factory, model)

    monkeypatch.setattr(
        botocore.errorfactory.ClientExceptionsFactory, "_create_client_exceptions", slowly)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # of which each has its own classes
    settings = Settings(tmp_path, "http://127.0.0.1:1", None, Limits(), None)
    client = Account(settings, "us-east-1").client("logs")
    with ThreadPoolExecutor(2) as threads:
        found = [threads.submit(lambda: client.exceptions) for _ in range(2)]
    assert found[0].result() is found[1].result()


def test_an_account_begins_empty_again_when_it_is_told_to(emulator):
    fill(emulator.start())
    emulator.end(signal.SIGKILL)
    account = emulator.start("--fresh")
    assert account.client("s3").list_buckets()["Buckets"] == []
    assert account.names() == conftest.NOTHING
    account.client("s3").create_bucket(Bucket="later")
    account.reset()
    emulator.end(signal.SIGKILL)
    assert emulator.start().client("s3").list_buckets()["Buckets"] == []
