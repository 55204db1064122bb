"""The heads of v3: a committee of small networks on what frozen models make of a sentence.

Each reads two views of it, and their logits are averaged:

* its features: the sentence encoder's 512 numbers and the mean word vector, standardised,
  through one hidden layer;
* its hashed n-grams of characters, as v2 does: they know the words of the training
  sentences that the frozen models have no notion of.
"""
import numpy as np
import tensorflow as tf
from tensorflow.python.keras import Input, Model
from tensorflow.python.keras.layers import Concatenate, Dense, Dropout, Embedding, Lambda

import network
import serving_graph


def build_model(feature_count, class_count, ngrams, args):
    """The network: [(batch, features), (batch, any) n-grams] -> the members' logits in a row.

    Args:
        ngrams: ``buckets`` of the n-gram input (see encoding.Ngrams).
        args: see train_v3.HYPERPARAMETERS.
    """
    features = Input((feature_count,), name='features')
    grams = Input((None,), name='ngrams')

    def member(number):
        x = Dropout(args.feature_dropout)(features)
        x = Dense(args.hidden, activation='relu', kernel_initializer='he_normal',
                  name='hidden_{}'.format(number))(x)
        # Zero, as in v2: an n-gram that no training sentence has says nothing.
        y = Embedding(ngrams['buckets'], args.ngram_dimensions, embeddings_initializer='zeros',
                      name='ngram_vectors_{}'.format(number))(grams)
        kept = Lambda(lambda indices: network.drop_some(
            network.present(indices), args.ngram_dropout))(grams)
        bag = Lambda(lambda pair: serving_graph.bag(*pair))([kept, y])
        return Dense(class_count, name='logits_{}'.format(number))(
            Concatenate()([Dropout(args.dropout)(x), bag]))

    logits = [member(number) for number in range(args.members)]
    return Model([features, grams], logits[0] if len(logits) == 1 else Concatenate()(logits))


def fold(model, members, mean, deviation):
    """The arrays that serving needs, out of a trained model.

    The members become one hidden layer, whose features need not be standardised. An
    n-gram's vectors only ever meet the logits, so the table holds what it adds to these.

    Args:
        mean, deviation: of the features that the model was trained on.
    """
    parts = []
    for number in range(members):
        kernel, bias = model.get_layer('hidden_{}'.format(number)).get_weights()
        logits, logits_bias = model.get_layer('logits_{}'.format(number)).get_weights()
        table = model.get_layer('ngram_vectors_{}'.format(number)).get_weights()[0]
        units = kernel.shape[1]
        kernel = kernel / deviation[:, np.newaxis]
        parts.append((kernel, bias - mean.dot(kernel), logits[:units] / members,
                      table.dot(logits[units:]) / members, logits_bias / members))
    kernels, biases, logits, tables, logit_biases = zip(*parts)
    arrays = {'hidden_kernel': np.concatenate(kernels, axis=1),
              'hidden_bias': np.concatenate(biases), 'logits_kernel': np.concatenate(logits),
              'logits_bias': sum(logit_biases), 'ngrams': sum(tables)}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def logits(variables, features, ngrams):
    """The committee's logits as a graph.

    Args:
        variables: the tensors of what ``fold`` returned, by name.
        features: float32 tensor (batch, features).
        ngrams: int32 tensor (batch, positions).
    """
    hidden = tf.nn.relu(tf.matmul(features, variables['hidden_kernel'])
                        + variables['hidden_bias'])
    present = tf.expand_dims(tf.cast(tf.not_equal(ngrams, 0), tf.float32), -1)
    return tf.matmul(hidden, variables['logits_kernel']) + variables['logits_bias'] \
        + serving_graph.bag(present, tf.gather(variables['ngrams'], ngrams))
