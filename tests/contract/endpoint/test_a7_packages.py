"""requirements.txt is installed before gunicorn starts (docs/contract.md#a7-packages)."""
import pathlib
import textwrap
import zipfile

import pytest

BUNDLE = {'model/1/saved_model.pb': ''}
HANDLER = ('import json, sys, shipped\n'
           'def handler(data, context):\n'
           '    return json.dumps([shipped.__file__, sys.path]), None\n')


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """A wheel of a package `shipped`, so that no index is asked."""
    path = tmp_path_factory.mktemp('wheels') / 'shipped-1.0-py3-none-any.whl'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('shipped.py', 'VALUE = 1\n')
        archive.writestr('shipped-1.0.dist-info/METADATA',
                         'Metadata-Version: 2.1\nName: shipped\nVersion: 1.0\n')
        archive.writestr('shipped-1.0.dist-info/WHEEL', textwrap.dedent('''\
            Wheel-Version: 1.0
            Generator: test
            Root-Is-Purelib: true
            Tag: py3-none-any
            '''))
        archive.writestr('shipped-1.0.dist-info/RECORD', '')
    return path


def offline(wheel):
    return {'PIP_NO_INDEX': '1', 'PIP_FIND_LINKS': str(wheel.parent)}


def test_a7_requirements_are_installed_at_start_and_kept_for_the_next(starter, wheel):
    files = {**BUNDLE, 'code/requirements.txt': '# why\nshipped==1.0\n'}
    model_dir = starter.model_dir(files, handler=HANDLER)
    endpoint = starter.start(model_dir, fake=True, **offline(wheel))
    place, path = endpoint.invoke('').json
    assert 'installing packages from requirements.txt...' in endpoint.log()
    assert endpoint.log().index('installing packages') < endpoint.log().index('gunicorn command')
    assert endpoint.log().index('tensorflow serving command') < endpoint.log().index('installing')
    # Not into the serving environment, and after the standard library on the search path.
    folder = str(pathlib.Path(place).parent)
    assert 'site-packages' not in place
    assert path.index(folder) > next(i for i, p in enumerate(path) if p.endswith('python3.6'))
    endpoint.stop()
    again = starter.start(model_dir, fake=True, PIP_NO_INDEX='1')
    assert again.invoke('').json[0] == place
    again.stop()


@pytest.mark.parametrize('contract', ['2019', 'head'])
def test_a7_a_failed_installation_ends_the_endpoint_with_1(starter, contract):
    files = {**BUNDLE, 'code/requirements.txt': 'a-package-that-does-not-exist==1.0\n'}
    endpoint = starter.start(starter.model_dir(files, handler='probe.py'), contract, fake=True,
                             wait=False, PIP_NO_INDEX='1')
    assert endpoint.ended() == 1
    assert 'failed to install required packages' in endpoint.log()
    assert 'started gunicorn' not in endpoint.log() and 'started nginx' not in endpoint.log()


def test_a7_requirements_that_are_already_there_need_no_index(starter):
    files = {**BUNDLE, 'code/requirements.txt': 'falcon==2.0.0\n\nrequests>=2\n'}
    endpoint = starter.start(starter.model_dir(files, handler='probe.py'), fake=True,
                             PIP_NO_INDEX='1')
    assert endpoint.probe()['context']['method'] is None
    endpoint.stop()


def test_a7_requirements_of_a_plain_endpoint_are_not_installed(starter):
    files = {**BUNDLE, 'code/requirements.txt': 'a-package-that-does-not-exist==1.0\n'}
    endpoint = starter.start(starter.model_dir(files), fake=True, PIP_NO_INDEX='1')
    assert 'installing' not in endpoint.log()
    endpoint.stop()
