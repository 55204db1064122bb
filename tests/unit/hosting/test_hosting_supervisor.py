"""What the supervisor does about ports and about a process that ends early.

docs/contract.md#a1
"""

import os
import sys

import pytest
from test_hosting_runtime import free_port, in_another_process

from hosting.runtime import Ports, RuntimeDirectory
from hosting.settings import Settings
from hosting.supervisor import GUNICORN, StartError, Supervisor


@pytest.fixture
def supervisor(tmp_path):
    """A function: a supervisor with these variables whose processes are ended with the test."""
    made = []

    def make(**variables):
        one = Supervisor(Settings(dict(variables, HOSTING_CONTRACT="head")), str(tmp_path))
        one._runtime = RuntimeDirectory()
        made.append(one)
        return one

    yield make
    for one in made:
        one._end_children()
        one._runtime.remove()


def spawn(supervisor, code, restart):
    """A process of the supervisor's that stands for gunicorn."""
    supervisor._spawn(GUNICORN, [sys.executable, "-c", code], dict(os.environ), restart)


def test_a1_no_model_server_takes_the_public_port(supervisor):
    port = free_port()
    one = supervisor(SAGEMAKER_BIND_TO_PORT=str(port))
    one._check_port()
    assert not one._ports.claim(port), "its own"
    assert (
        in_another_process("from hosting.runtime import Ports; print(Ports().claim(%d))" % port)
        == "False"
    )


def test_a1_a_port_that_another_endpoint_has_claimed_is_in_use(supervisor):
    claims = Ports()
    port = claims.claim_any()
    with pytest.raises(StartError, match="port %d of .* is in use" % port):
        supervisor(SAGEMAKER_BIND_TO_PORT=str(port))._check_port()


def test_a7_a_gunicorn_that_ends_while_it_is_waited_for_is_restarted(supervisor):
    """However fast it ends, and even if its socket was never seen."""
    one = supervisor()
    restarted = []

    def restart():
        restarted.append(True)
        one._stop()

    spawn(one, "raise SystemExit(3)", restart)
    one._wait_for_gunicorn()
    one._monitor()
    assert restarted == [True]


def test_a7_with_dev_1_it_ends_the_endpoint(supervisor):
    one = supervisor(DEV="1")
    spawn(one, "raise SystemExit(3)", None)
    one._wait_for_gunicorn()
    with pytest.raises(StartError, match="could not be loaded"):
        one._monitor()


def test_a1_a_gunicorn_that_lives_is_waited_for_until_its_socket_is_there(supervisor):
    one = supervisor()
    code = 'import time\ntime.sleep(0.3)\nopen(%r, "w").close()\ntime.sleep(1000)\n'
    spawn(one, code % one._runtime.gunicorn_socket, None)
    one._wait_for_gunicorn()
    assert os.path.exists(one._runtime.gunicorn_socket)
