"""The gRPC API, through tensorflow-serving-api's own stubs."""
import os
import re
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

# Before hosting.model_server, which would put a bare package in its place (see native.py).
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    import grpc
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2
    from tensorflow_serving.apis import (
        classification_pb2,
        get_model_metadata_pb2,
        get_model_status_pb2,
        inference_pb2,
        input_pb2,
        model_management_pb2,
        model_service_pb2_grpc,
        predict_pb2,
        prediction_service_pb2_grpc,
        regression_pb2,
    )

MAKE = os.path.join(os.path.dirname(__file__), '..', '..', 'saved_models', 'make.py')
MODELS = ('half_plus_two', 'half_plus_three', 'signatures', 'all_dtypes', 'strings', 'examples',
          'failing', 'slow', 'wide')
CLASSIFY, REGRESS = 'tensorflow/serving/classify', 'tensorflow/serving/regress'


class Server:
    """A model server process and the stubs of its two services."""

    def __init__(self, folder):
        self.folder = folder
        config = folder / 'models.cfg'
        config.write_text('model_config_list { %s }' % ' '.join(map(self.entry, MODELS)))
        self._log = folder / 'log'
        with open(str(self._log), 'wb') as log:
            self._process = subprocess.Popen(
                [sys.executable, '-m', 'hosting.model_server', '--port=0',
                 '--model_config_file=%s' % config], stdout=log, stderr=subprocess.STDOUT)
        self._channel = grpc.insecure_channel('127.0.0.1:%d' % self._port())
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self.model = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def entry(self, name):
        return ('config { name: "%s" base_path: "%s" model_platform: "tensorflow" '
                'model_version_policy { all { } } }' % (name, self.folder / name))

    def _port(self):
        end = time.time() + 60
        while time.time() < end:
            found = re.search(r'Running gRPC ModelServer at 127.0.0.1:(\d+)',
                              self._log.read_text())
            if found:
                return int(found.group(1))
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.02)
        raise AssertionError('the server did not start: ' + self._log.read_text())

    def stop(self):
        self._channel.close()
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp('grpc')
    subprocess.run([sys.executable, '-W', 'ignore', MAKE, str(folder)] + list(MODELS), check=True,
                   stderr=subprocess.DEVNULL)
    running = Server(folder)
    yield running
    running.stop()


def predict_request(model, signature='', version=None, output_filter=(), **inputs):
    request = predict_pb2.PredictRequest(output_filter=output_filter)
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(
            value if isinstance(value, tensor_pb2.TensorProto) else tf.make_tensor_proto(value))
    return request


def refusal(call, request, **options):
    with pytest.raises(grpc.RpcError) as refused:
        call(request, **options)
    return refused.value.code().name, refused.value.details()


FLOATS = np.array([1.0, 2.0, 5.0], np.float32)


def test_predict_answers_with_values_and_the_model_spec(server):
    response = server.prediction.Predict(predict_request('half_plus_two', x=FLOATS))
    assert list(response.outputs['y'].float_val) == [2.5, 3.0, 4.5]
    assert tf.make_ndarray(response.outputs['y']).tolist() == [2.5, 3.0, 4.5]
    spec = response.model_spec
    assert (spec.name, spec.signature_name, spec.version.value) == (
        'half_plus_two', 'serving_default', 123)


@pytest.mark.parametrize('version, expected, served', [(None, 4.5, 124), (123, 4.0, 123),
                                                       (124, 4.5, 124)])
def test_a2_predict_takes_the_highest_version_or_the_one_named(server, version, expected, served):
    response = server.prediction.Predict(predict_request(
        'half_plus_three', version=version, x=np.array([2.0], np.float32)))
    assert response.outputs['y'].float_val[0] == expected
    assert response.model_spec.version.value == served


def test_several_inputs_and_an_output_filter(server):
    inputs = {'a': np.array([[1, 2], [3, 4]], np.float32), 'b': np.array([10, 20], np.int32)}
    response = server.prediction.Predict(predict_request('signatures', **inputs))
    assert {name: tf.make_ndarray(proto).tolist() for name, proto in response.outputs.items()} == {
        'total': [13.0, 27.0], 'twice': [20, 40]}
    response = server.prediction.Predict(predict_request('signatures', output_filter=['twice'],
                                                         **inputs))
    assert list(response.outputs) == ['twice']


@pytest.mark.parametrize('name', ['float16', 'float32', 'float64', 'int8', 'int16', 'int32',
                                  'int64', 'uint8', 'uint16', 'bool', 'complex64', 'complex128'])
@pytest.mark.parametrize('shape', [(), (2,), (2, 3)], ids=str)
def test_every_type_and_rank_comes_back_as_sent(server, name, shape):
    array = (np.arange(int(np.prod(shape))) % 2).astype(name).reshape(shape)
    response = server.prediction.Predict(predict_request('all_dtypes', name, x=array))
    got = tf.make_ndarray(response.outputs['y'])
    assert (got.dtype, got.tolist()) == (array.dtype, array.tolist())


def test_strings_are_bytes(server):
    values = [b'\xff\x00', 'あ'.encode(), b'']
    response = server.prediction.Predict(predict_request('strings', text=values))
    assert list(response.outputs['text'].string_val) == values
    assert list(response.outputs['text_bytes'].string_val) == values


@pytest.mark.parametrize('request_of, code, details', [
    (lambda: predict_request('none', x=FLOATS), 'NOT_FOUND',
     'Servable not found for request: Latest(none)'),
    (lambda: predict_request('half_plus_two', version=7, x=FLOATS), 'NOT_FOUND',
     'Servable not found for request: Specific(half_plus_two, 7)'),
    (lambda: predict_request('', x=FLOATS), 'INVALID_ARGUMENT',
     'ModelSpec has no name specified.'),
    (predict_pb2.PredictRequest, 'INVALID_ARGUMENT', 'Missing ModelSpec'),
    (lambda: predict_request('half_plus_two', 'none', x=FLOATS), 'FAILED_PRECONDITION',
     'Serving signature key "none" not found.'),
    (lambda: predict_request('half_plus_two', z=FLOATS), 'INVALID_ARGUMENT',
     'input tensor alias not found in signature: z. Inputs expected to be in the set {x}.'),
    (lambda: predict_request('half_plus_two'), 'INVALID_ARGUMENT',
     'input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but '
     'required: {x}.'),
    (lambda: predict_request('half_plus_two', output_filter=['z'], x=FLOATS), 'INVALID_ARGUMENT',
     'output tensor alias not found in signature: z Outputs expected to be in the set {y}.'),
    (lambda: predict_request('half_plus_two', output_filter=['y', 'y'], x=FLOATS),
     'INVALID_ARGUMENT', 'duplicate output tensor alias: y'),
    (lambda: predict_request('signatures', 'odd_method', a=np.ones((1, 2), np.float32)),
     'INTERNAL', 'Expected prediction signature method_name to be one of '
     '{tensorflow/serving/predict, tensorflow/serving/classify, tensorflow/serving/regress}. Was: '
     'somebody/elses/method'),
    (lambda: predict_request('half_plus_two', x=tensor_pb2.TensorProto(dtype=1,
                                                                tensor_content=b'123')),
     'INVALID_ARGUMENT', 'tensor parsing error: x'),
])
def test_a_predict_request_that_cannot_be_served_is_refused(server, request_of, code, details):
    assert refusal(server.prediction.Predict, request_of()) == (code, details)


def test_a_tensor_of_the_wrong_type_is_refused(server):
    code, details = refusal(server.prediction.Predict, predict_request('half_plus_two', x=[1, 2]))
    assert code == 'INVALID_ARGUMENT'
    assert 'float' in details and 'int32' in details


def test_an_operations_error_reaches_the_client(server):
    code, details = refusal(server.prediction.Predict, predict_request(
        'failing', x=np.array([[-1]], np.float32)))
    assert (code, details.split('\n')[0]) == (
        'INVALID_ARGUMENT', 'not a number : Tensor had NaN values')


def test_the_calls_deadline_ends_the_run(server):
    started = time.perf_counter()
    code, _ = refusal(server.prediction.Predict, predict_request(
        'slow', x=np.ones(1, np.float32)), timeout=0.01)
    assert code == 'DEADLINE_EXCEEDED'
    assert time.perf_counter() - started < 5


def test_many_clients_get_their_own_results(server):
    def client(seed):
        for turn in range(10):
            rows = seed % 3 + 1
            x = (np.arange(rows * 8, dtype=np.float32) + 1000 * seed + turn).reshape(rows, 8)
            response = server.prediction.Predict(predict_request('wide', x=x))
            if not np.array_equal(tf.make_ndarray(response.outputs['twice']), 2 * x):
                return 'twice of %d mixed up' % seed
            if not np.allclose(tf.make_ndarray(response.outputs['sum']), x.sum(axis=1)):
                return 'sum of %d mixed up' % seed
        return None

    with ThreadPoolExecutor(16) as pool:
        assert [wrong for wrong in pool.map(client, range(16)) if wrong] == []


def examples(*values, **context):
    message = input_pb2.Input()
    filled = message.example_list
    if context:
        filled = message.example_list_with_context
        filled.context.features.feature['c'].float_list.value.append(context['c'])
    for value in values:
        filled.examples.add().features.feature['x'].float_list.value.append(value)
    return message


def classify_request(signature='', **options):
    request = classification_pb2.ClassificationRequest(input=examples(0.0, 100.0), **options)
    request.model_spec.name = 'examples'
    request.model_spec.signature_name = signature
    return request


def classes(response):
    return [[(one.label, one.score) for one in item.classes]
            for item in response.result.classifications]


def test_classify_gives_labels_and_scores(server):
    response = server.prediction.Classify(classify_request())
    assert classes(response) == [[('neg', 0.5), ('pos', 0.5)], [('neg', 0.0), ('pos', 1.0)]]
    assert response.model_spec.signature_name == 'serving_default'
    assert response.model_spec.version.value == 1


def test_classify_gives_scores_or_labels_alone(server):
    assert classes(server.prediction.Classify(classify_request('scores_only'))) == [
        [('', 0.5), ('', 0.5)], [('', 0.0), ('', 1.0)]]
    assert classes(server.prediction.Classify(classify_request('classes_only'))) == [
        [('neg', 0.0), ('pos', 0.0)]] * 2


@pytest.mark.parametrize('signature, code, details', [
    ('none', 'INVALID_ARGUMENT', 'No signature was found with the name: none'),
    ('regress', 'INVALID_ARGUMENT', 'Expected classification signature method_name to be '
     'tensorflow/serving/classify. Was: tensorflow/serving/regress'),
    ('flat_scores', 'INVALID_ARGUMENT',
     'Expected Tensor shape: [batch_size num_classes] but got [4]'),
    ('other_names', 'FAILED_PRECONDITION', 'Expected classification signature outputs to contain '
     'at least one of "classes" or "scores". Signature was: '),
    ('other_input', 'FAILED_PRECONDITION',
     'No classification inputs found in SignatureDef: '),
])
def test_classify_refuses_other_signatures(server, signature, code, details):
    got = refusal(server.prediction.Classify, classify_request(signature))
    assert got[0] == code and got[1].startswith(details)


def test_classify_refuses_no_examples(server):
    request = classify_request()
    del request.input.example_list.examples[:]
    assert refusal(server.prediction.Classify, request) == ('INVALID_ARGUMENT', 'Input is empty.')


def regress_request(signature='regress', message=None):
    request = regression_pb2.RegressionRequest(input=message or examples(1.0, 2.5))
    request.model_spec.name = 'examples'
    request.model_spec.signature_name = signature
    return request


@pytest.mark.parametrize('signature', ['regress', 'regress_flat'])
def test_regress_gives_a_number_for_each_example(server, signature):
    response = server.prediction.Regress(regress_request(signature))
    assert [item.value for item in response.result.regressions] == [2.0, 5.0]


def test_regress_puts_the_context_into_each_example(server):
    response = server.prediction.Regress(regress_request(message=examples(1.0, 2.5, c=10.0)))
    assert [item.value for item in response.result.regressions] == [12.0, 15.0]


@pytest.mark.parametrize('signature, details', [
    ('serving_default', 'Expected regression signature method_name to be '
                        'tensorflow/serving/regress. Was: tensorflow/serving/classify'),
    ('regress_wide', 'Expected output Tensor shape to be either [batch_size] or [batch_size, 1] '
                     'but got [2,2]'),
    ('regress_double', 'Expected output Tensor of DT_FLOAT.  Got: DT_DOUBLE')])
def test_regress_refuses_other_signatures(server, signature, details):
    assert refusal(server.prediction.Regress, regress_request(signature)) == (
        'INVALID_ARGUMENT', details)


def multi_request(*tasks):
    request = inference_pb2.MultiInferenceRequest(input=examples(0.0))
    for signature, method in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name = 'examples'
        task.model_spec.signature_name = signature
    return request


def test_multi_inference_runs_several_signatures_of_one_input(server):
    response = server.prediction.MultiInference(multi_request(
        ('', CLASSIFY), ('regress', REGRESS), ('scores_only', CLASSIFY)))
    first, second, third = response.results
    assert [one.label for one in first.classification_result.classifications[0].classes] == [
        'neg', 'pos']
    assert [item.value for item in second.regression_result.regressions] == [0.0]
    assert third.model_spec.signature_name == 'scores_only'


@pytest.mark.parametrize('tasks, code, details', [
    ([], 'INVALID_ARGUMENT', 'Inference request must have at least one inference task'),
    ([('none', CLASSIFY)], 'INVALID_ARGUMENT',
     'Requested signature not found in model graph: none'),
    ([('', CLASSIFY), ('', CLASSIFY)], 'INVALID_ARGUMENT',
     'Duplicate evaluation of signature: serving_default'),
    ([('predict', 'tensorflow/serving/predict')], 'UNIMPLEMENTED',
     'Unsupported signature method_name: tensorflow/serving/predict'),
])
def test_multi_inference_refuses_what_it_cannot_run(server, tasks, code, details):
    assert refusal(server.prediction.MultiInference, multi_request(*tasks)) == (code, details)


def metadata_request(model='half_plus_two', *fields):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = model
    return request


def test_metadata_are_the_signatures(server):
    response = server.prediction.GetModelMetadata(metadata_request('signatures', 'signature_def'))
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata['signature_def'].Unpack(signatures)
    with tf.Session(graph=tf.Graph()) as session:
        expected = tf.saved_model.loader.load(session, ['serve'],
                                              str(server.folder / 'signatures' / '1'))
    assert dict(signatures.signature_def) == dict(expected.signature_def)
    assert response.model_spec.version.value == 1


@pytest.mark.parametrize('fields, details', [
    ((), 'GetModelMetadataRequest must specify at least one metadata_field'),
    (('size',), 'Metadata field %s is not supportedsize')])
def test_metadata_of_another_kind_are_refused(server, fields, details):
    assert refusal(server.prediction.GetModelMetadata,
                   metadata_request('half_plus_two', *fields)) == ('INVALID_ARGUMENT', details)


def status(server, model, version=None):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = model
    if version is not None:
        request.model_spec.version.value = version
    return server.model.GetModelStatus(request)


AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE


def test_status_of_all_versions_is_listed_from_the_highest_down(server):
    versions = status(server, 'half_plus_three').model_version_status
    assert [(item.version, item.state, item.status.error_code) for item in versions] == [
        (124, AVAILABLE, 0), (123, AVAILABLE, 0)]


def test_status_of_one_version(server):
    item, = status(server, 'half_plus_three', 123).model_version_status
    assert (item.version, item.state) == (123, AVAILABLE)


@pytest.mark.parametrize('model, version, details', [
    ('none', None, 'Could not find any versions of model none'),
    ('half_plus_two', 5, 'Could not find version 5 of model half_plus_two')])
def test_status_of_what_is_not_there_is_not_found(server, model, version, details):
    with pytest.raises(grpc.RpcError) as missing:
        status(server, model, version)
    assert (missing.value.code().name, missing.value.details()) == ('NOT_FOUND', details)


def test_a_new_configuration_replaces_the_models(server):
    def reload(*names):
        request = model_management_pb2.ReloadConfigRequest()
        for name in names:
            request.config.model_config_list.config.add(
                name=name, base_path=str(server.folder / name), model_platform='tensorflow')
        return server.model.HandleReloadConfigRequest(request)

    others = [name for name in MODELS if name != 'half_plus_two']
    assert reload(*others).status.error_code == 0
    end = time.time() + 20
    while status(server, 'half_plus_two').model_version_status[0].state == AVAILABLE:
        assert time.time() < end
        time.sleep(0.05)
    assert refusal(server.prediction.Predict, predict_request('half_plus_two', x=FLOATS))[0] == \
        'NOT_FOUND'
    end = time.time() + 20
    while status(server, 'half_plus_two').model_version_status[0].state != \
            get_model_status_pb2.ModelVersionStatus.END:
        assert time.time() < end
        time.sleep(0.05)
    assert reload(*MODELS).status.error_code == 0
    assert server.prediction.Predict(predict_request('half_plus_two', x=FLOATS)).outputs[
        'y'].float_val[0] == 2.5


def test_an_empty_configuration_is_refused(server):
    code, details = refusal(server.model.HandleReloadConfigRequest,
                            model_management_pb2.ReloadConfigRequest())
    assert code == 'INVALID_ARGUMENT' and 'Only ModelConfigList' in details
