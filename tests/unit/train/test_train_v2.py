"""train_v2 from its files to its files, and what its serving graph owes to the trained one."""
import csv
import os

import numpy as np
import pytest
import tensorflow as tf
from test_train_v1 import Job

import channels
from encoding import ModelInputs


class JobV2(Job):
    script = 'train_v2.py'


ARGUMENTS = ['--epochs=3', '--batch-size=8', '--members=2', '--hidden=4', '--ngram-dimensions=2',
             '--single-thread=1', '--validation-split=0.25', '--seed=3']


@pytest.fixture(scope='module')
def job(sample, vectors_dir, tmp_path_factory):
    job = JobV2(tmp_path_factory.mktemp('job'), sample, vectors_dir).run(*ARGUMENTS)
    assert job.status == 0, job.errors
    return job


def run(job, signature_name, texts):
    """Outputs of a signature by name, for texts that the job's own files encode."""
    inputs = ModelInputs(str(job.output)).encode(texts)
    with tf.Session(graph=tf.Graph()) as session:
        meta_graph = tf.saved_model.loader.load(session, ['serve'], str(job.model / '1'))
        signature = meta_graph.signature_def[signature_name]
        return session.run(
            {name: info.name for name, info in signature.outputs.items()},
            {signature.inputs[name].name: rows for name, rows in inputs.items()})


def test_it_leaves_what_v1_leaves_and_the_specification_of_its_inputs(job):
    assert sorted(os.listdir(str(job.output))) == [
        'encoding.json', 'history.csv', 'labels.json', 'metrics.json', 'tokenizer.model',
        'vocabulary.json']
    specification = job.json('encoding.json')
    assert specification['ngrams'] == {
        'orders': [1, 2, 3], 'token_orders': [1, 2], 'buckets': 131072, 'length': 320}
    assert 0 <= specification['unknown_below'] <= 1


def test_the_accuracy_it_reports_is_that_of_the_model_it_saved(job):
    texts, truth = channels.read_split(str(job.root / 'test'))
    labels = job.json('labels.json')
    found = run(job, 'serving_default', texts)['probabilities'].argmax(axis=1)
    accuracy = np.mean([labels[place] == true for place, true in zip(found, truth)])
    assert job.json('metrics.json')['test_accuracy'] == pytest.approx(accuracy)


def test_the_epoch_of_the_lowest_validation_loss_is_taken_and_all_sentences_trained_on(job):
    with open(str(job.output / 'history.csv'), encoding='utf-8') as history:
        losses = [float(row['val_loss']) for row in csv.DictReader(history)]
    best = job.json('metrics.json')['best_epoch']
    assert losses[best - 1] == min(losses)
    sentences = len(channels.read_split(str(job.root / 'train'))[0])
    assert 'Refit on all {} sentences, {} epochs'.format(sentences, best) in job.log


def test_the_default_signature_has_one_output_as_v1_has(job):
    assert list(run(job, 'serving_default', ['電波が悪い'])) == ['probabilities']


def test_explain_gives_the_same_probabilities_and_weights_that_sum_to_one(job):
    texts = ['電波が悪い', '抹茶パフェ', 'あ' * 300]
    explained = run(job, 'explain', texts)
    plain = run(job, 'serving_default', texts)
    assert (explained['probabilities'] == plain['probabilities']).all()
    assert explained['weights'].sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


def test_padding_has_no_weight(job):
    inputs = ModelInputs(str(job.output)).encode(['電波が悪い'])['inputs'][0]
    (weights,) = run(job, 'explain', ['電波が悪い'])['weights']
    padded = np.array(inputs) == 0
    assert padded.any() and not padded.all()
    assert (weights[padded] == 0).all()
    assert (weights[~padded] > 0).all()


def test_a_sentence_is_answered_alike_alone_and_among_others(job):
    texts = ['電波が悪い', '抹茶パフェ', '清水寺']
    together = run(job, 'serving_default', texts)['probabilities']
    alone = [run(job, 'serving_default', [text])['probabilities'][0] for text in texts]
    assert together == pytest.approx(np.array(alone), abs=1e-6)


def test_an_ngram_that_training_never_saw_counts_for_nothing(job):
    buckets = job.json('encoding.json')['ngrams']['buckets']
    variables = str(job.model / '1' / 'variables' / 'variables')
    vectors = np.hstack([
        tf.train.load_variable(variables, name)
        for name, shape in tf.train.list_variables(variables) if shape[0] == buckets])
    assert vectors.shape == (buckets, 2 * 2)  # members, dimensions
    trained = ModelInputs(str(job.output)).encode(
        channels.read_split(str(job.root / 'train'))[0])['ngrams']
    seen = np.zeros(len(vectors), dtype=bool)
    seen[np.unique(trained)] = True
    assert (vectors[~seen] == 0).all()
    # Not all: a short training leaves some out (n-gram dropout).
    assert (vectors[seen] != 0).any(axis=1).mean() > 0.5


def test_the_saved_graph_holds_no_training_node(job):
    with tf.Session(graph=tf.Graph()) as session:
        tf.saved_model.loader.load(session, ['serve'], str(job.model / '1'))
        kinds = {node.op for node in session.graph.as_graph_def().node}
    assert not {kind for kind in kinds if 'Adam' in kind or 'Random' in kind or 'Grad' in kind}


def test_the_same_seed_gives_the_same_bytes(job, sample, vectors_dir, tmp_path):
    again = JobV2(tmp_path / 'again', sample, vectors_dir).run(*ARGUMENTS, fresh=True)
    assert again.status == 0, again.errors
    for name in ('1/saved_model.pb', '1/variables/variables.data-00000-of-00001'):
        assert (again.model / name).read_bytes() == (job.model / name).read_bytes(), name
    assert again.json('metrics.json') == job.json('metrics.json')


def test_a_share_of_less_than_one_sentence_holds_one_back(sample, vectors_dir, tmp_path):
    job = JobV2(tmp_path, sample, vectors_dir).run(*ARGUMENTS[:-2], '--validation-split=0.02')
    assert job.status == 0, job.errors
    assert job.json('metrics.json')['monitor'] == 'val_loss'
