"""The session behind the C API, and tensors in messages, against TensorFlow itself."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

# Before hosting.model_server, which would put a bare package in its place (see native.py).
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2

from hosting.model_server.errors import ServingError
from hosting.model_server.graph import dtypes, independence, native, tensor_proto
from hosting.model_server.graph.signatures import Signature

MAKE = os.path.join(os.path.dirname(__file__), "..", "..", "saved_models", "make.py")

SAMPLES = {
    "float16": [1.5, -2.0, 65504.0],
    "float32": [1.5, -0.0, 3e38],
    "float64": [0.1, 1e300, -7.0],
    "int8": [-128, 0, 127],
    "int16": [-32768, 0, 32767],
    "int32": [-(2**31), 0, 2**31 - 1],
    "int64": [-(2**63), 0, 2**63 - 1],
    "uint8": [0, 1, 255],
    "uint16": [0, 1, 65535],
    "uint32": [0, 1, 2**32 - 1],
    "uint64": [0, 1, 2**64 - 1],
    "bool": [True, False, True],
    "string": [b"", b"\xff\x00binary", "あ".encode()],
    "complex64": [1 + 2j, -3j, 0],
    "complex128": [1 + 2j, -3j, 0],
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            MAKE,
            str(folder),
            "all_dtypes",
            "signatures",
            "failing",
            "assets",
            "mixing",
            "wide",
            "slow",
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return folder


class Pair:
    """A SavedModel loaded twice: by TensorFlow's own loader and by ours."""

    def __init__(self, path):
        self.session = tf.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            self.meta_graph = tf.saved_model.loader.load(self.session, ["serve"], path)
        self.ours = native.Session(path)
        self.signatures = {
            name: Signature(name, proto, self.ours)
            for name, proto in self.meta_graph.signature_def.items()
        }

    def reference(self, name, **feeds):
        """The outputs by name as session.run gives them."""
        proto = self.meta_graph.signature_def[name]
        return self.session.run(
            {alias: info.name for alias, info in proto.outputs.items()},
            {proto.inputs[alias].name: value for alias, value in feeds.items()},
        )

    def run(self, name, **feeds):
        """The outputs by name as our session gives them."""
        signature = self.signatures[name]
        outputs = tuple(signature.outputs)
        return dict(
            zip(outputs, signature.runner(outputs)([feeds[alias] for alias in signature.inputs]))
        )


@pytest.fixture(scope="module")
def load(models):
    """A function: the Pair of a model, loaded once."""
    pairs = {}

    def of(name):
        if name not in pairs:
            pairs[name] = Pair(str(models / name / "1"))
        return pairs[name]

    yield of
    for pair in pairs.values():
        pair.session.close()
        pair.ours.close()


def sample(name, shape):
    """An array of this type and shape with the type's extremes in it."""
    dtype = np.dtype(object if name == "string" else name)
    array = np.empty(int(np.prod(shape)), dtype=dtype)
    for index in range(array.size):
        array[index] = SAMPLES[name][index % 3]
    return array.reshape(shape)


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (2, 0, 3), (1, 2, 1, 2, 1)], ids=str)
def test_a_session_gives_what_tensorflow_gives_for_every_type_and_rank(load, name, shape):
    pair = load("all_dtypes")
    array = sample(name, shape)
    expected = pair.reference(name, x=array)["y"]
    got = pair.run(name, x=array)["y"]
    assert got.shape == shape
    if name == "string":
        assert got.ravel().tolist() == np.array(expected, dtype=object).ravel().tolist()
    else:
        assert got.dtype == array.dtype
        np.testing.assert_array_equal(got, expected)


def test_bfloat16_passes_as_its_sixteen_bits(load):
    bits = np.array([[0x3F80, 0xC000]], dtype=np.uint16)
    np.testing.assert_array_equal(load("all_dtypes").run("bfloat16", x=bits)["y"], bits)


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.binary(max_size=300), max_size=20))
def test_any_byte_strings_survive_the_session(load, values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    assert load("all_dtypes").run("string", x=array)["y"].tolist() == values


def test_several_inputs_and_outputs_keep_their_names(load):
    pair = load("signatures")
    feeds = {"a": np.array([[1, 2], [3, 4]], np.float32), "b": np.array([10, 20], np.int32)}
    expected = pair.reference("serving_default", **feeds)
    got = pair.run("serving_default", **feeds)
    assert sorted(got) == ["total", "twice"]
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array)


def test_assets_and_the_init_op_are_loaded(load):
    words = np.array([b"one", "二".encode(), b"none of them"], dtype=object)
    assert load("assets").run("serving_default", word=words)["number"].tolist() == [1, 2, -1]


def test_an_operations_error_has_tensorflows_code_and_text(load):
    pair = load("failing")
    with pytest.raises(tf.errors.InvalidArgumentError) as expected:
        pair.reference("serving_default", x=[[-1.0]])
    with pytest.raises(ServingError) as got:
        pair.run("serving_default", x=np.array([[-1]], np.float32))
    assert got.value.code == expected.value.error_code
    assert got.value.message.startswith("not a number : Tensor had NaN values")
    assert expected.value.message.startswith("not a number : Tensor had NaN values")


def test_a_tensor_of_the_wrong_type_is_refused_by_the_session(load):
    runner = load("signatures").signatures["pairs"].runner(("negative",))
    with pytest.raises(ServingError) as refused:
        runner([np.ones((1, 2), np.int32)], types=(dtypes.INT32,))
    assert refused.value.code == 3
    assert "float" in refused.value.message and "int32" in refused.value.message


def test_a_run_that_takes_too_long_ends_at_its_timeout(load):
    runner = load("slow").signatures["serving_default"].runner(("y",))
    with pytest.raises(ServingError) as late:
        runner([np.ones(1, np.float32)], timeout_ms=1)
    assert late.value.code == 4
    assert late.value.message == "Timed out waiting for notification"


def test_a_folder_without_a_saved_model_is_not_found(tmp_path):
    with pytest.raises(ServingError) as missing:
        native.Session(str(tmp_path))
    assert missing.value.code == 5
    assert str(tmp_path) in missing.value.message


def test_the_standing_package_finds_the_protos_without_importing_tensorflow():
    code = (
        "import sys\n"
        "from hosting.model_server.graph import native\n"
        "native.protos_without_tensorflow()\n"
        "from tensorflow.core.protobuf import meta_graph_pb2\n"
        'assert not any(name.startswith("tensorflow.python") for name in sys.modules)\n'
        "print(native.library().TF_Version().decode())\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE)
    assert answer.stdout.decode().strip() == tf.VERSION


# -- messages -------------------------------------------------------------------------------

NUMBERS = {
    name: getattr(dtypes, number)
    for name, number in {
        "float16": "HALF",
        "float32": "FLOAT",
        "float64": "DOUBLE",
        "int8": "INT8",
        "int16": "INT16",
        "int32": "INT32",
        "int64": "INT64",
        "uint8": "UINT8",
        "uint16": "UINT16",
        "uint32": "UINT32",
        "uint64": "UINT64",
        "bool": "BOOL",
        "string": "STRING",
        "complex64": "COMPLEX64",
        "complex128": "COMPLEX128",
    }.items()
}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_types_numbers_are_tensorflows(name):
    assert NUMBERS[name] == tf.as_dtype(name).as_datatype_enum
    assert dtypes.name(NUMBERS[name]) == {
        "float16": "half",
        "float32": "float",
        "float64": "double",
    }.get(name, name)


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)], ids=str)
def test_messages_are_read_as_tensorflow_writes_them(name, shape):
    array = sample(name, shape)
    proto = tf.make_tensor_proto(array, dtype=tf.as_dtype(name), shape=shape)
    got = tensor_proto.to_array(proto, "x")
    assert got.shape == shape
    assert got.tolist() == array.tolist()


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)], ids=str)
def test_messages_are_written_as_tensorflow_reads_them(name, shape):
    # TensorFlow 1.13's own reader knows no uint32 and uint64.
    array = sample(name, shape)
    proto = tensor_pb2.TensorProto()
    tensor_proto.fill(proto, array, NUMBERS[name])
    assert proto.HasField("tensor_shape")
    assert not proto.tensor_content
    if name in ("uint32", "uint64"):
        assert list(getattr(proto, name + "_val")) == array.ravel().tolist()
    else:
        assert tf.make_ndarray(proto).tolist() == array.tolist()
    assert tensor_proto.to_array(proto, "x").tolist() == array.tolist()


def test_the_last_value_stands_for_missing_ones():
    proto = tensor_pb2.TensorProto(dtype=dtypes.FLOAT, float_val=[1.0, 2.0])
    proto.tensor_shape.dim.add(size=4)
    with tf.Graph().as_default(), tf.Session() as session:
        node = tf.NodeDef(name="short", op="Const")
        node.attr["dtype"].type = dtypes.FLOAT
        node.attr["value"].tensor.CopyFrom(proto)
        tf.import_graph_def(tf.GraphDef(node=[node]), name="")
        expected = session.run("short:0").tolist()
    assert tensor_proto.to_array(proto, "x").tolist() == expected == [1, 2, 2, 2]


@pytest.mark.parametrize("change", [
    {"dtype": 0}, {"dtype": dtypes.RESOURCE}, {"dtype": dtypes.FLOAT, "tensor_content": b"123"},
    {"dtype": dtypes.STRING, "tensor_content": b"1234"}], ids=str)  # fmt: skip
def test_a_message_that_is_no_tensor_is_refused(change):
    proto = tensor_pb2.TensorProto(**change)
    proto.tensor_shape.dim.add(size=1)
    with pytest.raises(ServingError) as refused:
        tensor_proto.to_array(proto, "x")
    assert (refused.value.code, refused.value.message) == (3, "tensor parsing error: x")


# -- which graphs mix rows ------------------------------------------------------------------


def found(build):
    """The operation found between x (a batch of pairs) and what `build(x)` makes of it."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        y = tf.identity(build(x), name="y")
        name = independence.Graph(graph.as_graph_def()).mixing_operation([x.name], [y.name])
        return name and graph.get_operation_by_name(name).type


@pytest.mark.parametrize("build, operation", [
    (lambda x: x - tf.reduce_mean(x, axis=0), "Mean"),
    (lambda x: x - tf.reduce_mean(x), "Mean"),
    (lambda x: tf.nn.relu(2 * x) / tf.reduce_max(tf.abs(x), [0], keepdims=True), "Max"),
    (lambda x: tf.cumsum(x), "Cumsum"),
    (lambda x: tf.reverse(x, [0]), "ReverseV2"),
    (lambda x: tf.random_shuffle(x), "RandomShuffle"),
    (lambda x: tf.layers.batch_normalization(x[:, :, None, None], fused=True, training=True)[:, 0],
     "FusedBatchNorm"),
    (lambda x: tf.layers.dense(x, 3), None),
    (lambda x: tf.nn.softmax(x), None),
    (lambda x: tf.reduce_sum(x, axis=1), None),
    (lambda x: x + tf.reduce_sum(tf.constant([1.0, 2.0]), axis=0), None),
    # Behind a transposition the first dimension is another one.
    (lambda x: tf.transpose(tf.reverse(tf.transpose(x), [0])), None),
])  # fmt: skip
def test_operations_that_obviously_mix_rows_are_found(build, operation):
    assert found(build) == operation


def test_a_graph_that_writes_a_variable_is_found():
    def build(x):
        counter = tf.Variable(0.0, use_resource=True)
        with tf.control_dependencies([counter.assign_add(1.0)]):
            return x + counter.read_value()

    assert found(build) == "AssignAddVariableOp"


def test_recurrent_layers_are_not_taken_for_mixing():
    def build(x):
        layer = tf.keras.layers.Bidirectional(tf.keras.layers.LSTM(2))
        return layer(x[:, :, None])

    assert found(build) is None
