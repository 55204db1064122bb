"""Endpoints that the tests share. See tests/contract/conftest.py for BASE_URL."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from endpoint_support import Endpoint, Starter

CONTRACTS = ('2019', 'head')
KINDS = [(mode, contract) for contract in CONTRACTS for mode in ('plain', 'scripted')]
BASE_URL = os.environ.get('BASE_URL')
BASE_CONTRACT = os.environ.get('HOSTING_CONTRACT') or '2019'


@pytest.fixture(scope='session')
def starter(request, tmp_path_factory):
    """Starts endpoints; everything it started ends with the session."""
    if BASE_URL:
        pytest.skip('needs an endpoint of its own, and BASE_URL is given')
    starter = Starter(request.getfixturevalue('serving_python'),
                      request.getfixturevalue('clean_environment'),
                      tmp_path_factory.mktemp('endpoints'))
    yield starter
    starter.stop_all()


def _at_base_url(contract, mode):
    """The endpoint at BASE_URL if it is of that kind, else the test is skipped."""
    if contract != BASE_CONTRACT:
        pytest.skip(f'the endpoint at BASE_URL follows contract {BASE_CONTRACT}')
    endpoint = Endpoint(BASE_URL, contract)
    # Without a handler any method is taken and the type refused; with one GET is refused.
    found = 'plain' if endpoint.request('GET', '/invocations').status == 415 else 'scripted'
    if found != mode:
        pytest.skip(f'the endpoint at BASE_URL is in {found} mode')
    return endpoint


def _shared(mode, fake):
    """A session fixture: an endpoint of a mode, for one contract."""
    @pytest.fixture(scope='session')
    def endpoints(request):
        started = {}

        def of(contract):
            if BASE_URL and not fake:
                return _at_base_url(contract, mode)
            if contract not in started:
                starter = request.getfixturevalue('starter')
                handler = 'probe.py' if mode == 'scripted' else None
                if fake:
                    model_dir = starter.model_dir({'model/1/saved_model.pb': ''}, handler=handler)
                    name = 'model'
                else:
                    made = request.getfixturevalue('saved_models')('half_plus_two',
                                                                   'half_plus_three')
                    model_dir = starter.model_dir(
                        models={n: made / n for n in ('half_plus_two', 'half_plus_three')},
                        handler=handler)
                    name = 'half_plus_three'
                started[contract] = starter.start(
                    model_dir, contract, fake=fake, SAGEMAKER_TFS_DEFAULT_MODEL_NAME=name)
            return started[contract]

        return of

    return endpoints


def _named(name, function, **how):
    """A fixture of this name."""
    globals()[name] = pytest.fixture(name=name, **how)(function)


def _family(name, mode, fake):
    """Fixtures of a mode: under both contracts, `_2019` and `_head` under one."""
    every = f'_{name}'
    globals()[every] = _shared(mode, fake)
    _named(name, lambda request: request.getfixturevalue(every)(request.param), params=CONTRACTS)
    for contract in CONTRACTS:
        _named(f'{name}_{contract}',
               lambda request, contract=contract: request.getfixturevalue(every)(contract))


# Without inference.py, or with handlers/probe.py; a URL suffices.
_family('plain', 'plain', fake=False)
_family('scripted', 'scripted', fake=False)
# The model server shows what it is sent.
_family('plain_echo', 'plain', fake=True)
_family('scripted_echo', 'scripted', fake=True)


@pytest.fixture(params=KINDS, ids='-'.join)
def endpoint(request):
    """Every kind of endpoint; a URL suffices."""
    mode, contract = request.param
    return request.getfixturevalue('_' + mode)(contract)


@pytest.fixture
def front(request):
    """Any kind of endpoint, for what does not depend on the kind; a URL suffices."""
    if BASE_URL:
        return Endpoint(BASE_URL, BASE_CONTRACT)
    return request.getfixturevalue('_plain')('2019')


@pytest.fixture(params=KINDS, ids='-'.join)
def echo(request):
    """Every kind of endpoint, with the model server that shows what it is sent."""
    mode, contract = request.param
    return request.getfixturevalue(f'_{mode}_echo')(contract)
