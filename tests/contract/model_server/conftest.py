"""A model server to speak to: `python -m hosting.model_server`, or a real one.

TENSORFLOW_MODEL_SERVER=<path> runs the tests that need nothing but the flags and ports of
tensorflow_model_server against that program instead.
"""
import pytest
from model_server_support import ModelServers

SHARED = ('half_plus_two', 'half_plus_three', 'signatures', 'all_dtypes', 'strings', 'examples',
          'failing', 'slow', 'mixing', 'wide', 'assets')


@pytest.fixture(scope='session')
def model_servers(serving_python, clean_environment, tmp_path_factory):
    """Starts model servers; what it started ends with the session."""
    servers = ModelServers(serving_python, clean_environment,
                           tmp_path_factory.mktemp('model_servers'))
    yield servers
    servers.stop_all()


@pytest.fixture(scope='session')
def later_server(model_servers, saved_models):
    """A running server of the last container, whose TF Serving is a later one."""
    if model_servers.is_real:
        pytest.skip('TENSORFLOW_MODEL_SERVER is of one release')
    folder = saved_models('all_dtypes', 'signatures', 'examples')
    return model_servers.start({name: folder / name for name in
                                ('all_dtypes', 'signatures', 'examples')}, contract='head')


@pytest.fixture(scope='session')
def server(model_servers, saved_models):
    """One running server with all the models, each with all its versions."""
    folder = saved_models(*SHARED)
    return model_servers.start({name: folder / name for name in SHARED}, policy='all { }')
