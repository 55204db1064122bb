"""Endpoints of HOSTING_CONTRACT=today; most have a model server that shows what it is sent.

Fixtures are named as those of tests/contract/endpoint, whose tests hold here where nothing differs
(test_unchanged.py).
"""
import os
import pathlib
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CONTRACT = REPOSITORY / 'tests/contract'
sys.path[:0] = [str(CONTRACT), str(CONTRACT / 'endpoint')]

from endpoint_support import HANDLERS, Starter  # noqa: E402

PYTHON = REPOSITORY / '.venvs/serve-today/bin/python'
MODELS = ('half_plus_two', 'half_plus_three', 'strings', 'functions', 'keras')
CLEARED = ('AWS_', 'SM_', 'SAGEMAKER_', 'TFS_', 'HOSTING_', 'GUNICORN_', 'TENSORFLOW_', 'PYTHON')

HANDLER = (HANDLERS / 'probe.py').read_text() + '''
def do_version(order, context):
    from importlib.metadata import version
    __import__(order['module'])
    return version(order['of']), 'text/plain'


def do_falcon(order, context):
    import falcon
    kind = getattr(falcon, order['kind'])
    raise kind(*order.get('arguments', []), **order.get('words', {}))
'''
PAIR = '''
def input_handler(data, context):
    return data.read()


def output_handler(response, context):
    return 'handled ' + str(response.status_code), 'text/plain'
'''


@pytest.fixture(scope='session')
def clean_environment():
    """This process's environment without the variables that an endpoint reads."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(CLEARED) and name not in ('DEV', 'OMP_NUM_THREADS')}


@pytest.fixture(scope='session')
def todays_models(clean_environment, tmp_path_factory):
    """Folder of MODELS, made by today's TensorFlow."""
    folder = tmp_path_factory.mktemp('models')
    subprocess.run([PYTHON, '-W', 'ignore', REPOSITORY / 'tests/today/models.py', folder, *MODELS],
                   check=True, stdin=subprocess.DEVNULL, env=clean_environment)
    return folder


@pytest.fixture(scope='session')
def starter(clean_environment, tmp_path_factory):
    starter = Starter(str(PYTHON), clean_environment, tmp_path_factory.mktemp('endpoints'))
    yield starter
    starter.stop_all()


def _echo(starter, **parts):
    """An endpoint in front of a model server that shows what it is sent."""
    parts.setdefault('files', {})['model/1/saved_model.pb'] = ''
    return starter.start(starter.model_dir(**parts), 'today', fake=True,
                         SAGEMAKER_TFS_DEFAULT_MODEL_NAME='model')


@pytest.fixture(scope='session')
def plain(starter, todays_models):
    """Without code/; the real model server, with all models."""
    model_dir = starter.model_dir(models={name: todays_models / name for name in MODELS})
    return starter.start(model_dir, 'today', SAGEMAKER_TFS_DEFAULT_MODEL_NAME='half_plus_three')


@pytest.fixture(scope='session')
def plain_echo(starter):
    return _echo(starter)


@pytest.fixture(scope='session')
def scripted_echo(starter):
    """With HANDLER, modules named as the standard library's and the container's, and one twice."""
    modules = ('code/colorsys.py', 'code/tfs_utils.py', 'code/two.py', 'code/lib/two.py',
               'code/lib/only_lib.py')
    return _echo(starter, handler=HANDLER, files=dict.fromkeys(modules, ''))


@pytest.fixture(scope='session')
def pair_echo(starter):
    return _echo(starter, handler=PAIR)


@pytest.fixture(scope='session')
def default_echo(starter):
    """Python mode by code/requirements.txt alone."""
    return _echo(starter, files={'code/requirements.txt': '# nothing\n'})


@pytest.fixture
def scripted(scripted_echo):
    return scripted_echo


@pytest.fixture(params=['plain_echo', 'scripted_echo'])
def echo(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def endpoint(echo):
    return echo
