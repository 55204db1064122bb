"""The article's direct check: a packed model run in a TensorFlow session, no endpoint.

    python -m hosting.direct_session <model directory> < sentences.json
    python -m hosting.direct_session <SavedModel> < requests.json

Standard input is a JSON list of sentences, which the encoder in the package's own code/ directory
reads; or an object: the name of a ``signature``, and ``requests``, of which the first is run that
the model takes (inputs by key). Standard output gets a JSON object with ``signature``,
``tensorflow`` and ``probabilities`` (a row a sentence), or ``request`` (its number) and ``outputs``
as TensorFlow Serving would answer, with ``latencies_ms`` of as many runs as go into ``seconds``
where these are given; ``refused`` is why the model took none.
"""

import base64
import contextlib
import functools
import json
import sys
from time import perf_counter

import numpy as np
import tensorflow

from hosting import packed

tf = tensorflow if hasattr(tensorflow, "Session") else tensorflow.compat.v1
SIGNATURE = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def main(path):
    question = json.load(sys.stdin)
    if isinstance(question, list):
        encode = packed.encoder(path).encode
        with tf.Session(graph=tf.Graph()) as session:
            signature = _load(session, packed.version_directory(path), SIGNATURE)
            (model_output,) = signature.outputs.values()
            inputs = _fed(signature, encode(question))
            answer = {"probabilities": session.run(model_output.name, inputs).tolist()}
    else:
        with tf.Session(graph=tf.Graph()) as session:
            signature = _load(session, path, question["signature"])
            answer = _run_first(session, signature, question)
    described = {"inputs": _describe(signature.inputs), "outputs": _describe(signature.outputs)}
    json.dump(dict(answer, tensorflow=tf.__version__, signature=described), sys.stdout)


def _load(session, version, signature):
    arguments = session, [tf.saved_model.tag_constants.SERVING], version
    try:
        meta_graph = tf.saved_model.loader.load(*arguments)
    except KeyError:  # an operation that the model server has, and Python only with tf.contrib
        with contextlib.redirect_stdout(sys.stderr):  # it prints
            dir(tf.contrib)
        meta_graph = tf.saved_model.loader.load(*arguments)
    return meta_graph.signature_def[signature]


def _run_first(session, signature, question):
    names = {key: info.name for key, info in signature.outputs.items()}
    refused = "JSON does not have its types"
    for number, inputs in enumerate(question["requests"]):
        try:
            feed = _fed(signature, inputs)
            values = session.run(names, feed)
        except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
            refused = str(error).split("\n")[0]
            continue
        outputs = {key: _as_json(key, value) for key, value in values.items()}
        only = next(iter(outputs.values()))
        answer = {"request": number, "outputs": outputs if len(outputs) > 1 else only}
        if "seconds" in question:
            run = functools.partial(session.run, names, feed)
            answer["latencies_ms"] = _latencies(run, question["seconds"])
        return answer
    return {"refused": refused}


def _latencies(run, seconds):
    latencies, now = [], perf_counter()
    end = now + seconds
    while now < end:
        run()
        before, now = now, perf_counter()
        latencies.append(round((now - before) * 1e3, 4))
    return latencies


def _fed(signature, inputs):
    return {
        signature.inputs[key].name: _array(rows, tf.as_dtype(signature.inputs[key].dtype))
        for key, rows in inputs.items()
    }


def _array(value, dtype):
    if dtype == tf.string:
        return np.array(_text(value), dtype=object)
    return np.array(value, dtype=dtype.as_numpy_dtype)


def _text(value):
    """Strings as bytes; {"b64": ...} is how JSON has bytes that are no text."""
    if isinstance(value, list):
        return [_text(one) for one in value]
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    return value.encode("utf-8")


def _as_json(key, value):
    value = np.asarray(value)
    if value.dtype == object:
        return _as_text(value.tolist(), key.endswith("_bytes"))
    return value.astype(np.float64).tolist() if value.dtype.kind == "V" else value.tolist()


def _as_text(value, in_base64):
    if isinstance(value, list):
        return [_as_text(one, in_base64) for one in value]
    if in_base64:
        return {"b64": base64.b64encode(value).decode()}
    return value.decode("utf-8", "replace")


def _describe(tensors):
    return {
        name: "{} {} {}".format(
            info.name, tf.as_dtype(info.dtype).name, [dim.size for dim in info.tensor_shape.dim]
        )
        for name, info in sorted(tensors.items())
    }


if __name__ == "__main__":
    main(sys.argv[1])
