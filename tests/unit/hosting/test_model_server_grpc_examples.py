"""Classify, Regress and MultiInference by gRPC: examples in, classes and numbers out."""

import warnings

import pytest
from grpc_support import refusal, serving

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from tensorflow_serving.apis import classification_pb2, inference_pb2, input_pb2, regression_pb2

MODELS = ("examples",)
CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("grpc"), MODELS) as running:
        yield running


def examples(*values, **context):
    message = input_pb2.Input()
    filled = message.example_list
    if context:
        filled = message.example_list_with_context
        filled.context.features.feature["c"].float_list.value.append(context["c"])
    for value in values:
        filled.examples.add().features.feature["x"].float_list.value.append(value)
    return message


def classify_request(signature="", **options):
    request = classification_pb2.ClassificationRequest(input=examples(0.0, 100.0), **options)
    request.model_spec.name = "examples"
    request.model_spec.signature_name = signature
    return request


def classes(response):
    return [
        [(one.label, one.score) for one in item.classes] for item in response.result.classifications
    ]


def test_classify_gives_labels_and_scores(server):
    response = server.prediction.Classify(classify_request())
    assert classes(response) == [[("neg", 0.5), ("pos", 0.5)], [("neg", 0.0), ("pos", 1.0)]]
    assert response.model_spec.signature_name == "serving_default"
    assert response.model_spec.version.value == 1


def test_classify_gives_scores_or_labels_alone(server):
    assert classes(server.prediction.Classify(classify_request("scores_only"))) == [
        [("", 0.5), ("", 0.5)],
        [("", 0.0), ("", 1.0)],
    ]
    assert (
        classes(server.prediction.Classify(classify_request("classes_only")))
        == [[("neg", 0.0), ("pos", 0.0)]] * 2
    )


@pytest.mark.parametrize("signature, code, details", [
    ("none", "INVALID_ARGUMENT", "No signature was found with the name: none"),
    ("regress", "INVALID_ARGUMENT", "Expected classification signature method_name to be "
     "tensorflow/serving/classify. Was: tensorflow/serving/regress"),
    ("flat_scores", "INVALID_ARGUMENT",
     "Expected Tensor shape: [batch_size num_classes] but got [4]"),
    ("other_names", "FAILED_PRECONDITION", 'Expected classification signature outputs to contain '
     'at least one of "classes" or "scores". Signature was: '),
    ("other_input", "FAILED_PRECONDITION",
     "No classification inputs found in SignatureDef: "),
])  # fmt: skip
def test_classify_refuses_other_signatures(server, signature, code, details):
    got = refusal(server.prediction.Classify, classify_request(signature))
    assert got[0] == code and got[1].startswith(details)


def test_classify_refuses_no_examples(server):
    request = classify_request()
    del request.input.example_list.examples[:]
    assert refusal(server.prediction.Classify, request) == ("INVALID_ARGUMENT", "Input is empty.")


def regress_request(signature="regress", message=None):
    request = regression_pb2.RegressionRequest(input=message or examples(1.0, 2.5))
    request.model_spec.name = "examples"
    request.model_spec.signature_name = signature
    return request


@pytest.mark.parametrize("signature", ["regress", "regress_flat"])
def test_regress_gives_a_number_for_each_example(server, signature):
    response = server.prediction.Regress(regress_request(signature))
    assert [item.value for item in response.result.regressions] == [2.0, 5.0]


def test_regress_puts_the_context_into_each_example(server):
    response = server.prediction.Regress(regress_request(message=examples(1.0, 2.5, c=10.0)))
    assert [item.value for item in response.result.regressions] == [12.0, 15.0]


@pytest.mark.parametrize("signature, details", [
    ("serving_default", "Expected regression signature method_name to be "
                        "tensorflow/serving/regress. Was: tensorflow/serving/classify"),
    ("regress_wide", "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] "
                     "but got [2,2]"),
    ("regress_double", "Expected output Tensor of DT_FLOAT.  Got: DT_DOUBLE")])  # fmt: skip
def test_regress_refuses_other_signatures(server, signature, details):
    assert refusal(server.prediction.Regress, regress_request(signature)) == (
        "INVALID_ARGUMENT",
        details,
    )


def multi_request(*tasks):
    request = inference_pb2.MultiInferenceRequest(input=examples(0.0))
    for signature, method in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name = "examples"
        task.model_spec.signature_name = signature
    return request


def test_multi_inference_runs_several_signatures_of_one_input(server):
    response = server.prediction.MultiInference(
        multi_request(("", CLASSIFY), ("regress", REGRESS), ("scores_only", CLASSIFY))
    )
    first, second, third = response.results
    assert [one.label for one in first.classification_result.classifications[0].classes] == [
        "neg",
        "pos",
    ]
    assert [item.value for item in second.regression_result.regressions] == [0.0]
    assert third.model_spec.signature_name == "scores_only"


@pytest.mark.parametrize("tasks, code, details", [
    ([], "INVALID_ARGUMENT", "Inference request must have at least one inference task"),
    ([("none", CLASSIFY)], "INVALID_ARGUMENT",
     "Requested signature not found in model graph: none"),
    ([("", CLASSIFY), ("", CLASSIFY)], "INVALID_ARGUMENT",
     "Duplicate evaluation of signature: serving_default"),
    ([("predict", "tensorflow/serving/predict")], "UNIMPLEMENTED",
     "Unsupported signature method_name: tensorflow/serving/predict"),
])  # fmt: skip
def test_multi_inference_refuses_what_it_cannot_run(server, tasks, code, details):
    assert refusal(server.prediction.MultiInference, multi_request(*tasks)) == (code, details)
