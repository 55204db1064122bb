"""Loops take what is the same in every turn from before them, and give the same bits."""
import os
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

# Before hosting.model_server, which would put a bare package in its place (see native.py).
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    import tensorflow as tf

from hosting.model_server import flags, graph_file, loop_invariants, servable, server

SHAPE = (3, 4)
LENGTH = 24


class Built:
    """A graph x → y, and what it gives as it is and with its loops changed.

    `count`: what `move_out` said.
    """

    def __init__(self, build, turns=0, further_outputs=lambda: ()):
        graph = tf.Graph()
        with graph.as_default():
            tf.set_random_seed(1)
            x = tf.placeholder(tf.float32, [None] + list(SHAPE[1:]), name='x')
            turns_tensor = tf.placeholder_with_default(turns, [], name='turns')
            outputs = [tf.identity(build(x, turns_tensor), name='y').name]
            outputs += [tensor.name for tensor in further_outputs()]
            tf.global_variables_initializer()
        self._graph_def = graph.as_graph_def()
        self._changed = tf.GraphDef.FromString(self._graph_def.SerializeToString())
        self.count = loop_invariants.move_out(self._changed, outputs)

    @staticmethod
    def _run(graph_def, rows):
        """y twice and, for the second run, how many operations were run."""
        with tf.Session(graph=tf.Graph()) as session:
            tf.import_graph_def(graph_def, name='')
            if 'init' in {node.name for node in graph_def.node}:
                session.run('init')
            x = np.random.RandomState(2).normal(size=(rows,) + SHAPE[1:]).astype(np.float32)
            first = session.run('y:0', {'x:0': x})
            metadata = tf.RunMetadata()
            second = session.run(
                'y:0', {'x:0': x}, run_metadata=metadata,
                options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE))
        return first, second, sum(len(device.node_stats)
                                  for device in metadata.step_stats.dev_stats)

    def compare(self, rows=SHAPE[0]):
        """Checks that both give the same; returns the share of operations that are still run."""
        *expected, before = self._run(self._graph_def, rows)
        *found, after = self._run(self._changed, rows)
        for one, other in zip(expected, found):
            assert one.tobytes() == other.tobytes()
        return after / before


def variable(shape=(4, 8)):
    return tf.get_variable('v', shape, use_resource=True,
                           initializer=tf.random_normal_initializer(seed=3))


def variable_shape():
    return tf.get_variable('shape', [2], tf.int32, use_resource=True,
                           initializer=tf.constant_initializer(4))


def turned(square):
    """Four constants, transposed: in a branch they are not there when it is not taken."""
    return tf.reshape(tf.transpose(tf.constant(square)), [4])


def loop(body, *start):
    """A build function: y is the first value after a loop of `turns` with these values."""
    def build(x, turns):
        def step(i, *values):
            result = body(i, *values)
            return (i + 1,) + (tuple(result) if isinstance(result, (tuple, list)) else (result,))
        values = [x if value is None else tf.constant(value, tf.float32)
                  for value in start or [None]]
        shapes = [tf.TensorShape([])] + [tf.TensorShape(None) for _ in values]
        # One turn at a time: random numbers come in their order.
        return tf.while_loop(lambda i, *_: i < turns, step, [0] + values, shapes,
                             parallel_iterations=1)[1]
    return build


def layers(*make):
    """A build function: Keras layers over a sequence made of x."""
    def build(x, turns):
        sequence = tf.stack([x * factor for factor in range(1, LENGTH + 1)], axis=1)
        for one in make:
            sequence = one()(sequence)
        return sequence
    return build


keras = tf.keras.layers
RECURRENT = {
    'LSTM': [lambda: keras.LSTM(6)],
    'LSTM, one product for the gates': [lambda: keras.LSTM(6, implementation=2)],
    'GRU': [lambda: keras.GRU(6)],
    'GRU, reset after': [lambda: keras.GRU(6, reset_after=True, implementation=2)],
    'SimpleRNN': [lambda: keras.SimpleRNN(6)],
    'both directions': [lambda: keras.Bidirectional(keras.LSTM(6))],
    'two layers': [lambda: keras.LSTM(6, return_sequences=True), lambda: keras.GRU(3)],
    'masked': [lambda: keras.Masking(), lambda: keras.LSTM(6)],
}


@pytest.mark.parametrize('name', sorted(RECURRENT))
def test_recurrent_layers_give_the_same_bits(name):
    built = Built(layers(*RECURRENT[name]))
    assert built.count
    assert built.compare() < 1
    for rows in (1, 32):
        built.compare(rows)


def test_a_third_of_the_operations_of_an_lstm_is_saved():
    assert Built(layers(lambda: keras.LSTM(6))).compare() < 0.7


def test_a_loop_that_does_nothing_twice_stays_as_it_is():
    # It cuts its kernels before the loop.
    assert not Built(layers(lambda: keras.Reshape((LENGTH, 2, 2, 1)),
                            lambda: keras.ConvLSTM2D(2, (1, 1)))).count


def test_a_variable_that_the_loop_writes_is_read_in_each_turn():
    def body(_, value):
        v = variable((4,))
        with tf.control_dependencies([v.assign_add(tf.ones(4))]):
            return value + v.read_value()[0:4]
    built = Built(loop(body), turns=3)
    assert not built.count
    built.compare()


def test_a_variable_that_another_signature_writes_is_read_in_each_turn():
    written = []

    def build(x, turns):
        v = variable((4,))
        written.append(v.assign_add(tf.ones(4)))
        return loop(lambda _, value: value + v.read_value()[0:4])(x, turns)

    assert not Built(build, turns=3, further_outputs=lambda: written).count
    # Nobody can ask for the writing here.
    assert Built(build, turns=3).count


BODIES = {
    'a slice': lambda _, value: value + variable()[1, 0:4],
    'a slice is the next value': lambda _, value: variable()[0:3, 0:4],
    'split': lambda _, value: value + tf.split(variable(), 2, axis=1)[1][0],
    'unpacked, joined': lambda _, value: value + tf.concat(
        tf.unstack(tf.transpose(variable()))[:1], axis=0),
    'a branch': lambda i, value: tf.cond(
        tf.equal(i, 1), lambda: variable()[0, 0:4] + 0 * value, lambda: value),
    'branches of what is the same': lambda i, value: value + tf.cond(
        tf.equal(i % 2, 0), lambda: variable()[0, 0:4], lambda: tf.constant([1., 2., 3., 4.])),
    'branches of constants': lambda i, value: value + tf.cond(
        tf.equal(i % 2, 0), lambda: turned([[1., 2.], [3., 4.]]), lambda: turned([[5., 6.]] * 2)),
    'branches of what constants give': lambda i, value: value + tf.cond(
        tf.equal(i % 2, 0), lambda: tf.square(turned([[1., 2.], [3., 4.]])),
        lambda: tf.square(turned([[5., 6.]] * 2))),
    'random': lambda _, value: value + tf.random_uniform(variable_shape()[0:1], seed=5),
    'a loop in a loop': lambda i, value: value + tf.while_loop(
        lambda j, _: j < i, lambda j, inner: (j + 1, inner + variable()[1, 0:4]),
        [0, tf.zeros(4)])[1],
}


@pytest.mark.parametrize('turns', [0, 1, 4])
@pytest.mark.parametrize('name', sorted(BODIES))
def test_loops_of_all_kinds_give_the_same_bits(name, turns):
    def build(x, count):
        with tf.variable_scope('once', reuse=tf.AUTO_REUSE):
            return loop(BODIES[name])(x, count)
    Built(build, turns).compare()


@pytest.mark.parametrize('taken', [False, True])
def test_a_loop_in_a_branch_gives_the_same_bits(taken):
    def build(x, turns):
        v = variable()
        return tf.cond(turns > 0, lambda: loop(lambda _, value: value + v[1, 0:4])(x, turns),
                       lambda: x)
    built = Built(build, turns=3 if taken else 0)
    assert built.count
    built.compare()


def _step(kind, number, values, invariants):
    """One more value of a loop's body, of shape (4,) or (rows, 4)."""
    pool = values + invariants
    one, other = pool[number % len(pool)], pool[number // 7 % len(pool)]
    if kind == 'slice':
        invariants.append(variable()[number % 4, number % 5:number % 5 + 4])
    elif kind == 'split':
        invariants.append(tf.split(variable(), 2, axis=1)[number % 2][number % 4])
    elif kind == 'turn':
        invariants.append(tf.reshape(tf.transpose(tf.reshape(invariants[-1], [2, 2])), [4]))
    elif kind == 'constant':
        invariants.append(tf.constant([float(number)] * 4))
    elif kind == 'add':
        values.append(one + other)
    elif kind == 'branch':
        condition = tf.reduce_sum(one) > tf.reduce_sum(other)
        values.append(values[0] + tf.cond(condition, lambda: variable()[number % 4, 0:4],
                                          lambda: tf.constant([1., 2., 3., 4.])))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(['slice', 'split', 'turn', 'constant', 'add', 'branch']),
                          st.integers(0, 1000)), min_size=1, max_size=8),
       st.integers(0, 3), st.integers(0, 1000), st.integers(0, 1000))
def test_any_loop_gives_the_same_bits(steps, turns, first, second):
    def body(_, value, other):
        values, invariants = [value, value + other], [other]
        for kind, number in steps:
            _step(kind, number, values, invariants)
        pool = values + invariants
        return values[first % len(values)], tf.reshape(pool[second % len(pool)], [-1, 4])[0]

    def build(x, count):
        with tf.variable_scope('once', reuse=tf.AUTO_REUSE):
            return loop(body, None, [1., 2., 3., 4.])(x, count)

    Built(build, turns).compare()


@pytest.fixture
def saved_model(tmp_path):
    """The folder of a SavedModel of an LSTM."""
    path = str(tmp_path / 'model' / '1')
    with tf.Session(graph=tf.Graph()) as session:
        x = tf.placeholder(tf.float32, [None, 4])
        y = layers(lambda: keras.LSTM(6))(x, None)
        session.run(tf.global_variables_initializer())
        tf.saved_model.simple_save(session, path, {'x': x}, {'y': y})
    return path


def is_a_copy(path):
    with loop_invariants.moved_out(path) as folder:
        assert os.path.exists(os.path.join(folder, graph_file.NAME)) or folder == path
        copied = folder != path
    assert not copied or not os.path.exists(folder)
    return copied


def test_a_recurrent_model_is_loaded_from_a_copy_which_is_gone_afterwards(saved_model):
    assert is_a_copy(saved_model)


def test_a_model_with_assets_is_loaded_from_where_it_is(saved_model):
    os.mkdir(os.path.join(saved_model, 'assets'))
    assert not is_a_copy(saved_model)


@pytest.mark.parametrize('content', [b'', b'..LoopCond..', b'no graph'])
def test_what_is_no_graph_is_loaded_from_where_it_is(tmp_path, content):
    (tmp_path / graph_file.NAME).write_bytes(content)
    assert not is_a_copy(str(tmp_path))
    assert not is_a_copy(str(tmp_path / 'nothing'))


def test_a_very_large_graph_is_loaded_from_where_it_is(saved_model, monkeypatch):
    size = os.path.getsize(os.path.join(saved_model, graph_file.NAME))
    monkeypatch.setattr(loop_invariants, 'LARGEST', size - 1)
    assert not is_a_copy(saved_model)
    monkeypatch.setattr(loop_invariants, 'LARGEST', size)
    assert is_a_copy(saved_model)


def test_without_room_for_a_copy_a_model_is_loaded_from_where_it_is(
        saved_model, monkeypatch, caplog):
    monkeypatch.setattr(loop_invariants.tempfile, 'tempdir', os.path.join(saved_model, 'nowhere'))
    assert not is_a_copy(saved_model)
    assert 'stay as they are' in caplog.text


@pytest.fixture
def served(monkeypatch):
    """A function: the Servable of a folder, and its y for x."""
    monkeypatch.setenv('HOSTING_OPTIMIZE', '1')
    opened = []

    def serve(path):
        opened.append(servable.Servable(
            'model', 1, path, server.ServableOptions(flags.parse(['--model_base_path=/m']))))
        return lambda x: opened[-1].signatures['serving_default'].runner(('y',))([x])[0]

    yield serve
    for one in opened:
        one.close()


def test_nothing_is_rewritten_unless_asked_for(saved_model, served, monkeypatch):
    monkeypatch.delenv('HOSTING_OPTIMIZE')
    monkeypatch.setattr(loop_invariants, 'moved_out', None)
    assert served(saved_model)(np.ones((1, 4), np.float32)).shape[0] == 1
    options = server.ServableOptions(flags.parse(['--model_base_path=/m']))
    assert options.session_config(saved_model) == b''


def test_how_long_a_loop_takes_is_not_what_it_took_the_last_time(saved_model):
    one = servable.Servable('model', 1, saved_model,
                            server.ServableOptions(flags.parse(['--model_base_path=/m'])))
    assert not one.is_predictable
    one.close()


def test_a_servable_gives_what_session_run_gives(saved_model, served):
    x = np.random.RandomState(4).normal(size=(3, 4)).astype(np.float32)
    with tf.Session(graph=tf.Graph()) as session:
        meta_graph = tf.saved_model.loader.load(session, ['serve'], saved_model)
        signature = meta_graph.signature_def['serving_default']
        expected = session.run(signature.outputs['y'].name, {signature.inputs['x'].name: x})
    assert served(saved_model)(x).tobytes() == expected.tobytes()


def test_a_copy_that_cannot_be_loaded_does_not_keep_a_model_from_being_served(
        saved_model, served, monkeypatch, caplog):
    x = np.ones((1, 4), np.float32)
    expected = served(saved_model)(x)
    monkeypatch.setattr(loop_invariants, '_rewritten', lambda path: b'no graph')
    assert served(saved_model)(x).tobytes() == expected.tobytes()
    assert 'is loaded as it is' in caplog.text
