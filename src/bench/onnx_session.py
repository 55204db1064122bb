"""The limit: ONNX Runtime on the same weights, in a process of its own, no server around it.

    python -m bench.onnx_session <model directory> [<the article's graph>]

Commands as raw_session's. With the article's graph, whose variables have Keras' names,
v1's network is written in ONNX's own operations (its LSTM among them); tf2onnx knows no
LSTM with a hard sigmoid and would make a loop of it. Any other model is converted.
"""

import sys

import numpy as np
import onnxruntime
import tensorflow as tf
from onnx import TensorProto, helper, numpy_helper

from bench.raw_session import RawSession
from hosting.packed import Tensors, answer_commands, load, version_directory

OPSET = 13
_GATES = (0, 3, 1, 2)  # ONNX has input, output, forget, cell; Keras input, forget, cell, output


class OnnxSession(RawSession):
    """As RawSession, with ONNX Runtime in TensorFlow's place."""

    def __init__(self, model_dir, article_graph=None):
        self._article_graph = article_graph
        super().__init__(model_dir)

    def _open(self, model_dir):
        self.versions = {"onnxruntime": onnxruntime.__version__}
        model = (
            article_network(self._article_graph) if self._article_graph else _converted(model_dir)
        )
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        names = sorted(entry.name for entry in session.get_inputs())
        outputs = [entry.name for entry in session.get_outputs()]
        output = min(outputs, key=lambda name: ("Softmax" not in name, name))
        self._run = lambda feed: session.run([output], feed)[0]
        return Tensors({name.split(":")[0]: name for name in names}, output, output)


def article_network(model_dir):
    """The article's network as a serialized ONNX model."""
    variables = tf.train.load_checkpoint(version_directory(model_dir) + "/variables/variables")

    def weights(name):
        return variables.get_tensor(name)

    def gates(values):
        """An array with Keras' four gates in the last axis, in ONNX's order in the first."""
        return np.concatenate([np.split(values, 4, axis=-1)[gate].T for gate in _GATES])

    lstms = [f"bidirectional/{way}_lstm/" for way in ("forward", "backward")]
    hidden = weights(lstms[0] + "recurrent_kernel").shape[0]
    constants = {
        "words": weights("embedding/embeddings"),
        "wa": weights("seq_self_attention/seq_self_attention_Mul_Wa"),
        "ba": weights("seq_self_attention/seq_self_attention_Mul_ba"),
        "w": np.stack([gates(weights(lstm + "kernel")) for lstm in lstms]),
        "r": np.stack([gates(weights(lstm + "recurrent_kernel")) for lstm in lstms]),
        "b": np.stack(
            [
                np.concatenate([gates(weights(lstm + "bias")), np.zeros(4 * hidden, np.float32)])
                for lstm in lstms
            ]
        ),
        "k1": weights("dense/kernel"),
        "b1": weights("dense/bias"),
        "k2": weights("dense_1/kernel"),
        "b2": weights("dense_1/bias"),
        "flat": np.array([-1, 2 * hidden], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Cast", ["inputs"], ["ids"], to=TensorProto.INT32),
        node("Gather", ["words", "ids"], ["x"]),
        node("MatMul", ["x", "wa"], ["xw"]),
        node("Transpose", ["x"], ["xt"], perm=[0, 2, 1]),
        node("MatMul", ["xw", "xt"], ["scores"]),
        node("Add", ["scores", "ba"], ["biased"]),
        node("Softmax", ["biased"], ["attention"], axis=-1),
        node("MatMul", ["attention", "x"], ["attended"]),
        node("Transpose", ["attended"], ["steps"], perm=[1, 0, 2]),
        node(
            "LSTM",
            ["steps", "w", "r", "b"],
            ["", "last"],
            direction="bidirectional",
            hidden_size=hidden,
            activations=["HardSigmoid", "Tanh", "Tanh"] * 2,
            activation_alpha=[0.2, 0.2],
            activation_beta=[0.5, 0.5],
        ),
        node("Transpose", ["last"], ["both"], perm=[1, 0, 2]),
        node("Reshape", ["both", "flat"], ["sentence"]),
        node("Gemm", ["sentence", "k1", "b1"], ["dense"]),
        node("Gemm", ["dense", "k2", "b2"], ["logits"]),
        node("Softmax", ["logits"], ["Softmax"], axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "v1",
        [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["batch", 64])],
        [
            helper.make_tensor_value_info(
                "Softmax", TensorProto.FLOAT, ["batch", len(constants["b2"])]
            )
        ],
        [
            numpy_helper.from_array(np.ascontiguousarray(array), name)
            for name, array in constants.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 7  # the newest that this ONNX Runtime knows
    return model.SerializeToString()


def _converted(model_dir):
    """What tf2onnx makes of a SavedModel."""
    from tf2onnx.tf_loader import tf_optimize
    from tf2onnx.tfonnx import process_tf_graph

    with tf.Session(graph=tf.Graph()) as session:
        tensors = load(session, model_dir)
        frozen = tf.graph_util.convert_variables_to_constants(
            session, session.graph_def, [tensors.output.split(":")[0]]
        )
    inputs = list(tensors.inputs.values())
    frozen = tf_optimize(inputs, [tensors.output], frozen)
    with tf.Session(graph=tf.Graph()) as session:
        tf.import_graph_def(frozen, name="")
        converted = process_tf_graph(
            session.graph, opset=OPSET, input_names=inputs, output_names=[tensors.output]
        )
    return converted.make_model("model").SerializeToString()


if __name__ == "__main__":
    answer_commands(OnnxSession(*sys.argv[1:]).answer)
