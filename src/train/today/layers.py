"""What the networks of 2019 compute and Keras 3 does otherwise or not at all.

With the same weights they give the same probabilities as the layers of TensorFlow 1.12 and
keras-self-attention 0.41, up to the order of sums; tests/today holds them to their numbers.
"""
import keras
import tensorflow as tf
from keras import ops

EPSILON = 1e-7
"""Keras' own, in the attentions' denominators."""


@keras.saving.register_keras_serializable('train2deploy')
def gate(x):
    """Keras 2's hard_sigmoid, its LSTM's default for the gates; Keras 3's has a slope of 1/6.

    Not called `hard_sigmoid`: Bidirectional copies its layer by the names in it, and Keras 3
    would take its own.
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


class SelfAttention(keras.layers.Layer):
    """SeqSelfAttention of type `multiplicative`: softmax(x W x' + b) x."""

    def build(self, input_shape):
        size = input_shape[-1]
        self.kernel = self.add_weight(name='kernel', shape=(size, size),
                                      initializer='glorot_normal')
        self.bias = self.add_weight(name='bias', shape=(1,), initializer='zeros')

    def call(self, x):
        scores = ops.matmul(ops.matmul(x, self.kernel), ops.transpose(x, (0, 2, 1))) + self.bias
        return ops.matmul(_softmax(scores), x)


class WeightedAttention(keras.layers.Layer):
    """SeqWeightedAttention: (weighted sum of x, weights); weights of what is not present are 0."""

    def build(self, input_shape):
        self.kernel = self.add_weight(name='kernel', shape=(input_shape[-1], 1),
                                      initializer=keras.initializers.RandomUniform(-0.05, 0.05))
        self.bias = self.add_weight(name='bias', shape=(1,), initializer='zeros')

    def call(self, x, present):
        scores = ops.squeeze(ops.matmul(x, self.kernel), -1) + self.bias
        weights = _softmax(scores, ops.squeeze(present, -1))
        return ops.sum(x * ops.expand_dims(weights, -1), axis=1), weights


def _softmax(scores, present=1.0):
    raised = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True)) * present
    return raised / (ops.sum(raised, axis=-1, keepdims=True) + EPSILON)


def present(indices):
    """1 where an index is no padding, with a last axis of one."""
    return ops.expand_dims(ops.cast(ops.not_equal(indices, 0), 'float32'), -1)


class Adam(keras.optimizers.Adam):
    """Keras 2's: the gradients of an embedding's row that a batch has several times are added up.

    Keras 3 squares each by itself.
    """

    def apply(self, grads, trainable_variables=None):
        super().apply([tf.convert_to_tensor(each) for each in grads], trainable_variables)


class Nadam(keras.optimizers.Nadam):
    """Keras 2's: a step counts 0.004 in the schedule of momentum, which Keras 3 has dropped."""

    SCHEDULE_DECAY = 0.004

    def _momentum(self, step):
        power = ops.power(0.96, ops.cast(step, 'float32') * self.SCHEDULE_DECAY)
        return self.beta_1 * (1.0 - 0.5 * power)

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        self.assign(self._u_product, self._u_product * self._momentum(self.iterations + 1))
        # Not Nadam's own, which would multiply once more.
        super(keras.optimizers.Nadam, self)._backend_update_step(
            grads, trainable_variables, learning_rate)

    def update_step(self, gradient, variable, learning_rate):
        step = ops.cast(self.iterations + 1, 'float32')
        now, following = self._momentum(step), self._momentum(step + 1)
        place = self._get_variable_index(variable)
        m, v = self._momentums[place], self._velocities[place]
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1 - self.beta_2))
        ahead = following * m / (1 - self._u_product * following) \
            + (1 - now) * gradient / (1 - self._u_product)
        spread = ops.sqrt(v / (1 - ops.power(self.beta_2, step)))
        self.assign_sub(variable, learning_rate * ahead / (spread + self.epsilon))
