"""What the published models share: a job from its channels to its figures.

A model is a module of its own, which says

* ``DEFAULTS``: its hyperparameters and their values in the article, of those in HYPERPARAMETERS;
* ``READS``: what it reads, a list of texts.Reader;
* ``OPTIMIZER``, and ``SHUFFLE``: whether sentences are shuffled before each epoch;
* ``MONITOR``: what the article's early stopping watches (on validation or on test sentences);
* ``RULE``: which epoch the article scored, one of curves.RULES;
* ``build_model(tables, class_count, args)``: the network;
* ``answers(model, encode, labels)``, where the article prints answers: what metrics.json says of
  the same sentences, by the weights of the last epoch; ``encode`` takes a list of sentences.

The author had the test sentences choose the epoch in most articles. A training here records the
accuracy on validation and on test sentences after each epoch and goes on until both figures are
known: ours (the epoch is chosen on the last tenth of the shuffled channel) and the author's (his
own rule on the same curves). The vectors are not his, and where his test sentences were also his
validation sentences he trained on a ninth more than is trained on here.
"""
import json
import logging
import os
import sys

os.environ['TF_KERAS'] = '1'  # see ../train_v1.py

import numpy as np
import tensorflow as tf

import arguments
import channels
import curves
import determinism
import export
from vectors import load_vectors

HYPERPARAMETERS = [
    ('epochs', arguments.at_least(1), 50, 'passes over the training channel at most'),
    ('batch-size', arguments.at_least(1), 256, 'sentences a step'),
    ('hidden', arguments.at_least(1), 356, 'units of the LSTM, each direction'),
    ('dropout', arguments.share, 0.1, 'part of the last hidden layer that a step leaves out'),
    ('patience', arguments.at_least(1), 3, 'epochs without a better one before training ends'),
    ('validation-split', arguments.share, 0.1,
     'last part of the (shuffled) channel that chooses the epoch'),
    ('seed', arguments.at_least(0), 1, 'of every random generator'),
    ('single-thread', arguments.switch, False, 'same seed, same bits; slower'),
    ('container-log-level', int, logging.INFO, 'level of the logs'),
]
OF_EVERY_MODEL = ('validation-split', 'seed', 'single-thread', 'container-log-level')
EVALUATION_BATCH = 256

logger = logging.getLogger('published')


def hyperparameters(module):
    """HYPERPARAMETERS as the module has them, with the article's values as defaults."""
    return [(name, kind, module.DEFAULTS.get(name, default), text)
            for name, kind, default, text in HYPERPARAMETERS
            if name in module.DEFAULTS or name in OF_EVERY_MODEL]


class Recorder(tf.keras.callbacks.Callback):
    """Scores the test sentences after each epoch and ends the training when all is known.

    Attributes:
        history: dict of metric name to list of values, one an epoch.
        answers: the probabilities of the test sentences after each epoch.
        weights: of the epoch that the validation sentences choose.
    """

    def __init__(self, features, truth, rule, monitor, patience):
        super().__init__()
        self._features, self._truth = features, truth
        self._rule, self._monitor, self._patience = rule, monitor, patience
        self.history, self.answers, self.weights = {}, [], None

    def on_epoch_end(self, epoch, logs=None):
        answers = self.model.predict(self._features, batch_size=EVALUATION_BATCH)
        right = answers.argmax(axis=1) == self._truth
        self.answers.append(answers)
        for name, value in dict(logs, **{curves.TEST: right.mean()}).items():
            self.history.setdefault(name, []).append(float(value))
        if curves.ours(self.history, self._monitor, self._patience) == epoch + 1:
            self.weights = self.model.get_weights()
        self.model.stop_training = curves.is_over(
            self.history, self._rule, self._monitor, self._patience)


def fit(model, features, targets, recorder, module, args):
    """Trains as the article does, but for what ends the training; see Recorder."""
    kept = int(len(targets) * (1 - args.validation_split))  # as Keras counts
    validation = None
    if kept < len(targets):
        validation = [rows[kept:] for rows in features], targets[kept:]
    model.compile(loss='categorical_crossentropy', optimizer=module.OPTIMIZER,
                  metrics=['acc', 'mse', 'mae'])
    model.summary(print_fn=logger.info)
    model.fit([rows[:kept] for rows in features], targets[:kept], batch_size=args.batch_size,
              epochs=args.epochs, validation_data=validation, shuffle=module.SHUFFLE, verbose=2,
              callbacks=[recorder])


def save(model, model_dir):
    """Writes the SavedModel: Keras' own graph, which is for a look at the model, not for speed."""
    inputs = {'inputs' if number == 0 else 'inputs_{}'.format(number): tensor
              for number, tensor in enumerate(model.inputs)}
    export.save_model(tf.keras.backend.get_session(), inputs,
                      {tensor.name: tensor for tensor in model.outputs}, model_dir)


def parameters(model):
    """How many numbers training changes, and how many the model has."""
    return {'trainable': sum(int(np.prod(each.shape)) for each in model.trainable_weights),
            'all': model.count_params()}


def main(module, argv):
    """Runs the job of a model: ``module`` is the script itself."""
    args = arguments.parse(argv, hyperparameters(module), module.__doc__.splitlines()[0])
    logging.basicConfig(level=args.container_log_level, stream=sys.stdout)
    determinism.new_session(args.seed, args.single_thread)

    train_texts, train_labels = channels.read_split(args.train_dir)
    test_texts, test_labels = channels.read_split(args.test_dir)
    labels = channels.label_order(train_labels)
    export.save_labels(labels, args.output_dir)
    channel = load_vectors(args.vectors_dir)
    for reader in module.READS:
        reader.open(*channel, texts={'train': train_texts, 'test': test_texts})
    tables = [reader.table for reader in module.READS]
    features = [reader.encode(train_texts) for reader in module.READS]
    test_features = [reader.encode(test_texts) for reader in module.READS]
    truth = np.array([labels.index(name) for name in test_labels])
    targets = np.eye(len(labels), dtype=np.float32)[[labels.index(name) for name in train_labels]]
    logger.info('sentences: %d, labels: %s, features: %s, vectors: %s', len(train_texts), labels,
                [rows.shape for rows in features], [table.vectors.shape for table in tables])

    monitor = ('val_' if args.validation_split > 0 else '') + module.MONITOR
    patience = getattr(args, 'patience', None)
    recorder = Recorder(test_features, truth, module.RULE, monitor, patience)
    model = module.build_model(tables, len(labels), args)
    counted = parameters(model)
    fit(model, features, targets, recorder, module, args)
    further = {}
    if hasattr(module, 'answers'):
        further['answers'] = module.answers(model, module.READS[0].encode, labels)
    export.save_history(recorder.history, args.output_dir)

    chosen = curves.ours(recorder.history, monitor, patience)
    author = curves.authors(recorder.history, module.RULE, monitor, patience)
    answers = recorder.answers[chosen - 1]
    export.write_json(
        {'labels': labels, 'probabilities': rounded(answers),
         'author_probabilities': rounded(recorder.answers[author['epoch'] - 1])},
        os.path.join(args.output_dir, 'predictions.json'))
    export.save_metrics([labels[row] for row in answers.argmax(axis=1)], test_labels, args,
                        hyperparameters(module), args.output_dir, monitor=monitor,
                        best_epoch=chosen, author=author, parameters=counted,
                        input_lengths=[table.length for table in tables],
                        vectors=[list(table.vectors.shape) for table in tables], **further)

    session = determinism.new_session(args.seed, args.single_thread)
    tf.keras.backend.set_learning_phase(0)
    served = module.build_model(tables, len(labels), args)
    served.set_weights(recorder.weights)
    export.check(session, dict(zip(served.inputs, test_features)), served.output, answers)
    save(served, args.sm_model_dir)
    logger.info('saved %s', json.dumps(sorted(os.listdir(args.sm_model_dir))))


def rounded(probabilities):
    """As JSON has them: more digits than two float32 programs agree on."""
    return [[round(float(value), 8) for value in row] for row in probabilities]


def run(name):
    """Runs the script that calls this: ``driver.run(__name__)`` as its last line."""
    if name == '__main__':
        module = sys.modules[name]
        try:
            main(module, sys.argv[1:])
        except channels.ChannelError as error:
            sys.exit('{}: {}'.format(os.path.splitext(os.path.basename(module.__file__))[0], error))
