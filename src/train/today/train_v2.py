"""v2 on today's stack: the committee with Keras 3, in the TensorFlow 2.21 container.

Channels, hyperparameters, files and the log's lines are those of train_v2.py one folder above,
and so is what is said there. networks.py has the network.
"""
import logging
import os
import tempfile

import keras
import networks
import numpy as np
import training
from keras import ops

import arguments
import calibration
import channels
import export
import layers
from encoding import INPUT_LENGTH, SPECIFICATION, ModelInputs
from vectors import load_vectors

HYPERPARAMETERS = [
    ('epochs', arguments.at_least(1), 25,
     'passes over the training channel at most; patience ends most trainings before'),
    ('batch-size', arguments.at_least(1), 64, 'sentences a step'),
    ('members', arguments.at_least(1), 3, 'networks in the committee'),
    ('hidden', arguments.at_least(1), 128, 'units that a member turns each token into'),
    ('dropout', arguments.share, 0.3, 'of word vector dimensions and of the sentence vector'),
    ('learning-rate', arguments.positive, 0.001, "Adam's, and its own default"),
    ('ngram-dimensions', arguments.at_least(1), 8, "of a member's n-gram vector"),
    ('ngram-dropout', arguments.share, 0.2, "part of a sentence's n-grams that a step leaves out"),
    ('patience', arguments.at_least(1), 2, 'epochs without a better one before training ends'),
    ('validation-split', arguments.share, 0.1,
     'last part of the (shuffled) channel that chooses the epoch and calibrates'),
    ('refit', arguments.switch, True,
     'then refit, on the validation sentences too, for as many epochs as were best'),
    ('seed', arguments.at_least(0), 1, 'of every random generator'),
    ('single-thread', arguments.switch, False, 'same seed, same bits; slower'),
    ('container-log-level', int, logging.INFO, 'level of the logs'),
]

NGRAMS = {'orders': [1, 2, 3], 'token_orders': [1, 2], 'buckets': 1 << 17, 'length': 320}

logger = logging.getLogger('train_v2')


def loss(truth, logits):
    """The mean of the members' cross entropies."""
    each = ops.expand_dims(truth, 1) * ops.ones_like(logits)
    return ops.mean(ops.categorical_crossentropy(each, logits, from_logits=True), axis=-1)


def acc(truth, logits):
    whole = ops.mean(logits, axis=1)
    return ops.cast(ops.equal(ops.argmax(truth, -1), ops.argmax(whole, -1)), 'float32')


def mean_squared_error(truth, logits):
    return ops.mean(ops.square(ops.softmax(ops.mean(logits, axis=1)) - truth), axis=-1)


def mean_absolute_error(truth, logits):
    return ops.mean(ops.abs(ops.softmax(ops.mean(logits, axis=1)) - truth), axis=-1)


def new_model(vectors, class_count, args):
    """(the network, ready to be trained; the one that answers with the committee's mean)."""
    training.seed(args.seed, args.single_thread)
    model, whole = networks.committee(vectors, class_count, NGRAMS, args)
    model.compile(loss=loss, optimizer=layers.Adam(args.learning_rate),
                  metrics=[acc, mean_squared_error, mean_absolute_error], jit_compile=False)
    return model, whole


def fit(model, train, validation, args, weights_path):
    """Trains, and gives the model the weights of the epoch of the lowest validation loss."""
    monitor = monitored(args)
    history = model.fit(
        training.Batches(*train, size=args.batch_size, seed=args.seed), epochs=args.epochs,
        validation_data=(training.Batches(*validation, size=export.BATCH)
                         if len(validation[0]) else None),
        shuffle=False, verbose=0,
        callbacks=[training.Log(),
                   keras.callbacks.EarlyStopping(patience=args.patience, monitor=monitor),
                   keras.callbacks.ModelCheckpoint(weights_path, monitor=monitor,
                                                   save_best_only=True, save_weights_only=True)])
    model.load_weights(weights_path)
    return history.history


def monitored(args):
    """What chooses the epoch."""
    return 'val_loss' if args.validation_split > 0 else 'loss'


def main(argv):
    args = training.start(argv, HYPERPARAMETERS, __doc__)
    tokenizer_path, tokens, vectors = load_vectors(args.vectors_dir)
    export.save_encoding(tokenizer_path, tokens, args.output_dir)
    save_specification(args.output_dir)
    encoder = ModelInputs(args.output_dir)
    train_texts, train_labels = channels.read_split(args.train_dir)
    test_texts, test_labels = channels.read_split(args.test_dir)
    labels = channels.label_order(train_labels)
    export.save_labels(labels, args.output_dir)

    vectors = unit_length(vectors)
    examples = as_arrays(encoder.encode(train_texts))
    examples.append(np.eye(len(labels), dtype=np.float32)[
        [labels.index(name) for name in train_labels]])
    # Of a handful of sentences one, as Keras does.
    held_back = int(len(train_texts) * args.validation_split) or int(args.validation_split > 0)
    train = [array[:len(array) - held_back] for array in examples]
    validation = [array[len(array) - held_back:] for array in examples]
    logger.info('sentences: %d, labels: %s, vectors: %s', len(train_texts), labels, vectors.shape)

    model, whole = new_model(vectors, len(labels), args)
    model.summary(print_fn=logger.info)
    with tempfile.TemporaryDirectory() as scratch:
        history = fit(model, train, validation, args, os.path.join(scratch, 'best.weights.h5'))
    export.save_history(history, args.output_dir)

    kept = export.best_epoch(history, monitored(args))
    calibrated = calibration.NEUTRAL
    if held_back:
        calibrated = calibration.calibrate(logits_of(whole, validation[:2]), validation[2])
        if args.refit:
            print('Refit on all {} sentences, {} epochs'.format(
                len(train_texts), kept['best_epoch']), flush=True)
            model, whole = new_model(vectors, len(labels), args)
            model.fit(training.Batches(*examples, size=args.batch_size, seed=args.seed),
                      epochs=kept['best_epoch'], shuffle=False, verbose=0,
                      callbacks=[training.Log()])
    test_features = as_arrays(encoder.encode(test_texts))
    expected = calibration.probabilities(logits_of(whole, test_features),
                                         calibrated['temperature'])
    export.save_metrics([labels[row] for row in expected.argmax(axis=1)], test_labels, args,
                        HYPERPARAMETERS, args.output_dir, calibration=calibrated, **kept)
    save_specification(args.output_dir, unknown_below=calibrated['unknown_below'])

    logits, weights = whole.output
    probabilities = ops.softmax(logits / calibrated['temperature'])
    training.save_model(
        {'serving_default': (keras.Model(whole.inputs, probabilities), ['probabilities']),
         'explain': (keras.Model(whole.inputs, [probabilities, weights]),
                     ['probabilities', 'weights'])},
        [('inputs', INPUT_LENGTH), ('ngrams', NGRAMS['length'])],
        args.sm_model_dir, test_features, expected)


def logits_of(whole, features):
    """The committee's logits for encoded sentences: array (sentences, class_count)."""
    return whole.predict(features, batch_size=export.BATCH, verbose=0)[0]


def save_specification(output_dir, **further):
    """Writes encoding.json."""
    export.write_json(dict(further, ngrams=NGRAMS, explain=True),
                      os.path.join(output_dir, SPECIFICATION))


def unit_length(vectors):
    """Each row scaled to length 1 (a row of zeros stays): frequent words are not louder."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    return (vectors / lengths).astype(np.float32)


def as_arrays(inputs):
    """The two model inputs in their order, as float32 arrays."""
    return [np.array(inputs[name], dtype=np.float32) for name in ('inputs', 'ngrams')]


if __name__ == '__main__':
    training.run(main, 'train_v2')
