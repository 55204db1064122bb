"""The examples in the docstrings are true."""
import doctest
import importlib

import pytest


@pytest.mark.parametrize('name', [
    'hosting.settings', 'hosting.packages', 'hosting.environment', 'hosting.edge.attributes',
    'hosting.edge.conversion',
    'hosting.edge.plain', 'hosting.handler_service.context', 'hosting.handler_service.multi_model'])
def test_docstring_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0 and result.failed == 0
