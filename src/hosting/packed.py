"""Packed models in the serving Python, outside the endpoint: what the host tool asks of them."""

import importlib
import json
import os
import sys
from collections import namedtuple

Tensors = namedtuple("Tensors", ["inputs", "output_key", "output"])
"""``inputs``: tensor names by the signature's keys; ``output``: a tensor name."""


def version_directory(model_dir):
    """The SavedModel with the highest version of a packed model."""
    version = max((name for name in os.listdir(model_dir) if name.isdigit()), key=int)
    return os.path.join(model_dir, version)


def encoding(code):
    """The module that the package's own code/ encodes text with."""
    sys.path[:0] = [os.path.join(code, "lib"), code]
    return importlib.import_module("encoding")


def encoder(model_dir):
    """What makes a packed model's inputs of texts (ModelInputs)."""
    code = os.path.join(model_dir, "code")
    return encoding(code).ModelInputs(code)


def load(session, model_dir):
    """Loads a packed model's highest version into a TensorFlow session; returns its Tensors."""
    import tensorflow

    tf = tensorflow.compat.v1  # in 1.13 and 2.20
    meta_graph = tf.saved_model.loader.load(
        session, [tf.saved_model.tag_constants.SERVING], version_directory(model_dir)
    )
    signature = meta_graph.signature_def[
        tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    ]
    # Further outputs that a model may have do not bear Softmax's name.
    output_key = min(signature.outputs, key=lambda name: ("Softmax" not in name, name))
    return Tensors(
        {key: signature.inputs[key].name for key in sorted(signature.inputs)},
        output_key,
        signature.outputs[output_key].name,
    )


def answer_commands(answer):
    """Answers each line of standard input, a JSON value, with `answer(it)`, until the input ends.

    What else is printed (TensorFlow, gRPC) goes to standard error, so that standard
    output holds answers only.
    """
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        out.write(json.dumps(answer(json.loads(line))) + "\n")
        out.flush()
