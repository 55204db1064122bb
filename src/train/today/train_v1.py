"""The article's model on today's stack: v1 with Keras 3, in the TensorFlow 2.21 container.

Channels, hyperparameters, files and the log's lines are those of train_v1.py one folder above;
what it says of the article holds here, too. networks.py has the network.
"""
import logging
import os
import tempfile

import keras
import networks
import numpy as np
import training

import arguments
import channels
import export
import layers
from encoding import INPUT_LENGTH, Encoder
from vectors import load_vectors

HYPERPARAMETERS = [
    ('epochs', arguments.at_least(1), 10, 'passes over the training channel at most'),
    ('batch-size', arguments.at_least(1), 100, 'sentences a step'),
    ('hidden', arguments.at_least(1), 32, 'units of the LSTM, each direction'),
    ('dropout', arguments.share, 0.1, 'part of the last hidden layer that a step leaves out'),
    ('learning-rate', arguments.positive, 0.002, "nadam's"),
    ('validation-split', arguments.share, 0.1,
     'last part of the (shuffled) channel that chooses the epoch'),
    ('seed', arguments.at_least(0), 1, 'of every random generator'),
    ('single-thread', arguments.switch, False, 'same seed, same bits; slower'),
    ('container-log-level', int, logging.INFO, 'level of the logs'),
]

logger = logging.getLogger('train_v1')


def fit(model, features, targets, args, weights_path, scored):
    """Trains, and gives the model the weights of its best epoch.

    Args:
        scored: features and class indices of sentences whose accuracy is recorded, and no more.

    Returns:
        dict: metric name to list of values, one an epoch.
    """
    metrics = ['acc', 'mean_squared_error', 'mean_absolute_error']
    if targets.shape[1] > 5:
        metrics.append('top_k_categorical_accuracy')
    model.compile(loss='categorical_crossentropy', optimizer=layers.Nadam(args.learning_rate),
                  metrics=metrics, jit_compile=False)
    model.summary(print_fn=logger.info)
    monitor = monitored(args)

    def record(_, logs):
        answers = model.predict(scored[0], batch_size=export.BATCH, verbose=0)
        logs['test_acc'] = (answers.argmax(axis=1) == scored[1]).mean()

    history = model.fit(
        features, targets, batch_size=args.batch_size, epochs=args.epochs,
        validation_split=args.validation_split, verbose=0,
        callbacks=[training.Log(), keras.callbacks.LambdaCallback(on_epoch_end=record),
                   keras.callbacks.EarlyStopping(patience=3, monitor=monitor, mode='max'),
                   keras.callbacks.ModelCheckpoint(weights_path, monitor=monitor, mode='max',
                                                   save_best_only=True, save_weights_only=True)])
    model.load_weights(weights_path)
    return history.history


def monitored(args):
    """What chooses the epoch, as in the article."""
    return 'val_acc' if args.validation_split > 0 else 'acc'


def main(argv):
    args = training.start(argv, HYPERPARAMETERS, __doc__)
    tokenizer_path, tokens, vectors = load_vectors(args.vectors_dir)
    encoder = Encoder(*export.save_encoding(tokenizer_path, tokens, args.output_dir))
    train_texts, train_labels = channels.read_split(args.train_dir)
    test_texts, test_labels = channels.read_split(args.test_dir)
    labels = channels.label_order(train_labels)
    export.save_labels(labels, args.output_dir)

    features, test_features = (
        np.array([encoder.encode(text) for text in texts], dtype=np.float32)
        for texts in (train_texts, test_texts))
    index = {label: place for place, label in enumerate(labels)}
    truth = np.array([index.get(name, -1) for name in test_labels])
    targets = np.eye(len(labels), dtype=np.float32)[[index[name] for name in train_labels]]
    logger.info('sentences: %d, labels: %s, features: %s, vectors: %s',
                len(train_texts), labels, features.shape, vectors.shape)

    model = networks.article(vectors, args.hidden, len(labels), args.dropout)
    with tempfile.TemporaryDirectory() as scratch:
        history = fit(model, features, targets, args, os.path.join(scratch, 'best.weights.h5'),
                      (test_features, truth))
    export.save_history(history, args.output_dir)
    predicted = model.predict(test_features, batch_size=export.BATCH, verbose=0)
    export.save_metrics([labels[row] for row in predicted.argmax(axis=1)], test_labels, args,
                        HYPERPARAMETERS, args.output_dir,
                        **export.best_epoch(history, monitored(args)))
    training.save_model({'serving_default': (model, ['probabilities'])},
                        [('inputs', INPUT_LENGTH)], args.sm_model_dir, [test_features], predicted)


if __name__ == '__main__':
    training.run(main, 'train_v1')
