"""The examples in the docstrings of the account and of the cloud commands are true."""

import doctest
import importlib
import pkgutil

import pytest

import emulator
from train2deploy import cloud

MODULES = sorted(
    module.name
    for package in (emulator, cloud)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("module", MODULES)
def test_examples_are_true(module):
    assert doctest.testmod(importlib.import_module(module), raise_on_error=True).failed == 0
