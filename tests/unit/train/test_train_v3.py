"""train_v3 from its files to its files, and its graph against the trained network."""
import csv
import os
import shutil

import made_encoder
import numpy as np
import pytest
import tensorflow as tf
from test_train_v1 import Job

import channels
from encoding import ModelInputs


class JobV3(Job):
    script = 'train_v3.py'


ARGUMENTS = ['--epochs=1', '--rank=4', '--single-thread=1', '--validation-split=0.25', '--seed=3']


@pytest.fixture(scope='module')
def encoder_dir(vectors_dir, tmp_path_factory):
    directory = tmp_path_factory.mktemp('encoder') / 'vectors'
    shutil.copytree(vectors_dir, str(directory))
    made_encoder.write(str(directory), os.path.join(vectors_dir, 'tokenizer.model'))
    return str(directory)


@pytest.fixture(scope='module')
def job(sample, encoder_dir, tmp_path_factory):
    job = JobV3(tmp_path_factory.mktemp('job'), sample, encoder_dir).run(*ARGUMENTS)
    assert job.status == 0, job.errors
    return job


def probabilities(job, texts):
    inputs = ModelInputs(str(job.output)).encode(texts)
    with tf.Session(graph=tf.Graph()) as session:
        meta_graph = tf.saved_model.loader.load(session, ['serve'], str(job.model / '1'))
        signature = meta_graph.signature_def['serving_default']
        assert sorted(signature.inputs) == sorted(inputs)
        return session.run(signature.outputs['probabilities'].name, {
            signature.inputs[name].name: rows for name, rows in inputs.items()})


def test_it_leaves_what_v2_leaves_and_the_encoders_tokenizer(job, encoder_dir):
    assert sorted(os.listdir(str(job.output))) == [
        'encoder.model', 'encoding.json', 'history.csv', 'labels.json', 'metrics.json',
        'tokenizer.model', 'vocabulary.json']
    assert job.json('encoding.json')['pieces'] == {'length': 96}
    with open(os.path.join(encoder_dir, 'encoder.model'), 'rb') as one, \
            open(str(job.output / 'encoder.model'), 'rb') as other:
        assert one.read() == other.read()


def test_the_accuracy_it_reports_is_that_of_the_model_it_saved(job):
    texts, truth = channels.read_split(str(job.root / 'test'))
    labels = job.json('labels.json')
    found = probabilities(job, texts).argmax(axis=1)
    accuracy = np.mean([labels[place] == true for place, true in zip(found, truth)])
    assert job.json('metrics.json')['test_accuracy'] == pytest.approx(accuracy)


def test_the_small_encoder_comes_nearer_to_the_whole_one_with_each_epoch(
        sample, encoder_dir, tmp_path):
    job = JobV3(tmp_path, sample, encoder_dir).run(*ARGUMENTS, '--epochs=3')
    with open(str(job.output / 'history.csv'), encoding='utf-8') as history:
        losses = [float(row['loss']) for row in csv.DictReader(history)]
    assert len(losses) == 3
    assert losses[0] > losses[1] > losses[2]


def test_a_sentence_gets_the_same_answer_in_any_company(job):
    texts = ['電波が悪い', '抹茶パフェ', 'あ' * 300, '📱']
    together = probabilities(job, texts)
    alone = np.concatenate([probabilities(job, [text]) for text in texts])
    assert np.abs(together - alone).max() < 1e-6
    assert together.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-5)


def test_vectors_without_an_encoder_end_it_with_one_line(sample, vectors_dir, tmp_path):
    job = JobV3(tmp_path, sample, vectors_dir).run(*ARGUMENTS)
    assert job.status != 0
    assert 'make vectors VECTORS=encoder' in job.errors.splitlines()[-1]
