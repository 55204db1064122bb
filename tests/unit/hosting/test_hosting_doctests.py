"""The examples in the docstrings are true."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", [
    "hosting.settings", "hosting.packages", "hosting.environment", "hosting.prometheus",
    "hosting.edge.attributes", "hosting.edge.conversion", "hosting.edge.plain",
    "hosting.handler_service.context",
    "hosting.handler_service.multi_model", "hosting.model_server.json.decimals",
    "hosting.model_server.json.grisu", "hosting.model_server.json.numbers",
    "hosting.model_server.json.parser", "hosting.model_server.json.writer"])  # fmt: skip
def test_docstring_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0 and result.failed == 0
