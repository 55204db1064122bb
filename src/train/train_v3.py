"""A model on the article's contract that reads with a frozen sentence encoder: the most accurate.

A committee of small networks, see heads.py, on what two frozen models make of a sentence,
the multilingual Universal Sentence Encoder (sentence_encoder.py) and the mean of the
chiVe vectors of its tokens, the rare ones above all, beside hashed n-grams of characters.
A few thousand sentences are too few to learn a language from; the encoder has learnt it.

The number of epochs is fixed, not chosen: the validation loss begins to rise at an epoch
from which on accuracy still does (cross-validated within KNBC's training sentences:
.797 after 6 epochs, .806 after 14), and the temperature makes good for what rises.

Channels and files are those of train_v2.py; the channel ``vectors`` holds the encoder
(``make vectors VECTORS=encoder``), and ``encoder.model`` is written beside the others.
"""
import json
import logging
import os
import shutil
import sys

os.environ['TF_KERAS'] = '1'  # see train_v1.py

import heads
import numpy as np
import sentence_encoder
import tensorflow as tf
from tensorflow.python.keras import optimizers

import arguments
import calibration
import channels
import determinism
import export
import network
from batches import Batches, longest
from encoding import ENCODER_TOKENIZER, SPECIFICATION, ModelInputs
from vectors import load_vectors

HYPERPARAMETERS = [
    ('epochs', arguments.at_least(1), 14, 'passes over the training channel; see above'),
    ('batch-size', arguments.at_least(1), 64, 'sentences a step, as in v2'),
    ('members', arguments.at_least(1), 5,
     'networks in the committee; more are hardly better, and cost time at each request'),
    ('hidden', arguments.at_least(1), 128,
     'units of a member; cross-validated, 256 and 512 are no better'),
    ('dropout', arguments.share, 0.5, 'of these units'),
    ('feature-dropout', arguments.share, 0.2, 'of the features'),
    ('learning-rate', arguments.positive, 0.001, "Adam's, and its own default"),
    ('ngram-dimensions', arguments.at_least(1), 8,
     'of a member\'s n-gram vector, as in v2; without n-grams accuracy is a point lower'),
    ('ngram-dropout', arguments.share, 0.2, "part of a sentence's n-grams that a step leaves out"),
    ('rank', arguments.at_least(1), 32,
     "of the encoder's products over several pieces, 256 being all: what its speed depends on"),
    ('distillation', arguments.at_least(0), 8,
     'passes over the training sentences in which the small encoder learns from the whole one;'
     ' without them accuracy is a point lower'),
    ('validation-split', arguments.share, 0.1,
     "last part of the (shuffled) channel that calibrates; the article's"),
    ('refit', arguments.switch, True, 'then refit, on the validation sentences too'),
    ('seed', arguments.at_least(0), 1, 'of every random generator'),
    ('single-thread', arguments.switch, False, 'same seed, same bits; slower'),
    ('container-log-level', int, logging.INFO, 'level of the logs'),
]

NGRAMS = {'orders': [1, 2, 3], 'buckets': 1 << 16, 'length': 320}
PIECES = {'length': 96}
"""Of KNBC's sentences two in a thousand are longer; they keep their end."""
COMMON = 1e-4
"""Share of all tokens from which on one counts as common: half as much as a rare one, or less.
Cross-validated: with it .811, with all words alike .804 (and .771 and .768 by article)."""
TOKENS = 64
INPUTS = (('inputs', TOKENS), ('ngrams', NGRAMS['length']), ('pieces', PIECES['length']))
BATCH = 64

logger = logging.getLogger('train_v3')


class FeatureBatches(Batches):
    """Batches of sentences that have features, all as many, in place of tokens."""

    def __getitem__(self, number):
        """([features, n-grams], targets) of a batch."""
        rows = self._batches[number]
        ngrams = self.ngrams[rows]
        return [self.tokens[rows], ngrams[:, :longest(ngrams)]], self.targets[rows]


class Reader:
    """The frozen part of the graph: what a sentence's tokens and pieces become.

    Args:
        vectors: float array (tokens, dimensions) of the words; row 0 is padding.
        weights: of the words, see rarity.
        encoder: what sentence_encoder.fold or distil returned.
    """

    def __init__(self, vectors, weights, encoder):
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
        # In steps of a 127th of the largest number of each.
        vectors = vectors / lengths * weights[:, np.newaxis]
        steps = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-6) / 127
        self.arrays = {'words': np.round(vectors / steps).astype(np.int8),
                       'word_steps': steps.astype(np.float32)}
        self.arrays.update(('encoder_' + name, array) for name, array in encoder.items())

    def features(self, variables, tokens, pieces):
        """The graph: int32 tensors -> float32 tensor (batch, features).

        Args:
            variables: the tensors of ``arrays``, by name.
        """
        places = tf.where(tf.not_equal(tokens, 0))
        present = tf.gather_nd(tokens, places)
        words = tf.cast(tf.gather(variables['words'], present), tf.float32) \
            * tf.gather(variables['word_steps'], present)
        summed = tf.unsorted_segment_sum(words, tf.cast(places[:, 0], tf.int32),
                                         tf.shape(tokens)[0])
        encoder = {name[len('encoder_'):]: variable for name, variable in variables.items()
                   if name.startswith('encoder_')}
        return tf.concat([sentence_encoder.sentence_vectors(encoder, pieces),
                          sentence_encoder.unit_rows(summed)], axis=1)

    def read(self, args, inputs):
        """The features of encoded sentences: array (sentences, features)."""
        session = determinism.new_session(args.seed, args.single_thread)
        placeholders = placeholders_of(('inputs', 'pieces'))
        features = self.features(
            as_variables(session, self.arrays),
            *(tf.cast(placeholders[name], tf.int32) for name in ('inputs', 'pieces')))
        return np.concatenate([
            session.run(features, {tensor: inputs[name][start:start + BATCH]
                                   for name, tensor in placeholders.items()})
            for start in range(0, len(inputs['pieces']), BATCH)])


def rarity(tokens, count):
    """What each of ``count`` tokens weighs in a mean, by its share p of all: COMMON / (COMMON + p).

    Arora et al., A Simple but Tough-to-Beat Baseline for Sentence Embeddings (2017). A token
    that no training sentence has weighs 1.

    Args:
        tokens: int array of the training sentences' tokens; 0 is padding.
    """
    shares = np.bincount(tokens[tokens != 0], minlength=count) / max(1, np.count_nonzero(tokens))
    return COMMON / (COMMON + shares)


def small_encoder(arrays, pieces, args):
    """The encoder of ``rank``, taught by the whole one; see sentence_encoder.py."""
    small = sentence_encoder.fold(arrays, pieces, args.rank)
    if not args.distillation:
        return small
    session = determinism.new_session(args.seed, args.single_thread)
    teacher = sentence_encoder.fold(arrays, pieces, sentence_encoder.WIDTH)
    return sentence_encoder.distil(small, teacher, pieces, args.distillation, session, args.seed)


def placeholders_of(names):
    """dict of the model's inputs' placeholders."""
    return {name: tf.placeholder(tf.float32, [None, length], name=name)
            for name, length in INPUTS if name in names}


def as_variables(session, arrays):
    """dict of initialised variables in the session's graph."""
    variables = {name: tf.get_variable(name, initializer=tf.constant(array))
                 for name, array in sorted(arrays.items())}
    session.run(tf.global_variables_initializer())
    return variables


def fit(examples, validation, class_count, args):
    """A model, trained from its start; see Batches for the lists of arrays.

    Returns:
        (model, history): the latter as Keras' History.history.
    """
    determinism.new_session(args.seed, args.single_thread)
    model = heads.build_model(examples[0].shape[1], class_count, NGRAMS, args)
    network.compile_model(model, class_count, optimizers.Adam(args.learning_rate))
    history = model.fit_generator(
        FeatureBatches(*examples, size=args.batch_size, seed=args.seed), epochs=args.epochs,
        validation_data=FeatureBatches(*validation, size=256) if validation else None,
        workers=0, verbose=2)
    return model, history.history


def main(argv):
    args = arguments.parse(argv, HYPERPARAMETERS, __doc__.splitlines()[0])
    logging.basicConfig(level=args.container_log_level, stream=sys.stdout)

    encoder = sentence_encoder.load(args.vectors_dir)
    tokenizer_path, tokens, vectors = load_vectors(args.vectors_dir)
    export.save_encoding(tokenizer_path, tokens, args.output_dir)
    shutil.copyfile(os.path.join(args.vectors_dir, ENCODER_TOKENIZER),
                    os.path.join(args.output_dir, ENCODER_TOKENIZER))
    save_specification(args.output_dir)
    model_inputs = ModelInputs(args.output_dir)
    train_texts, train_labels = channels.read_split(args.train_dir)
    test_texts, test_labels = channels.read_split(args.test_dir)
    labels = channels.label_order(train_labels)
    export.save_labels(labels, args.output_dir)

    train_inputs = as_arrays(model_inputs.encode(train_texts))
    test_inputs = as_arrays(model_inputs.encode(test_texts))
    reader = Reader(vectors, rarity(train_inputs['inputs'].astype(np.int32), len(vectors)),
                    small_encoder(encoder, train_inputs['pieces'].astype(np.int32), args))
    features, test_features = (reader.read(args, inputs) for inputs in (train_inputs, test_inputs))
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    logger.info('sentences: %d, labels: %s, features: %s', len(train_texts), labels,
                features.shape)

    examples = [(features - mean) / deviation, train_inputs['ngrams'],
                np.eye(len(labels), dtype=np.float32)[[labels.index(name)
                                                       for name in train_labels]]]
    # Of a handful of sentences one, as Keras does.
    held_back = int(len(train_texts) * args.validation_split) or int(args.validation_split > 0)
    held_back = min(held_back, len(train_texts) - 1)
    calibrated = calibration.NEUTRAL
    if held_back:
        validation = [array[-held_back:] for array in examples]
        model, history = fit([array[:-held_back] for array in examples], validation, len(labels),
                             args)
        calibrated = calibration.calibrate(
            network.committee_logits(model, validation[:2], len(labels)), validation[2])
        if args.refit:
            print('Refit on all {} sentences, {} epochs'.format(len(train_texts), args.epochs),
                  flush=True)
            model, _ = fit(examples, None, len(labels), args)
    else:
        model, history = fit(examples, None, len(labels), args)
    export.save_history(history, args.output_dir)

    expected = calibration.probabilities(network.committee_logits(
        model, [(test_features - mean) / deviation, test_inputs['ngrams']], len(labels)),
        calibrated['temperature'])
    export.save_metrics([labels[row] for row in expected.argmax(axis=1)], test_labels, args,
                        HYPERPARAMETERS, args.output_dir, calibration=calibrated,
                        monitor='last-epoch', best_epoch=args.epochs)
    save_specification(args.output_dir, unknown_below=calibrated['unknown_below'])

    weights = heads.fold(model, args.members, mean, deviation)
    session = determinism.new_session(args.seed, args.single_thread)
    inputs = placeholders_of(dict(INPUTS))
    ids = {name: tf.cast(tensor, tf.int32) for name, tensor in inputs.items()}
    variables = as_variables(session, dict(reader.arrays, **weights))
    logits = heads.logits(variables, reader.features(variables, ids['inputs'], ids['pieces']),
                          ids['ngrams'])
    probabilities = tf.nn.softmax(logits / calibrated['temperature'], name='probabilities')
    export.check(session, {inputs[name]: rows for name, rows in test_inputs.items()},
                 probabilities, expected)
    export.save_model(session, inputs, {'probabilities': probabilities}, args.sm_model_dir)
    logger.info('saved %s', json.dumps(sorted(os.listdir(args.sm_model_dir))))


def save_specification(output_dir, **further):
    """Writes encoding.json."""
    export.write_json(dict(further, ngrams=NGRAMS, pieces=PIECES),
                      os.path.join(output_dir, SPECIFICATION))


def as_arrays(inputs):
    """The model's inputs by name, as float32 arrays."""
    return {name: np.array(rows, dtype=np.float32) for name, rows in inputs.items()}


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except channels.ChannelError as error:
        sys.exit('train_v3: {}'.format(error))
