"""A7: the handler's process holds what the container holds for Python, and no more."""
import json

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
