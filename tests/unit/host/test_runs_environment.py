"""runs.environment: what is told of the machine, and what is not."""

import json
import os
import re
from pathlib import Path

from train2deploy import paths
from train2deploy.hashing import sha256_file
from train2deploy.runs import environment
from train2deploy.runtimes.host import HOST


def test_versions_are_those_of_the_locks_and_of_the_interpreters():
    found = environment.describe(HOST)
    assert found["tensorflow"] == "1.12.0"
    assert found["tensorflow_serving"] == "1.13.1"
    assert found["keras-self-attention"] == "0.41.0"
    assert found["text-vectorian"] == "0.1.10"
    assert re.fullmatch(r"3\.6\.\d+", found["python"]["train"])
    assert re.fullmatch(r"3\.6\.\d+", found["python"]["serve"])
    assert found["locks"]["train.lock"] == sha256_file(paths.REQUIREMENTS / "train.lock")
    assert found["cores"] >= 1
    assert found["cpu"]
    assert found["runtime"] == "host"


def test_nothing_names_the_machine_or_a_path():
    text = json.dumps(environment.describe(HOST))
    assert os.uname().nodename not in text
    assert str(paths.ROOT) not in text
    assert str(Path.home()) not in text


def test_a_locks_pins_are_read(tmp_path: Path):
    lock = tmp_path / "some.lock"
    lock.write_text(
        "numpy==1.16.4 \\\n    --hash=sha256:aa\n    # via x==9\n"
        "tomli==2.0.1 ; python_version < '3.11' \\\n    --hash=sha256:bb\n# old==1.0\n"
    )
    assert environment.locked(lock) == {"numpy": "1.16.4", "tomli": "2.0.1"}
