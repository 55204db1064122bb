"""Each way to fail ends with one clear message and leaves no container behind."""

import os
import shutil
import signal
import socket

from docker_support import containers, docker, read_until
from project import REPOSITORY, TIMEOUT_SECONDS


def lines(done):
    """What the user is told, without make's own last line."""
    return [line for line in done.stdout.splitlines() if not line.startswith("make")]


def failed(project, *arguments):
    done = project.make(*arguments, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert containers(project) == []
    return lines(done)[-1]


def test_no_engine_is_said_with_what_to_do(project, packed):
    os.environ["DOCKER_HOST"] = "unix:///nonexistent/docker.sock"
    try:
        done = project.make("verify", check=False)
    finally:
        del os.environ["DOCKER_HOST"]
    assert done.returncode != 0
    said = lines(done)[-1]
    assert said.startswith("train2deploy: expected a Docker engine that answers, found none")
    assert "RUNTIME=host" in said


def test_a_missing_image_names_the_target_that_builds_it(project, packed):
    not_built = "MAKE=true"  # what makes images and environments
    said = failed(project, "verify", "MODEL_SERVER=official", not_built)
    assert "train2deploy/serve:1.13-official: expected it in the Docker engine" in said
    assert "make images" in said


def test_a_runtime_of_another_name_is_refused(project, packed):
    assert "RUNTIME=podman: expected host or docker" in failed(project, "verify", "RUNTIME=podman")


def test_a_port_in_use_is_named_with_a_free_one(project, packed):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = failed(project, "local-serve", "DETACH=1", f"PORT={port}")
        assert f"PORT={port}: Address already in use. Choose another one" in said
        assert f"PORT={port}" in failed(project, "local-serve", f"PORT={port}")


def test_a_script_that_fails_gives_its_reason(project, small, packed):
    words = project.taken("local-train", project.add_failing_model(), *small)
    said = failed(project, "local-train", *words)
    assert "failed (exit status 1)" in said
    assert "ExecuteUserScriptError" in said


def test_a_container_without_enough_memory_says_so(project, small, packed):
    said = failed(project, "local-train", *small, "MEMORY=120m")
    assert "ran out of memory (MEMORY=120m)" in said


def test_a_handler_that_cannot_be_imported_is_shown_once(project, packed, tmp_path):
    shutil.unpack_archive(str(project.build / "model.tar.gz"), str(tmp_path / "model"))
    (tmp_path / "model" / "code" / "inference.py").write_text("import nothing_of_this_name\n")
    done = project.make("local-serve", "DETACH=1", f"MODEL_DIR={tmp_path / 'model'}", check=False)
    assert done.returncode != 0
    assert "the endpoint ended with status 1 while it started" in done.stdout
    assert containers(project) == []


def test_ctrl_c_while_training_ends_the_container(project, small, packed):
    process = project.start("local-train", *small[:-2], "EPOCHS=500", "BATCH_SIZE=8")
    read_until(process, "Epoch 2/")
    assert containers(project)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=TIMEOUT_SECONDS)[0]
    assert "train2deploy: interrupted" in said
    assert "Epoch 500/500" not in said
    assert containers(project) == []
    assert project.wait_until_quiet() == []


def test_an_endpoint_whose_client_was_killed_is_not_left_behind(project, packed):
    from train2deploy.endpoint import free_port

    project.make("local-serve", "DETACH=1", f"PORT={free_port()}")
    os.kill(project.json("endpoint.json")["pid"], signal.SIGKILL)
    assert len(containers(project)) == 1
    project.make("local-stop")
    assert containers(project) == []


def test_containers_that_are_not_ours_are_left_alone(project, packed):
    name = "not-of-train2deploy"
    docker("run", "--detach", "--name", name, "--network", "none", "train2deploy/serve:1.13",
           "sleep", "300")
    try:
        project.make("verify")
        project.make("local-stop")
        assert docker("inspect", "--format", "{{.State.Running}}", name) == "true"
    finally:
        docker("rm", "--force", name)


def test_the_dockerfiles_use_no_apt_and_name_no_registry():
    for path in ("docker/train/Dockerfile", "docker/serve/Dockerfile"):
        text = (REPOSITORY / path).read_text(encoding="utf-8")
        commands = [line for line in text.splitlines() if not line.startswith("#")]
        assert not any("apt" in line for line in commands)
        assert "://" not in text
