"""A SavedModel as somebody may have left one: two sides in, the rectangle's area out."""
import sys

import tensorflow as tf

sides = tf.placeholder(tf.float32, [None, 2], name='sides')
unit = tf.Variable(1.0)
area = tf.reduce_prod(sides, axis=1) * unit
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    tf.saved_model.simple_save(session, sys.argv[1], {'sides': sides}, {'area': area})
