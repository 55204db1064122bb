"""One root for the whole chain: what `make dry-run` makes of the shipped data is there for all."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from project import Project


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("dry-run"))


@pytest.fixture(scope="session")
def output(project):
    """What `make dry-run` said."""
    return project.make("dry-run").stdout
