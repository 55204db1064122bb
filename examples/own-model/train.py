"""y = 2x + 1, learnt: the smallest training script that SageMaker's script mode can run.

Hyperparameters come as arguments, directories as SM_* variables (docs/contract.md#b2,
docs/contract.md#b3). What lies in SM_MODEL_DIR becomes model.tar.gz.
"""
import argparse
import os

import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument('--steps', type=int, default=500)
parser.add_argument('--model-dir', default=os.environ.get('SM_MODEL_DIR'))
arguments = parser.parse_args()

x = tf.placeholder(tf.float32, [None], name='x')
weight, bias = tf.Variable(0.0), tf.Variable(0.0)
y = weight * x + bias
loss = tf.reduce_mean(tf.square(y - (2 * x + 1)))
step = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for _ in range(arguments.steps):
        session.run(step, {x: [0.0, 0.5, 1.0]})
    print(f'loss: {session.run(loss, {x: [0.0, 0.5, 1.0]}):.2e}')  # a metric, for who looks for it
    # A SavedModel is served only from a directory with a numeric name (docs/contract.md#a2).
    tf.saved_model.simple_save(session, os.path.join(arguments.model_dir, '1'), {'x': x}, {'y': y})
