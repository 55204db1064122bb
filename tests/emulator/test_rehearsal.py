"""The whole cloud half against the emulator, on a network without a way out."""

import json
import re
import subprocess
import sys
from pathlib import Path

import iam
import pytest
from conftest import forbidden, own_network
from project import REPOSITORY, TIMEOUT_SECONDS

from train2deploy.cloud_settings import config
from train2deploy.hashing import sha256_file

LINES = 1000
MODULES = [
    "keras_self_attention", "text_vectorian", "gensim", "sentencepiece", "_sentencepiece", "yaml",
    "keras", "keras_bert", "boto", "smart_open"]
STEPS = """
make $V emulator DETACH=1
make $V cloud-plan
make $V cloud-train
make $V cloud-deploy
make $V cloud-invoke Q=電波が悪い
make $V cloud-batch INPUT=lines.jsonl BATCH_INSTANCE_COUNT=2
make $V cloud-scale
make $V cloud-status
make $V parity A=host B=cloud
python="$(pwd)/.venvs/cloud/bin/python"
url=$("$python" -c "import json; print(json.load(open('build/emulator.json'))['url'])")
curl="import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
make $V cloud-delete DATA=1
"$python" -c "$curl" $url/emulator/calls > calls.json
make $V emulator-stop
"""
REMOVED_BY = {
    "CreateEndpoint": "DeleteEndpoint", "CreateEndpointConfig": "DeleteEndpointConfig",
    "CreateModel": "DeleteModel", "PutMetricAlarm": "DeleteAlarms", "PutObject": "DeleteObjects"}
END_BY_THEMSELVES = {"CreateTrainingJob", "CreateTransformJob"}


@pytest.fixture(scope="module")
def rehearsal(project):
    """(project, output of all steps) of a rehearsal."""
    project.stop()
    lines = (project.sentences * 2)[:LINES]
    (project.root / "lines.jsonl").write_text(
        "".join(json.dumps({"q": text}, ensure_ascii=False) + "\n" for text in lines),
        encoding="utf-8")
    def with_variables(found):
        words = project.taken(found[1], *project.variables)
        return " ".join(["make", "--no-print-directory", *words, found[1]])

    script = "set -ex\n" + re.sub(r"make \$V (\S+)", with_variables, STEPS)
    command = ["bash", "-c", script]
    if own_network():
        runner = Path(__file__).with_name("loopback.py")
        command = [*own_network(), sys.executable, str(runner), "attempts", *command]
    done = subprocess.run(
        command, cwd=project.root, env=project.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stdout
    return project, done.stdout


@pytest.mark.skipif(not own_network(), reason="may not make a network")
def test_nothing_tried_to_leave_the_loopback(rehearsal):
    project, _ = rehearsal
    assert (project.root / "attempts").read_text() == "0"


@pytest.mark.skipif(not own_network(), reason="may not make a network")
def test_an_attempt_to_leave_would_have_been_counted(tmp_path):
    """192.0.2.1 is reserved for documentation, and there is no way to it."""
    runner = Path(__file__).with_name("loopback.py")
    attempt = "import socket; socket.socket().connect_ex(('192.0.2.1', 80))"
    subprocess.run(
        [*own_network(), sys.executable, runner, tmp_path / "attempts", sys.executable, "-c",
         attempt], check=True, timeout=60)
    assert int((tmp_path / "attempts").read_text()) >= 1


def test_the_job_of_the_cloud_gives_the_bytes_of_the_job_here(rehearsal):
    project, _ = rehearsal
    there = (project.build / "jobs" / "latest").resolve()
    assert there.name.startswith("train2deploy-v1-") and there != project.local_job
    for archive in ("model.tar.gz", "output.tar.gz"):
        assert sha256_file(there / archive) == sha256_file(project.local_job / archive)


def test_the_deployed_bytes_are_the_packed_ones(rehearsal):
    project, output = rehearsal
    digest = sha256_file(project.build / "model.tar.gz")
    assert f"deployed bytes are those of build/model.tar.gz: sha256 {digest}" in output
    assert project.json("cloud/deployment.json")["model_sha256"] == digest


def test_the_plan_names_what_is_then_made_and_its_cost(rehearsal):
    project, output = rehearsal
    plan = output.split("cloud-train:")[1].split("make --no-print-directory")[0]
    job = (project.build / "jobs" / "latest").resolve().name
    assert job in plan
    assert "1 × ml.p2.xlarge for at most 1 h: 1.12 USD" in plan
    assert f"job {job} started" in output


def test_the_sdk_says_nothing_that_is_not_for_the_user(rehearsal):
    _, output = rehearsal
    assert "sagemaker.config" not in output


def test_metrics_of_training_and_validation_are_kept_apart(rehearsal):
    project, _ = rehearsal
    metrics = project.json("jobs/latest/manifest.json")["metrics"]
    history = (project.local_job / "output" / "data" / "history.csv").read_text().splitlines()
    row = dict(zip(history[0].split(","), history[1].split(",")))
    assert metrics["train:acc"] == pytest.approx(float(row["acc"]), abs=1e-4)
    assert metrics["valid:acc"] == pytest.approx(float(row["val_acc"]), abs=1e-4)


def test_a_thousand_lines_come_back_joined_in_order(rehearsal):
    project, _ = rehearsal
    text = (project.build / "cloud" / "lines.answers.jsonl").read_text(encoding="utf-8")
    answers = [json.loads(line) for line in text.splitlines()]
    assert [answer["q"] for answer in answers] == (project.sentences * 2)[:LINES]
    assert all(abs(sum(e["prob"] for e in a["ranking"]) - 1) < 1e-4 for a in answers)


def test_host_and_cloud_answer_the_same(rehearsal):
    project, _ = rehearsal
    result = project.json("cloud/parity.json")
    assert result["same_label"] == result["sentences"] >= 10
    assert result["max_abs_difference"] <= 1e-6
    assert result["runtimes"] == ["host", "emulator"]
    assert result["model_sha256"] == sha256_file(project.build / "model.tar.gz")


def test_the_account_is_empty_afterwards(rehearsal):
    _, output = rehearsal
    assert "nothing of project train2deploy is left that costs" in output


def test_cloud_delete_removes_each_kind_that_was_made(rehearsal):
    """What the account was asked says it, whatever cloud-delete says of itself."""
    project, _ = rehearsal
    asked = {call[1] for call in json.loads((project.root / "calls.json").read_text())}
    made = {name for name in asked if name.startswith(("Create", "Put", "Register"))}
    removed = {name: REMOVED_BY.get(name, "nothing named in REMOVED_BY")
               for name in made - END_BY_THEMSELVES}
    assert {name: by for name, by in removed.items() if by not in asked} == {}
    assert made >= {*REMOVED_BY, *END_BY_THEMSELVES}


def test_every_call_and_its_resource_are_covered_by_the_callers_policy(rehearsal):
    project, _ = rehearsal
    calls = json.loads((project.root / "calls.json").read_text())
    assert len({(service, operation) for service, operation, _, _ in calls}) > 30
    assert sum(resource != "*" for _, _, resource, _ in calls) > 30
    assert forbidden(calls) == set()


@pytest.mark.parametrize("action, resource", [
    ("sagemaker:DeleteEndpoint", "arn:aws:sagemaker:us-east-1:123456789012:endpoint/another"),
    ("s3:GetObject", "arn:aws:s3:::train2deploy-emulator/of-others"),
    ("s3:DeleteBucket", "arn:aws:s3:::train2deploy-emulator"),
])
def test_the_policy_ends_where_the_project_ends(action, resource):
    settings = config.Config(role="train2deploy-execution", bucket="train2deploy-emulator")
    assert not iam.allows("caller", settings, action, resource)
    assert not [each for each in iam.allowed("caller", settings) if "*" in each]


def test_the_source_holds_what_the_container_lacks(rehearsal, tmp_path):
    """Each third-party module that the script imports comes from beside it."""
    from train2deploy import archives

    project, _ = rehearsal
    archives.unpack(project.build / "cloud" / "sourcedir.tar.gz", tmp_path / "code")
    code = (
        "import importlib\n"
        f"for name in {MODULES}:\n"
        "    print(importlib.import_module(name).__file__)")
    done = subprocess.run(
        [REPOSITORY / ".venvs" / "train" / "bin" / "python", "-c", code],
        env={"PYTHONPATH": str(tmp_path / "code"), "TF_KERAS": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.split() if not line.startswith(str(tmp_path))] == []
