"""The images: what is in them and what is not, how large they are, and building them again."""

import json
import re

import pytest
from docker_support import docker

TRAIN, SERVE = "train2deploy/train:1.12", "train2deploy/serve:1.13"
LARGEST_MB = {TRAIN: 850, SERVE: 800}


def configuration(image):
    return json.loads(docker("image", "inspect", image))[0]["Config"]


def run(image, *command):
    return docker("run", "--rm", "--network", "none", image, *command)


def test_the_sizes_are_printed_and_kept(images):
    said, seconds = images
    print(f"make images: {seconds:.0f} s\n{said}")
    for image, largest in LARGEST_MB.items():
        size = int(docker("image", "inspect", "--format", "{{.Size}}", image)) / 1e6
        assert re.search(rf"^{re.escape(image)}: {size:.0f} MB, ", said, re.M)
        assert size <= largest


def test_without_changes_nothing_is_built_again(project):
    assert project.make("images").stdout.count("up to date") == 2


@pytest.mark.parametrize("image", [TRAIN, SERVE])
def test_neither_image_holds_a_compiler(image):
    assert run(image, "sh", "-c", "command -v gcc cc g++ || echo none") == "none"


def test_the_serving_image_is_not_roots():
    assert configuration(SERVE)["User"] not in ("", "root", "0")


def test_the_versions_are_those_of_the_locks():
    code = "import tensorflow, sys; print(tensorflow.__version__, sys.version_info[:2])"
    assert run(TRAIN, "python", "-W", "ignore", "-c", code) == "1.12.0 (3, 6)"
    assert run(SERVE, "python", "-W", "ignore", "-c", code) == "1.13.1 (3, 6)"


def test_the_serving_image_says_what_the_platform_asks_of_it():
    found = configuration(SERVE)
    assert found["Labels"]["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"
    assert found["Labels"]["com.amazonaws.sagemaker.capabilities.multi-models"] == "true"
    assert list(found["ExposedPorts"]) == ["8080/tcp"]
    assert found["Cmd"] == ["serve"]
    assert not found["Entrypoint"]
    assert found["Healthcheck"]["Test"]


def test_the_training_image_runs_the_toolkits_train():
    assert configuration(TRAIN)["Cmd"] == ["train"]
    script = run(TRAIN, "sh", "-c", 'cat "$(command -v train)"')
    assert "sagemaker_containers" in script.replace("-", "_")
