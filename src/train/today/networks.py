"""The networks of v1 and v2 in Keras 3: read train_v1.build_model and network.py first."""
from keras import Input, Model, ops
from keras.layers import (
    LSTM,
    Bidirectional,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    SpatialDropout1D,
)

from encoding import INPUT_LENGTH
from layers import SelfAttention, WeightedAttention, gate, present


def article(vectors, hidden, class_count, dropout=0.1):
    """The article's: (batch, 64) indices as float32 -> (batch, class_count) probabilities."""
    indices = Input((INPUT_LENGTH,), name='inputs')
    x = _frozen(vectors)(indices)
    x = SelfAttention()(x)
    x = Bidirectional(LSTM(hidden, recurrent_activation=gate))(x)
    x = Dense(hidden * 2)(x)
    x = Dropout(dropout)(x)
    return Model(indices, Dense(class_count, activation='softmax', name='probabilities')(x))


def _frozen(vectors):
    return Embedding(*vectors.shape, weights=[vectors], trainable=False, name='word_vectors')


def committee(vectors, class_count, ngrams, args):
    """v2's committee.

    Returns:
        (Model, Model): [(batch, any) tokens, (batch, any) n-grams] as float32 -> the members'
        logits, (batch, members, class_count), and -> (their mean, their attentions' mean).
    """
    tokens = Input((None,), name='inputs')
    grams = Input((None,), name='ngrams')
    words = _frozen(vectors)(tokens)
    is_word, is_gram = present(tokens), present(grams)

    def member(number):
        x = SpatialDropout1D(args.dropout)(words)
        x = Dense(args.hidden, activation='relu', name='token_{}'.format(number))(x)
        weighted, weights = WeightedAttention(name='attention_{}'.format(number))(x, is_word)
        strongest = ops.max(x * is_word, axis=1)
        sentence = Dropout(args.dropout)(Concatenate()([weighted, strongest]))
        # Zero, so that an n-gram that no training sentence has says nothing.
        y = Embedding(ngrams['buckets'], args.ngram_dimensions, embeddings_initializer='zeros',
                      name='ngram_vectors_{}'.format(number))(grams)
        kept = Dropout(args.ngram_dropout)(is_gram)
        bag = ops.sum(kept * y, axis=1) / ops.sqrt(ops.sum(kept, axis=1) + 1.0)
        logits = Dense(class_count, name='logits_{}'.format(number))(Concatenate()([sentence, bag]))
        return logits, weights

    logits, weights = zip(*(member(number) for number in range(args.members)))
    logits, weights = (ops.stack(each, axis=1) for each in (logits, weights))
    whole = [ops.mean(each, axis=1) for each in (logits, weights)]
    return Model([tokens, grams], logits), Model([tokens, grams], whole)
