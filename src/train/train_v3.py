"""A model on the article's contract that reads with a frozen sentence encoder.

Two frozen models turn a sentence into features: the multilingual Universal Sentence Encoder
(sentence_encoder.py) and the mean of the chiVe vectors of its tokens, the rare ones above
all. A sentence is then compared with training sentences by these, and by the pieces and pairs
of pieces that both have (kernel.py). A few thousand sentences are too few to learn a language
from; the encoder has learnt it.

What takes epochs is to make the encoder small: a network of a fraction of its products learns
to give what the whole one gives, without labels. What is lost with it the head in part makes up
for: it learns from the labels, and from what a head that reads with the whole encoder says of
sentences that were never written (``taught``). The other settings are chosen here (``SETTINGS``),
by what the head says of training sentences that it has not seen.

Channels and files are those of train_v2.py; the channel ``vectors`` holds the encoder
(``make vectors VECTORS=encoder``), and ``encoder.model`` is written beside the others.
"""
import itertools
import json
import logging
import os
import shutil
import sys

os.environ['TF_KERAS'] = '1'  # see train_v1.py

import kernel
import numpy as np
import recombination
import scipy.sparse
import sentence_encoder
import tensorflow as tf

import arguments
import calibration
import channels
import determinism
import export
from encoding import ENCODER_TOKENIZER, INPUT_LENGTH, SPECIFICATION, ModelInputs
from vectors import load_vectors

HYPERPARAMETERS = [
    ('epochs', arguments.at_least(0), 3,
     'passes over parts of training sentences, put together, in which the small encoder learns'
     ' from the whole one'),
    ('batch-size', arguments.at_least(1), 64, 'sentences a step, as in v2'),
    ('learning-rate', arguments.positive, 0.01,
     "Adam's, at first, as a share of the size of a layer's numbers; it sinks to 0"),
    ('rank', arguments.at_least(1), 32,
     "of the encoder's products over several pieces, 256 being all: what its speed depends on"),
    ('validation-split', arguments.share, 0.1,
     "last part of the (shuffled) channel that calibrates; the article's"),
    ('seed', arguments.at_least(0), 1, 'of every random generator'),
    ('single-thread', arguments.switch, False, 'same seed, same bits; slower'),
    ('container-log-level', int, logging.INFO, 'level of the logs'),
]

PIECES = {'length': 64}
"""Of KNBC's sentences one in a hundred is longer; it keeps its end."""
INPUTS = (('inputs', INPUT_LENGTH), ('pieces', PIECES['length']))
SETTINGS = {
    'width': [1.0, 0.5, 2.0],
    'ridge': [0.3, 1.0],
    'share': [0.5, 0.25, 1.0],
}
"""What is tried on the training sentences; of equals the first is taken. ``width``: how much
faster than exp(-2) likeness ends for sentences of the usual distance. ``ridge``: what is added
to the likeness of a sentence to itself; with less, single sentences decide. ``share``: what the
pieces and pairs that two sentences share count, beside what they mean."""
COMMON = 3e-4
"""Share of all tokens from which on one counts half as much as a rare one or less."""
WORDS = 64
"""Directions of the mean vectors, of 300: with more no more training sentences are recognised."""
WORDS_SHARE = 0.45
"""Of the words in what two sentences differ by; the encoder's is the rest."""
MOST = 2500
"""Training sentences that the settings are chosen on: time grows with the cube."""
UNWRITTEN = 4
"""Times as many sentences that were never written as there are, which the head learns from, too."""
ENOUGH = 24000
"""Of these, where there are many; time and memory grow with them."""
BATCH = 64

logger = logging.getLogger('train_v3')


class Reader:
    """The frozen part of the graph: what a sentence's tokens and pieces become.

    Args:
        words: what word_vectors returned.
        encoder: what sentence_encoder.distil returned.
    """

    def __init__(self, words, encoder):
        self.arrays = {'words': sentence_encoder.quantised(words)}
        self.arrays.update(('encoder_' + name, array) for name, array in encoder.items())
        self.groups = [(len(encoder['out_bias']), 1 - WORDS_SHARE), (words.shape[1], WORDS_SHARE)]
        self.pieces = len(encoder['linear'])

    def features(self, variables, inputs):
        """The graph: float32 tensors (batch + 1, features) and (batch + 1, classes + 1).

        The second are the sums of the rows of ``grams``, None where that is no variable yet.
        The last row is nobody's. TensorFlow multiplies one row in another order than
        several, and a sentence shall have as good as the same answer alone and in a batch.

        Args:
            variables: the tensors of ``arrays``, and of the head, by name.
            inputs: the model's inputs by name.
        """
        tokens, pieces = (tf.cast(inputs[name], tf.int32) for name in ('inputs', 'pieces'))
        rows = tf.shape(tokens)[0] + 1
        places = tf.where(tf.not_equal(tokens, 0))
        present = tf.gather_nd(tokens, places)
        summed = tf.unsorted_segment_sum(tf.gather(variables['words'], present),
                                         tf.cast(places[:, 0], tf.int32), rows)
        encoder = {name[len('encoder_'):]: variable for name, variable in variables.items()
                   if name.startswith('encoder_')}
        flat, sentence = sentence_encoder.flat_pieces(pieces)
        grams = None
        if 'grams' in variables:
            grams = kernel.summed_grams(variables['grams'], flat, sentence, rows, self.pieces)
        return tf.concat([sentence_encoder.sentence_vectors(encoder, flat, sentence, rows),
                          sentence_encoder.unit_rows(summed)], axis=1), grams

    def read(self, args, inputs):
        """The features of encoded sentences: array (sentences, features)."""
        session = determinism.new_session(args.seed, args.single_thread)
        placeholders = new_placeholders()
        features = self.features(as_variables(session, self.arrays), placeholders)[0][:-1]
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


def word_vectors(vectors, tokens):
    """Each token's vector, as long as the token weighs, in the WORDS directions in which the
    training sentences' means differ most: array (tokens, WORDS)."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    vectors = vectors / lengths * rarity(tokens, len(vectors))[:, np.newaxis]
    means = np.stack([vectors[row[row != 0]].sum(axis=0) for row in tokens])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)
    deviation = means.std(axis=0) + 1e-6
    means = (means - means.mean(axis=0)) / deviation
    return (vectors / deviation).dot(sentence_encoder.directions(means, WORDS))


def small_encoder(arrays, pieces, args):
    """The encoder of ``rank``, taught by the whole one, and the history of that."""
    session = determinism.new_session(args.seed, args.single_thread)
    small, losses = sentence_encoder.distil(
        sentence_encoder.fold(arrays, pieces, args.rank), arrays, pieces, session, args)
    return small, {'loss': losses}


def choose(features, groups, vectors, targets):
    """The settings with the largest ridge of all whose error is as small as the least.

    The error is how far, squared, what a head without a training sentence says of it is from what
    it should say (Allen, The Relationship between Variable Selection and Data Augmentation and a
    Method for Prediction, 1974). How many sentences are recognised would choose by luck: settings
    that recognised 7 more of 2,500 had an error larger by 8 %. An error is as small as the least
    up to the standard error of that (Breiman et al., Classification and Regression Trees, 1984).
    A sentence's neighbours in its article are among the others and favour a small ridge, with
    which single sentences decide; a new article has no neighbours.

    Args:
        features, groups: see kernel.standardisation.
        vectors: sparse matrix (sentences, grams), see kernel.Grams.
        targets: one-hot array (sentences, classes).

    Returns:
        (settings, accuracy)
    """
    vectors, targets = vectors[:MOST], targets[:MOST]
    names, found = sorted(SETTINGS), []
    for values in itertools.product(*(SETTINGS[name] for name in names)):
        settings = dict(zip(names, values))
        shift, scale = kernel.standardisation(features, groups, settings['width'])
        scores = kernel.left_out(((features - shift) * scale)[:MOST], vectors,
                                 kernel.wanted(targets), settings['ridge'], settings['share'])
        accuracy = float((scores.argmax(axis=1) == targets.argmax(axis=1)).mean())
        errors = np.square(scores - kernel.wanted(targets)).sum(axis=1)
        logger.info('%s: error %.4f, accuracy %.4f', settings, errors.mean(), accuracy)
        found.append((settings, errors.mean(), errors.std() / np.sqrt(len(errors)), accuracy))
    _, least, uncertainty, _ = min(found, key=lambda one: one[1])
    settings, _, _, accuracy = max((one for one in found if one[1] <= least + uncertainty),
                                   key=lambda one: (one[0]['ridge'], -one[1]))
    return settings, accuracy


def unwritten(inputs, known, random):
    """Sentences put together of parts of others: as ``inputs``, some times as many.

    First those of the first ``known`` sentences, and then those of the rest: a head of the first
    ones alone has nothing of the rest, which calibrate it.
    """
    names, count = sorted(inputs), len(inputs['pieces'])
    times = max(1, min(UNWRITTEN, ENOUGH // count))
    parts = [recombination.recombined([inputs[name][rows] for name in names], times, random)
             for rows in np.split(np.arange(count), [known]) if len(rows)]
    return {name: np.concatenate(rows) for name, rows in zip(names, zip(*parts))}


def taught(written, further, targets, settings):
    """The head that is served: of labels, and of what a better one says that cannot be served.

    The better one, of the same labels, reads with the whole encoder; of ``further`` sentences
    nobody knows the label, and it is asked for its scores (Hinton et al., Distilling the Knowledge
    in a Neural Network, 2015). Each counts as much as a sentence with a label.

    Args:
        written: of the sentences with labels (components, components by the whole encoder,
            vectors), see kernel.fit.
        further: the same of sentences that were never written.
        targets: one-hot array (sentences, classes).
        settings: what ``choose`` returned.
    """
    ridge, share, scores = settings['ridge'], settings['share'], kernel.wanted(targets)
    (components, whole, vectors), (others, whole_others, other_vectors) = written, further
    teacher = kernel.fit(whole, vectors, scores, ridge, share)
    answers = kernel.logits(teacher, whole_others, other_vectors) / kernel.SHARPNESS
    return kernel.fit(np.concatenate([components, others]),
                      scipy.sparse.vstack([vectors, other_vectors], format='csr'),
                      np.concatenate([scores, answers]), ridge, share, kernel.SERVED)


def new_placeholders():
    """dict of the model's inputs by name."""
    return {name: tf.placeholder(tf.float32, [None, length], name=name)
            for name, length in INPUTS}


def as_variables(session, arrays):
    """dict of initialised variables in the session's graph."""
    variables = {name: tf.get_variable(name, initializer=tf.constant(array))
                 for name, array in sorted(arrays.items())}
    session.run(tf.global_variables_initializer())
    return variables


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

    train_inputs, test_inputs = (as_arrays(model_inputs.encode(texts))
                                 for texts in (train_texts, test_texts))
    small, history = small_encoder(encoder, train_inputs['pieces'], args)
    export.save_history(history, args.output_dir)
    targets = np.eye(len(labels), dtype=np.float32)[[labels.index(name) for name in train_labels]]

    # Of a handful of sentences one, as Keras does.
    held_back = int(len(train_texts) * args.validation_split) or int(args.validation_split > 0)
    known = len(train_texts) - min(held_back, len(train_texts) - 1)
    more_inputs = unwritten(train_inputs, known, np.random.RandomState(args.seed))

    reader = Reader(word_vectors(vectors, train_inputs['inputs']), small)
    features, more_features, test_features = (
        reader.read(args, inputs) for inputs in (train_inputs, more_inputs, test_inputs))
    grams = kernel.Grams(train_inputs['pieces'], reader.pieces)
    seen, seen_more = (grams.vectors(inputs['pieces']) for inputs in (train_inputs, more_inputs))
    settings, left_out_accuracy = choose(features, reader.groups, seen, targets)
    shift, scale = kernel.standardisation(features, reader.groups, settings['width'])
    components, more_components = ((rows - shift) * scale for rows in (features, more_features))
    logger.info('sentences: %d, labels: %s, features: %s', len(train_texts), labels,
                features.shape[1])

    # What the whole encoder says, and the words as they are.
    whole, whole_more = (
        np.concatenate([said, rows[:, said.shape[1]:]], axis=1) for said, rows in zip(
            sentence_encoder.principal(encoder, train_inputs['pieces'], more_inputs['pieces']),
            (features, more_features)))
    of_whole = kernel.standardisation(whole, reader.groups, settings['width'])
    whole, whole_more = ((rows - of_whole[0]) * of_whole[1] for rows in (whole, whole_more))

    def fit(rows):
        more = rows * len(more_features) // len(features)
        return taught((components[:rows], whole[:rows], seen[:rows]),
                      (more_components[:more], whole_more[:more], seen_more[:more]),
                      targets[:rows], settings)

    calibrated = calibration.NEUTRAL
    if known < len(train_texts):
        validated = kernel.logits(fit(known), components[known:], seen[known:])
        calibrated = calibration.calibrate(validated, targets[known:])
    head = fit(len(train_texts))
    expected = calibration.probabilities(
        kernel.logits(head, (test_features - shift) * scale, grams.vectors(test_inputs['pieces'])),
        calibrated['temperature'])
    # In Keras' words, by which a search of hyperparameters finds it.
    print(' - val_acc: {:.4f}'.format(left_out_accuracy))
    export.save_metrics([labels[row] for row in expected.argmax(axis=1)], test_labels, args,
                        HYPERPARAMETERS, args.output_dir, calibration=calibrated,
                        settings=dict(settings, left_out_accuracy=left_out_accuracy))
    save_specification(args.output_dir, unknown_below=calibrated['unknown_below'])

    session = determinism.new_session(args.seed, args.single_thread)
    inputs = new_placeholders()
    variables = as_variables(session, dict(
        reader.arrays, shift=shift, scale=scale, landmarks=head['landmarks'],
        weights=head['weights'], grams=grams.table(head['grams'])))
    logits = kernel.graph(variables, *reader.features(variables, inputs))[:-1]
    probabilities = tf.nn.softmax(logits / calibrated['temperature'], name='probabilities')
    export.check(session, {inputs[name]: rows for name, rows in test_inputs.items()},
                 probabilities, expected)
    export.save_model(session, inputs, {'probabilities': probabilities}, args.sm_model_dir)
    logger.info('saved %s', json.dumps(sorted(os.listdir(args.sm_model_dir))))


def save_specification(output_dir, **further):
    """Writes encoding.json."""
    export.write_json(dict(further, pieces=PIECES), os.path.join(output_dir, SPECIFICATION))


def as_arrays(inputs):
    """The model's inputs by name, as arrays."""
    return {name: np.array(rows, dtype=np.int32) for name, rows in inputs.items()}


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except channels.ChannelError as error:
        sys.exit('train_v3: {}'.format(error))
