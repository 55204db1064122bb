"""A small CNN over the article's tokens and word vectors: a model in one file.

Copied to models/cnn/train.py it is VERSION=cnn of every make target (docs/your-own-model.md).
"""
import sys

import numpy as np
from tensorflow.python.keras import Sequential, backend, layers

import arguments
import channels
import determinism
import export
from encoding import INPUT_LENGTH, Encoder
from vectors import load_vectors

HYPERPARAMETERS = [
    ('epochs', arguments.at_least(1), 8, 'passes over the training sentences'),
    ('filters', arguments.at_least(1), 64, 'phrases of three tokens that are looked for'),
    ('seed', arguments.at_least(0), 1, 'of every random generator'),
    ('single-thread', arguments.switch, False, 'same seed, same bits; slower'),
]
DECLARES = {
    'title': {'en': 'a small CNN', 'ja': '小さな CNN'},
    'search': {'jobs': 8, 'ranges': {'filters': {'min': 16, 'max': 128, 'scale': 'log'}}},
}

args = arguments.parse(sys.argv[1:], HYPERPARAMETERS, __doc__.splitlines()[0])
determinism.new_session(args.seed, args.single_thread)
tokenizer, tokens, vectors = load_vectors(args.vectors_dir)
encoder = Encoder(*export.save_encoding(tokenizer, tokens, args.output_dir))
(texts, names), (test_texts, test_names) = map(
    channels.read_split, (args.train_dir, args.test_dir))
labels = channels.label_order(names)
export.save_labels(labels, args.output_dir)
rows, test_rows = (
    np.array([encoder.encode(text) for text in each]) for each in (texts, test_texts))

model = Sequential([
    layers.Embedding(*vectors.shape, weights=[vectors], trainable=False,
                     input_length=INPUT_LENGTH),
    layers.Conv1D(args.filters, 3, activation='relu'),
    layers.GlobalMaxPooling1D(),
    layers.Dense(len(labels), activation='softmax'),
])
model.compile('adam', 'sparse_categorical_crossentropy', metrics=['acc'])
history = model.fit(rows, np.array([labels.index(name) for name in names]), epochs=args.epochs,
                    validation_split=0.1, verbose=2).history
export.save_history(history, args.output_dir)
predicted = model.predict(test_rows).argmax(axis=1)
export.save_metrics([labels[row] for row in predicted], test_names, args, HYPERPARAMETERS,
                    args.output_dir, monitor='val_acc', best_epoch=args.epochs)
export.save_model(backend.get_session(), {'inputs': model.input},
                  {model.output.name: model.output}, args.sm_model_dir)
