"""Generated examples: however slow the machine is, and the same ones on CI each time.

Fixtures of the tests of merging.
"""

import os

import pytest
from clocks import PATIENCE as LONG
from hypothesis import HealthCheck, settings
from merging_support import Requests

from hosting.model_server.queues import merging

settings.register_profile(
    "project",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("project")


@pytest.fixture
def serving():
    """A function: (requests, signature) for a signature, whose threads end with the test."""
    schedulers = []

    def make(signature, **options):
        schedulers.append(merging.MergingScheduler("model", **options))
        return Requests(schedulers[-1], signature)

    yield make
    for scheduler in schedulers:
        scheduler.close()


@pytest.fixture
def patient(monkeypatch):
    """No run begins beside another one because that takes long."""
    monkeypatch.setattr(merging, "PATIENCE", 10 * LONG)
