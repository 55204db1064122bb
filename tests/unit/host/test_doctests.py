"""The examples in the docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import train2deploy

# What talks to AWS runs in an environment of its own.
ELSEWHERE = ("train2deploy.cloud.", "train2deploy.notebooks", "train2deploy.__main__")
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(train2deploy.__path__, "train2deploy.")
    if not module.name.startswith(ELSEWHERE)
)


@pytest.mark.parametrize("module", MODULES)
def test_examples_are_true(module: str):
    assert doctest.testmod(importlib.import_module(module), raise_on_error=True).failed == 0
