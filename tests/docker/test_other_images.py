"""IMAGE=aws and MODEL_SERVER=official, with local images standing under those names."""

import subprocess

import pytest
from docker_support import containers, docker

from train2deploy.runtimes import images

TRAIN, SERVE = "train2deploy/train:1.12", "train2deploy/serve:1.13"
# What AWS's training image does not hold: it must lie beside the script.
WITHOUT_MODULES = """\
FROM train2deploy/train:1.12
RUN cd /opt/environment/lib/python3.6/site-packages \\
    && mkdir /kept && mv keras_applications keras_preprocessing /kept \\
    && rm -rf keras* text_vectorian gensim sentencepiece* _sentencepiece* smart_open boto \\
    && mv /kept/* .
"""
# A model server that is none, to see which one was started.
STAND_IN = """\
FROM train2deploy/serve:1.13
USER root
RUN printf '#!/bin/sh\\necho official "$@"\\nsleep 1000\\n' > /usr/bin/tensorflow_model_server \
    && chmod +x /usr/bin/tensorflow_model_server
"""


def build(dockerfile, name):
    subprocess.run(
        ["docker", "build", "--quiet", "--force-rm", "--tag", name, "-"], input=dockerfile,
        text=True, check=True, capture_output=True)


@pytest.fixture(scope="module")
def aws():
    """Names that the SDK gives AWS's images, on images of ours."""
    from train2deploy.runtimes import aws_images

    train, serve = aws_images._registry("training"), aws_images._registry("serving")
    build(WITHOUT_MODULES, train)
    docker("tag", SERVE, serve)
    yield train, serve
    docker("rmi", train, serve)


def test_the_names_are_awss(aws):
    train, serve = aws
    assert train.endswith("/sagemaker-tensorflow-scriptmode:1.12.0-cpu-py3")
    assert serve.endswith("/tensorflow-inference:1.13-cpu")


def test_a_job_runs_in_awss_image_with_its_modules_beside_the_script(project, small, packed, aws):
    project.make("local-train", *small, "IMAGE=aws")
    job = project.build / "jobs" / "latest"
    assert (job / "code" / "text_vectorian").is_dir()
    assert "SavedModel written" in (job / "train.log").read_text(encoding="utf-8")
    assert containers(project) == []


def test_awss_serving_image_serves_the_packed_model(project, packed, aws):
    project.make("package", "verify", "IMAGE=aws")
    assert project.json("verification.json")["max_abs_difference"] <= 1e-6
    assert containers(project) == []


def test_the_official_model_server_is_taken_from_the_image_that_is_named(project):
    """Whatever the runtime is: without images of ours, make takes host."""
    build(STAND_IN, "train2deploy/stand-in:official")
    try:
        project.make("images", "RUNTIME=host", "MODEL_SERVER=official",
                     "OFFICIAL_SERVING_IMAGE=train2deploy/stand-in:official")
        command = docker(
            "run", "--rm", "--network", "none", images.serve_name("official"), "python", "-c",
            "from hosting.commands import model_server_program; print(model_server_program())")
        assert command == "['/usr/local/bin/tensorflow_model_server']"
        own = docker("run", "--rm", "--network", "none", SERVE, "sh", "-c",
                     "command -v tensorflow_model_server || echo none")
        assert own == "none"
    finally:
        (project.root / ".stamps" / "images-official").unlink(missing_ok=True)
        docker("rmi", "train2deploy/stand-in:official", images.serve_name("official"), check=False)
