"""What all contract tests share: where the serving Python is, and the models it serves.

The tests run in the host's Python and speak to an endpoint from outside.

    pytest tests/contract                              starts endpoints as it needs them
    BASE_URL=http://127.0.0.1:8080 pytest tests/contract
                                                       tests a running one, as far as a URL goes

The endpoint at BASE_URL must serve the models half_plus_three (versions 123 and 124) and
half_plus_two of tests/saved_models/make.py, half_plus_three being the default, either
without code/ or with tests/contract/endpoint/handlers/probe.py as code/inference.py.
HOSTING_CONTRACT tells which contract it follows (2019 unless it says head).
"""
import os
import pathlib
import subprocess

import generated
import pytest

generated.use_profile()

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

# A developer's own variables must not change what is tested.
_CLEARED = ('AWS_', 'SM_', 'SAGEMAKER_', 'TFS_', 'HOSTING_', 'GUNICORN_', 'TENSORFLOW_')
_CLEARED_NAMES = ('DEV', 'TF_CONFIG', 'OMP_NUM_THREADS', 'PYTHONPATH', 'PYTHONSTARTUP')


@pytest.fixture(scope='session')
def clean_environment():
    """This process's environment without the variables that an endpoint reads."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(_CLEARED) and name not in _CLEARED_NAMES}


@pytest.fixture(scope='session')
def serving_python():
    """The Python 3.6 that runs src/hosting: SERVING_PYTHON, or what `make setup` made."""
    path = os.environ.get('SERVING_PYTHON') or REPOSITORY / '.venvs/serve/bin/python'
    if not os.path.exists(path):
        pytest.fail(f'the serving Python {path} does not exist; run `make setup`, or name '
                    'another one with SERVING_PYTHON')
    return str(path)


@pytest.fixture(scope='session')
def saved_models(serving_python, clean_environment, tmp_path_factory):
    """A function: folder of the named models of tests/saved_models/make.py."""
    folder = tmp_path_factory.mktemp('saved_models')

    def made(*names):
        missing = [name for name in names if not (folder / name).exists()]
        if missing:
            subprocess.run(
                [serving_python, '-W', 'ignore', str(REPOSITORY / 'tests/saved_models/make.py'),
                 str(folder), *missing],
                check=True, stdin=subprocess.DEVNULL, env=clean_environment)
        return folder

    return made
