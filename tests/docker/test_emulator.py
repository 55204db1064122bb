"""The emulator's account with jobs and endpoints in containers."""

import json
import os
import signal

import pytest
from docker_support import containers, docker

from train2deploy.hashing import sha256_file

CLOUD = ("--no-print-directory", "CLOUD=emulator")


@pytest.fixture(scope="module")
def deployed(project, small, packed):
    """The job of `packed` again as a cloud job, and build/model.tar.gz behind an endpoint."""
    local = (project.build / "jobs" / "latest").resolve()
    project.make("emulator", "DETACH=1", "FRESH=1")
    try:
        said = project.make("cloud-train", "REPRO=1", "VERBOSE=1", *CLOUD, *small).stdout
        project.make("cloud-deploy", *CLOUD)
        yield local, said
    finally:
        project.make("emulator-stop")


def test_a_job_in_a_container_gives_the_bytes_of_the_job_here(project, deployed):
    local, said = deployed
    job = (project.build / "jobs" / "latest").resolve()
    assert job != local and f"job {job.name} started" in said
    assert sha256_file(job / "model.tar.gz") == sha256_file(local / "model.tar.gz")


def test_the_endpoint_is_a_container_on_the_loopback_and_answers(project, deployed):
    (name,) = containers(project)
    assert docker("port", name).startswith("8080/tcp -> 127.0.0.1:")
    mounts = docker("inspect", "--format", "{{range .Mounts}}{{.Source}}{{end}}", name)
    assert mounts.startswith(str(project.build / "emulator" / "run" / "us-east-1"))
    variables = docker("inspect", "--format", "{{.Config.Env}}", name)
    assert "SAGEMAKER_TFS_NGINX_LOGLEVEL=error" in variables  # of the model that was created
    answer = project.make("--silent", "cloud-invoke", "JSON=1", *CLOUD).stdout.splitlines()[-1]
    assert {entry["label"] for entry in json.loads(answer)} == {"グルメ", "携帯電話", "京都"}


def test_containers_of_a_killed_emulator_are_ended_by_emulator_stop(project, deployed):
    state = json.loads((project.build / "emulator.json").read_text())
    os.kill(state["pid"], signal.SIGKILL)
    assert len(containers(project)) == 1
    project.make("emulator-stop")
    assert containers(project) == []
    assert project.wait_until_quiet() == []
