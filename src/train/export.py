"""What a training job leaves behind: the SavedModel and the files beside it.

``SM_MODEL_DIR`` becomes model.tar.gz and ``SM_OUTPUT_DATA_DIR`` output.tar.gz
(contract B5). The endpoint needs both: the SavedModel from the first; the
labels, the vocabulary and the tokenizer from the second.
"""
import csv
import json
import operator
import os
import shutil

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

MODEL_VERSION = '1'
"""SageMaker serves a SavedModel only from a directory with a numeric name."""
TOLERANCE = 1e-5
"""Of probabilities. Two float32 programs of one network differ by up to 1e-6; one that
computes something else differs by much more."""
BATCH = 256


def check(session, feed, output, expected):
    """Whether a serving graph gives what the trained model gave, within TOLERANCE.

    Args:
        feed: dict of placeholder to rows.
        expected: the trained model's rows of ``output``.

    Raises:
        AssertionError: it does not; the model must not be exported.
    """
    found = np.concatenate([
        session.run(output, {name: rows[start:start + BATCH] for name, rows in feed.items()})
        for start in range(0, len(expected), BATCH)])
    worst = float(np.abs(found - expected).max())
    if not worst <= TOLERANCE:
        raise AssertionError('the serving graph differs from the trained model by {:.2g} at most;'
                             ' expected {:g}'.format(worst, TOLERANCE))


def save_model(session, inputs, outputs, model_dir, further_signatures=None):
    """Writes ``<model_dir>/1`` with the signature ``serving_default``.

    The same weights give the same bytes, and the graph holds what serving needs
    and nothing else (``tf.saved_model.simple_save`` gives neither).

    Args:
        session: holds the trained variables.
        inputs, outputs: dict of name to tensor.
        model_dir: SM_MODEL_DIR.
        further_signatures: dict of signature name to (inputs, outputs).
    """
    path = os.path.join(model_dir, MODEL_VERSION)
    builder = tf.saved_model.builder.SavedModelBuilder(path)
    signatures = {
        tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY: (inputs, outputs)}
    signatures.update(further_signatures or {})
    # A sharded saver, the builder's default, puts a random name into the graph.
    builder.add_meta_graph_and_variables(
        session, [tf.saved_model.tag_constants.SERVING],
        signature_def_map={
            name: tf.saved_model.signature_def_utils.predict_signature_def(*tensors)
            for name, tensors in signatures.items()},
        saver=tf.train.Saver(sharded=False))
    builder.save()
    _reduce(os.path.join(path, 'saved_model.pb'))


def _reduce(path):
    """Rewrites a SavedModel in place: only nodes that predict or restore, maps in order.

    Initialisers go, and Keras' checks of what is initialised, which it makes in an
    order that differs from run to run; so do the collections, which only help to go
    on building the graph.
    """
    saved_model = saved_model_pb2.SavedModel()
    with open(path, 'rb') as source:
        saved_model.ParseFromString(source.read())
    for meta_graph in saved_model.meta_graphs:
        saver = meta_graph.saver_def
        kept = {saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name}
        for signature in meta_graph.signature_def.values():
            for tensor in list(signature.inputs.values()) + list(signature.outputs.values()):
                kept.add(tensor.name)
        graph = tf.graph_util.extract_sub_graph(
            meta_graph.graph_def, sorted(name.split(':')[0] for name in kept))
        _forget_absent_neighbours(graph)
        meta_graph.graph_def.CopyFrom(graph)
        meta_graph.collection_def.clear()
    with open(path, 'wb') as target:
        target.write(saved_model.SerializeToString(deterministic=True))


def _forget_absent_neighbours(graph):
    """Drops the wish to be placed beside (``loc:@name``) a node that is not in the graph."""
    present = {'loc:@' + node.name for node in graph.node}
    for node in graph.node:
        if '_class' in node.attr:
            wishes = node.attr['_class'].list.s
            wishes[:] = [wish for wish in wishes if wish.decode() in present]


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


def save_metrics(predicted, truth, args, hyperparameters, output_dir, **further):
    """Prints the accuracy on the test channel and writes ``metrics.json``.

    Args:
        predicted, truth: lists of labels.
        args: the script's arguments; those of ``hyperparameters`` are written too.
        further: entries of metrics.json beside these.
    """
    accuracy = sum(map(operator.eq, predicted, truth)) / len(truth)
    # A name of its own: the metric definitions must not take it for an epoch's.
    print('test_accuracy={:.4f} test_sentences={}'.format(accuracy, len(truth)))
    names = [name.replace('-', '_') for name, _, _, _ in hyperparameters]
    write_json(dict(further, test_accuracy=accuracy, test_sentences=len(truth),
                    hyperparameters={name: getattr(args, name) for name in names},
                    tensorflow=tf.__version__), os.path.join(output_dir, 'metrics.json'))


def best_epoch(history, monitor):
    """Which epoch's weights a training keeps, and by what.

    Args:
        history: dict of metric name to list of values, one an epoch.
        monitor: one of its names; of a loss the lowest is best, else the highest.

    Returns:
        dict for metrics.json: ``monitor`` and ``best_epoch``, counted from 1; the
        first of equals.
    """
    values = history[monitor]
    best = min(values) if monitor.endswith('loss') else max(values)
    return {'monitor': monitor, 'best_epoch': values.index(best) + 1}


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
