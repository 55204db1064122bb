"""Predict, Classify, Regress and MultiInference messages, answered by one servable."""

import concurrent.futures

from hosting.model_server import examples, predict
from hosting.model_server.errors import internal, invalid_argument, unimplemented
from hosting.model_server.graph import native, tensor_proto
from hosting.model_server.graph.signatures import (
    CLASSIFY,
    DEFAULT_SIGNATURE,
    REGRESS,
    MergedSignature,
)
from hosting.model_server.queues.tasks import Task

native.protos_without_tensorflow()

from tensorflow_serving.apis import classification_pb2, inference_pb2, predict_pb2, regression_pb2  # noqa: E402


def _run(servable, new_task):
    """Submit the task that `new_task(done)` makes and wait for its arrays."""
    waiting: concurrent.futures.Future = concurrent.futures.Future()

    def done(arrays, error):
        if error is None:
            waiting.set_result(arrays)
        else:
            waiting.set_exception(error)

    task = new_task(done)
    servable.scheduler.submit(task)
    return task, waiting.result()


def _fill_spec(spec, servable, asked):
    spec.name = asked.name
    spec.signature_name = asked.signature_name or DEFAULT_SIGNATURE
    spec.version.value = servable.version


def run_predict(servable, request, timeout_ms=0):
    signature = predict.signature_to_run(servable, request.model_spec.signature_name)
    tensors = {
        alias: tensor_proto.to_array(proto, alias) for alias, proto in request.inputs.items()
    }
    types = {alias: proto.dtype for alias, proto in request.inputs.items()}
    wanted = request.output_filter

    def new_task(done):
        return predict.new_task(signature, tensors, wanted, done, timeout_ms, types)

    task, arrays = _run(servable, new_task)
    response = predict_pb2.PredictResponse()
    _fill_spec(response.model_spec, servable, request.model_spec)
    for alias, dtype, array in predict.named_outputs(task, arrays):
        tensor_proto.fill(response.outputs[alias], array, dtype)
    return response


def _run_examples(servable, signature, outputs, serialized, timeout_ms):
    inputs = examples.input_arrays(serialized)

    def new_task(done):
        return Task(signature, inputs, outputs, done, timeout_ms, examples.INPUT_TYPES)

    return dict(zip(outputs, _run(servable, new_task)[1]))


def _run_method(servable, request, method, response, fill, timeout_ms):
    """What Classify and Regress have in common."""
    signature = examples.find_signature(servable, request.model_spec.signature_name, method)
    serialized = examples.examples_from_proto(request.input)
    results = _run_examples(
        servable, signature, examples.output_names(signature, method), serialized, timeout_ms
    )
    _fill_spec(response.model_spec, servable, request.model_spec)
    fill(response.result, signature, results, len(serialized))
    return response


def run_classify(servable, request, timeout_ms=0):
    response = classification_pb2.ClassificationResponse()
    return _run_method(servable, request, CLASSIFY, response, _fill_classifications, timeout_ms)


def run_regress(servable, request, timeout_ms=0):
    response = regression_pb2.RegressionResponse()
    return _run_method(servable, request, REGRESS, response, _fill_regressions, timeout_ms)


def run_multi_inference(servable, request, timeout_ms=0):
    """MultiInferenceRequest → MultiInferenceResponse: several signatures of one input at once."""
    signatures = [_task_signature(servable, request, task) for task in request.tasks]
    if len({signature.inputs[examples.INPUTS].tensor_name for signature in signatures}) > 1:
        raise invalid_argument("Input tensor must be the same for all Signatures.")
    outputs = tuple(
        (signature.name, output)
        for signature, task in zip(signatures, request.tasks)
        for output in examples.output_names(signature, task.method_name)
    )
    serialized = examples.examples_from_proto(request.input)
    results = _run_examples(servable, MergedSignature(signatures), outputs, serialized, timeout_ms)
    response = inference_pb2.MultiInferenceResponse()
    for signature, task in zip(signatures, request.tasks):
        own = {output: array for (name, output), array in results.items() if name == signature.name}
        result = response.results.add()
        _fill_spec(result.model_spec, servable, task.model_spec)
        if task.method_name == CLASSIFY:
            _fill_classifications(result.classification_result, signature, own, len(serialized))
        else:
            _fill_regressions(result.regression_result, signature, own, len(serialized))
    return response


def _task_signature(servable, request, task):
    name = task.model_spec.signature_name or DEFAULT_SIGNATURE
    if not task.model_spec.name:
        raise invalid_argument("Found ModelSpec with an empty model name.")
    if task.model_spec.name != request.tasks[0].model_spec.name:
        raise invalid_argument(
            "All ModelSpecs in a MultiInferenceRequest must access the same model name."
        )
    names = [other.model_spec.signature_name or DEFAULT_SIGNATURE for other in request.tasks]
    if names.count(name) > 1:
        raise invalid_argument(f"Duplicate evaluation of signature: {name}")
    signature = servable.signatures.get(name)
    if signature is None:
        raise invalid_argument(f"Requested signature not found in model graph: {name}")
    if task.method_name not in (CLASSIFY, REGRESS):
        raise unimplemented(f"Unsupported signature method_name: {task.method_name}")
    examples.check_signature(signature, task.method_name)
    return signature


def _fill_classifications(result, signature, arrays, count):
    for classes in examples.classification_result(signature, arrays, count):
        classifications = result.classifications.add()
        for label, score in classes:
            try:
                classifications.classes.add(label=label.decode(), score=score)
            except UnicodeDecodeError:
                raise internal(f"A class label is not UTF-8: {label}") from None


def _fill_regressions(result, signature, arrays, count):
    for value in examples.regression_result(signature, arrays, count).tolist():
        result.regressions.add(value=value)
