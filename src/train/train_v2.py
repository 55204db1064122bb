"""A model on the article's contract that is more accurate, and far cheaper to train and serve.

A committee of small networks, see network.py: an attention over frozen word vectors
beside hashed n-grams of characters and tokens. The attention's weights can be read out:
signature ``explain``.

No layer looks further than two tokens at their order. A BiLSTM was tried in their
place, with the vectors frozen and fine-tuned: it cost ten times the time and was no more
accurate on the validation sentences. So everything behind the word vectors up to the
attention depends on one token alone and is folded into a table for serving.

Channels and files are those of train_v1.py; ``encoding.json`` is written beside them.
"""
import json
import logging
import os
import sys
import tempfile

os.environ['TF_KERAS'] = '1'  # see train_v1.py

import numpy as np
from tensorflow.python.keras import optimizers
from tensorflow.python.keras.callbacks import EarlyStopping, ModelCheckpoint

import arguments
import calibration
import channels
import determinism
import export
import network
import serving_graph
from batches import Batches
from encoding import SPECIFICATION, ModelInputs
from vectors import load_vectors

# Each with its default, what it is, and why it is that. Every number here can be searched
# ([v2] in tune.toml), and all of them are make's variables: MEMBERS=5 NGRAM_DROPOUT=0.1.
HYPERPARAMETERS = [
    ('epochs', arguments.at_least(1), 25,
     'passes over the training channel at most; patience ends most trainings before'),
    ('batch-size', arguments.at_least(1), 64,
     'sentences a step; small, because a few thousand sentences must give many steps'),
    ('members', arguments.at_least(1), 3,
     'networks in the committee; seeds differ less than with one, and each adds to the package'),
    ('hidden', arguments.at_least(1), 128,
     'units that a member turns each token into; the table of them is most of the package'),
    ('dropout', arguments.share, 0.3,
     'of word vector dimensions and of the sentence vector; few sentences, many dimensions'),
    ('learning-rate', arguments.positive, 0.001, "Adam's, and its own default"),
    ('ngram-dimensions', arguments.at_least(1), 8,
     "of a member's n-gram vector; three members with 8 have what one with 24 would"),
    ('ngram-dropout', arguments.share, 0.2,
     "part of a sentence's n-grams that a step leaves out, so that no single one decides"),
    ('patience', arguments.at_least(1), 2,
     'epochs without a better one before training ends; the validation loss is smooth'),
    ('validation-split', arguments.share, 0.1,
     "last part of the (shuffled) channel that chooses the epoch and calibrates; the article's"),
    ('refit', arguments.switch, True,
     'then refit, on the validation sentences too, for as many epochs as were best:'
     ' a tenth more to learn from, for about twice the time'),
    ('seed', arguments.at_least(0), 1, 'of every random generator'),
    ('single-thread', arguments.switch, False, 'same seed, same bits; slower'),
    ('container-log-level', int, logging.INFO, 'level of the logs'),
]

# Characters' 1- to 3-grams are what the linear yardsticks live on; runs of two tokens are
# the only word order that the model sees (validation 0.906 with them, 0.903 without).
# Half as many buckets cost accuracy, more only memory; 320 hold about 80 characters whole.
NGRAMS = {'orders': [1, 2, 3], 'token_orders': [1, 2], 'buckets': 1 << 17, 'length': 320}

EVALUATION_BATCH = 256

logger = logging.getLogger('train_v2')


def compiled_model(vectors, class_count, args):
    """The network, ready to be trained."""
    model = network.build_model(vectors, class_count, NGRAMS, args)
    network.compile_model(model, class_count, optimizers.Adam(args.learning_rate))
    return model


def fit(model, train, validation, args, weights_path):
    """Trains, and gives the model the weights of its best epoch.

    The best is that of the lowest loss on the validation sentences. Their accuracy would
    choose by luck: a few hundred sentences tell two epochs apart by one or two.

    Args:
        train, validation: lists of arrays, see batches.Batches; the second may be empty.
        weights_path: where the best weights are kept meanwhile.

    Returns:
        dict: metric name to list of values, one an epoch.
    """
    monitor = monitored(args)
    history = model.fit_generator(
        Batches(*train, size=args.batch_size, seed=args.seed), epochs=args.epochs,
        validation_data=Batches(*validation, size=EVALUATION_BATCH) if len(validation[0]) else None,
        workers=0, verbose=2,
        callbacks=[EarlyStopping(patience=args.patience, monitor=monitor),
                   ModelCheckpoint(weights_path, monitor=monitor, save_best_only=True,
                                   save_weights_only=True)])
    model.load_weights(weights_path)
    return history.history


def monitored(args):
    """What chooses the epoch."""
    return 'val_loss' if args.validation_split > 0 else 'loss'


def main(argv):
    args = arguments.parse(argv, HYPERPARAMETERS, __doc__.splitlines()[0])
    logging.basicConfig(level=args.container_log_level, stream=sys.stdout)
    determinism.new_session(args.seed, args.single_thread)

    tokenizer_path, tokens, vectors = load_vectors(args.vectors_dir)
    export.save_encoding(tokenizer_path, tokens, args.output_dir)
    export.write_json({'ngrams': NGRAMS, 'explain': True},
                      os.path.join(args.output_dir, SPECIFICATION))
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

    with tempfile.TemporaryDirectory() as scratch:
        best = os.path.join(scratch, 'best.h5')
        model = compiled_model(vectors, len(labels), args)
        model.summary(print_fn=logger.info)
        history = fit(model, train, validation, args, best)
    export.save_history(history, args.output_dir)

    kept = export.best_epoch(history, monitored(args))
    calibrated = calibration.NEUTRAL
    if held_back:
        calibrated = calibration.calibrate(
            network.committee_logits(model, validation[:2], len(labels)), validation[2])
        if args.refit:
            print('Refit on all {} sentences, {} epochs'.format(
                len(train_texts), kept['best_epoch']), flush=True)
            determinism.new_session(args.seed, args.single_thread)
            model = compiled_model(vectors, len(labels), args)
            model.fit_generator(Batches(*examples, size=args.batch_size, seed=args.seed),
                                epochs=kept['best_epoch'], workers=0, verbose=2)
    test_features = as_arrays(encoder.encode(test_texts))
    expected = calibration.probabilities(
        network.committee_logits(model, test_features, len(labels)), calibrated['temperature'])
    export.save_metrics([labels[row] for row in expected.argmax(axis=1)], test_labels, args,
                        HYPERPARAMETERS, args.output_dir, calibration=calibrated, **kept)
    export.write_json({'ngrams': NGRAMS, 'explain': True,
                       'unknown_below': calibrated['unknown_below']},
                      os.path.join(args.output_dir, SPECIFICATION))

    weights = serving_graph.fold(model, args.members)
    session = determinism.new_session(args.seed, args.single_thread)
    graph = serving_graph.build(session, weights, NGRAMS['length'], calibrated['temperature'])
    export.check(session, dict(zip((graph['inputs']['inputs'], graph['inputs']['ngrams']),
                                   test_features)), graph['probabilities'], expected)
    export.save_model(session, graph['inputs'], {'probabilities': graph['probabilities']},
                      args.sm_model_dir, {'explain': (graph['inputs'], {
                          'probabilities': graph['probabilities'],
                          'weights': graph['weights']})})
    logger.info('saved %s', json.dumps(sorted(os.listdir(args.sm_model_dir))))


def unit_length(vectors):
    """Each row scaled to length 1 (a row of zeros stays): frequent words are not louder."""
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)).astype(
        np.float32)


def as_arrays(inputs):
    """The two model inputs in their order, as float32 arrays."""
    return [np.array(inputs[name], dtype=np.float32) for name in ('inputs', 'ngrams')]


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except channels.ChannelError as error:
        sys.exit('train_v2: {}'.format(error))
