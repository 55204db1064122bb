"""Every operation of SageMaker's that the emulator answers: what it takes, and what it says."""

import json
import threading

import botocore.exceptions
import pytest
from test_restart import IMAGE, ROLE, TRAINING, Emulator, eventually, fill
from wire import SERVICE, call, send

from emulator.account import Account, Settings
from emulator.faults import Faults
from emulator.journal import Journal
from emulator.limits import Limits
from emulator.sagemaker_api import SageMaker

VARIANT = {"VariantName": "A", "ModelName": "mine", "InstanceType": "ml.m5.large",
           "InitialInstanceCount": 1}  # fmt: skip
TAGS = [{"Key": "team", "Value": "nlp"}]
TUNING = {
    "HyperParameterTuningJobConfig": {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": {"ContinuousParameterRanges": [
            {"Name": "rate", "MinValue": "0.1", "MaxValue": "0.2"}]},
    },
    "TrainingJobDefinition": {
        **TRAINING, "StaticHyperParameters": {"a": "b"}},
}  # fmt: skip
TRANSFORM = {
    "ModelName": "mine",
    "TransformInput": {"DataSource": {"S3DataSource": {
        "S3DataType": "S3Prefix", "S3Uri": "s3://data/text"}}},
    "TransformOutput": {"S3OutputPath": "s3://data/out"},
    "TransformResources": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    emulator = Emulator(tmp_path_factory.mktemp("operations") / "emulator")
    account = emulator.start()
    fill(account)
    yield account
    emulator.end()
    eventually(lambda: not emulator.processes(), "no process is left")


@pytest.fixture(scope="module")
def operations(tmp_path_factory):
    """Their names."""
    stopped = threading.Event()
    stopped.set()
    settings = Settings(
        tmp_path_factory.mktemp("none"), "http://127.0.0.1:1", Faults(), Limits(),
        Journal(tmp_path_factory.mktemp("journal")), stopped)
    return set(SageMaker(Account(settings, "us-east-1"), None)._operations)


def test_every_answer_is_of_its_operations_shape(account, operations):
    called = set()

    def does(operation, **parameters):
        called.add(operation)
        return call(account, operation, **parameters)

    def until(operation, name, status, **parameters):
        ended = ("Completed", "Failed", "Stopped", "InService")
        return eventually(lambda: next(
            (found for found in [does(operation, **parameters)] if found[status] in ended), None),
            name)

    arn = does("DescribeModel", ModelName="mine")["ModelArn"]
    does("CreateModel", ModelName="second", ExecutionRoleArn=ROLE, Tags=TAGS, PrimaryContainer={
        "Image": IMAGE, "ModelDataUrl": "s3://data/dir/model.tar.gz", "Environment": {"A": "b"}})
    does("ListModels", NameContains="second", SortBy="Name", SortOrder="Ascending")
    does("CreateEndpointConfig", EndpointConfigName="second", Tags=TAGS,
         ProductionVariants=[{**VARIANT, "ModelName": "second"}],
         ShadowProductionVariants=[{**VARIANT, "VariantName": "B"}],
         DataCaptureConfig={
             "EnableCapture": True, "InitialSamplingPercentage": 100,
             "DestinationS3Uri": "s3://data/capture", "CaptureOptions": [{"CaptureMode": "Input"}]})
    does("DescribeEndpointConfig", EndpointConfigName="second")
    does("ListEndpointConfigs")
    does("CreateEndpoint", EndpointName="second", EndpointConfigName="second", Tags=TAGS,
         DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {
             "Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}})
    of = {"EndpointName": "second"}
    until("DescribeEndpoint", "second", "EndpointStatus", **of)
    does("UpdateEndpoint", **of, EndpointConfigName="mine", RetainAllVariantProperties=True)
    until("DescribeEndpoint", "second", "EndpointStatus", **of)
    does("UpdateEndpointWeightsAndCapacities", **of,
         DesiredWeightsAndCapacities=[{"VariantName": "A", "DesiredInstanceCount": 2}])
    until("DescribeEndpoint", "second", "EndpointStatus", **of)
    does("ListEndpoints", StatusEquals="InService")
    does("DeleteEndpoint", **of)

    for name, given in (("done", {}), ("stopped", {"wait": "yes"})):
        does("CreateTrainingJob", TrainingJobName=name, HyperParameters=given, Tags=TAGS,
             Environment={"A": "b"}, **TRAINING)
        does("DescribeTrainingJob", TrainingJobName=name)
    eventually(lambda: does("DescribeTrainingJob", TrainingJobName="stopped")[
        "SecondaryStatus"] == "Training", "training")
    does("StopTrainingJob", TrainingJobName="stopped")
    for name in ("done", "stopped"):
        until("DescribeTrainingJob", name, "TrainingJobStatus", TrainingJobName=name)
    does("ListTrainingJobs", SortBy="Status")

    does("CreateTransformJob", TransformJobName="batch", Tags=TAGS, **TRANSFORM)
    does("StopTransformJob", TransformJobName="batch")
    until("DescribeTransformJob", "batch", "TransformJobStatus", TransformJobName="batch")
    does("ListTransformJobs")

    name = {"HyperParameterTuningJobName": "search"}
    does("CreateHyperParameterTuningJob", **name, Tags=TAGS, **TUNING)
    does("DescribeHyperParameterTuningJob", **name)
    found = until("DescribeHyperParameterTuningJob", "search", "HyperParameterTuningJobStatus",
                  **name)
    assert found["HyperParameterTuningJobStatus"] == "Completed" and found["BestTrainingJob"]
    does("ListTrainingJobsForHyperParameterTuningJob", **name, SortBy="FinalObjectiveMetricValue")
    does("ListHyperParameterTuningJobs")
    does("CreateHyperParameterTuningJob", HyperParameterTuningJobName="other", **TUNING)
    does("StopHyperParameterTuningJob", HyperParameterTuningJobName="other")

    does("AddTags", ResourceArn=arn, Tags=TAGS)
    does("ListTags", ResourceArn=arn)
    does("DeleteTags", ResourceArn=arn, TagKeys=["team"])
    does("DeleteEndpointConfig", EndpointConfigName="second")
    does("DeleteModel", ModelName="second")
    assert called == operations
    assert len(operations) == 30  # as docs/emulated-account.md says


def test_invocations_answer_in_their_shape(account):
    runtime = account.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="mine", Body=b"?", CustomAttributes="a=1")
    assert answer["Body"].read() == b"first: ?"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/plain", "A")


@pytest.mark.parametrize("given, text", [
    ({"EndpointName": "-mine"}, "Value '-mine' at 'endpointName' failed to satisfy constraint"),
    ({"EndpointName": "a" * 64}, "Member must have length less than or equal to 63"),
    ({"CustomAttributes": "a" * 1025}, "at 'customAttributes' failed to satisfy constraint"),
    ({"ContentType": "a" * 1025}, "at 'contentType' failed to satisfy constraint"),
    ({"TargetVariant": "a_b"}, "Value 'a_b' at 'targetVariant' failed to satisfy constraint"),
    ({"TargetModel": "one.tar.gz"}, "TargetModel is not emulated"),
])  # fmt: skip
def test_invocations_are_checked(account, given, text):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        account.client("sagemaker-runtime").invoke_endpoint(
            **{"EndpointName": "mine", "Body": b"?", **given})
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationError" and text in error["Message"]


def refused(account, operation, body):
    status, answer = send(account, operation, body)
    assert status == 400, answer
    return answer["__type"], answer.get("message", "")


def one(text):
    return "ValidationException", f"1 validation error detected: {text}"


NULL = "failed to satisfy constraint: Member must not be null"
MALFORMED = [
    ("ListModels", b"", ("SerializationException", "")),
    ("ListModels", b"{", ("SerializationException", "")),
    ("ListModels", b'"text"', ("SerializationException", "Expected null")),
    ("ListModels", b"[]", ("SerializationException", "Start of list found where not expected")),
    ("ListModels", b'{"MaxResults": NaN}', ("SerializationException", "")),
    ("ListModels", b'{"NameContains": "\xff"}', ("SerializationException", "")),
    ("ListModels", b"[" * 100000, ("SerializationException", "")),
    ("ListModels", {"MaxResults": "1"},
     ("SerializationException", "STRING_VALUE can not be converted to an Integer")),
    ("ListModels", {"MaxResults": True},
     ("SerializationException", "TRUE_VALUE can not be converted to an Integer")),
    ("ListModels", {"MaxResults": {}},
     ("SerializationException", "Start of structure or map found where not expected.")),
    ("ListModels", {"CreationTimeAfter": "yesterday"},
     ("SerializationException", "STRING_VALUE can not be converted to milliseconds since epoch")),
    ("ListModels", {"MaxResults": 0}, one(
        "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater"
        " than or equal to 1")),
    ("ListModels", {"MaxResults": 101}, one(
        "Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less"
        " than or equal to 100")),
    ("ListModels", {"NextToken": "none"},
     ("ValidationException", "NextToken 'none': expected the one of the answer before.")),
    ("ListModels", {"SortOrder": "Up"}, one(
        "Value 'Up' at 'sortOrder' failed to satisfy constraint: Member must satisfy enum value"
        " set: [Ascending, Descending]")),
    ("DescribeModel", {}, one(f"Value null at 'modelName' {NULL}")),
    ("DescribeModel", {"ModelName": None}, one(f"Value null at 'modelName' {NULL}")),
    ("DescribeModel", {"ModelName": 1},
     ("SerializationException", "NUMBER_VALUE can not be converted to a String")),
    ("DescribeModel", {"ModelName": ["mine"]},
     ("SerializationException", "Start of list found where not expected")),
    ("DescribeModel", {"ModelName": "mine", "Modelname": "mine"}, one(
        'Unknown parameter in input: "Modelname", must be one of: ModelName')),
    ("CreateEndpointConfig", {"EndpointConfigName": "x", "ProductionVariants": VARIANT},
     ("SerializationException", "Start of structure or map found where not expected.")),
    ("CreateEndpointConfig", {"EndpointConfigName": "x", "ProductionVariants": "A"},
     ("SerializationException", "Expected list or null")),
    ("CreateEndpointConfig", {"EndpointConfigName": "x", "ProductionVariants": []}, one(
        "Value '[]' at 'productionVariants' failed to satisfy constraint: Member must have length"
        " greater than or equal to 1")),
    ("CreateEndpointConfig", {"EndpointConfigName": "x", "ProductionVariants": [{}]}, one(
        f"Value null at 'productionVariants.1.member.variantName' {NULL}")),
    ("CreateEndpointConfig",
     {"EndpointConfigName": "x", "ProductionVariants": [{**VARIANT, "InstanceTyp": "x"}]},
     one('Unknown parameter in ProductionVariants[0]: "InstanceTyp", must be one of: Var')),
    ("CreateTrainingJob", {**TRAINING, "TrainingJobName": "a_b"}, one(
        "Value 'a_b' at 'trainingJobName' failed to satisfy constraint: Member must satisfy")),
    ("CreateTrainingJob", {**TRAINING, "TrainingJobName": "x", "StoppingCondition": 60},
     ("SerializationException", "Expected null")),
    ("CreateTrainingJob", {}, ("ValidationException", "3 validation errors detected: Value null")),
    ("CreateTrainingJob", {**TRAINING, "TrainingJobName": "x", "HyperParameters": {"a": 1}},
     ("SerializationException", "NUMBER_VALUE can not be converted to a String")),
    ("DescribeModels", {}, ("UnknownOperationException", "DescribeModels")),
]  # fmt: skip


@pytest.mark.parametrize("operation, body, expected", MALFORMED)
def test_a_malformed_request_is_refused_as_aws_refuses_it(account, operation, body, expected):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    code, text = refused(account, operation, body)
    assert code == expected[0] and text.startswith(expected[1])
    assert expected[1] or not text


def without(request, *path):
    *outer, last = path
    copy = json.loads(json.dumps(request))
    inner = copy
    for name in outer:
        inner = inner[name]
    del inner[last]
    return copy


MODEL = {"ModelName": "x", "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": IMAGE}}
CONFIG = {"EndpointConfigName": "x", "ProductionVariants": [VARIANT]}
SEARCH = {"HyperParameterTuningJobName": "x", **TUNING}


@pytest.mark.parametrize("operation, request_, path", [
    ("CreateTrainingJob", {"TrainingJobName": "x", **TRAINING}, ["ResourceConfig"]),
    ("CreateTrainingJob", {"TrainingJobName": "x", **TRAINING}, ["AlgorithmSpecification"]),
    ("CreateModel", MODEL, ["PrimaryContainer"]),
    ("CreateModel", MODEL, ["PrimaryContainer", "Image"]),
    ("CreateEndpointConfig", CONFIG, ["ProductionVariants", 0, "InstanceType"]),
    ("CreateEndpointConfig", CONFIG, ["ProductionVariants", 0, "ModelName"]),
    ("CreateHyperParameterTuningJob", SEARCH, ["TrainingJobDefinition"]),
    ("CreateHyperParameterTuningJob", SEARCH,
     ["HyperParameterTuningJobConfig", "HyperParameterTuningJobObjective"]),
    ("CreateHyperParameterTuningJob", SEARCH,
     ["HyperParameterTuningJobConfig", "ResourceLimits", "MaxNumberOfTrainingJobs"]),
])  # fmt: skip
def test_what_aws_can_do_without_and_the_emulator_cannot_is_named(
    account, operation, request_, path
):
    body = json.dumps(without(request_, *path)).encode()
    status, answer = send(account, operation, body)
    assert (status, answer["__type"]) == (501, "NotImplemented") and path[-1] in answer["message"]


def test_of_every_operation_what_is_missing_unknown_or_of_another_type_is_refused(
    account, operations
):
    for operation in sorted(operations):
        shape = SERVICE.operation_model(operation).input_shape
        required = shape.required_members
        if required:
            code, text = refused(account, operation, b"{}")
            assert code == "ValidationException" and text.count("Member must not be null") >= 1
        code, text = refused(account, operation, b'{"Nmae": 1}')
        assert code == "ValidationException" and 'Unknown parameter in input: "Nmae"' in text
        for name, member in shape.members.items():
            value = "text" if member.type_name not in ("string", "blob") else 1
            code, _ = refused(account, operation, json.dumps({name: value}).encode())
            assert code == "SerializationException", (operation, name)


def test_lists_are_sorted_and_paged_as_asked(account):
    for name in ("list-b", "list-a"):
        serve_model(account, name)
    given = {"NameContains": "list-"}

    def names(**more):
        found = call(account, "ListModels", **given, **more)["Models"]
        return [each["ModelName"] for each in found]

    assert names() == names(SortBy="CreationTime", SortOrder="Descending") == ["list-a", "list-b"]
    assert names(SortOrder="Ascending") == names(SortBy="Name", SortOrder="Descending") == [
        "list-b", "list-a"]
    first = call(account, "ListModels", **given, MaxResults=1)
    assert names(MaxResults=1, NextToken=first["NextToken"]) == ["list-b"]
    created = first["Models"][0]["CreationTime"]
    assert names(CreationTimeBefore=created) == ["list-b"]
    assert names(CreationTimeAfter=created) == []


def serve_model(account, name):
    call(account, "CreateModel", ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={
        "Image": IMAGE, "ModelDataUrl": "s3://data/dir/model.tar.gz"})
