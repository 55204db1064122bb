"""What each runtime makes of "train", "run this module" and "serve": commands, no engine needed."""

import os
import subprocess
from pathlib import Path

import pytest

from train2deploy import machine, paths, pythons, runtimes
from train2deploy.errors import MissingRequirement, UserError
from train2deploy.runtimes import choice, default, engine, images
from train2deploy.runtimes.docker import Docker
from train2deploy.runtimes.host import HOST

OURS = Docker("train-image", "serve-image")
AWS = Docker("aws-train", "aws-serve", aws=True)


def options(launch, name):
    """The values of an option of `docker run`, in order."""
    return [
        value
        for flag, value in zip(launch.arguments, launch.arguments[1:])
        if flag == f"--{name}"
    ]


def variables(launch):
    return dict(text.split("=", 1) for text in options(launch, "env"))


def test_an_unknown_runtime_is_refused():
    with pytest.raises(UserError, match="RUNTIME=podman: expected host or docker"):
        choice.named("podman")


def test_host_is_the_runtime_that_needs_nothing():
    assert choice.named("host") is HOST
    assert HOST.instance(Path("/job")) == runtimes.Instance("/job", "localhost", "lo")


def test_a_container_sees_the_machine_that_sagemaker_describes():
    assert OURS.instance(Path("/job")) == runtimes.Instance("/opt/ml", "algo-1", "eth0")
    assert AWS.instance(Path("/job")).modules_beside


def test_a_job_has_no_network_and_resolves_its_own_name():
    launch = OURS.toolkit(Path("/job"), {"TRAINING_JOB_NAME": "x"})
    assert launch.arguments[-2:] == ["train-image", "train"]
    assert options(launch, "network") == ["none"]
    assert options(launch, "hostname") == ["algo-1"]
    assert options(launch, "add-host") == ["algo-1:127.0.0.1"]
    assert options(launch, "mount") == ["type=bind,source=/job,target=/opt/ml"]
    assert variables(launch)["TRAINING_JOB_NAME"] == "x"
    assert "--rm" not in launch.arguments  # it is looked at after its end


@pytest.mark.parametrize("launch", [
    OURS.toolkit(Path("/job"), {}),
    OURS.command(Path("/job"), ["/bin/bash"], ["-c", "true"], {}),
    OURS.python("train", ["-c", "pass"], {}),
])
def test_containers_run_as_the_caller_with_an_init_and_our_label(launch):
    assert options(launch, "user") == [f"{os.getuid()}:{os.getgid()}"]
    assert options(launch, "label") == [f"{engine.LABEL}={paths.ROOT}"]
    assert options(launch, "name") == [launch.container]
    assert options(launch, "pull") == ["never"]
    assert "--init" in launch.arguments


def test_modules_of_ours_see_the_same_paths_and_write_only_where_they_may():
    launch = OURS.python(
        "serve", ["-m", "hosting.direct_session", "/m"], {"A": "b"}, reads=[Path("/m")],
        writes=[Path("/w")])
    assert launch.arguments[-5:] == ["serve-image", "python", "-m", "hosting.direct_session", "/m"]
    source, read, write = options(launch, "mount")
    assert source.endswith(f"target={paths.SRC},readonly")
    assert read == "type=bind,source=/m,target=/m,readonly"
    assert write == "type=bind,source=/w,target=/w"
    assert variables(launch)["PYTHONPATH"] == str(paths.SRC)


def test_an_endpoint_listens_on_the_loopback_and_reads_its_model(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_TFS_DEFAULT_MODEL_NAME", "mine")
    monkeypatch.setenv("SAGEMAKER_BIND_TO_PORT", "1")
    monkeypatch.setenv("SECRET", "kept here")
    launch = OURS.endpoint(tmp_path, 8123, dev=True)
    assert options(launch, "publish") == ["127.0.0.1:8123:8080"]
    assert options(launch, "mount") == [
        f"type=bind,source={tmp_path},target=/opt/ml/model,readonly"]
    told = variables(launch)
    assert told["SAGEMAKER_TFS_DEFAULT_MODEL_NAME"] == "mine"
    assert (told["SAGEMAKER_BIND_TO_PORT"], told["DEV"]) == ("8080", "1")
    assert "SECRET" not in told
    assert "--rm" in launch.arguments


def test_several_models_are_mounted_where_the_platform_puts_them(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_MULTI_MODEL", "true")
    (mount,) = options(OURS.endpoint(tmp_path, 8123, dev=True), "mount")
    assert "target=/opt/ml/models," in mount


def test_awss_serving_image_keeps_its_own_user_for_nginx(tmp_path):
    assert options(AWS.endpoint(tmp_path, 8123, dev=True), "user") == []
    assert options(AWS.toolkit(Path("/job"), {}), "user")


def test_a_model_directory_that_is_none_is_refused_by_either_runtime(tmp_path):
    for runtime in (HOST, OURS):
        with pytest.raises(UserError, match="expected a directory, found none"):
            runtime.endpoint(tmp_path / "none", 8123, dev=True)


def test_a_limit_of_memory_is_one_without_swap():
    launch = Docker("t", "s", memory="2g").toolkit(Path("/job"), {})
    assert options(launch, "memory") == options(launch, "memory-swap") == ["2g"]


def test_a_path_with_a_comma_is_mounted_whole():
    launch = OURS.toolkit(Path("/a,b"), {})
    assert options(launch, "mount") == ['type=bind,"source=/a,b",target=/opt/ml']


def test_no_docker_on_path_is_said_with_the_ways_on(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"found no `docker` on PATH\. Start it .*RUNTIME=host"):
        engine.require()


def test_the_public_base_is_pinned_by_digest():
    for argument, name in (("BASE", "python:3.6-slim@sha256:"), ("BUILDER", "python:3.6@sha256:")):
        pinned = images._default(argument)
        assert pinned.startswith(name)
        assert len(pinned) == len(name) + 64
    serving = (paths.ROOT / "docker/serve/Dockerfile").read_text(encoding="utf-8")
    assert f"ARG BASE={images._default('BASE')}\n" in serving


@pytest.mark.parametrize("of_use", [True, False])
@pytest.mark.parametrize("python312", [None, Path("/opt/python3.12")])
def test_without_base_image_and_cpython_36_there_is_a_way_on(monkeypatch, of_use, python312):
    def fails(*arguments, **_):
        return subprocess.CompletedProcess(arguments, 1, "", "Error: dial tcp: no such host")

    monkeypatch.setattr(engine, "docker", fails)
    monkeypatch.setattr(engine, "require", lambda: None)
    monkeypatch.setattr(machine, "engine_answers", lambda: True)
    monkeypatch.setattr(pythons, "is_of_use", lambda: of_use)
    found = {pythons.TODAYS: python312}
    monkeypatch.setattr(pythons, "find", lambda named="", version="3.6": found.get(version))
    with pytest.raises(MissingRequirement) as raised:
        images.build()
    line = str(raised.value)
    assert line.startswith("python:3.6-slim can't be pulled (no such host).")
    assert "\n" not in line and "RUNTIME=docker" not in line
    assert "a network that reaches its registry" in line
    todays = f"has the CPython 3.12 {python312}" if python312 else machine.get_python312()
    assert "STACK=today" in line and todays in line
    assert ("PYTHON36=" in line and machine.get_python36() in line) == of_use


def test_make_looks_for_the_images_that_the_tool_builds():
    assert default.IMAGES == (images.TRAIN, images.SERVE)


@pytest.mark.parametrize("given", ["abc", "2 g", "0", "1m", "-2g", "2t", "5g5", "g"])
def test_a_memory_that_docker_does_not_know_is_named(given):
    for named in (lambda: choice.named("docker", memory=given),
                  lambda: choice.training("sdk", memory=given)):
        with pytest.raises(UserError, match=rf"^MEMORY={given}: expected 6m or more, such as 512m"):
            named()


@pytest.mark.parametrize("name", ["foo", "sdk", ""])
def test_parity_names_the_variable_that_was_given(name):
    with pytest.raises(UserError, match=rf"^A={name}: expected host, docker or cloud\.$"):
        choice.named(name, variable="A")


@pytest.mark.parametrize("given, of, contract", [
    ("", "2019", "2019"), ("", "today", "today"), ("head", "2019", "head"),
    ("head", "today", "today"), ("today", "2019", "2019"), ("today", "", "today"), ("", "", "2019"),
])  # fmt: skip
def test_the_containers_of_a_stack_are_those_that_are_asked_for(
    tmp_path, monkeypatch, given, of, contract
):
    monkeypatch.setenv("HOSTING_CONTRACT", given)
    monkeypatch.setattr(Path, "exists", lambda path: True)
    launch = HOST.of(of).endpoint(tmp_path, 8123, dev=False)
    assert launch.environment["HOSTING_CONTRACT"] == contract
    today = "-today" if contract == "today" else ""
    assert launch.arguments[0].endswith(f"/serve{today}/bin/python")
    train = f"/train{'-today' if of == 'today' else ''}/bin/train"
    assert HOST.of(of).toolkit(tmp_path, {}).arguments[1].endswith(train)


def test_todays_contract_has_no_image(tmp_path, monkeypatch):
    monkeypatch.setenv("HOSTING_CONTRACT", "today")
    with pytest.raises(UserError, match=r"^RUNTIME=docker: expected RUNTIME=host: "):
        OURS.endpoint(tmp_path, 8123, dev=True)
