"""Data capture and shadow variants: what the account keeps of requests, in AWS's format."""

import base64
import json
import re
import uuid

import pytest
from project import sentences

BUCKET = "train2deploy-emulator"
SENTENCE = "電波が悪い"
TYPES = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}


def endpoint(account, name, shadow=None, **options):
    """An endpoint of the deployed model that captures everything, but for what options say."""
    client = account.client("sagemaker")
    model = next(each for each in account.names()["Model"])
    variant = {"ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1,
               "InitialVariantWeight": 1.0}
    config = {"ProductionVariants": [{"VariantName": "A", **variant}]}
    if shadow is not None:
        config["ShadowProductionVariants"] = [
            {"VariantName": "S", **variant, "InitialVariantWeight": shadow}]
    config["DataCaptureConfig"] = {
        "EnableCapture": True, "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captures",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}], **options}
    client.create_endpoint_config(EndpointConfigName=name, **config)
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert account.settled(name)["EndpointStatus"] == "InService"
    return client


def ask(account, name, body=None, **more):
    body = body or json.dumps({"q": SENTENCE})
    return account.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, Body=body, **{"ContentType": "application/json", **more})


def events(account, name, variant, count):
    """(key, event) of each line that the variant has left, once there are so many."""
    s3 = account.client("s3")
    prefix = f"captures/{name}/{variant}/"

    def found():
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        lines = [
            (each["Key"].removeprefix(prefix), json.loads(line)) for each in listed
            for line in s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read().splitlines()]
        return lines if len(lines) >= count else None

    return account.eventually(found, f"{count} events below {prefix}")


def test_a_request_and_its_answer_are_kept_as_aws_keeps_them(deployed):
    client = endpoint(deployed, "kept", CaptureContentTypeHeader=TYPES)
    answer = json.load(ask(
        deployed, "kept", InferenceId="mine", CustomAttributes="trace=1")["Body"])
    ((key, event),) = events(deployed, "kept", "A", 1)
    where, _, name = key.rpartition("/")
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\d\d", where)
    minute, second, thousandth, number = re.fullmatch(
        r"(\d\d)-(\d\d)-(\d{3})-(.+)\.jsonl", name).groups()
    assert uuid.UUID(number) and thousandth
    assert set(event) == {"captureData", "eventMetadata", "eventVersion"}
    assert event["eventVersion"] == "0"
    asked, answered = (event["captureData"][f"endpoint{side}"] for side in ("Input", "Output"))
    assert asked == {"observedContentType": "application/json", "mode": "INPUT",
                     "data": json.dumps({"q": SENTENCE}), "encoding": "JSON"}
    assert (answered["mode"], answered["encoding"]) == ("OUTPUT", "JSON")
    assert json.loads(answered["data"]) == answer
    metadata = event["eventMetadata"]
    assert uuid.UUID(metadata["eventId"])
    assert (metadata["inferenceId"], metadata["customAttributes"]) == ("mine", ["trace=1"])
    date, hour = where.rpartition("/")[::2]
    assert metadata["inferenceTime"] == (
        f"{date.replace('/', '-')}T{hour}:{minute}:{second}Z")
    assert client.describe_endpoint(EndpointName="kept")["DataCaptureConfig"] == {
        "EnableCapture": True, "CaptureStatus": "Started", "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captures", "KmsKeyId": ""}


@pytest.mark.parametrize("options, sides, encoding", [
    ({}, {"endpointInput", "endpointOutput"}, "BASE64"),
    ({"CaptureContentTypeHeader": {"CsvContentTypes": ["application/json"]}},
     {"endpointInput", "endpointOutput"}, "CSV"),
    ({"CaptureOptions": [{"CaptureMode": "Output"}]}, {"endpointOutput"}, "BASE64"),
    ({"CaptureOptions": [{"CaptureMode": "InputAndOutput"}]},
     {"endpointInput", "endpointOutput"}, "BASE64"),
])
def test_sides_and_encodings_are_as_configured(deployed, options, sides, encoding):
    name = f"sides-{uuid.uuid4().hex[:8]}"
    client = endpoint(deployed, name, **options)
    body = ask(deployed, name)["Body"].read()
    client.delete_endpoint(EndpointName=name)  # which sends what is left
    ((_, event),) = events(deployed, name, "A", 1)
    data = event["captureData"]
    assert set(data) == sides
    output = data["endpointOutput"]
    assert output["encoding"] == encoding
    text = output["data"].encode()
    assert (base64.b64decode(text) if encoding == "BASE64" else text) == body


def test_a_shadow_gets_copies_and_answers_nobody(deployed):
    endpoint(deployed, "shadowed", shadow=1.0, CaptureContentTypeHeader=TYPES)
    texts = [text for text, _ in sentences()][:20]
    for text in texts:
        answer = ask(deployed, "shadowed", json.dumps({"q": text}))
        assert answer["InvokedProductionVariant"] == "A"

    def pairs(variant):
        data = [event["captureData"] for _, event in events(deployed, "shadowed", variant, 20)]
        return sorted((each["endpointInput"]["data"], each["endpointOutput"]["data"])
                      for each in data)

    assert pairs("S") == pairs("A")
    assert {json.loads(asked)["q"] for asked, _ in pairs("S")} == set(texts)
    described = deployed.client("sagemaker").describe_endpoint(EndpointName="shadowed")
    assert [each["VariantName"] for each in described["ShadowProductionVariants"]] == ["S"]
    assert [each["VariantName"] for each in described["ProductionVariants"]] == ["A"]
    with pytest.raises(Exception, match="Variant S not found"):
        ask(deployed, "shadowed", TargetVariant="S")


def test_weight_and_instances_of_a_shadow_are_set_as_those_of_another_variant(deployed):
    client = deployed.client("sagemaker")
    client.update_endpoint_weights_and_capacities(
        EndpointName="shadowed", DesiredWeightsAndCapacities=[
            {"VariantName": "S", "DesiredWeight": 0.0, "DesiredInstanceCount": 2}])
    described = deployed.settled("shadowed")
    (shadow,) = described["ShadowProductionVariants"]
    assert (shadow["CurrentWeight"], shadow["CurrentInstanceCount"]) == (0.0, 2)
    (variant,) = described["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (1.0, 1)
    ask(deployed, "shadowed", json.dumps({"q": "of A alone"}))
    client.delete_endpoint(EndpointName="shadowed")  # which sends what is left
    deployed.eventually(lambda: "shadowed" not in deployed.names()["Endpoint"], "its end")
    last = [json.loads(event["captureData"]["endpointInput"]["data"])["q"]
            for _, event in events(deployed, "shadowed", "A", 21)]
    assert last.count("of A alone") == 1
    assert len(events(deployed, "shadowed", "S", 20)) == 20


def test_aws_takes_one_shadow_of_one_variant(deployed):
    client = deployed.client("sagemaker")
    model = deployed.names()["Model"][0]
    variants = [
        {"VariantName": name, "ModelName": model, "InstanceType": "ml.m5.large",
         "InitialInstanceCount": 1} for name in "ABS"]
    with pytest.raises(Exception, match="only one variant for ProductionVariants"):
        client.create_endpoint_config(
            EndpointConfigName="x", ProductionVariants=variants[:2],
            ShadowProductionVariants=variants[2:])


def test_an_update_that_retains_variant_properties_retains_data_capture_unless_told(deployed):
    client = endpoint(deployed, "retained", InitialSamplingPercentage=7)
    found = client.describe_endpoint_config(EndpointConfigName="retained")
    captured = {**found["DataCaptureConfig"], "InitialSamplingPercentage": 9}
    client.create_endpoint_config(
        EndpointConfigName="other", ProductionVariants=found["ProductionVariants"],
        DataCaptureConfig=captured)
    for excluded, percentage in (([], 7), ([{"VariantPropertyType": "DataCaptureConfig"}], 9)):
        client.update_endpoint(
            EndpointName="retained", EndpointConfigName="other", RetainAllVariantProperties=True,
            ExcludeRetainedVariantProperties=excluded)
        described = deployed.settled("retained")["DataCaptureConfig"]
        assert described["CurrentSamplingPercentage"] == percentage
