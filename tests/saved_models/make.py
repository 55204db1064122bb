"""Makes the small SavedModels that the tests serve; run by the serving Python.

    python tests/saved_models/make.py FOLDER [MODEL …]

Without names it makes all of them. See MODELS for what there is.
"""
import os
import sys

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import tensorflow as tf  # noqa: E402

tf.logging.set_verbosity(tf.logging.ERROR)


def save(folder, name, version, build):
    """Save what `build(session)` returns, a dictionary of signatures, as one version."""
    path = os.path.join(folder, name, str(version))
    with tf.Graph().as_default(), tf.Session() as session:
        signatures = build(session)
        session.run(tf.global_variables_initializer())
        builder = tf.saved_model.builder.SavedModelBuilder(path)
        builder.add_meta_graph_and_variables(
            session, [tf.saved_model.tag_constants.SERVING], signature_def_map=signatures)
        builder.save()


def predict_signature(inputs, outputs):
    """A predict signature of tensors by name."""
    return tf.saved_model.signature_def_utils.predict_signature_def(inputs, outputs)


def half_plus(number):
    """y = x/2 + number with a variable, x of shape [?] (a batch of scalars)."""
    def build(session):
        x = tf.placeholder(tf.float32, [None], name='x')
        half = tf.Variable(0.5, name='half')
        y = tf.add(half * x, float(number), name='y')
        return {'serving_default': predict_signature({'x': x}, {'y': y})}
    return build


def make_half_plus_two(folder):
    save(folder, 'half_plus_two', '00000123', half_plus(2))


def make_half_plus_three(folder):
    save(folder, 'half_plus_three', '00000123', half_plus(3))
    save(folder, 'half_plus_three', '00000124', half_plus(3.5))


MODELS = {
    'half_plus_two': make_half_plus_two,
    'half_plus_three': make_half_plus_three,
}


def main(folder, *names):
    for name in names or MODELS:
        MODELS[name](folder)


if __name__ == '__main__':
    main(*sys.argv[1:])
