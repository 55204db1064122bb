"""serving_v1 and serving_lstm: the served graph gives what Keras' network gives."""
import os
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from conftest import ROOT
from tensorflow.python.framework.errors_impl import InvalidArgumentError
from tensorflow.python.keras.layers import GRU, LSTM, Bidirectional

import determinism
import export
import serving_lstm
import serving_v1
import train_v1
from encoding import INPUT_LENGTH, Encoder
from hosting.model_server.graph import independence
from vectors import load_vectors

TOLERANCE = 1e-6
CLASSES = 4
UNITS = 32


def trained(vectors, units=UNITS, seed=1):
    """train_v1's model with other weights than the first ones, and with biases."""
    determinism.new_session(seed, True)
    model = train_v1.build_model(vectors, units, CLASSES)
    random = np.random.RandomState(seed)
    model.set_weights([vectors] + [
        (array + random.normal(size=array.shape) * 0.1).astype(np.float32)
        for array in model.get_weights()[1:]])
    return model


def served(model):
    """The serving graph: a function of rows."""
    arrays = serving_v1.fold(model)
    session = tf.Session(graph=tf.Graph())
    with session.graph.as_default():
        inputs, outputs = serving_v1.build(session, arrays, 'input_1', 'dense_1/Softmax')
    return lambda rows: session.run(outputs, {inputs: rows})


def padded(random, lengths, tokens):
    rows = np.zeros((len(lengths), INPUT_LENGTH), np.float32)
    for row, length in zip(rows, lengths):
        row[INPUT_LENGTH - length:] = random.randint(0, tokens, size=length)
    return rows


@pytest.fixture(scope='module')
def channel(vectors_dir, tmp_path_factory):
    """(vectors, encoder) of the channel that is learnt from the sample."""
    tokenizer, tokens, vectors = load_vectors(vectors_dir)
    output = str(tmp_path_factory.mktemp('encoding'))
    return vectors, Encoder(*export.save_encoding(tokenizer, tokens, output))


@pytest.fixture(scope='module')
def sentences(channel, sample):
    return np.array([channel[1].encode(text) for text, _ in sample], dtype=np.float32)


@pytest.fixture(scope='module')
def pair(channel):
    """(Keras' predictions, the serving graph's) as functions of rows."""
    model = trained(channel[0])
    graph = served(model)
    return model.predict, graph


def same(pair, rows):
    expected, found = pair[0](rows, batch_size=256), pair[1](rows)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)
    return found


def test_every_sentence_of_the_sample_gets_the_trained_models_probabilities(pair, sentences):
    found = [same(pair, sentences[start:start + 100]) for start in range(0, len(sentences), 100)]
    spread = np.ptp(np.concatenate(found), axis=0)
    assert (spread > 1000 * TOLERANCE).all(), 'the sentences have to make a difference'


@pytest.mark.parametrize('batch', [1, 2, 3, 8, 31, 64, 257])
def test_random_tokens_of_every_length_in_batches_of_every_size(pair, channel, batch):
    random = np.random.RandomState(batch)
    for lengths in (random.randint(0, 65, size=batch), random.randint(0, 4, size=batch)):
        same(pair, padded(random, lengths, len(channel[0])))


@pytest.mark.parametrize('length', range(65))
def test_a_sentence_of_every_length_alone(pair, channel, length):
    same(pair, padded(np.random.RandomState(length), [length], len(channel[0])))


def test_a_sentence_gets_the_same_in_any_company(pair, channel):
    random = np.random.RandomState(5)
    rows = padded(random, [0, 3, 64, 17, 1, 63], len(channel[0]))
    np.testing.assert_allclose(
        np.concatenate([pair[1](rows[place:place + 1]) for place in range(len(rows))]),
        pair[1](rows), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize('places', [[0], [5, 6, 63], range(0, 64, 2), range(40)])
def test_padding_elsewhere_than_at_the_front(pair, channel, places):
    rows = np.random.RandomState(3).randint(1, len(channel[0]), size=(4, 64)).astype(np.float32)
    rows[:, list(places)] = 0
    same(pair, rows)


def test_no_rows_give_no_rows(pair):
    assert pair[1](np.zeros((0, INPUT_LENGTH), np.float32)).shape == (0, CLASSES)


@pytest.mark.parametrize('units', [1, 4, 33])
def test_any_number_of_units_and_a_padding_that_is_not_zero(units):
    random = np.random.RandomState(units)
    vectors = random.normal(size=(50, 7)).astype(np.float32)
    model = trained(vectors, units)
    graph = served(model)
    same((model.predict, graph), padded(random, [0, 1, 20, 64], 50))


@pytest.mark.parametrize('token', [-1, 100000])
@pytest.mark.parametrize('place', [0, 63])
def test_a_token_that_is_not_in_the_vocabulary_is_refused(pair, token, place):
    rows = np.zeros((2, INPUT_LENGTH), np.float32)
    rows[1, place] = token
    with pytest.raises(InvalidArgumentError, match=r'= {} is not in \[0, '.format(token)):
        pair[1](rows)


@pytest.mark.parametrize('length', [1, 63, 65, 128])
def test_rows_of_another_length_are_refused_where_the_signature_is_not_looked_at(length):
    """As in TensorFlow Serving, which feeds whatever a request holds."""
    vectors = np.random.RandomState(1).normal(size=(50, 7)).astype(np.float32)
    arrays = serving_v1.fold(trained(vectors, 4))
    with tf.Session(graph=tf.Graph()) as session:
        serving_v1.build(session, arrays, 'input_1', 'classes')
        graph_def = tf.graph_util.convert_variables_to_constants(
            session, session.graph_def, ['classes'])
    with tf.Session(graph=tf.Graph()) as session:
        given = tf.placeholder(tf.float32)
        outputs, = tf.import_graph_def(graph_def, {'input_1:0': given}, ['classes:0'])
        with pytest.raises(InvalidArgumentError, match=r'expected shape \[\?,64\]'):
            session.run(outputs, {given: np.ones((2, length))})


# --- the files --------------------------------------------------------------------------------

def save(directory, vectors, seed=1):
    model = trained(vectors, seed=seed)
    rows = padded(np.random.RandomState(9), range(65), len(vectors))
    args = type('Args', (), {'seed': 1, 'single_thread': True, 'sm_model_dir': str(directory)})
    expected = model.predict(rows)
    names = model.input.name, model.output.name
    train_v1.save_serving_graph(model, args, rows, expected)
    return names, rows, expected


@pytest.fixture(scope='module')
def saved(channel, tmp_path_factory):
    """(directory, (input name, output name) of Keras' model, rows, probabilities)."""
    directory = tmp_path_factory.mktemp('saved')
    return (str(directory),) + save(directory, channel[0])


def files(directory):
    for name in ('saved_model.pb', 'variables/variables.index',
                 'variables/variables.data-00000-of-00001'):
        with open(os.path.join(str(directory), '1', name), 'rb') as source:
            yield source.read()


def test_the_same_weights_give_the_same_bytes(saved, channel, tmp_path):
    save(tmp_path, channel[0])
    assert list(files(tmp_path)) == list(files(saved[0]))


def test_signature_names_and_shapes_are_those_of_the_articles_graph(saved):
    directory, (input_name, output_name), _, _ = saved
    with tf.Session(graph=tf.Graph()) as session:
        meta_graph = tf.saved_model.loader.load(session, ['serve'], os.path.join(directory, '1'))
    (name, signature), = meta_graph.signature_def.items()
    assert (name, signature.method_name) == ('serving_default', 'tensorflow/serving/predict')
    inputs, outputs = signature.inputs['inputs'], signature.outputs[output_name]
    assert (len(signature.inputs), len(signature.outputs)) == (1, 1)
    assert (inputs.name, outputs.name) == (input_name, output_name)
    assert inputs.dtype == outputs.dtype == tf.float32.as_datatype_enum
    assert [dim.size for dim in inputs.tensor_shape.dim] == [-1, 64]
    assert [dim.size for dim in outputs.tensor_shape.dim] == [-1, CLASSES]


def test_the_graph_has_no_loop_no_weights_and_few_nodes(saved):
    with tf.Session(graph=tf.Graph()) as session:
        graph = tf.saved_model.loader.load(
            session, ['serve'], os.path.join(saved[0], '1')).graph_def
    assert not {node.op for node in graph.node} & {'Enter', 'Switch', 'While', 'If'}
    assert graph.ByteSize() < 100000
    assert len(graph.node) < 800


def test_requests_share_runs_though_the_graph_looks_for_what_sentences_share(saved):
    with tf.Session(graph=tf.Graph()) as session:
        graph = tf.saved_model.loader.load(
            session, ['serve'], os.path.join(saved[0], '1')).graph_def
    assert independence.Graph(graph).mixing_operation(
        ['input_1:0'], ['dense_1/Softmax:0']) is None


LOAD = """
import sys
import numpy as np
import tensorflow as tf
with tf.Session(graph=tf.Graph()) as session:
    meta_graph = tf.saved_model.loader.load(session, ['serve'], sys.argv[1])
    signature = meta_graph.signature_def['serving_default']
    (inputs,), (outputs,) = signature.inputs.values(), signature.outputs.values()
    np.save(sys.argv[3], session.run(outputs.name, {inputs.name: np.load(sys.argv[2])}))
print(tf.__version__)
"""


@pytest.mark.parametrize('environment, version', [('train', '1.12.0'), ('serve', '1.13.1')])
def test_it_loads_and_answers_the_same_in_both_environments(saved, tmp_path, environment, version):
    directory, _, rows, expected = saved
    python = os.path.join(ROOT, '.venvs', environment, 'bin', 'python')
    if not os.path.exists(python):
        pytest.skip('{} is missing: make setup'.format(python))
    given, found = str(tmp_path / 'rows.npy'), str(tmp_path / 'found.npy')
    np.save(given, rows)
    done = subprocess.run(
        [python, '-c', LOAD, os.path.join(directory, '1'), given, found],
        env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL='2', PYTHONPATH=''), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().strip() == version
    np.testing.assert_allclose(np.load(found), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize('wrong', [1e-3, np.nan])
def test_a_graph_that_differs_is_not_exported(channel, tmp_path, wrong):
    model = trained(channel[0], 4)
    args = type('Args', (), {'seed': 1, 'single_thread': True, 'sm_model_dir': str(tmp_path)})
    rows = padded(np.random.RandomState(9), [5, 6], len(channel[0]))
    expected = model.predict(rows) + wrong
    with pytest.raises(AssertionError, match='the serving graph differs'):
        train_v1.save_serving_graph(model, args, rows, expected)
    assert os.listdir(str(tmp_path)) == []


# --- the LSTM ---------------------------------------------------------------------------------

def layer(**options):
    tf.keras.backend.clear_session()
    made = Bidirectional(LSTM(3, **options))
    made.build((None, INPUT_LENGTH, 5))
    return made


def test_unfolding_gives_the_weights_again():
    made = layer(bias_initializer='random_normal')
    for found, expected in zip(serving_lstm.unfold(serving_lstm.fold(made)), made.get_weights()):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=3e-7)


@pytest.mark.parametrize('options', [
    {'recurrent_activation': 'sigmoid'}, {'activation': 'relu'}, {'use_bias': False},
    {'return_sequences': True}])
def test_an_lstm_that_computes_something_else_is_refused(options):
    with pytest.raises(ValueError, match='expected an LSTM with'):
        serving_lstm.fold(layer(**options))


def test_another_recurrent_layer_is_refused():
    tf.keras.backend.clear_session()
    made = Bidirectional(GRU(3))
    made.build((None, INPUT_LENGTH, 5))
    with pytest.raises(ValueError, match='expected an LSTM'):
        serving_lstm.fold(made)
