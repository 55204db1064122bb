"""The packed model behind /invocations: answers, refusals, verify, evaluate, start and stop."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from project import PATIENCE_SECONDS, REPOSITORY, TIMEOUT_SECONDS, Project

from train2deploy import archives
from train2deploy.endpoint import free_port

SENTENCE = "電波が悪い"


def post(port, body, content_type="application/json", path="/invocations"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    headers = {"Content-Type": content_type} if content_type else {}
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    answer = response.read().decode("utf-8")
    connection.close()
    return response.status, response.getheader("Content-Type"), answer


def ask(port, value):
    return post(port, json.dumps(value, ensure_ascii=False).encode("utf-8"))


def is_ranking(ranking):
    probabilities = [entry["prob"] for entry in ranking]
    return (
        {entry["label"] for entry in ranking} == {"グルメ", "携帯電話", "京都"}
        and probabilities == sorted(probabilities, reverse=True)
        and abs(sum(probabilities) - 1) < 1e-5
    )


def test_one_sentence_gives_its_ranked_labels(endpoint):
    status, content_type, answer = ask(endpoint, {"q": SENTENCE})
    assert (status, content_type) == (200, "application/json")
    assert is_ranking(json.loads(answer))


def test_many_sentences_give_a_ranking_each_in_their_order(endpoint):
    sentences = [SENTENCE, "抹茶パフェ", "清水寺の坂", "x" * 3000]
    _, _, answer = ask(endpoint, {"q": sentences})
    alone = [json.loads(ask(endpoint, {"q": sentence})[2]) for sentence in sentences]
    together = json.loads(answer)
    assert all(is_ranking(ranking) for ranking in together)
    for one, other in zip(alone, together):
        assert [entry["label"] for entry in one] == [entry["label"] for entry in other]
        assert [e["prob"] for e in one] == pytest.approx([e["prob"] for e in other], abs=1.5e-6)


def test_json_lines_give_a_ranking_a_line(endpoint):
    lines = "\n".join(json.dumps({"q": text}) for text in (SENTENCE, "抹茶パフェ")) + "\n\n"
    status, content_type, answer = post(endpoint, lines.encode(), "application/jsonlines")
    assert (status, content_type) == (200, "application/jsonlines")
    assert [is_ranking(json.loads(line)) for line in answer.splitlines()] == [True, True]


def test_a_charset_behind_the_content_type_is_no_obstacle(endpoint):
    status, _, _ = post(endpoint, b'{"q": "a"}', "application/json; charset=utf-8")
    assert status == 200


NO_QUESTIONS = [
    (b"", "found an empty one"),
    (b"{", "expected JSON"),
    (b"[" * 100000, "too deeply nested"),
    (b'{"q": NaN}', "NaN is not valid JSON"),
    (b"[]", 'the key "q"'),
    (b"{}", 'the key "q"'),
    (b'{"q": 5}', "expected a string, found a number"),
    (b'{"q": null}', "expected a string, found null"),
    (b'{"q": ""}', "found an empty string"),
    (b'{"q": "  "}', "found an empty string"),
    (b'{"q": []}', "found an empty list"),
    (b'{"q": ["a", 1]}', '"q"[1]: expected a string'),
    (b'{"q": "\\ud800"}', "lone surrogate"),
    (b'{"q": "\xff"}', "expected UTF-8, found the byte 0xff"),
]
"""JSON, and what is said of it."""


@pytest.mark.parametrize(
    "body, content_type, expected",
    [
        *((body, "application/json", expected) for body, expected in NO_QUESTIONS),
        (b'{"q": "a"}\n{"q": 1}', "application/jsonlines", 'line 2: "q": expected a string'),
        (b"\n\n", "application/jsonlines", "found an empty body"),
        (b'{"q": "a"}', "text/csv", "expected Content-Type"),
    ],
)
def test_a_bad_request_is_answered_with_what_was_expected(endpoint, body, content_type, expected):
    status, answered_type, answer = post(endpoint, body, content_type)
    assert status == 500  # no other status for a handler's error: docs/contract.md#a7
    assert answered_type == "application/json"
    assert expected in json.loads(answer)["error"]
    assert ask(endpoint, {"q": SENTENCE})[0] == 200


def test_invoke_prints_a_table_with_bars_and_the_raw_answer(project, endpoint):
    table = project.make("invoke", f"Q={SENTENCE}", f"PORT={endpoint}").stdout
    assert SENTENCE in table and "█" in table and "携帯電話" in table
    sent, answer = project.make("-s", "invoke", f"Q={SENTENCE}", "JSON=1").stdout.splitlines()
    assert json.loads(sent) == {"q": SENTENCE}
    assert is_ranking(json.loads(answer))


def test_invoke_without_an_endpoint_says_how_to_start_one(project, packed):
    done = project.make("invoke", f"PORT={free_port()}", check=False)
    assert done.returncode != 0
    assert "make local-serve" in done.stdout


@pytest.fixture
def newer(tmp_path, project, packed):
    """A project of its own with the same package, and a later job of other bytes."""
    fresh = Project(tmp_path)
    shutil.copytree(project.build, fresh.build, symlinks=True)
    (fresh.build / "endpoint.json").unlink(missing_ok=True)
    job = fresh.build / "jobs" / "newer"
    shutil.copytree((fresh.build / "jobs" / "latest").resolve(), job)
    (job / "model" / "1" / "assets.txt").write_text("another model")
    files = [path for path in (job / "model").rglob("*") if path.is_file()]
    archives.pack(
        ((path.relative_to(job / "model").as_posix(), path) for path in files),
        job / "model.tar.gz")
    (fresh.build / "jobs" / "latest").unlink()
    (fresh.build / "jobs" / "latest").symlink_to("newer")
    yield fresh
    fresh.make("local-stop")


def test_a_package_older_than_the_latest_job_is_packed_again_before_it_is_served(newer):
    # Several goals, and make told to run what it can at once.
    newer.command = ("make", "--jobs=4")
    said = newer.make("local-serve", "DETACH=1", "PORT=0").stdout
    assert "which is older than the latest job, newer. It is packed again." in said
    manifest = newer.json("model.tar.gz.manifest.json")
    assert manifest["inputs"]["job"] == "newer"
    served = newer.json("endpoint.json")
    assert served["model_sha256"] == manifest["outputs"]["model.tar.gz"]
    assert is_ranking(json.loads(
        newer.make("-s", "invoke", "local-stop", "JSON=1").stdout.splitlines()[-2]))


def test_another_data_set_than_the_packages_is_not_scored(newer):
    said = newer.make("data", "evaluate", "SEED=7", check=False)
    assert said.returncode == 2
    assert "the latest job, newer, was trained on mine (SEED=1, SPLIT=random" in said.stdout
    assert "but build/data holds sample (SEED=7, SPLIT=random" in said.stdout
    said = newer.make("verify", "VERSION=v2", "STALE=", check=False)
    assert said.returncode == 2
    assert "the latest job, newer, was trained on mine" in said.stdout
    assert newer.json("model.tar.gz.manifest.json")["inputs"]["job"] != "newer", "not packed"


def test_a_handler_that_fails_is_shown_in_the_background_too(newer):
    model = newer.root / "broken"
    archives.unpack(newer.build / "model.tar.gz", model)
    with (model / "code" / "inference.py").open("a") as handler:
        handler.write("\nraise ValueError('on purpose')\n")
    said = newer.make("local-serve", "DETACH=1", "PORT=0", f"MODEL_DIR={model}", check=False)
    assert said.returncode == 2
    assert "Traceback (most recent call last):" in said.stdout
    assert f'File "{model}/code/inference.py", line' in said.stdout
    assert "ValueError: on purpose" in said.stdout


def test_verify_finds_the_endpoint_equal_to_a_session(project, endpoint):
    output = project.make("verify").stdout
    assert "signature inputs inputs: " in output
    result = project.json("verification.json")
    test = (project.build / "data" / "test" / "features.csv").read_text(encoding="utf-8")
    assert result["sentences"] == len(test.splitlines()[1:]), "of a user's data, its own alone"
    assert result["max_abs_difference"] <= 1e-6


def test_evaluate_scores_the_test_split_beside_two_yardsticks(project, endpoint):
    output = project.make("evaluate").stdout
    result = project.json("evaluation.json")
    assert len(result["yardsticks"]) == 2
    assert result["model"]["n"] == len(result["truth"]) == len(result["predicted"])
    right = sum(a == b for a, b in zip(result["truth"], result["predicted"]))
    assert result["model"]["accuracy"] == pytest.approx(right / len(result["truth"]))
    assert "characters 1-3, logistic regression" in output


def test_a_second_detached_endpoint_is_refused(project, endpoint):
    done = project.make("local-serve", "DETACH=1", f"PORT={free_port()}", check=False)
    assert "make local-stop" in done.stdout


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    maker = REPOSITORY / "tests" / "saved_models" / "make.py"
    python = REPOSITORY / ".venvs" / "serve" / "bin" / "python"
    subprocess.run(
        [python, maker, folder, "half_plus_two"], check=True, timeout=TIMEOUT_SECONDS,
        capture_output=True)
    return folder / "half_plus_two"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_any_saved_model_is_served_in_the_foreground_until_a_signal(project, saved_model, number):
    port = free_port()
    process = project.start("local-serve", f"MODEL_DIR={saved_model}", f"PORT={port}")
    try:
        body = json.dumps({"instances": [1.0, 2.0, 5.0]}).encode()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                status, _, answer = post(port, body)
            except (OSError, http.client.HTTPException):
                status = None
            if status == 200:
                break
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        assert json.loads(answer) == {"predictions": [2.5, 3.0, 4.5]}
    finally:
        # A terminal's Ctrl-C goes to the whole group; SIGTERM is passed on by make.
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert project.wait_until_quiet(str(saved_model)) == []
    with pytest.raises(OSError):
        post(port, body)


def test_a_detached_saved_model_is_known_to_be_ready_whatever_its_folder_is_called(
    saved_model, tmp_path
):
    """In a root of its own: the other tests' detached endpoint goes on."""
    project = Project(tmp_path)
    # Its name in the container is "model": the version lies at the root (docs/contract.md#a2).
    assert (saved_model / "00000123" / "saved_model.pb").exists()
    port = free_port()
    project.make("local-serve", f"MODEL_DIR={saved_model}", f"PORT={port}", "DETACH=1")
    try:
        status, _, answer = post(port, b'{"instances": [1.0]}')
        assert (status, json.loads(answer)) == (200, {"predictions": [2.5]})
    finally:
        project.make("local-stop")


class Users(Project):
    """A project whose user's shell is set up for other programs."""

    def environment(self):
        return {
            **super().environment(), "LC_ALL": "C", "http_proxy": "http://127.0.0.1:9",
            "ALL_PROXY": "http://127.0.0.1:9", "PYTHONHOME": "/nowhere", "PYTHONPATH": "/nowhere",
            "PIP_USER": "1", "PIP_TARGET": "/nowhere", "WEB_CONCURRENCY": "3",
        }  # fmt: skip


def test_a_checkout_at_a_japanese_path_serves_whatever_the_users_shell_says(
    project, packed, tmp_path
):
    root = tmp_path / "日本語 の 場所"
    root.mkdir()
    users = Users(root)
    (users.build).mkdir()
    for path in project.build.glob("model.tar.gz*"):
        (users.build / path.name).symlink_to(path)
    port = free_port()
    users.make("local-serve", "DETACH=1", f"PORT={port}")
    try:
        assert is_ranking(json.loads(ask(port, {"q": SENTENCE})[2]))
        assert SENTENCE in users.make("invoke", f"Q={SENTENCE}", f"PORT={port}").stdout
    finally:
        users.make("local-stop")
