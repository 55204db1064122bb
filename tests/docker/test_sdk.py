"""RUNTIME=sdk: the SDK's local mode gives the same model, calls nobody and leaves nothing."""

import json
import os
import re
import signal
import socket
import threading

import pytest
from docker_support import containers, docker, networks, read_until
from project import TIMEOUT_SECONDS

from train2deploy.runtimes.sdk import NETWORK


@pytest.fixture
def called(monkeypatch):
    """A proxy that answers nobody; the first bytes of each call to it."""
    calls = []

    def listen(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                calls.append(connection.recv(200))

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        threading.Thread(target=listen, args=(listener,), daemon=True).start()
        for name in ("https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{listener.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield calls
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(autouse=True)
def nothing_is_left(project):
    assert networks(NETWORK) == []
    yield
    assert containers(project) == []
    assert networks(NETWORK) == []
    assert not (project.build / "local-mode").exists()
    assert {path.lstat().st_uid for path in project.build.rglob("*")} == {os.getuid()}
    assert project.wait_until_quiet() == []


def test_the_same_seed_gives_the_model_of_the_other_runtimes(
    project, small, packed, called, monkeypatch
):
    """No call goes out, and the caller's credentials do not go in."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the-callers")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-callers")
    said = project.make("local-train", "RUNTIME=sdk", "REPRO=1", *small).stdout
    other, job = (re.search(r"^job (\S+): log", text, re.M).group(1) for text in (packed, said))
    one, two = (project.json(f"jobs/{name}/manifest.json") for name in (other, job))
    assert (one["runtime"], two["runtime"]) == ("docker", "sdk")
    assert one["outputs"]["model.tar.gz"] == two["outputs"]["model.tar.gz"]
    latest = project.build / "jobs" / "latest"
    assert latest.resolve().name == job
    assert (latest / "output.tar.gz").exists()
    log = (latest / "train.log").read_text(encoding="utf-8")
    assert "the-callers" not in log
    assert "SM_CURRENT_HOST=algo-1-" in log
    assert "Epoch 1/1" in said.splitlines()
    assert called == []


def test_a_script_that_fails_gives_its_reason_and_a_foreign_network_stays(project, small, packed):
    docker("network", "create", NETWORK)
    words = project.taken("local-train", project.add_failing_model(), *small)
    try:
        done = project.make("local-train", "RUNTIME=sdk", *words, check=False)
        assert networks(NETWORK) == [NETWORK]
    finally:
        docker("network", "rm", NETWORK)
    assert done.returncode != 0
    said = [line for line in done.stdout.splitlines() if not line.startswith("make")][-1]
    assert "failed (exit status 1): ExecuteUserScriptError" in said


def test_ctrl_c_ends_the_job(project, small, packed):
    process = project.start("local-train", "RUNTIME=sdk", *small[:-2], "EPOCHS=500", "BATCH_SIZE=8")
    read_until(process, "Epoch 2/")
    (name,) = containers(project)
    inspected = json.loads(docker("network", "inspect", NETWORK))[0]
    assert inspected["Internal"], "the job has a way out"
    assert [each["Name"] for each in inspected["Containers"].values()] == [name]
    assert f" {os.getuid()} " in docker("top", name, "-o", "pid,uid,args").splitlines()[-1]
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=TIMEOUT_SECONDS)[0]
    assert "train2deploy: interrupted" in said
    assert "Epoch 500/500" not in said


@pytest.mark.parametrize("target", ["local-serve", "dry-run"])
def test_what_serves_is_refused_before_anything_is_made(project, target):
    done = project.make(target, "RUNTIME=sdk", check=False)
    assert done.returncode != 0
    (said,) = done.stdout.splitlines()
    assert "for `make local-train` alone. Use RUNTIME=docker" in said
