"""The article's direct check: a packed model run in a TensorFlow session, no endpoint.

    python -m hosting.direct_session <model directory> < sentences.json

Standard input is a JSON list of sentences; standard output gets a JSON object with
``probabilities`` (a row a sentence), ``signature`` and ``tensorflow``. The encoder
is the one in the package's own code/ directory.
"""
import importlib
import json
import os
import sys

import tensorflow as tf

SIGNATURE = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def main(model_dir):
    code = os.path.join(model_dir, 'code')
    sys.path[:0] = [os.path.join(code, 'lib'), code]
    features = importlib.import_module('encoding').ModelInputs(code)
    sentences = json.load(sys.stdin)
    version = max((name for name in os.listdir(model_dir) if name.isdigit()), key=int)
    with tf.Session(graph=tf.Graph()) as session:
        meta_graph = tf.saved_model.loader.load(
            session, [tf.saved_model.tag_constants.SERVING], os.path.join(model_dir, version))
        signature = meta_graph.signature_def[SIGNATURE]
        model_output, = signature.outputs.values()
        probabilities = session.run(model_output.name, {
            signature.inputs[name].name: rows for name, rows in features.encode(sentences).items()})
    json.dump({'probabilities': probabilities.tolist(), 'tensorflow': tf.__version__,
               'signature': {'inputs': _describe(signature.inputs),
                             'outputs': _describe(signature.outputs)}}, sys.stdout)


def _describe(tensors):
    return {name: '{} {} {}'.format(
        info.name, tf.as_dtype(info.dtype).name, [dim.size for dim in info.tensor_shape.dim])
        for name, info in sorted(tensors.items())}


if __name__ == '__main__':
    main(sys.argv[1])
