"""Predict by gRPC: values of every type, refusals, deadlines, many clients."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from grpc_support import predict_pb2, predict_request, refusal, serving, tensor_pb2, tf

MODELS = (
    "half_plus_two",
    "half_plus_three",
    "signatures",
    "all_dtypes",
    "strings",
    "failing",
    "gated",
    "wide",
)
FLOATS = np.array([1.0, 2.0, 5.0], np.float32)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("grpc"), MODELS) as running:
        yield running


def test_predict_answers_with_values_and_the_model_spec(server):
    response = server.prediction.Predict(predict_request("half_plus_two", x=FLOATS))
    assert list(response.outputs["y"].float_val) == [2.5, 3.0, 4.5]
    assert tf.make_ndarray(response.outputs["y"]).tolist() == [2.5, 3.0, 4.5]
    spec = response.model_spec
    assert (spec.name, spec.signature_name, spec.version.value) == (
        "half_plus_two",
        "serving_default",
        123,
    )


@pytest.mark.parametrize("version, expected, served", [(None, 4.5, 124), (123, 4.0, 123),
                                                       (124, 4.5, 124)])  # fmt: skip
def test_a2_predict_takes_the_highest_version_or_the_one_named(server, version, expected, served):
    response = server.prediction.Predict(
        predict_request("half_plus_three", version=version, x=np.array([2.0], np.float32))
    )
    assert response.outputs["y"].float_val[0] == expected
    assert response.model_spec.version.value == served


def test_several_inputs_and_an_output_filter(server):
    inputs = {"a": np.array([[1, 2], [3, 4]], np.float32), "b": np.array([10, 20], np.int32)}
    response = server.prediction.Predict(predict_request("signatures", **inputs))
    assert {name: tf.make_ndarray(proto).tolist() for name, proto in response.outputs.items()} == {
        "total": [13.0, 27.0],
        "twice": [20, 40],
    }
    response = server.prediction.Predict(
        predict_request("signatures", output_filter=["twice"], **inputs)
    )
    assert list(response.outputs) == ["twice"]


@pytest.mark.parametrize(
    "name",
    [
        "float16",
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "bool",
        "complex64",
        "complex128",
    ],
)
@pytest.mark.parametrize("shape", [(), (2,), (2, 3)], ids=str)
def test_every_type_and_rank_comes_back_as_sent(server, name, shape):
    array = (np.arange(int(np.prod(shape))) % 2).astype(name).reshape(shape)
    response = server.prediction.Predict(predict_request("all_dtypes", name, x=array))
    got = tf.make_ndarray(response.outputs["y"])
    assert (got.dtype, got.tolist()) == (array.dtype, array.tolist())


def test_strings_are_bytes(server):
    values = [b"\xff\x00", "あ".encode(), b""]
    response = server.prediction.Predict(predict_request("strings", text=values))
    assert list(response.outputs["text"].string_val) == values
    assert list(response.outputs["text_bytes"].string_val) == values


@pytest.mark.parametrize("request_of, code, details", [
    (lambda: predict_request("none", x=FLOATS), "NOT_FOUND",
     "Servable not found for request: Latest(none)"),
    (lambda: predict_request("half_plus_two", version=7, x=FLOATS), "NOT_FOUND",
     "Servable not found for request: Specific(half_plus_two, 7)"),
    (lambda: predict_request("", x=FLOATS), "INVALID_ARGUMENT",
     "ModelSpec has no name specified."),
    (predict_pb2.PredictRequest, "INVALID_ARGUMENT", "Missing ModelSpec"),
    (lambda: predict_request("half_plus_two", "none", x=FLOATS), "FAILED_PRECONDITION",
     'Serving signature key "none" not found.'),
    (lambda: predict_request("half_plus_two", z=FLOATS), "INVALID_ARGUMENT",
     "input tensor alias not found in signature: z. Inputs expected to be in the set {x}."),
    (lambda: predict_request("half_plus_two"), "INVALID_ARGUMENT",
     "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but "
     "required: {x}."),
    (lambda: predict_request("half_plus_two", output_filter=["z"], x=FLOATS), "INVALID_ARGUMENT",
     "output tensor alias not found in signature: z Outputs expected to be in the set {y}."),
    (lambda: predict_request("half_plus_two", output_filter=["y", "y"], x=FLOATS),
     "INVALID_ARGUMENT", "duplicate output tensor alias: y"),
    (lambda: predict_request("signatures", "odd_method", a=np.ones((1, 2), np.float32)),
     "INTERNAL", "Expected prediction signature method_name to be one of "
     "{tensorflow/serving/predict, tensorflow/serving/classify, tensorflow/serving/regress}. Was: "
     "somebody/elses/method"),
    (lambda: predict_request("half_plus_two", x=tensor_pb2.TensorProto(dtype=1,
                                                                tensor_content=b"123")),
     "INVALID_ARGUMENT", "tensor parsing error: x"),
])  # fmt: skip
def test_a_predict_request_that_cannot_be_served_is_refused(server, request_of, code, details):
    assert refusal(server.prediction.Predict, request_of()) == (code, details)


def test_a_tensor_of_the_wrong_type_is_refused(server):
    code, details = refusal(server.prediction.Predict, predict_request("half_plus_two", x=[1, 2]))
    assert code == "INVALID_ARGUMENT"
    assert "float" in details and "int32" in details


def test_an_operations_error_reaches_the_client(server):
    code, details = refusal(
        server.prediction.Predict, predict_request("failing", x=np.array([[-1]], np.float32))
    )
    assert (code, details.split("\n")[0]) == (
        "INVALID_ARGUMENT",
        "not a number : Tensor had NaN values",
    )


def test_the_calls_deadline_ends_it(server, tmp_path):
    until = tmp_path / "until"
    code, _ = refusal(
        server.prediction.Predict, predict_request("gated", x=[str(until)]), timeout=0.2
    )
    assert code == "DEADLINE_EXCEEDED"
    until.touch()  # which ends the run itself


def test_many_clients_get_their_own_results(server):
    def client(seed):
        for turn in range(10):
            rows = seed % 3 + 1
            x = (np.arange(rows * 8, dtype=np.float32) + 1000 * seed + turn).reshape(rows, 8)
            response = server.prediction.Predict(predict_request("wide", x=x))
            if not np.array_equal(tf.make_ndarray(response.outputs["twice"]), 2 * x):
                return "twice of %d mixed up" % seed
            if not np.allclose(tf.make_ndarray(response.outputs["sum"]), x.sum(axis=1)):
                return "sum of %d mixed up" % seed
        return None

    with ThreadPoolExecutor(16) as pool:
        assert [wrong for wrong in pool.map(client, range(16)) if wrong] == []
