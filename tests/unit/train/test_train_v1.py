"""train_v1 from its files to its files: 40 sentences, one epoch, as SageMaker starts it."""
import csv
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import trainer
from conftest import SRC

import arguments
import channels
import train_v1
from encoding import Encoder

LABELS = ['グルメ', '携帯電話', '京都', 'スポーツ']


def lay_split(directory, rows):
    directory.mkdir(parents=True)
    for name, column, index in (('features', 'feature', 0), ('labels', 'label', 1)):
        with open(str(directory / (name + '.csv')), 'w', encoding='utf-8', newline='') as target:
            writer = csv.writer(target, quoting=csv.QUOTE_ALL)
            writer.writerow([column])
            writer.writerows([row[index]] for row in rows)


class Job:
    """Channels and result directories of a job, and how it is run."""

    script = 'train_v1.py'

    def __init__(self, root, sample, vectors_dir):
        self.root = root
        rows = [row for label in LABELS for row in [r for r in sample if r[1] == label][:14]]
        rows = rows[::4] + rows[1::4] + rows[2::4] + rows[3::4]
        lay_split(root / 'train', rows[:40])
        lay_split(root / 'test', rows[40:])
        self.model, self.output = root / 'model', root / 'output'
        self.environment = {
            'SM_CHANNEL_TRAIN': root / 'train', 'SM_CHANNEL_TEST': root / 'test',
            'SM_CHANNEL_VECTORS': vectors_dir, 'SM_MODEL_DIR': self.model,
            'SM_OUTPUT_DATA_DIR': self.output}

    def run(self, *argv, fresh=False):
        """`fresh`: in a Python of its own."""
        for directory in (self.model, self.output):
            directory.mkdir()
        environment = dict(os.environ, PYTHONHASHSEED='0', TF_CPP_MIN_LOG_LEVEL='1',
                           PYTHONPATH=os.pathsep.join([SRC, os.environ.get('PYTHONPATH', '')]))
        environment.update((name, str(value)) for name, value in self.environment.items())
        script = os.path.join(SRC, 'train', self.script)
        log, errors = self.root / 'log', self.root / 'errors'
        if fresh:
            with log.open('wb') as out, errors.open('wb') as err:
                self.status = subprocess.call([sys.executable, script] + list(argv), stdout=out,
                                              stderr=err, env=environment)
        else:
            self.status = trainer.run(script, list(argv), environment, str(log), str(errors))
        self.log, self.errors = (path.read_bytes().decode() for path in (log, errors))
        return self

    def json(self, name):
        return json.loads((self.output / name).read_text(encoding='utf-8'))


@pytest.fixture(scope='module')
def job(sample, vectors_dir, tmp_path_factory):
    job = Job(tmp_path_factory.mktemp('job'), sample, vectors_dir)
    job.run('--epochs', '1', '--batch_size', '8', '--hidden', '4', '--single-thread', 'True',
            '--validation-split', '0.25', '--model_dir', 's3://bucket/x/model', '--seed', '3')
    assert job.status == 0, job.errors
    return job


def test_it_leaves_a_servable_model_and_the_files_that_the_endpoint_reads(job):
    assert sorted(os.listdir(str(job.model))) == ['1']
    assert sorted(os.listdir(str(job.output))) == [
        'history.csv', 'labels.json', 'metrics.json', 'tokenizer.model', 'vocabulary.json']


def test_labels_are_in_the_order_of_the_training_channel(job):
    _, labels = channels.read_split(str(job.root / 'train'))
    assert job.json('labels.json') == channels.label_order(labels)
    assert sorted(job.json('labels.json')) == sorted(LABELS)


def test_the_history_has_the_articles_metrics(job):
    with open(str(job.output / 'history.csv'), encoding='utf-8', newline='') as source:
        (row,) = csv.DictReader(source)
    assert row.pop('epoch') == '1'
    # Keras of TensorFlow 1.12 writes the metrics' names out.
    names = {'loss', 'acc', 'mean_squared_error', 'mean_absolute_error'}
    assert set(row) == names | {'val_' + name for name in names} | {'test_acc'}
    assert float(row['test_acc']) == pytest.approx(job.json('metrics.json')['test_accuracy'])
    assert all(np.isfinite(float(value)) for value in row.values())


def test_the_test_channel_is_evaluated(job):
    metrics = job.json('metrics.json')
    assert metrics['test_sentences'] == 16
    assert metrics['tensorflow'] == '1.12.0'
    given = {'epochs': 1, 'batch_size': 8, 'hidden': 4, 'validation_split': 0.25, 'seed': 3,
             'single_thread': True, 'container_log_level': 20}
    assert {name: metrics['hyperparameters'][name] for name in given} == given
    line = 'test_accuracy={:.4f} test_sentences=16'.format(metrics['test_accuracy'])
    assert line in job.log.splitlines()


def predictions(job, texts):
    """What the saved model says of texts that its own encoder encoded."""
    encoder = Encoder(str(job.output / 'tokenizer.model'), str(job.output / 'vocabulary.json'))
    with tf.Session(graph=tf.Graph()) as session:
        meta_graph = tf.saved_model.loader.load(session, ['serve'], str(job.model / '1'))
        signature = meta_graph.signature_def['serving_default']
        (inputs,), (outputs,) = signature.inputs.values(), signature.outputs.values()
        return session.run(outputs.name, {inputs.name: [encoder.encode(text) for text in texts]})


def test_the_accuracy_it_reports_is_that_of_the_model_it_saved(job):
    texts, truth = channels.read_split(str(job.root / 'test'))
    labels = job.json('labels.json')
    found = [labels[place] for place in predictions(job, texts).argmax(axis=1)]
    accuracy = np.mean([label == true for label, true in zip(found, truth)])
    assert job.json('metrics.json')['test_accuracy'] == pytest.approx(accuracy)


def test_an_epoch_is_one_line_of_the_log(job):
    pattern = r'^ - \d+s - loss: \S+ - acc: \S+ .* - val_acc: \S+ '
    lines = [line for line in job.log.splitlines() if re.match(pattern, line)]
    assert len(lines) == 1
    assert 'Epoch 1/1' in job.log
    assert 'Train on 30 samples, validate on 10 samples' in job.log


def test_the_same_seed_gives_the_same_bytes(job, sample, vectors_dir, tmp_path):
    again = Job(tmp_path / 'again', sample, vectors_dir).run(
        '--epochs=1', '--batch-size=8', '--hidden=4', '--single-thread=1',
        '--validation-split=0.25', '--seed=3', fresh=True)
    assert again.status == 0, again.errors
    for name in ('1/saved_model.pb', '1/variables/variables.data-00000-of-00001',
                 '1/variables/variables.index'):
        assert (again.model / name).read_bytes() == (job.model / name).read_bytes(), name
    for name in os.listdir(str(job.output)):
        assert (again.output / name).read_bytes() == (job.output / name).read_bytes(), name


@pytest.mark.parametrize('name, value', [
    ('epochs', '0'), ('batch-size', '-1'), ('hidden', '0'), ('validation-split', '1'),
    ('validation-split', '-0.1'), ('seed', '-1'), ('epochs', '1e3'),
])
def test_a_value_that_cannot_train_is_refused(monkeypatch, capsys, name, value):
    for _, variable in arguments.DIRECTORIES:
        monkeypatch.setenv(variable, 'x')
    with pytest.raises(SystemExit) as caught:
        train_v1.main(['--' + name, value])
    assert caught.value.code == 2
    assert 'argument --' + name in capsys.readouterr().err


def test_the_defaults_are_the_articles():
    defaults = {name: default for name, _, default, _ in train_v1.HYPERPARAMETERS}
    assert (defaults['epochs'], defaults['batch-size']) == (10, 100)
    assert (defaults['hidden'], defaults['validation-split']) == (32, 0.1)
    assert defaults['dropout'] == 0.1
    nadam = tf.keras.optimizers.get('nadam')
    assert defaults['learning-rate'] == pytest.approx(tf.keras.backend.get_value(nadam.lr))


def test_a_channel_that_is_wrong_is_told_in_one_line(sample, vectors_dir, tmp_path):
    job = Job(tmp_path / 'job', sample, vectors_dir)
    (job.root / 'train' / 'labels.csv').write_text('label\nx\n')
    job.run('--epochs', '1')
    assert job.status == 1
    last = job.errors.strip().splitlines()[-1]
    assert last.startswith('train_v1: ')
    assert 'found 40 and 1' in last
    assert 'Traceback' not in job.errors
    assert os.listdir(str(job.model)) == []


# --- the network ------------------------------------------------------------------------------

VECTORS = np.random.RandomState(1).rand(30, 6).astype(np.float32)


@pytest.fixture
def model():
    tf.keras.backend.clear_session()
    return train_v1.build_model(VECTORS, 32, 4)


def test_the_network_is_the_articles(model):
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ['InputLayer', 'Embedding', 'SeqSelfAttention', 'Bidirectional', 'Dense',
                     'Dropout', 'Dense']
    embedding, attention, recurrent, dense, dropout, softmax = model.layers[1:]
    assert not embedding.trainable
    assert attention.attention_type == 'multiplicative'
    assert recurrent.forward_layer.units == 32
    assert dense.units == 64
    assert dropout.rate == 0.1
    assert softmax.activation.__name__ == 'softmax'
    assert model.input_shape == (None, 64)
    assert model.output_shape == (None, 4)


def test_the_embedding_is_the_given_vectors_and_stays_so(model):
    assert (model.layers[1].get_weights()[0] == VECTORS).all()
    assert not [weight for weight in model.trainable_weights if 'embedding' in weight.name]


class Recorder:
    """Stands for a model; keeps what it is compiled and fitted with."""

    def compile(self, loss, optimizer, metrics):
        self.compiled = {'loss': loss, 'optimizer': optimizer, 'metrics': metrics}

    def summary(self, print_fn):
        pass

    def fit(self, *_, **options):
        self.fitted = options
        return type('History', (), {'history': {'loss': [1.0]}})


def fit(classes=4, split=0.1):
    model = Recorder()
    args = type('Args', (), {'batch_size': 4, 'epochs': 7, 'validation_split': split})
    history = train_v1.fit(model, None, np.eye(classes), args, 'best.h5')
    assert history == {'loss': [1.0]}
    return model


def test_loss_optimizer_and_sizes_are_the_articles():
    model = fit()
    assert model.compiled['loss'] == 'categorical_crossentropy'
    assert model.compiled['optimizer'] == 'nadam'
    assert (model.fitted['batch_size'], model.fitted['epochs']) == (4, 7)
    assert model.fitted['validation_split'] == 0.1


@pytest.mark.parametrize('classes, top', [(4, False), (5, False), (6, True)])
def test_top_5_accuracy_is_reported_where_it_can_differ_from_1(classes, top):
    metrics = fit(classes).compiled['metrics']
    assert metrics == ['acc', 'mse', 'mae'] + ['top_k_categorical_accuracy'] * top


@pytest.mark.parametrize('split, monitor', [(0.1, 'val_acc'), (0.0, 'acc')])
def test_the_best_epoch_is_chosen_on_validation_where_there_is_one(split, monitor):
    """Early stopping with a patience of 3, and the best weights, on the same metric."""
    _, stopping, checkpoint = fit(split=split).fitted['callbacks']
    assert (stopping.monitor, stopping.patience) == (monitor, 3)
    assert (checkpoint.monitor, checkpoint.save_best_only) == (monitor, True)
    assert (checkpoint.filepath, checkpoint.save_weights_only) == ('best.h5', True)
    assert stopping.monitor_op is checkpoint.monitor_op is np.greater


def test_what_a_search_varies_reaches_the_network_and_the_optimizer():
    tf.keras.backend.clear_session()
    assert train_v1.build_model(VECTORS, 8, 4, dropout=0.5).layers[-2].rate == 0.5
    model = Recorder()
    args = type('Args', (), {'batch_size': 4, 'epochs': 7, 'validation_split': 0.1})
    optimizer = tf.keras.optimizers.Nadam(lr=0.01)
    train_v1.fit(model, None, np.eye(4), args, 'best.h5', optimizer)
    assert model.compiled['optimizer'] is optimizer
    defaults = {name: default for name, _, default, _ in train_v1.HYPERPARAMETERS}
    assert (defaults['dropout'], defaults['learning-rate']) == (0.1, 0.002)
