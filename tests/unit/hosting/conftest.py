"""Fixtures of the tests of HTTP and of merging."""

import asyncio

import generated
import pytest
from clocks import PATIENCE as LONG
from clocks import ManualLoop
from merging_support import Requests

from hosting.model_server.queues import merging

generated.use_profile()


@pytest.fixture
def loop():
    """An event loop whose time a test moves on."""
    loop = ManualLoop()
    asyncio.set_event_loop(loop)
    yield loop
    for _ in range(10):  # connections that were closed are told so
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    asyncio.set_event_loop(None)


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
