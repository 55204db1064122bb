"""A caller who is not root, with the engine's socket: works, and finds only files of his own.

The suite itself often runs as root, for which nothing can be root's by mistake.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from docker_support import containers, docker
from project import Project

from train2deploy.endpoint import free_port

UID = 4711
SOCKET = Path("/var/run/docker.sock")
# He may read what the suite's user may, whose home may hold the repository and its Python.
READ = "dac_read_search"


class Caller(Project):
    """Runs make as UID, who may write nowhere else than in this root."""

    command = (
        "setpriv", "--reuid", str(UID), "--regid", str(UID),
        "--groups", str(SOCKET.stat().st_gid if SOCKET.exists() else UID),
        "--inh-caps", f"+{READ}", "--ambient-caps", f"+{READ}", "make",
    )

    def environment(self):
        return {**super().environment(), "HOME": str(self.root)}

    def owners(self):
        """Whose files and directories there are."""
        return {path.lstat().st_uid for path in [self.build, *self.build.rglob("*")]}


@pytest.fixture(scope="module")
def caller(images, project, small):
    if os.getuid() != 0:
        pytest.skip("the suite itself is run by a user who is not root")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        Path(directory, "root").mkdir()
        root = Caller(Path(directory, "root"), runtime="docker")
        shutil.copytree(project.root / "mine", root.root / "mine")
        for path in [root.root, *root.root.rglob("*")]:
            os.chown(path, UID, UID, follow_symlinks=False)
        yield root
        root.make("local-stop")
        assert root.wait_until_quiet() == []
        assert containers(root) == []


@pytest.fixture(scope="module")
def job(caller, small):
    """The variables of a job on the caller's own copy of the data."""
    mine = caller.root / "mine"
    return (f"DATASET={mine}", f"CORPUS={mine / 'features.csv'}", *small[2:])


def test_a_job_and_an_endpoint_leave_no_file_of_roots(caller, job):
    caller.make("local-train", *job)
    port = free_port()
    caller.make("local-serve", "DETACH=1", f"PORT={port}")
    (name,) = containers(caller)
    assert docker("exec", name, "id", "-u") == str(UID)
    said = caller.make("--silent", "invoke", "JSON=1", f"PORT={port}").stdout
    answer = json.loads(said.splitlines()[-1])
    assert len(answer) == 3
    caller.make("local-stop")
    assert caller.owners() == {UID}


def test_a_job_of_the_sdks_local_mode_leaves_no_file_of_roots(caller, job):
    caller.make("local-train", "RUNTIME=sdk", *job)
    assert (caller.build / "jobs" / "latest" / "model.tar.gz").exists()
    assert caller.owners() == {UID}
    assert not (caller.build / "local-mode").exists()
