"""The gRPC API: PredictionService and ModelService, with tensorflow-serving-api's stubs."""

import concurrent.futures
import functools
import logging
import math

import grpc

from hosting.model_server import examples, native, predict, tensor_proto
from hosting.model_server.errors import ServingError, UNIMPLEMENTED, internal, invalid_argument
from hosting.model_server.model_config import settings_from_proto
from hosting.model_server.scheduler import Task
from hosting.model_server.signatures import CLASSIFY, DEFAULT_SIGNATURE, REGRESS, MergedSignature

native.protos_without_tensorflow()

from tensorflow_serving.apis import (  # noqa: E402
    classification_pb2, get_model_metadata_pb2, get_model_status_pb2, inference_pb2,
    model_management_pb2, model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc,
    regression_pb2)

log = logging.getLogger(__name__)

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_SIGNATURE_DEF = 'signature_def'
_MAX_MESSAGE = (1 << 31) - 1


def _answering(method):
    """Turn a ServingError into the call's status."""
    @functools.wraps(method)
    def call(self, request, context):
        try:
            return method(self, request, context)
        except ServingError as error:
            failure = error
        except Exception as error:
            log.exception('%s failed', method.__name__)
            failure = internal(error)
        context.set_code(_CODES[failure.code])
        context.set_details(failure.message)
        return _RESPONSES[method.__name__]()
    return call


_RESPONSES = {
    'Predict': predict_pb2.PredictResponse,
    'Classify': classification_pb2.ClassificationResponse,
    'Regress': regression_pb2.RegressionResponse,
    'MultiInference': inference_pb2.MultiInferenceResponse,
    'GetModelMetadata': get_model_metadata_pb2.GetModelMetadataResponse,
    'GetModelStatus': get_model_status_pb2.GetModelStatusResponse,
    'HandleReloadConfigRequest': model_management_pb2.ReloadConfigResponse,
}


def _timeout_ms(context):
    """The call's deadline as a run's time-out: 0 for none, rounded up to have few of them."""
    remaining = context.time_remaining()
    # Python's gRPC reports a call without deadline as one of centuries.
    if remaining is None or remaining > 1e8:
        return 0
    step = 10 ** max(0, int(math.log10(max(remaining * 1000, 1))) - 1)
    return max(1, math.ceil(remaining * 1000 / step) * step)


def _run(servable, new_task):
    """Submit the task that `new_task(done)` makes and wait for its arrays."""
    waiting = concurrent.futures.Future()

    def done(arrays, error):
        if error is None:
            waiting.set_result(arrays)
        else:
            waiting.set_exception(error)

    task = new_task(done)
    servable.scheduler.submit(task)
    return task, waiting.result()


def _fill_spec(spec, servable, name, signature_name=None):
    spec.name = name
    spec.version.value = servable.version
    if signature_name is not None:
        spec.signature_name = signature_name or DEFAULT_SIGNATURE


class _Service:
    """What both services share: the way from a ModelSpec to a servable."""

    def __init__(self, manager):
        self._manager = manager

    def _version(self, spec):
        choice = spec.WhichOneof('version_choice')
        if choice == 'version':
            return spec.version.value
        if choice == 'version_label':
            return self._manager.labelled(spec.name, spec.version_label)
        return None

    def _servable(self, request):
        if not request.HasField('model_spec'):
            raise invalid_argument('Missing ModelSpec')
        spec = request.model_spec
        if not spec.name:
            raise invalid_argument('ModelSpec has no name specified.')
        return self._manager.servable(spec.name, self._version(spec))


class PredictionService(_Service, prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict, Classify, Regress, MultiInference, GetModelMetadata."""

    @_answering
    def Predict(self, request, context):
        servable = self._servable(request)
        name = request.model_spec.signature_name
        signature = predict.signature_to_run(servable, name)
        tensors = {alias: tensor_proto.to_array(proto, alias)
                   for alias, proto in request.inputs.items()}
        types = {alias: proto.dtype for alias, proto in request.inputs.items()}
        task, arrays = _run(servable, lambda done: predict.new_task(
            signature, tensors, request.output_filter, done, _timeout_ms(context), types))
        response = predict_pb2.PredictResponse()
        _fill_spec(response.model_spec, servable, request.model_spec.name, name)
        for alias, dtype, array in predict.named_outputs(task, arrays):
            tensor_proto.fill(response.outputs[alias], array, dtype)
        return response

    def _examples(self, servable, signature, outputs, serialized, context):
        _, arrays = _run(servable, lambda done: Task(
            signature, examples.input_arrays(serialized), outputs, done, _timeout_ms(context)))
        return dict(zip(outputs, arrays))

    @_answering
    def Classify(self, request, context):
        servable = self._servable(request)
        name = request.model_spec.signature_name
        signature = examples.find_signature(servable, name, CLASSIFY)
        serialized = examples.examples_from_proto(request.input)
        results = self._examples(servable, signature, examples.output_names(signature, CLASSIFY),
                                 serialized, context)
        response = classification_pb2.ClassificationResponse()
        _fill_spec(response.model_spec, servable, request.model_spec.name, name)
        _fill_classifications(response.result, signature, results, len(serialized))
        return response

    @_answering
    def Regress(self, request, context):
        servable = self._servable(request)
        name = request.model_spec.signature_name
        signature = examples.find_signature(servable, name, REGRESS)
        serialized = examples.examples_from_proto(request.input)
        results = self._examples(servable, signature, examples.output_names(signature, REGRESS),
                                 serialized, context)
        response = regression_pb2.RegressionResponse()
        _fill_spec(response.model_spec, servable, request.model_spec.name, name)
        _fill_regressions(response.result, signature, results, len(serialized))
        return response

    @_answering
    def MultiInference(self, request, context):
        if not request.tasks:
            raise invalid_argument('Inference request must have at least one inference task')
        spec = request.tasks[0].model_spec
        servable = self._manager.servable(spec.name, self._version(spec))
        signatures = [_task_signature(servable, request, task) for task in request.tasks]
        if len({signature.inputs[examples.INPUTS].tensor_name for signature in signatures}) > 1:
            raise invalid_argument('Input tensor must be the same for all Signatures.')
        merged = MergedSignature(signatures)
        outputs = tuple((signature.name, output)
                        for signature, task in zip(signatures, request.tasks)
                        for output in examples.output_names(signature, task.method_name))
        serialized = examples.examples_from_proto(request.input)
        results = self._examples(servable, merged, outputs, serialized, context)
        response = inference_pb2.MultiInferenceResponse()
        for signature, task in zip(signatures, request.tasks):
            own = {output: array for (name, output), array in results.items()
                   if name == signature.name}
            result = response.results.add()
            if task.method_name == CLASSIFY:
                _fill_classifications(result.classification_result, signature, own,
                                      len(serialized))
            else:
                _fill_regressions(result.regression_result, signature, own, len(serialized))
            _fill_spec(result.model_spec, servable, task.model_spec.name,
                       task.model_spec.signature_name)
        return response

    @_answering
    def GetModelMetadata(self, request, context):
        if not request.HasField('model_spec'):
            raise invalid_argument('Missing ModelSpec')
        if not request.metadata_field:
            raise invalid_argument(
                'GetModelMetadataRequest must specify at least one metadata_field')
        for field in request.metadata_field:
            if field != _SIGNATURE_DEF:
                # The placeholder stays as it is: TF Serving joins the parts, it formats nothing.
                raise invalid_argument('Metadata field %s is not supported', field)
        servable = self._servable(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, proto in servable.signature_def.items():
            signatures.signature_def[name].CopyFrom(proto)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        _fill_spec(response.model_spec, servable, servable.name)
        response.metadata[_SIGNATURE_DEF].Pack(signatures)
        return response


def _task_signature(servable, request, task):
    """The signature of one task of a MultiInference request."""
    name = task.model_spec.signature_name or DEFAULT_SIGNATURE
    if not task.model_spec.name:
        raise invalid_argument('Found ModelSpec with an empty model name.')
    if task.model_spec.name != request.tasks[0].model_spec.name:
        raise invalid_argument('All ModelSpecs in a MultiInferenceRequest must access the same '
                               'model name.')
    names = [other.model_spec.signature_name or DEFAULT_SIGNATURE for other in request.tasks]
    if names.count(name) > 1:
        raise invalid_argument('Duplicate evaluation of signature: ', name)
    signature = servable.signatures.get(name)
    if signature is None:
        raise invalid_argument('Requested signature not found in model graph: ', name)
    if task.method_name not in (CLASSIFY, REGRESS):
        raise ServingError(UNIMPLEMENTED, 'Unsupported signature method_name: %s'
                           % task.method_name)
    examples.check_signature(signature, task.method_name)
    return signature


def _fill_classifications(result, signature, arrays, count):
    for classes in examples.classification_result(signature, arrays, count):
        classifications = result.classifications.add()
        for label, score in classes:
            try:
                classifications.classes.add(label=label.decode(), score=score)
            except UnicodeDecodeError:
                raise internal('A class label is no UTF-8 text: ', label) from None


def _fill_regressions(result, signature, arrays, count):
    for value in examples.regression_result(signature, arrays, count).tolist():
        result.regressions.add(value=value)


class ModelService(_Service, model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest."""


    @_answering
    def GetModelStatus(self, request, context):
        if not request.HasField('model_spec'):
            raise invalid_argument('Missing ModelSpec')
        spec = request.model_spec
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in self._manager.states(spec.name, self._version(spec)):
            response.model_version_status.add(
                version=version.number, state=version.state,
                status={'error_code': version.error_code, 'error_message': version.error_message})
        return response

    @_answering
    def HandleReloadConfigRequest(self, request, context):
        if request.config.WhichOneof('config') != 'model_config_list':
            raise ServingError(UNIMPLEMENTED, 'HandleReloadConfigRequest: only a '
                                              'model_config_list can be served')
        self._manager.reload(settings_from_proto(request.config))
        response = model_management_pb2.ReloadConfigResponse()
        response.status.error_code = 0
        return response


def start(manager, address, threads):
    """Listen on `address`; returns the server and its port (0: it could not listen)."""
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix='grpc'),
        options=[('grpc.max_send_message_length', _MAX_MESSAGE),
                 ('grpc.max_receive_message_length', _MAX_MESSAGE),
                 # Two servers on one port would share the calls at random.
                 ('grpc.so_reuseport', 0)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(manager), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(manager), server)
    port = server.add_insecure_port(address)
    server.start()
    return server, port
