"""export and determinism: the same weights give the same bytes, in a graph that only predicts."""
import csv
import json
import os

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import determinism
import export
import train_v1

VECTORS = np.random.RandomState(1).rand(20, 6).astype(np.float32)
VECTORS[0] = 0
INPUTS = np.random.RandomState(2).randint(0, 20, size=(5, 64)).astype(np.float32)


def save(directory, seed=1, classes=3):
    """A fresh model of that seed, saved; what it predicts for INPUTS."""
    session = determinism.new_session(seed, True)
    tf.keras.backend.set_learning_phase(0)
    model = train_v1.build_model(VECTORS, 4, classes)
    predicted = model.predict(INPUTS)
    export.save_model(session, {'inputs': model.input},
                      {tensor.name: tensor for tensor in model.outputs}, str(directory))
    return predicted


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    directory = tmp_path_factory.mktemp('saved')
    return str(directory), save(directory)


def content(directory):
    found = {}
    for folder, _, names in os.walk(str(directory)):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, 'rb') as source:
                found[os.path.relpath(path, str(directory))] = source.read()
    return found


def test_a_saved_model_lies_under_a_number(saved):
    directory, _ = saved
    assert sorted(content(directory)) == [
        '1/saved_model.pb', '1/variables/variables.data-00000-of-00001',
        '1/variables/variables.index']


def test_the_same_weights_give_the_same_bytes(saved, tmp_path):
    directory, _ = saved
    save(tmp_path)
    assert content(tmp_path) == content(directory)


def test_other_weights_give_other_bytes(saved, tmp_path):
    directory, _ = saved
    save(tmp_path, seed=2)
    name = '1/variables/variables.data-00000-of-00001'
    assert content(tmp_path)[name] != content(directory)[name]


def test_it_loads_in_a_session_and_predicts_the_same(saved):
    directory, predicted = saved
    with tf.Session(graph=tf.Graph()) as session:
        meta_graph = tf.saved_model.loader.load(
            session, [tf.saved_model.tag_constants.SERVING], os.path.join(directory, '1'))
        signature = meta_graph.signature_def['serving_default']
        (inputs,), (outputs,) = signature.inputs.values(), signature.outputs.values()
        found = session.run(outputs.name, {inputs.name: INPUTS})
    np.testing.assert_allclose(found, predicted, rtol=0, atol=1e-7)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-6)


def meta_graph_of(directory):
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString(content(directory)['1/saved_model.pb'])
    (meta_graph,) = saved_model.meta_graphs
    return meta_graph


def test_the_one_signature_is_that_of_the_article(saved):
    meta_graph = meta_graph_of(saved[0])
    assert list(meta_graph.signature_def) == ['serving_default']
    signature = meta_graph.signature_def['serving_default']
    assert signature.method_name == 'tensorflow/serving/predict'
    assert list(signature.inputs) == ['inputs']
    (name,) = signature.outputs
    assert 'Softmax' in name
    assert signature.inputs['inputs'].dtype == tf.float32.as_datatype_enum
    assert [dim.size for dim in signature.inputs['inputs'].tensor_shape.dim] == [-1, 64]
    assert [dim.size for dim in signature.outputs[name].tensor_shape.dim] == [-1, 3]


def test_the_graph_holds_no_node_of_training_or_initialising(saved):
    meta_graph = meta_graph_of(saved[0])
    names = [node.name for node in meta_graph.graph_def.node]
    assert [name for name in names if 'training' in name or 'initializer' in name.lower()] == []
    assert [name for name in names if 'IsVariableInitialized' in name] == []
    assert not meta_graph.collection_def


def test_no_name_of_this_machine_is_in_it(saved):
    directory, _ = saved
    for name, data in content(directory).items():
        assert os.path.basename(directory).encode() not in data, name


def test_a_model_is_not_saved_over_another(saved):
    with pytest.raises(AssertionError):
        save(saved[0])


def test_the_same_seed_gives_the_same_numbers():
    def draw(seed):
        session = determinism.new_session(seed, True)
        return np.random.rand(), session.run(tf.random_normal([3])).tolist()

    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


@pytest.mark.parametrize('single_thread, threads', [(True, 1), (False, 0)])
def test_single_thread_is_one_thread(monkeypatch, single_thread, threads):
    configs = []
    real = tf.Session

    def session(config):
        configs.append(config)
        return real(config=config)

    monkeypatch.setattr(tf, 'Session', session)
    made = determinism.new_session(1, single_thread)
    assert configs[-1].intra_op_parallelism_threads == threads
    assert configs[-1].inter_op_parallelism_threads == threads
    assert tf.keras.backend.get_session() is made


def test_labels_are_json_and_no_pickle(tmp_path):
    export.save_labels(['京都', 'グルメ'], str(tmp_path))
    text = (tmp_path / 'labels.json').read_text(encoding='utf-8')
    assert text == '["京都", "グルメ"]\n'
    assert os.listdir(str(tmp_path)) == ['labels.json']


def test_the_encoding_is_the_tokenizer_itself_and_the_vocabulary_in_order(tmp_path):
    (tmp_path / 'tokenizer.model').write_bytes(b'\x00pieces')
    (tmp_path / 'out').mkdir()
    paths = export.save_encoding(str(tmp_path / 'tokenizer.model'), ['<pad>', '▁', '電波'],
                                 str(tmp_path / 'out'))
    assert [os.path.basename(path) for path in paths] == ['tokenizer.model', 'vocabulary.json']
    assert (tmp_path / 'out' / 'tokenizer.model').read_bytes() == b'\x00pieces'
    vocabulary = json.loads((tmp_path / 'out' / 'vocabulary.json').read_text(encoding='utf-8'))
    assert vocabulary == ['<pad>', '▁', '電波']


def test_history_is_a_row_an_epoch_and_a_column_a_metric(tmp_path):
    export.save_history({'val_acc': [0.5, 0.25], 'loss': [1.0, np.float32(1) / 3]}, str(tmp_path))
    with open(str(tmp_path / 'history.csv'), encoding='utf-8', newline='') as source:
        rows = list(csv.DictReader(source))
    assert [list(row) for row in rows] == [['epoch', 'loss', 'val_acc']] * 2
    assert [row['epoch'] for row in rows] == ['1', '2']
    assert [float(row['val_acc']) for row in rows] == [0.5, 0.25]
    assert float(rows[1]['loss']) == pytest.approx(1 / 3, abs=1e-7)


def test_the_epoch_kept_is_the_first_of_the_lowest_loss_or_the_highest_accuracy():
    history = {'val_loss': [0.5, 0.3, 0.3, 0.4], 'acc': [0.5, 0.6, 0.9, 0.9]}
    assert export.best_epoch(history, 'val_loss') == {'monitor': 'val_loss', 'best_epoch': 2}
    assert export.best_epoch(history, 'acc') == {'monitor': 'acc', 'best_epoch': 3}
