"""The hosting contract's tests against the container, in both modes and for both contracts."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from project import REPOSITORY

from train2deploy.endpoint import free_port

CONTRACT = REPOSITORY / "tests" / "contract" / "endpoint"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    subprocess.run(
        [REPOSITORY / ".venvs/serve/bin/python", "-W", "ignore",
         REPOSITORY / "tests/saved_models/make.py", folder, "half_plus_two", "half_plus_three"],
        check=True)
    return folder


@pytest.mark.parametrize("contract", ["2019", "head"])
@pytest.mark.parametrize("mode", ["plain", "scripted"])
def test_the_container_keeps_the_hosting_contract(project, models, tmp_path, mode, contract):
    served = tmp_path / "model"
    shutil.copytree(models, served)
    if mode == "scripted":
        (served / "code").mkdir()
        shutil.copyfile(CONTRACT / "handlers" / "probe.py", served / "code" / "inference.py")
    port = free_port()
    os.environ["SAGEMAKER_TFS_DEFAULT_MODEL_NAME"] = "half_plus_three"
    os.environ["HOSTING_CONTRACT"] = contract
    try:
        project.make("local-serve", "DETACH=1", f"MODEL_DIR={served}", f"PORT={port}")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(CONTRACT)],
            cwd=REPOSITORY, env={**os.environ, "BASE_URL": f"http://127.0.0.1:{port}"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
    finally:
        del os.environ["SAGEMAKER_TFS_DEFAULT_MODEL_NAME"], os.environ["HOSTING_CONTRACT"]
        project.make("local-stop")
    assert done.returncode == 0, done.stdout[-8000:]
    assert int(re.search(r"(\d+) passed", done.stdout).group(1)) > 30


IMPORTS = """
import importlib.util, sys
sys.path += sys.argv[2:]
print([name for name in sys.argv[1].split(",") if importlib.util.find_spec(name)])
"""


@pytest.mark.parametrize("head", [False, True])
def test_the_containers_handler_environment_holds_what_sagemakers_holds(project, head):
    there = ["Cython", "falcon", "gunicorn", "gevent", "requests", "awscli", "six"]
    there += ["grpc", "google.protobuf", "boto3", "tensorflow_serving"] if head else []
    absent = ["numpy", "h5py", "orjson", "uvloop", "httptools", "absl"]
    absent += [] if head else ["grpc", "google", "boto3", "tensorflow", "tensorflow_serving"]
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "train2deploy/serve:1.13",
         "/opt/handler/bin/python", "-c", IMPORTS, ",".join([*there, *absent]),
         *(["/opt/handler/head"] if head else [])],
        stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.strip() == str(there)
