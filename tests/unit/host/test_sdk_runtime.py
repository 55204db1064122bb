"""What RUNTIME=sdk asks of the SDK, and what it says when something is missing."""

import json
import os
from pathlib import Path

import pytest

from train2deploy import paths, runtimes
from train2deploy.errors import MissingRequirement, UserError
from train2deploy.runtimes import choice, engine, sdk

TRAINING = sdk.Sdk("train-image", "serve-image")


def request(launch):
    return json.loads(launch.arguments[-1])


@pytest.fixture
def client(tmp_path, monkeypatch):
    """Writes a `docker` that is all that PATH holds."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def write(script):
        program = tmp_path / "docker"
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)

    return write


def test_it_trains_and_does_not_serve():
    with pytest.raises(UserError, match=r"for `make local-train` alone\. Use RUNTIME=docker"):
        choice.named("sdk")
    assert not hasattr(TRAINING, "endpoint")


def test_another_name_is_refused_where_it_trains():
    with pytest.raises(UserError, match=r"expected host or docker \(to train: or sdk\)"):
        choice.training("podman")
    assert choice.training("host").name == "host"


def test_the_job_becomes_the_callers_before_the_script_runs(tmp_path):
    container = request(TRAINING.toolkit(tmp_path, {}))["container"]
    shell, option, script, name = container["entrypoint"]
    assert (shell, option, name) == ("sh", "-c", "sh")
    assert f"chown {os.getuid()}:{os.getgid()} /opt/ml/model" in script
    assert f'--reuid {os.getuid()} --regid {os.getgid()} --clear-groups "$$@"' in script
    assert container["labels"] == {engine.LABEL: str(paths.ROOT)}
    assert container["cap_drop"] == ["ALL"]
    assert container["init"] is True


def test_the_job_gets_its_variables_and_the_sdk_nothing_of_the_callers_account(
    tmp_path, monkeypatch
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "COMPOSE_FILE", "SAGEMAKER_ROLE"):
        monkeypatch.setenv(name, "the-callers")
    launch = TRAINING.toolkit(tmp_path, {"PYTHONHASHSEED": "0"})
    assert request(launch)["environment"]["PYTHONHASHSEED"] == "0"
    assert "the-callers" not in {**launch.environment, **request(launch)["environment"]}.values()
    assert launch.environment["COMPOSE_PROJECT_NAME"] == launch.container


def test_a_limit_of_memory_is_one_without_swap(tmp_path):
    limited = sdk.Sdk("t", "s", memory="2g")
    container = request(limited.toolkit(tmp_path, {}))["container"]
    assert container["mem_limit"] == container["memswap_limit"] == "2g"
    assert "mem_limit" not in request(TRAINING.toolkit(tmp_path, {}))["container"]


def test_the_network_has_no_way_out_and_is_known_as_ours(tmp_path):
    command = request(TRAINING.toolkit(tmp_path, {}))["network"]
    assert command[:3] == ["network", "create", "--internal"]
    assert f"com.docker.compose.project={sdk.NETWORK_PROJECT}" in command
    assert command[-1] == "sagemaker-local"


def test_vectors_are_made_in_a_container_without_network():
    launch = TRAINING.python("train", ["-c", "pass"], {})
    assert launch.arguments[launch.arguments.index("--network") + 1] == "none"
    assert "train-image" in launch.arguments


def test_awss_images_are_for_the_docker_runtime():
    with pytest.raises(UserError, match=r"RUNTIME=sdk runs our image\. Use RUNTIME=docker"):
        choice.training("sdk", "aws")


@pytest.mark.parametrize(("compose", "found"), [
    ("exit 1", "none"),
    ("echo Docker Compose version v5.0.0", "Docker Compose version v5.0.0"),
])
def test_a_compose_that_the_sdk_does_not_take_is_said_with_the_ways_on(client, compose, found):
    client(f'[ "$1" = compose ] || exit 0\n{compose}\n')
    with pytest.raises(MissingRequirement, match=f"found {found}. Install it .* RUNTIME=docker"):
        choice.training("sdk")


@pytest.mark.parametrize(("there", "found"), [
    ([], "none"), (["sagemaker_core-2.27.0"], "none"), (["sagemaker-3.27.0"], "3.27.0")])
def test_only_version_2_of_the_sdk_will_do(client, monkeypatch, tmp_path, there, found):
    client("echo v2\n")
    monkeypatch.setattr(sdk, "ENVIRONMENT", with_sdk(tmp_path, *there))
    with pytest.raises(MissingRequirement, match=rf"expected the SageMaker SDK 2\.x .*\b{found}\."):
        choice.training("sdk")


def with_sdk(folder, *distributions):
    """An environment that holds these."""
    for name in distributions:
        (folder / "lib" / "python3.12" / "site-packages" / f"{name}.dist-info").mkdir(parents=True)
    return folder


def test_a_missing_engine_or_image_is_named(client, monkeypatch, tmp_path):
    client("echo 'Cannot connect' >&2; exit 1\n")
    with pytest.raises(MissingRequirement, match=r"expected a Docker engine .*\(Cannot connect\)"):
        choice.training("sdk")
    client('[ "$1" != image ] || exit 1\necho v2\n')
    monkeypatch.setattr(sdk, "ENVIRONMENT", with_sdk(tmp_path, "sagemaker-2.257.7"))
    with pytest.raises(MissingRequirement, match=r"image train2deploy/train:1\.12: .*make images"):
        choice.training("sdk")


@pytest.mark.parametrize(("said", "expected"), [
    ("network n has active endpoints", None),
    ("refused", r"network n could not be removed: refused\. Remove it with `docker network rm n`"),
])
def test_a_network_that_a_job_beside_uses_is_left(client, said, expected):
    client(
        'case "$1 $2" in\n'
        '"network ls") echo n;;\n'
        f'"network rm") echo {said} >&2; exit 1;;\n'
        'esac\n')
    if expected is None:
        assert TRAINING.finish(runtimes.Launch([], {}, "ended")) == ""
    else:
        with pytest.raises(UserError, match=expected):
            TRAINING.finish(runtimes.Launch([], {}, "ended"))


def test_nothing_is_written_before_the_sdk_runs(tmp_path):
    launch = TRAINING.toolkit(tmp_path, {})
    assert not Path(request(launch)["scratch"]).exists()
    assert list(tmp_path.iterdir()) == []
