"""The bench's yardsticks and clients take a model with any number of inputs."""

import sys
import warnings

import numpy as np
import pytest

# Before bench.grpc_load, which would put a bare package in its place (see native.py).
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    from bench.grpc_load import GrpcLoad

from bench import first_run, raw_session
from hosting import packed

INPUTS = {"one": {"inputs": 3}, "two": {"inputs": 3, "ngrams": 5}}
ENCODING = '''
class ModelInputs:
    """Each character's place in the text, and the same backwards."""

    def __init__(self, directory):
        self.encoder = self

    def pieces(self, text):
        return list(text)

    def encode(self, texts):
        rows = [[ord(letter) - ord('a') for letter in text] for text in texts]
        inputs = {'inputs': [row[:3] for row in rows], 'ngrams': [row[::-1] for row in rows]}
        return {name: inputs[name] for name in %r}
'''


@pytest.fixture(params=sorted(INPUTS))
def model_dir(request, tmp_path):
    """A packed model of so many inputs that answers [sum of inputs, …], and its inputs' sizes."""
    sizes = INPUTS[request.param]
    with tf.Session(graph=tf.Graph()) as session:
        inputs = {
            name: tf.placeholder(tf.float32, [None, size], name=name)
            for name, size in sizes.items()
        }
        sums = tf.stack([tf.reduce_sum(inputs[name], axis=1) for name in sorted(inputs)], axis=1)
        tf.saved_model.simple_save(session, str(tmp_path / "7"), inputs, {"Softmax:0": sums})
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "encoding.py").write_text(ENCODING % sorted(sizes), encoding="utf-8")
    return tmp_path, sizes


def test_a_model_s_inputs_are_found_by_name(model_dir):
    folder, sizes = model_dir
    with tf.Session(graph=tf.Graph()) as session:
        tensors = packed.load(session, str(folder))
        assert tensors.inputs == {name: name + ":0" for name in sizes}
        assert tensors.output_key == "Softmax:0"
        for name, size in sizes.items():
            zeros = first_run.zeros(session.graph, tensors.inputs[name])
            assert (zeros.shape, zeros.dtype) == ((1, size), np.float32)


def test_the_bare_process_runs_it(model_dir, capsys):
    first_run.main(str(model_dir[0]))
    assert capsys.readouterr().out == "answered\n"


@pytest.fixture
def encoding_of_its_own(monkeypatch):
    """Lets RawSession import the package's encoding.py, and forgets it afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "encoding", raising=False)
    yield
    sys.modules.pop("encoding", None)


def test_the_session_reads_all_inputs_of_a_sentence(model_dir, encoding_of_its_own):
    folder, sizes = model_dir
    session = raw_session.RawSession(str(folder))
    answer = session.answer({"sentences": ["abcde", "eeeab"]})
    sums = {"inputs": [3, 12], "ngrams": [10, 13]}
    assert answer["probabilities"] == [
        list(map(float, row)) for row in zip(*(sums[name] for name in sorted(sizes)))
    ]
    assert answer["inputs"].keys() == sizes.keys()
    assert answer["inputs"]["inputs"] == [[0, 1, 2], [4, 4, 4]]
    assert answer["pieces"] == [5, 5]
    measured = session.answer({"batch": 2, "threads": 2, "seconds": 0.5})
    assert len(measured["latencies_ms"]) > 1 and measured["seconds"] >= 0.5


def load_of(inputs):
    load = GrpcLoad(1, "model")
    load.answer(
        {"inputs": inputs, "expected": [[0.5, 0.5], [0.75, 0.25]], "output": "o", "tolerance": 1e-5}
    )
    return load


def test_a_grpc_request_holds_each_input_of_its_row():
    load = load_of({"inputs": [[1, 2], [3, 4]], "ngrams": [[5], [6]]})
    assert load.count == 2
    sent = load._requests[1]
    assert sent.model_spec.name == "model"
    assert {key: tf.make_ndarray(tensor).tolist() for key, tensor in sent.inputs.items()} == {
        "inputs": [[3.0, 4.0]],
        "ngrams": [[6.0]],
    }


@pytest.mark.parametrize("content", [True, False])
def test_a_grpc_answer_counts_for_its_own_row_only(content):
    load = load_of({"inputs": [[1], [2]]})
    response = predict_pb2.PredictResponse()
    tensor = tf.make_tensor_proto(np.array([[0.75, 0.25]], np.float32))
    if not content:
        tensor.float_val.extend([0.75, 0.25])
        tensor.tensor_content = b""
    response.outputs["o"].CopyFrom(tensor)
    assert load.is_right(1, response)
    assert not load.is_right(0, response)
