"""The article's model: frozen word vectors, self-attention, BiLSTM, softmax.

Runs in SageMaker's TensorFlow 1.12 container in script mode, and under the same
toolkit on this machine. Channels: ``train`` and ``test`` (features.csv,
labels.csv), ``vectors`` (tokenizer.model and the gensim model vectors.model*).

What the article does and this script does not, its faults: labels are JSON and
not a pickle; a sentence is encoded by the code that the endpoint runs; the test
channel is evaluated; the best epoch's weights go into a graph without training
nodes. The model, its optimiser and its metrics are the article's.
"""
import json
import logging
import os
import sys
import tempfile

# keras-self-attention takes the Keras inside TensorFlow instead of the package
# `keras` when this is set before its import; text-vectorian imports the other.
os.environ['TF_KERAS'] = '1'

import numpy as np
import tensorflow as tf
from keras_self_attention import SeqSelfAttention
from tensorflow.python.keras import Input, Model
from tensorflow.python.keras.callbacks import EarlyStopping, LambdaCallback, ModelCheckpoint
from tensorflow.python.keras.layers import LSTM, Bidirectional, Dense, Dropout, Embedding

import arguments
import channels
import determinism
import export
import serving_v1
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


def build_model(vectors, hidden, class_count, dropout=0.1):
    """The article's network.

    Args:
        vectors: float array (tokens, dimensions), the embedding; it stays frozen.
        hidden: units of the LSTM in each direction.
        class_count: labels.
        dropout: see HYPERPARAMETERS.

    Returns:
        Model: (batch, 64) indices as float32 -> (batch, class_count) probabilities.
    """
    indices = Input((INPUT_LENGTH,))
    x = Embedding(input_dim=vectors.shape[0], output_dim=vectors.shape[1],
                  weights=[vectors], trainable=False)(indices)
    x = SeqSelfAttention(attention_type=SeqSelfAttention.ATTENTION_TYPE_MUL)(x)
    x = Bidirectional(LSTM(hidden))(x)
    x = Dense(hidden * 2)(x)
    x = Dropout(dropout)(x)
    return Model(indices, Dense(class_count, activation='softmax')(x))


def fit(model, features, targets, args, weights_path, optimizer='nadam', scored=None):
    """Trains, and keeps the weights of the best epoch at ``weights_path``.

    Args:
        scored: features and class indices of sentences. Their accuracy is recorded after each
            epoch, as ``test_acc``, and chooses nothing.

    Returns:
        dict: metric name to list of values, one an epoch.
    """
    metrics = ['acc', 'mse', 'mae']
    if targets.shape[1] > 5:
        metrics.append('top_k_categorical_accuracy')  # k is 5: of fewer classes it is always 1
    model.compile(loss='categorical_crossentropy', optimizer=optimizer, metrics=metrics)
    model.summary(print_fn=logger.info)
    monitor = monitored(args)
    # One line an epoch: a progress bar would fill the job's log.

    def record(_, logs):
        if scored:
            answers = model.predict(scored[0], batch_size=256)
            logs['test_acc'] = (answers.argmax(axis=1) == scored[1]).mean()

    history = model.fit(
        features, targets, batch_size=args.batch_size, epochs=args.epochs,
        validation_split=args.validation_split, verbose=2,
        callbacks=[LambdaCallback(on_epoch_end=record),
                   EarlyStopping(patience=3, monitor=monitor, mode='max'),
                   ModelCheckpoint(weights_path, monitor=monitor, mode='max',
                                   save_best_only=True, save_weights_only=True)])
    return history.history


def monitored(args):
    """What chooses the epoch, as in the article."""
    return 'val_acc' if args.validation_split > 0 else 'acc'


def save_serving_graph(model, args, features, expected):
    """Writes SM_MODEL_DIR: the trained model in a graph of its own (see serving_v1).

    Args:
        features, expected: sentences, and the probabilities that the graph must give.
    """
    arrays = serving_v1.fold(model)
    input_name, output_name = model.input.op.name, model.output.op.name
    session = determinism.new_session(args.seed, args.single_thread)
    inputs, outputs = serving_v1.build(session, arrays, input_name, output_name)
    export.check(session, {inputs: features}, outputs, expected)
    export.save_model(session, {'inputs': inputs}, {outputs.name: outputs}, args.sm_model_dir)


def main(argv):
    args = arguments.parse(argv, HYPERPARAMETERS, __doc__.splitlines()[0])
    logging.basicConfig(level=args.container_log_level, stream=sys.stdout)
    determinism.new_session(args.seed, args.single_thread)

    tokenizer_path, tokens, vectors = load_vectors(args.vectors_dir)
    encoder = Encoder(*export.save_encoding(tokenizer_path, tokens, args.output_dir))
    train_texts, train_labels = channels.read_split(args.train_dir)
    test_texts, test_labels = channels.read_split(args.test_dir)
    labels = channels.label_order(train_labels)
    export.save_labels(labels, args.output_dir)

    features = np.array([encoder.encode(text) for text in train_texts], dtype=np.float32)
    test_features = np.array([encoder.encode(text) for text in test_texts], dtype=np.float32)
    index = {label: place for place, label in enumerate(labels)}
    truth = np.array([index.get(name, -1) for name in test_labels])
    targets = np.eye(len(labels), dtype=np.float32)[[index[name] for name in train_labels]]
    logger.info('sentences: %d, labels: %s, features: %s, vectors: %s',
                len(train_texts), labels, features.shape, vectors.shape)

    with tempfile.TemporaryDirectory() as scratch:
        best = os.path.join(scratch, 'best.h5')
        model = build_model(vectors, args.hidden, len(labels), args.dropout)
        optimizer = tf.keras.optimizers.Nadam(lr=args.learning_rate)
        history = fit(model, features, targets, args, best, optimizer,
                      scored=(test_features, truth))
        export.save_history(history, args.output_dir)
        model.load_weights(best)

    predicted = model.predict(test_features, batch_size=256)
    export.save_metrics([labels[row] for row in predicted.argmax(axis=1)], test_labels, args,
                        HYPERPARAMETERS, args.output_dir,
                        **export.best_epoch(history, monitored(args)))
    save_serving_graph(model, args, test_features, predicted)
    logger.info('saved %s', json.dumps(sorted(os.listdir(args.sm_model_dir))))


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except channels.ChannelError as error:
        sys.exit('train_v1: {}'.format(error))
