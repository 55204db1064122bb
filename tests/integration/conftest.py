"""For all tests here: one small job of the user's own data, trained and packed; one browser."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import chromium
from project import SMALL, Project, small_data_set


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    root = Project(tmp_path_factory.mktemp("project"))
    yield root
    root.make("local-stop")
    assert root.wait_until_quiet() == []


@pytest.fixture(scope="session")
def data_set(project):
    """A directory as a user would give it."""
    return small_data_set(project.root / "mine")


@pytest.fixture(scope="session")
def train(project, data_set):
    """Runs a small training job with the given further variables."""
    text = data_set / "features.csv"

    def run(*variables, check=True):
        words = project.taken(
            "local-train", f"DATASET={data_set}", f"CORPUS={text}", *SMALL, *variables)
        return project.make("local-train", *words, check=check)

    return run


@pytest.fixture(scope="session")
def packed(project, train):
    """The project with a build/model.tar.gz, and what training printed."""
    output = train("REPRO=1").stdout
    project.make("package")
    return output


@pytest.fixture(scope="session")
def endpoint(project, packed):
    """The detached endpoint of the packed model, on a port that was free; gives the port."""
    said = project.make("local-serve", "DETACH=1", "PORT=0").stdout
    port = project.json("endpoint.json")["port"]
    assert f"endpoint at http://127.0.0.1:{port} " in said
    return port


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    started = chromium.started(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()
