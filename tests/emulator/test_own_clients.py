"""The account from a user's own code: docs/emulator.md as it stands, and what AWS refuses."""

import functools
import io
import json
import re
import shutil
import subprocess
from types import SimpleNamespace

import botocore.exceptions
import pytest
from conftest import PYTHON, PYTHON_SDK, needs_sdk
from project import REPOSITORY, TIMEOUT_SECONDS

from train2deploy import endpoint, golden
from train2deploy.cloud import batch, invocations, local_mode, proof, session
from train2deploy.errors import UserError
from train2deploy.requests import Request, sentences

PAGE = (REPOSITORY / "docs" / "emulator.md").read_text(encoding="utf-8")
ROLE = "arn:aws:iam::123456789012:role/any"


pytestmark = pytest.mark.usefixtures("real")


@pytest.fixture(scope="module")
def account(project):
    """Not `running_account`: the page's reader may do more than the project's policy allows."""
    return project.account()


def snippet(heading, language):
    """The code below a heading of the page."""
    section = PAGE.split(f"\n## {heading}")[1].split("\n## ")[0]
    (code,) = re.findall(rf"```{language}\n(.*?)```", section, re.S)
    return code


def settings(account):
    """What the page has its reader export."""
    exported = dict(re.findall(r"([A-Z_]+)=(\S+)", "\n".join(
        line for line in snippet("Set up", "sh").splitlines() if line.startswith("export"))))
    assert set(exported) == {
        "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}
    return {**exported, "AWS_ENDPOINT_URL": account.url, "NO_PROXY": "127.0.0.1"}


def run_python(python, account, folder, scratch, *arguments):
    """What an environment's Python prints, as a reader of the page has it."""
    quiet = scratch / "sdk.yaml"
    quiet.write_text(json.dumps(local_mode.OPT_OUT), encoding="utf-8")
    exported = {**settings(account), "SAGEMAKER_USER_CONFIG_OVERRIDE": str(quiet)}
    done = subprocess.run(
        [python, *arguments], cwd=folder, env=exported,
        capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("heading", "python"), [
    ("boto3", PYTHON), pytest.param("The SageMaker SDK", PYTHON_SDK, marks=needs_sdk)])
def test_the_pages_code_runs_as_it_stands(project, account, heading, python, tmp_path):
    code = snippet(heading, "python")
    printed = run_python(python, account, project.root, tmp_path, "-c", code)
    assert re.search(r"'label': '(グルメ|携帯電話|京都)'", printed)


@needs_sdk
def test_an_own_model_is_trained_packed_and_deployed(account, tmp_path):
    """examples/own-model, by the SDK: under the AWS toolkit, behind an endpoint, and gone."""
    example = shutil.copytree(REPOSITORY / "examples" / "own-model", tmp_path / "own-model")
    printed = run_python(PYTHON_SDK, account, example, tmp_path, "deploy.py")
    assert printed.splitlines()[-1] == "3.0 5.0 7.0"
    client = account.client("sagemaker")
    assert client.list_endpoints(NameContains="own-model")["Endpoints"] == []


def test_models_of_elsewhere_go_through_every_target_by_the_commands_of_their_page(
    project, account
):
    """A SavedModel with CSV handlers, then a script of its own with its own inference.py: trained,
    packed, served, verified, deployed, updated, used in a batch."""
    page = (REPOSITORY / "docs" / "your-own-model.md").read_text(encoding="utf-8")
    first, second = re.findall(r"```sh\n(.*?)```", page, re.S)[:2]
    commands = (first + second).replace("make emulator DETACH=1\n", "")
    assert "PORT=8090" in commands
    (project.root / "examples").symlink_to(REPOSITORY / "examples")
    kept = project.root / "kept"
    kept.mkdir()
    packed = ("model.tar.gz", "model.tar.gz.manifest.json")
    for name in packed:
        shutil.copyfile(project.build / name, kept / name)
    try:
        done = subprocess.run(
            ["bash", "-ec", commands.replace("8090", str(endpoint.free_port()))],
            cwd=project.root, env={**project.environment(), "NO_PROXY": "127.0.0.1"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=TIMEOUT_SECONDS)
    finally:
        project.make("local-stop")
        for name in packed:
            shutil.copyfile(kept / name, project.build / name)
        latest = project.build / "jobs" / "latest"
        latest.unlink()
        latest.symlink_to(project.local_job.name)
    assert done.returncode == 0, done.stdout
    areas, lines = (
        [json.loads(line) for line in (project.build / "cloud" / name).read_text().splitlines()]
        for name in ("sides.answers.jsonl", "numbers.answers.jsonl"))
    assert areas == [{"input": line, "answer": area} for line, area in (
        ("2,3", 6.0), ("0.5,8", 4.0), ("10,10", 100.0))]
    assert lines == [{"input": "1 2 3", "answer": "3.0 5.0 7.0"},
                     {"input": "4 5", "answer": "9.0 11.0"}]
    assert done.stdout.count("endpoint against session (TensorFlow 1.13.1), generated request") == 2
    assert len(re.findall(r"max \|Δ\| = \S+, tolerance 1e-05: ok", done.stdout)) == 2
    assert done.stdout.count("REQUEST (text/csv): answered, 14 bytes") == 2, "verify, cloud-deploy"
    assert done.stdout.count("\n3.0 5.0 7.0\n") == 2, "invoke, cloud-invoke"
    assert "blue/green update begun" in done.stdout
    assert "its inference.py is not ours: what it takes is not known" in done.stdout
    assert "train2deploy" not in account.names()["Endpoint"]


def test_of_another_model_only_the_users_own_request_must_be_answered(
    tmp_path, monkeypatch, capsys
):
    def ask(cloud, request, variant):
        if request.body != b"good":
            raise session.CloudError("400")
        return b"six"

    requests = [Request(b"bad")]
    monkeypatch.setattr(endpoint, "unpacked_model", lambda archive: tmp_path)
    monkeypatch.setattr(invocations, "ask", ask)
    monkeypatch.setattr(
        golden, "other_requests", lambda model, given: ([given] if given else requests, ""))
    proof.ask(None, None)
    assert "no request of ours suits this model (400); REQUEST=" in capsys.readouterr().out
    with pytest.raises(session.CloudError):
        proof.ask(None, Request(b"worse"))
    requests.append(Request(b"good"))
    proof.ask(None, None)
    assert "made for the model's signature (application/json): answered, 3 b" in (
        capsys.readouterr().out)


def test_cloud_invoke_shows_a_ranking_of_any_content_type(capsys):
    """As an endpoint answers whose handler returns `body, context.accept_header`."""
    asked = []

    def invoke_endpoint(**request):
        asked.append(json.loads(request["Body"]))
        body = b'[{"label": "a", "prob": 0.75}, {"label": "b", "prob": 0.25}]'
        return {"Body": io.BytesIO(body), "ContentType": "*/*"}

    cloud = SimpleNamespace(
        config=SimpleNamespace(endpoint_name="mine"),
        client=lambda name: SimpleNamespace(invoke_endpoint=invoke_endpoint),
    )
    invocations.invoke(cloud, sentences("電波が悪い"), as_json=False)
    assert asked == [{"q": "電波が悪い"}]
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["a", "b"]


def test_the_page_is_short_and_both_readmes_lead_to_it():
    assert len(PAGE.splitlines()) <= 80
    for name in ("README.md", "README.ja.md"):
        assert "(docs/emulator.md)" in (REPOSITORY / name).read_text(encoding="utf-8")


def refused(call, **request):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return caught.value.response["Error"]["Message"]


def test_of_a_role_the_form_counts_and_what_is_not_emulated_is_said(account):
    iam = account.client("iam")
    asked = ["s3:GetObject", "sagemaker:CreateModel"]
    found = iam.simulate_principal_policy(PolicySourceArn=ROLE, ActionNames=asked)
    assert [(each["EvalActionName"], each["EvalDecision"])
            for each in found["EvaluationResults"]] == [(name, "allowed") for name in asked]
    for call in (  # in XML and in JSON
        functools.partial(iam.generate_service_last_accessed_details, Arn=ROLE),
        account.client("logs").list_anomalies,
    ):
        with pytest.raises(botocore.exceptions.ClientError, match="not been implemented") as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "NotImplemented"


def training(**more):
    return {
        "TrainingJobName": "refused", "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://my-bucket/out"},
        "ResourceConfig": {
            "InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60}, **more}


@pytest.mark.parametrize("more, place", [
    ({"HyperParameters": {"text": "a" * 2501}}, "length less than or equal to 2500"),
    ({"HyperParameters": {"a" * 257: "text"}}, "length less than or equal to 256"),
    ({"HyperParameters": {f"key-{n}": "1" for n in range(101)}}, "less than or equal to 100"),
    ({"TrainingJobName": "a" * 64}, "'trainingJobName' failed to satisfy constraint: Member must"),
    ({"TrainingJobName": "a_b"}, "regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"),
    ({"RoleArn": "arn:aws:iam::1:role/too-short"}, "at 'roleArn' failed to satisfy constraint"),
    ({"ResourceConfig": {"InstanceType": "ml.t2.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
     "'resourceConfig.instanceType' failed to satisfy constraint: Member must satisfy enum"),
])
def test_training_jobs_that_aws_refuses_are_refused(account, more, place):
    client = account.client("sagemaker")
    before = client.list_training_jobs()["TrainingJobSummaries"]
    assert place in refused(client.create_training_job, **training(**more))
    assert client.list_training_jobs()["TrainingJobSummaries"] == before


def transform(**more):
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://my-bucket/lines.jsonl"}
    return {
        "TransformJobName": "job", "ModelName": "mine", "TransformInput": {
            "DataSource": {"S3DataSource": source}, "ContentType": "application/jsonlines",
            "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": "s3://my-bucket/out", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1}, **more}


@pytest.mark.parametrize("more, place", [
    ({"MaxPayloadInMB": 101}, "'maxPayloadInMB' failed to satisfy constraint"),
    ({"MaxPayloadInMB": 51, "MaxConcurrentTransforms": 2}, "must not exceed 100"),
    ({"MaxConcurrentTransforms": 17}, "must not exceed 100, found 17 * 6 = 102"),
    ({"TransformJobName": "a" * 64}, "length less than or equal to 63"),
    ({"BatchStrategy": "Many"}, "enum value set: [MultiRecord, SingleRecord]"),
    ({"DataProcessing": {"InputFilter": "$.q"}}, "InputFilter is not emulated"),
])
def test_transform_jobs_that_aws_refuses_are_refused(account, more, place):
    assert place in refused(account.client("sagemaker").create_transform_job, **transform(**more))


def test_a_record_larger_than_a_payload_fails_the_job_and_0_stands_for_no_limit(account):
    """After the page's code, whose model and objects are there."""
    client = account.client("sagemaker")
    line = json.dumps({"q": "あ" * 400_000}, ensure_ascii=False)
    account.client("s3").put_object(
        Bucket="my-bucket", Key="lines.jsonl", Body=f'{{"q": "a"}}\n{line}\n'.encode())
    client.create_transform_job(**transform(MaxPayloadInMB=1, TransformJobName="too-small"))
    client.create_transform_job(**transform(MaxPayloadInMB=0, TransformJobName="unlimited"))

    def ended(name):
        job = client.describe_transform_job(TransformJobName=name)
        return job if job["TransformJobStatus"] != "InProgress" else None

    failed = account.eventually(lambda: ended("too-small"), "an end")
    assert failed["TransformJobStatus"] == "Failed"
    assert "Too much data for max payload size" in failed["FailureReason"]
    done = account.eventually(lambda: ended("unlimited"), "an end")
    assert done["TransformJobStatus"] == "Completed", done


def test_a_line_over_the_limit_is_refused_with_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "MEGABYTE", 10)
    lines = tmp_path / "lines.txt"
    lines.write_text("a\n" + "あ" * 330 + "\n" + "b" * 995 + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"line 3: expected at most 100 MB, .* found 100\.5 MB"):
        batch.read(lines)


@pytest.mark.parametrize("size, payload, at_once", [
    (10, 1, 2), (999_990, 1, 2), (999_991, 2, 2), (50_000_000, 51, 1), (99_999_990, 100, 1)])
def test_the_payload_follows_the_longest_line_within_what_aws_allows(size, payload, at_once):
    lines = ["a", "b" * size]  # and ten characters around it
    assert batch.limits(batch.Lines(lines)) == {
        "MaxPayloadInMB": payload, "MaxConcurrentTransforms": at_once}


@pytest.mark.parametrize("encoding, name", [
    ("cp932", "CP932"), ("utf-16", "UTF-16"), ("euc_jp", "EUC-JP")])
def test_an_input_in_another_encoding_is_told_how_to_convert(tmp_path, encoding, name):
    lines = tmp_path / "lines.txt"
    lines.write_text("電波が悪くて困っています。\n抹茶パフェを食べました。\n", encoding=encoding)
    with pytest.raises(UserError, match=rf"^INPUT={lines}.*iconv -f {name} -t UTF-8"):
        batch.read(lines)
