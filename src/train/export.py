"""What a training job leaves behind: the SavedModel and the files beside it.

``SM_MODEL_DIR`` becomes model.tar.gz and ``SM_OUTPUT_DATA_DIR`` output.tar.gz
(contract B5). The endpoint needs both: the SavedModel from the first; the
labels, the vocabulary and the tokenizer from the second.
"""
import csv
import json
import os
import shutil

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

MODEL_VERSION = '1'
"""SageMaker serves a SavedModel only from a directory with a numeric name."""


def save_model(session, inputs, outputs, model_dir):
    """Writes ``<model_dir>/1`` with one signature, ``serving_default``.

    The same weights give the same bytes: no save operation with a random
    temporary name (which ``tf.saved_model.simple_save`` puts into the graph),
    and maps are serialised in sorted order.

    Args:
        session: holds the trained variables.
        inputs, outputs: dict of name to tensor.
        model_dir: SM_MODEL_DIR.
    """
    path = os.path.join(model_dir, MODEL_VERSION)
    builder = tf.saved_model.builder.SavedModelBuilder(path)
    signature = tf.saved_model.signature_def_utils.predict_signature_def(inputs, outputs)
    builder.add_meta_graph_and_variables(
        session, [tf.saved_model.tag_constants.SERVING],
        signature_def_map={
            tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY: signature},
        saver=tf.train.Saver(sharded=False))
    _write_canonical(builder.save(), path)


def _write_canonical(saved_model_path, directory):
    if isinstance(saved_model_path, bytes):
        saved_model_path = saved_model_path.decode()
    saved_model = saved_model_pb2.SavedModel()
    with open(saved_model_path, 'rb') as source:
        saved_model.ParseFromString(source.read())
    with open(os.path.join(directory, 'saved_model.pb'), 'wb') as target:
        target.write(saved_model.SerializeToString(deterministic=True))


def save_encoding(tokenizer_path, tokens, output_dir):
    """Writes what ``encoding.Encoder`` reads: ``tokenizer.model`` and ``vocabulary.json``.

    Returns:
        (tokenizer_path, vocabulary_path) of the copies.
    """
    tokenizer_copy = os.path.join(output_dir, 'tokenizer.model')
    shutil.copyfile(tokenizer_path, tokenizer_copy)
    vocabulary_path = os.path.join(output_dir, 'vocabulary.json')
    write_json(tokens, vocabulary_path)
    return tokenizer_copy, vocabulary_path


def save_labels(labels, output_dir):
    """Writes ``labels.json``: the label of each class index.

    JSON and not the article's pickle: whoever can write the archive must not
    be able to run code in the endpoint.
    """
    write_json(labels, os.path.join(output_dir, 'labels.json'))


def save_history(history, output_dir):
    """Writes ``history.csv``: a row an epoch, a column a metric.

    Args:
        history: dict of metric name to list of values (Keras' ``History.history``).
    """
    names = sorted(history)
    with open(os.path.join(output_dir, 'history.csv'), 'w', encoding='utf-8', newline='') as target:
        writer = csv.writer(target, lineterminator='\n')
        writer.writerow(['epoch'] + names)
        for epoch, values in enumerate(zip(*(history[name] for name in names)), start=1):
            writer.writerow([epoch] + ['{:.8g}'.format(value) for value in values])


def write_json(value, path):
    with open(path, 'w', encoding='utf-8') as target:
        json.dump(value, target, ensure_ascii=False, indent=None, sort_keys=True)
        target.write('\n')
