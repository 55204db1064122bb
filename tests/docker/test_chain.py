"""The chain of make targets in containers: train, package, serve, verify, evaluate, dry-run."""

import json
import os
import signal
import subprocess
import time
import urllib.request

import pytest
from docker_support import containers, docker
from project import PATIENCE_SECONDS, REPOSITORY, Project

from train2deploy.endpoint import free_port


@pytest.fixture(scope="module")
def port(project, packed):
    number = free_port()
    project.make("local-serve", "DETACH=1", f"PORT={number}")
    yield number
    project.make("local-stop")
    assert containers(project) == []


def test_a_job_leaves_what_the_platform_would(project, packed):
    job = project.build / "jobs" / "latest"
    assert {"model.tar.gz", "output.tar.gz", "manifest.json"} <= set(os.listdir(job))
    assert json.loads((job / "manifest.json").read_text())["runtime"] == "docker"
    log = (job / "train.log").read_text(encoding="utf-8")
    assert "SM_CURRENT_HOST=algo-1" in log
    assert "SM_MODEL_DIR=/opt/ml/model" in log
    assert containers(project) == []


def test_no_file_belongs_to_anybody_else(project, packed):
    owners = {path.lstat().st_uid for path in project.build.rglob("*")}
    assert owners == {os.getuid()}


def test_the_endpoint_listens_on_the_loopback_alone_and_is_healthy(project, port):
    (name,) = containers(project)
    assert docker("port", name) == f"8080/tcp -> 127.0.0.1:{port}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    state = ""
    while state != "healthy" and time.monotonic() < deadline:
        state = docker("inspect", "--format", "{{.State.Health.Status}}", name)
        time.sleep(0.5)
    assert state == "healthy"


def test_the_model_is_read_only_and_the_user_is_the_caller(project, port):
    (name,) = containers(project)
    assert docker("exec", name, "id", "-u") == str(os.getuid())
    said = docker("exec", name, "sh", "-c", "touch /opt/ml/model/x", check=False)
    assert "Read-only file system" in said


def test_invoke_verify_and_evaluate_use_it(project, port):
    said = project.make("--silent", "invoke", "JSON=1", f"PORT={port}").stdout
    answer = json.loads(said.splitlines()[-1])
    assert {entry["label"] for entry in answer} == {"グルメ", "携帯電話", "京都"}
    project.make("verify")
    assert project.json("verification.json")["max_abs_difference"] <= 1e-6
    project.make("evaluate")
    assert project.json("evaluation.json")["model"]["n"] > 0
    assert len(containers(project)) == 1


def test_verify_without_a_running_endpoint_starts_one_for_itself(project, packed):
    project.make("local-stop")
    project.make("verify")
    assert containers(project) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_foreground_endpoint_ends_with_its_signal(project, packed, number):
    free = free_port()
    process = project.start("local-serve", f"PORT={free}")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{free}/ping", timeout=2) as reply:
                assert reply.status == 200
                break
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
    os.killpg(process.pid, number)
    process.communicate(timeout=PATIENCE_SECONDS)
    assert project.wait_until_quiet() == []
    assert containers(project) == []


def test_any_saved_model_is_served(project, tmp_path):
    model = tmp_path / "models"
    model.mkdir()
    subprocess.run(
        [REPOSITORY / ".venvs/serve/bin/python", "-W", "ignore",
         REPOSITORY / "tests/saved_models/make.py", model, "half_plus_three"], check=True)
    port = free_port()
    project.make("local-serve", "DETACH=1", f"MODEL_DIR={model}", f"PORT={port}")
    try:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", b'{"instances": [1.0, 2.0]}',
            {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as reply:
            assert json.load(reply) == {"predictions": [4.0, 4.5]}
    finally:
        project.make("local-stop")


def test_the_main_job_runs_in_containers_without_the_hosts_environments(images, tmp_path):
    """Only the host tool's environment is there: no Python 3.6 is needed."""
    root = Project(tmp_path, runtime="docker")
    (root.root / ".venvs").unlink()
    (root.root / ".venvs").mkdir()
    (root.root / ".venvs" / "host").symlink_to(REPOSITORY / ".venvs" / "host")
    said = root.make("dry-run", "EPOCHS=2", "PYTHON36=/nonexistent").stdout
    assert "携帯電話" in said
    assert root.json("verification.json")["max_abs_difference"] <= 1e-6
    assert root.wait_until_quiet() == []
    assert containers(root) == []
