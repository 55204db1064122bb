"""The examples in the docstrings are true."""
import doctest
import importlib
import os

import pytest
from conftest import SRC

MODULES = sorted(name[:-3] for folder in ('train', 'train/published')
                 for name in os.listdir(os.path.join(SRC, folder)) if name.endswith('.py'))


@pytest.mark.parametrize('module', MODULES + ['encoding'])
def test_examples_are_true(module):
    doctest.testmod(importlib.import_module(module), raise_on_error=True)
