"""article_graph: the article's network again, with a package's weights."""
import os

import numpy as np
import pytest
import tensorflow as tf

import article_graph
import determinism
import export
import train_v1

VECTORS = np.random.RandomState(1).rand(20, 6).astype(np.float32)
INPUTS = np.random.RandomState(2).randint(0, 20, size=(5, 64)).astype(np.float32)


def run(saved_model, rows):
    with tf.Session(graph=tf.Graph()) as session:
        meta_graph = tf.saved_model.loader.load(session, ['serve'], saved_model)
        signature = meta_graph.signature_def['serving_default']
        (inputs,), (outputs,) = signature.inputs.values(), signature.outputs.values()
        return session.run(outputs.name, {inputs.name: rows})


def test_it_is_the_articles_network_with_the_weights_of_the_package(tmp_path):
    determinism.new_session(1, True)
    model = train_v1.build_model(VECTORS, 4, 3)
    predicted = model.predict(INPUTS)
    args = type('Args', (), {'seed': 1, 'single_thread': True, 'sm_model_dir': str(tmp_path)})
    train_v1.save_serving_graph(model, args, INPUTS, predicted)
    written = str(tmp_path / 'article')
    article_graph.write(str(tmp_path / '1'), written)
    np.testing.assert_allclose(run(written, INPUTS), predicted, rtol=0, atol=1e-6)
    with tf.Session(graph=tf.Graph()) as session:
        meta_graph = tf.saved_model.loader.load(session, ['serve'], written)
        kinds = {node.op for node in meta_graph.graph_def.node}
    assert {'Enter', 'NextIteration'} <= kinds  # Keras' loops, one for each direction


def test_a_package_of_another_version_is_refused(tmp_path):
    with tf.Session(graph=tf.Graph()) as session:
        inputs = tf.placeholder(tf.float32, [None, 64], name='inputs')
        outputs = inputs * tf.get_variable('units', [], initializer=tf.ones_initializer())
        session.run(tf.global_variables_initializer())
        export.save_model(session, {'inputs': inputs}, {'y': outputs}, str(tmp_path))
    with pytest.raises(ValueError, match=r'expected a package of v1 .*the variables units'):
        article_graph.write(str(tmp_path / '1'), str(tmp_path / 'article'))
    assert not os.path.exists(str(tmp_path / 'article'))
