"""The handler's process holds what the container holds for Python, and no more.

docs/contract.md#a7-packages
"""
import json
import shutil

import pytest

BUNDLE = {'model/1/saved_model.pb': ''}

THERE = ['Cython', 'falcon', 'gunicorn', 'gevent', 'greenlet', 'requests', 'urllib3', 'certifi',
         'chardet', 'idna', 'awscli', 'botocore', 's3transfer', 'docutils', 'yaml', 'rsa',
         'pyasn1', 'colorama', 'jmespath', 'dateutil', 'six', 'pip', 'setuptools', 'pkg_resources']
THERE_IN_HEAD = ['grpc', 'google.protobuf', 'boto3', 'tensorflow_serving.apis.predict_pb2',
                 'tensorflow_serving.apis.prediction_service_pb2_grpc',
                 'tensorflow.core.framework.tensor_pb2']
NOT_THERE = ['numpy', 'tensorflow.python', 'h5py', 'orjson', 'uvloop', 'httptools', 'absl',
             'tensorboard', 'keras_applications', 'werkzeug', 'mock', 'train2deploy', 'encoding',
             'emulator']

TELLS = '''
import importlib, json, os, sys

def handler(data, context):
    found = {}
    for name in json.loads(data.read().decode()):
        try:
            importlib.import_module(name)
            found[name] = True
        except ImportError:
            found[name] = False
    return json.dumps([found, sys.path, dict(os.environ)]), None
'''


@pytest.mark.parametrize('contract', ['2019', 'head'])
def test_a7_a_handler_can_import_what_the_container_holds_and_nothing_else(starter, contract):
    endpoint = starter.start(starter.model_dir(BUNDLE, handler=TELLS), contract, fake=True)
    there = THERE + (THERE_IN_HEAD if contract == 'head' else [])
    not_there = NOT_THERE + ([] if contract == 'head' else THERE_IN_HEAD)
    found, path, environment = endpoint.invoke(json.dumps([*there, *not_there])).json
    assert [name for name in there if not found[name]] == []
    assert [name for name in not_there if found[name]] == []
    # Neither where make was called nor this project's sources are searched.
    assert [p for p in path if p.endswith(('/src', '/handler')) or p == ''] == []
    assert environment['SAGEMAKER_TFS_VERSION'] == '1.13'
    endpoint.stop()


def test_a7_a_handler_that_imports_numpy_is_told_where_to_put_it(starter):
    model_dir = starter.model_dir(BUNDLE, handler='import numpy as np\ndef handler(d, c): pass\n')
    endpoint = starter.start(model_dir, fake=True, wait=False, DEV='1')
    assert endpoint.ended() == 1
    assert "ModuleNotFoundError: No module named 'numpy'" in endpoint.log()
    assert 'no module numpy, here as on SageMaker: put it into code/lib' in endpoint.log()
    assert 'code/requirements.txt' in endpoint.log()


def test_a7_an_import_within_the_handler_fails_as_on_sagemaker_and_is_explained(starter):
    handler = 'def handler(data, context):\n    import numpy\n'
    endpoint = starter.start(starter.model_dir(BUNDLE, handler=handler), fake=True)
    reply = endpoint.invoke('')
    assert (reply.status, reply.json) == (500, {'error': "No module named 'numpy'"})
    assert 'no module numpy, here as on SageMaker: put it into code/lib' in endpoint.log()
    endpoint.stop()


def test_a7_what_code_lib_brings_is_seen(starter):
    handler = 'import numpy\ndef handler(data, context):\n    return numpy.WHO, None\n'
    files = {**BUNDLE, 'code/lib/numpy.py': 'WHO = "of lib"\n'}
    endpoint = starter.start(starter.model_dir(files, handler=handler), fake=True)
    assert endpoint.invoke('').body == b'of lib'
    endpoint.stop()


READS = """
import datetime, os
with open(os.path.join(os.path.dirname(__file__), 'labels.txt')) as stream:
    LABELS = stream.read()

def input_handler(data, context):
    return data.read()

def output_handler(response, context):
    print('答えました')
    said = [LABELS, response.json()['path'], str(datetime.datetime.now().astimezone().tzinfo)]
    names = [n for n in os.environ if n.lower().endswith('_proxy') or n.startswith(('LC_', 'PIP_'))]
    return chr(10).join(said + names), 'text/plain; charset=utf-8'
"""
USERS = {'http_proxy': 'http://127.0.0.1:9', 'HTTPS_PROXY': 'http://127.0.0.1:9',
         'all_proxy': 'socks5://127.0.0.1:9', 'no_proxy': '', 'LC_ALL': 'C', 'TZ': 'Asia/Tokyo',
         'PIP_USER': '1', 'PIP_TARGET': '/nowhere', 'PYTHONWARNINGS': 'error',
         'WEB_CONCURRENCY': '3', 'SCRIPT_NAME': '/x'}


def test_a7_what_the_users_shell_says_does_not_reach_the_handler(starter, tmp_path):
    files = {**BUNDLE, 'code/labels.txt': 'グルメ'}
    japanese = tmp_path / '日本語' / 'model'
    shutil.copytree(starter.model_dir(files, handler=READS), japanese)
    endpoint = starter.start(japanese, fake=True, **USERS)
    reply = endpoint.invoke('{}')
    assert (reply.status, reply.body.decode()) == (200, 'グルメ\n/v1/models/model:predict\nUTC')
    assert '答えました' in endpoint.log()
    assert endpoint.log().count('Booting worker') == 1
    endpoint.stop()


def test_a7_pip_user_and_target_do_not_move_what_requirements_txt_brings(starter, tmp_path):
    requirements = tmp_path / 'brought'
    requirements.mkdir()
    (requirements / 'setup.py').write_text(
        'from setuptools import setup\n'
        "setup(name='brought', version='1', py_modules=['brought'])\n")
    (requirements / 'brought.py').write_text('WHO = "of requirements.txt"\n')
    files = {**BUNDLE, 'code/requirements.txt': f'{requirements}\n'}
    handler = 'import brought\ndef handler(data, context):\n    return brought.WHO, None\n'
    (tmp_path / 'pip.conf').write_text('[global]\nuser = true\n')
    endpoint = starter.start(
        starter.model_dir(files, handler=handler), fake=True, PIP_NO_INDEX='1',
        PIP_CONFIG_FILE=str(tmp_path / 'pip.conf'), PIP_TARGET='/nowhere', PIP_PREFIX='/nowhere')
    assert endpoint.invoke('').body == b'of requirements.txt'
    endpoint.stop()
