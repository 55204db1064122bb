"""Ports, directories and packages of a running endpoint."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile

import pytest

from hosting import commands, runtime
from hosting.packages import Requirements
from hosting.runtime import Ports, RuntimeDirectory, can_listen


def in_another_process(code):
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    return subprocess.check_output([sys.executable, "-c", code], env=env).decode().strip()


def free_port():
    """One that the kernel gives to no connection meanwhile."""
    ports = Ports()
    port = ports.claim_any()
    ports._claims.pop(port).close()
    return port


def test_a1_a_claimed_port_is_not_given_to_another_endpoint():
    ports = Ports()
    port = ports.claim_any()
    assert ports.claim(port), "it is ours"
    assert (
        in_another_process("from hosting.runtime import Ports; print(Ports().claim(%d))" % port)
        == "False"
    )


def test_a1_a_port_that_something_listens_on_is_not_claimed():
    with socket.socket() as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        taken.listen(1)
        assert not Ports().claim(port)
        assert not can_listen("127.0.0.1", port)
    assert can_listen("127.0.0.1", port)


def test_the_runtime_directory_is_private_and_removed():
    directory = RuntimeDirectory()
    assert os.stat(directory.path).st_mode & 0o777 == 0o700
    with open(directory.write("a.cfg", "text")) as stream:
        assert stream.read() == "text"
    assert len(directory.gunicorn_socket) < 107
    directory.remove()
    assert not os.path.exists(directory.path)


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_directory_that_another_start_takes_for_abandoned_is_made_once_more(
    own_directory, monkeypatch, has_ended
):
    """It takes the lock of a directory just made, before that one's endpoint does."""
    flock, others = runtime.fcntl.flock, []

    def after_the_other(lock, how):
        if not others:
            others.append(open(lock.name, "r+"))  # noqa: SIM115
            flock(others[0], how)
            shutil.rmtree(os.path.dirname(lock.name))
            if has_ended:
                others[0].close()
        flock(lock, how)

    monkeypatch.setattr(runtime.fcntl, "flock", after_the_other)
    directory = RuntimeDirectory()
    assert os.path.isdir(directory.working_dir)
    assert directory.path != os.path.dirname(others[0].name)
    directory.remove()
    others[0].close()


def test_a_directory_left_by_a_killed_endpoint_is_removed_but_not_a_living_ones(own_directory):
    living = RuntimeDirectory()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os\nfrom hosting.runtime import RuntimeDirectory\n"
            "d = RuntimeDirectory()\nprint(d.path, flush=True)\nos._exit(9)\n",
        ],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
        stdout=subprocess.PIPE,
    )
    dead = process.communicate()[0].decode().strip()
    assert os.path.isdir(dead) and dead.startswith(own_directory)
    RuntimeDirectory().remove()
    assert not os.path.exists(dead)
    assert os.path.isdir(living.path)
    living.remove()


def test_a_long_temporary_directory_does_not_break_the_socket(monkeypatch):
    monkeypatch.setattr(runtime.tempfile, "gettempdir", lambda: "/tmp/" + "x" * 100)
    directory = RuntimeDirectory()
    assert directory.path.startswith("/tmp/sagemaker-hosting-")
    directory.remove()


@pytest.fixture
def own_directory(monkeypatch):
    """A directory for runtime directories that no other endpoint cleans up."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield folder


@pytest.fixture
def requirements(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def make(text):
        path = tmp_path / "requirements.txt"
        path.write_text(text)
        return Requirements(str(path))

    return make


@pytest.mark.parametrize("text, satisfied", [
    ("", True), ("# nothing\n\n", True), ("falcon==2.0.0", True), ("falcon>=1  # why", True),
    ("falcon==2.0.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n", True),
    ("falcon==1.0", False), ("numpy", False), ("nowhere-to-be-found", False),
    ("requests[security]>99", False),
    ("-r other.txt", False), ("./local", False), ("falcon @ https://x/y.whl", False),
    ("--find-links x\nfalcon", False), ("not a requirement!", False)])  # fmt: skip
def test_a7_requirements_that_are_there_are_recognised(requirements, text, satisfied):
    handlers = commands.site_packages(commands.handler_python())
    assert requirements(text).satisfied(handlers) is satisfied


def test_a7_installed_packages_are_kept_by_the_requirements_text(requirements):
    first = requirements("a==1")
    staging = first.staging()
    open(os.path.join(staging, "a.py"), "w").close()
    assert not first.installed()
    assert os.listdir(first.keep(staging)) == ["a.py"]
    assert requirements("a==1").installed()
    assert not requirements("a==2").installed()


def test_a7_requirements_with_options_are_never_taken_from_the_cache(requirements):
    one = requirements("-r other.txt")
    one.keep(one.staging())
    assert not requirements("-r other.txt").installed()


def test_a7_a_failed_installation_leaves_nothing(requirements):
    one = requirements("a==1")
    staging = one.staging()
    one.discard(staging)
    assert not os.path.exists(staging) and not one.installed()
