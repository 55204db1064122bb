"""An engine, our images, and one small job trained and packed in a container."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from docker_support import containers
from project import REPOSITORY, SMALL, Project, small_data_set


@pytest.fixture(scope="session", autouse=True)
def images():
    """Our images; what `make images` said, and the seconds it took."""
    started = time.monotonic()
    done = subprocess.run(
        ["make", "images", "RUNTIME=docker"], cwd=REPOSITORY, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout, time.monotonic() - started


@pytest.fixture(scope="session")
def project(images, tmp_path_factory):
    """A root of its own; nothing of it, process or container, may be left at the end."""
    root = Project(tmp_path_factory.mktemp("project"), runtime="docker")
    small_data_set(root.root / "mine")
    yield root
    root.make("local-stop")
    assert root.wait_until_quiet() == []
    assert containers(root) == []


@pytest.fixture(scope="session")
def small(project):
    """The variables of a job that takes seconds."""
    mine = project.root / "mine"
    return (f"DATASET={mine}", f"CORPUS={mine / 'features.csv'}", *SMALL)


@pytest.fixture(scope="session")
def packed(project, small):
    """The project with a build/model.tar.gz from a container, and what training said."""
    output = project.make("local-train", "REPRO=1", *small).stdout
    project.make("package")
    return output
