"""The network of v2 as it is trained: a committee of small ones that see the same sentence.

Each member has two views of a sentence, summed up by one softmax:

* its 64 tokens: frozen word vectors, a dense layer, and an attention that gives each
  token a weight (keras-self-attention's SeqWeightedAttention); padding is masked;
* its n-grams of characters and of tokens, hashed: a small vector each, trained here,
  averaged.

Members differ in their random start and in what dropout hides from them; their logits
are averaged. Each is trained as if it were alone, so that they keep different opinions.
"""
import tensorflow as tf
from keras_self_attention import SeqWeightedAttention
from tensorflow.python.keras import Input, Model
from tensorflow.python.keras import backend as K
from tensorflow.python.keras.layers import (
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Lambda,
    SpatialDropout1D,
)

import serving_graph


def build_model(vectors, class_count, ngrams, args):
    """The network.

    Args:
        vectors: float array (tokens, dimensions); row 0 is padding.
        class_count: labels.
        ngrams: ``buckets`` of the n-gram input (see encoding.Ngrams).
        args: see train_v2.HYPERPARAMETERS.

    Returns:
        Model: [(batch, any) tokens, (batch, any) n-grams] as float32 -> the members'
        logits one after the other, (batch, members * class_count). Layers that
        serving needs have names that end in the member's number.
    """
    tokens = Input((None,), name='inputs')
    words = Embedding(vectors.shape[0], vectors.shape[1], weights=[vectors], trainable=False,
                      mask_zero=True, name='word_vectors')(tokens)
    grams = Input((None,), name='ngrams')

    def member(number):
        x = SpatialDropout1D(args.dropout)(words)
        x = Dense(args.hidden, activation='relu', name='token_{}'.format(number))(x)
        weighted, _ = SeqWeightedAttention(
            return_attention=True, name='attention_{}'.format(number))(x)
        # Units are never negative (relu), so masking by zero leaves the maximum as it is.
        strongest = Lambda(lambda pair: K.max(pair[0] * _present(pair[1]), axis=1))([x, tokens])
        sentence = Dropout(args.dropout)(Concatenate()([weighted, strongest]))

        # Zero, so that an n-gram that no training sentence has says nothing instead of
        # something random (and packs to nothing).
        y = Embedding(ngrams['buckets'], args.ngram_dimensions, embeddings_initializer='zeros',
                      name='ngram_vectors_{}'.format(number))(grams)
        kept = Lambda(lambda indices: _drop_some(_present(indices), args.ngram_dropout))(grams)
        bag = Lambda(lambda pair: serving_graph.bag(*pair))([kept, y])
        return Dense(class_count, name='logits_{}'.format(number))(Concatenate()([sentence, bag]))

    logits = [member(number) for number in range(args.members)]
    return Model([tokens, grams], logits[0] if len(logits) == 1 else Concatenate()(logits))


def compile_model(model, class_count, optimizer):
    """Loss: the mean of the members' cross entropies. Metrics: those of the committee."""
    def members(logits):
        return K.reshape(logits, (-1, K.int_shape(logits)[1] // class_count, class_count))

    def loss(truth, logits):
        each = members(logits)
        return K.mean(K.categorical_crossentropy(
            K.expand_dims(truth, 1) * K.ones_like(each), each, from_logits=True), axis=-1)

    def committee(logits):
        return K.mean(members(logits), axis=1)

    def acc(truth, logits):
        return K.cast(K.equal(K.argmax(truth), K.argmax(committee(logits))), K.floatx())

    def mean_squared_error(truth, logits):
        return K.mean(K.square(K.softmax(committee(logits)) - truth), axis=-1)

    def mean_absolute_error(truth, logits):
        return K.mean(K.abs(K.softmax(committee(logits)) - truth), axis=-1)

    # The metrics have the names under which the progress line of v1 shows them.
    model.compile(loss=loss, optimizer=optimizer,
                  metrics=[acc, mean_squared_error, mean_absolute_error])


def committee_logits(model, features, class_count):
    """The committee's logits for encoded sentences: array (sentences, class_count)."""
    logits = model.predict(features, batch_size=256)
    return logits.reshape(len(logits), -1, class_count).mean(axis=1)


def _present(indices):
    """1 where an index is no padding, with a last axis of one."""
    return K.expand_dims(K.cast(K.not_equal(indices, 0), K.floatx()))


def _drop_some(present, rate):
    return K.in_train_phase(lambda: tf.nn.dropout(present, keep_prob=1 - rate), present)
