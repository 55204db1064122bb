"""VERSION=v2 on the way of v1: train, package, deploy, ask, batch, parity."""

import http.client
import json
import os
import signal
import urllib.parse

import pytest
from conftest import MINUTE, Account, Rehearsal, forbidden
from project import PATIENCE_SECONDS

from train2deploy.hashing import sha256_file

SENTENCE = "電波が悪い"
AWKWARD = ["二つの\u2028行", "改\u0085行", SENTENCE]


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """Trained here and there, packed from there, deployed."""
    root = Rehearsal(tmp_path_factory.mktemp("second"))
    root.variables += ["VERSION=v2", "MEMBERS=2", "NGRAM_DROPOUT=0.1", "PATIENCE=1", "REFIT=0"]
    pictures = root.root / "pictures"
    pictures.mkdir()
    (pictures / "a.png").write_bytes(b"picture")
    further = f"CHANNELS=images={pictures}"
    root.cloud("local-train", further)
    root.local_job = (root.build / "jobs" / "latest").resolve()
    root.cloud("emulator", "DETACH=1", f"LIMITS={MINUTE}")
    root.cloud("cloud-train", further)
    root.cloud("package")
    root.cloud("cloud-deploy")
    yield root
    root.cloud("cloud-delete", "DATA=1")
    calls = Account(root.json("emulator.json")["url"]).calls()
    assert forbidden(calls) == set()
    root.cloud("emulator-stop")
    assert root.wait_until_quiet() == []


def test_the_job_of_the_cloud_gives_the_bytes_of_the_job_here(second):
    there = (second.build / "jobs" / "latest").resolve()
    assert there.name.startswith("train2deploy-v2-")
    for archive in ("model.tar.gz", "output.tar.gz"):
        assert sha256_file(there / archive) == sha256_file(second.local_job / archive)


def test_a_channel_of_the_users_own_reaches_the_job_here_and_there(second):
    jobs = [second.local_job, (second.build / "jobs" / "latest").resolve()]
    read = [json.loads((job / "manifest.json").read_text(encoding="utf-8")) for job in jobs]
    channels = {"train", "test", "vectors", "images"}
    assert [set(one["inputs"]["channels"]) for one in read] == [channels] * 2
    account = Account(second.json("emulator.json")["url"])
    asked = account.client("sagemaker").describe_training_job(TrainingJobName=jobs[1].name)
    assert {each["ChannelName"] for each in asked["InputDataConfig"]} == channels


def test_its_own_hyperparameters_reach_the_job_here_and_there(second):
    its_own = {"members": 2, "ngram-dropout": 0.1, "patience": 1, "refit": False}
    for job in (second.local_job, second.build / "jobs" / "latest"):
        inputs = json.loads((job / "manifest.json").read_text(encoding="utf-8"))["inputs"]
        assert its_own.items() <= inputs["hyperparameters"].items()
    assert "Refit on all" not in (second.local_job / "train.log").read_text(encoding="utf-8")


def test_it_says_which_tokens_counted(second):
    account = Account(second.json("emulator.json")["url"])
    answer = account.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="train2deploy", Body=json.dumps({"q": SENTENCE, "explain": True}),
        ContentType="application/json", Accept="application/json")
    explained = json.load(answer["Body"])
    assert sum(entry["prob"] for entry in explained["labels"]) == pytest.approx(1, abs=1e-5)
    assert "".join(each["token"] for each in explained["tokens"]).strip("▁") == SENTENCE
    assert sum(each["weight"] for each in explained["tokens"]) == pytest.approx(1, abs=1e-4)


def test_the_playground_asks_the_deployed_endpoint_and_says_what_it_costs(second):
    started = second.start("playground", "ENDPOINT=emulator", "PORT_UI=0")
    try:
        line = next(line for line in started.stdout if line.startswith("playground at "))
        page = urllib.parse.urlsplit(line.split()[2].rstrip(";"))
        connection = http.client.HTTPConnection(page.netloc, timeout=PATIENCE_SECONDS)

        def send(method, path, body=None):
            headers = {"Origin": f"http://{page.netloc}", "Content-Type": "application/json"}
            connection.request(method, path, body and json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.headers["X-Answer-Status"], json.loads(answer.read())

        _, about = send("GET", "/about")
        assert (about["kind"], about["endpoint"]) == ("emulator", "train2deploy")
        assert about["cost"]["instances"] == "1 × ml.t2.large"
        assert about["cost"]["usd_an_hour"] == pytest.approx(0.111)
        side = about["sides"]["a"]
        assert (side["explain"], side["tokens"], len(side["labels"])) == (True, True, 3)
        status, answer = send("POST", "/a/invocations", {"q": SENTENCE, "explain": True})
        assert (status, len(answer["labels"])) == ("200", 3)
        _, tokens = send("POST", "/a/tokens", {"q": SENTENCE})
        assert [token for token, *_ in tokens] == [each["token"] for each in answer["tokens"]]
        status, answer = send("POST", "/a/invocations", {"q": ""})
        assert (status, list(answer)) == ("500", ["error"])
        connection.close()
    finally:
        os.killpg(started.pid, signal.SIGINT)
        started.communicate(timeout=PATIENCE_SECONDS)


def test_lines_with_other_line_separators_in_them_are_lines(second):
    lines = second.root / "awkward.jsonl"
    lines.write_text(
        "".join(json.dumps({"q": text}, ensure_ascii=False) + "\n" for text in AWKWARD),
        encoding="utf-8")
    second.cloud("cloud-batch", f"INPUT={lines}")
    text = (second.build / "cloud" / "awkward.answers.jsonl").read_text(encoding="utf-8")
    answers = [json.loads(line) for line in text.rstrip("\n").split("\n")]
    assert [answer["q"] for answer in answers] == AWKWARD
    assert all(len(answer["ranking"]) == 3 for answer in answers)


def test_host_and_cloud_answer_the_same(second):
    second.cloud("parity", "A=host", "B=cloud")
    assert second.json("cloud/parity.json")["max_abs_difference"] <= 1e-6


def test_changed_settings_of_batching_make_another_model_and_reach_its_container(second):
    account = Account(second.json("emulator.json")["url"])
    sagemaker = account.client("sagemaker")

    def deployed():
        return [model["ModelName"] for model in sagemaker.list_models()["Models"]]

    before = deployed()
    second.cloud("cloud-deploy", "BATCHING=1", "MAX_BATCH_SIZE=16", "OMP_NUM_THREADS=1")
    (name,) = deployed()
    assert [name] != before
    environment = sagemaker.describe_model(ModelName=name)["PrimaryContainer"]["Environment"]
    assert {"SAGEMAKER_TFS_ENABLE_BATCHING": "true", "SAGEMAKER_TFS_MAX_BATCH_SIZE": "16",
            "OMP_NUM_THREADS": "1"}.items() <= environment.items()
    logs = account.client("logs")
    group = "/aws/sagemaker/Endpoints/train2deploy"
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    lines = [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)["events"]
    ]
    assert any("max_batch_size { value: 16 }" in line for line in lines)
    again = second.cloud("cloud-deploy", "BATCHING=1", "MAX_BATCH_SIZE=16", "OMP_NUM_THREADS=1")
    assert "has this model already" in again.stdout
