"""Probabilities that mean what they say: temperature scaling on the validation sentences.

Guo et al., On Calibration of Modern Neural Networks (2017): logits are divided by one
number, chosen so that the validation sentences become most likely. The ranking stays.
"""
import numpy as np

PRECISION_OF_KNOWN = 0.95
"""Answers at or above the threshold for `unknown` are right this often on validation."""

NEUTRAL = {'temperature': 1.0, 'unknown_below': 0.0}
"""What is used without validation sentences."""


def probabilities(logits, temperature):
    """Softmax of ``logits / temperature``: array (sentences, classes) of float32."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


def calibrate(logits, targets):
    """Chooses temperature and threshold.

    Args:
        logits: array (sentences, classes).
        targets: one-hot array of the same shape.

    Returns:
        dict: ``temperature``; ``unknown_below``, the lowest confidence from which on
        answers are right with PRECISION_OF_KNOWN (1.0 where they never are); the
        negative log-likelihood ``nll_before`` and ``nll_after``.
    """
    truth = targets.argmax(axis=1)
    temperatures = np.exp(np.linspace(np.log(0.25), np.log(8), 141))
    likelihoods = [_nll(probabilities(logits, value), truth) for value in temperatures]
    temperature = float(temperatures[int(np.argmin(likelihoods))])
    calibrated = probabilities(logits, temperature)
    return {'temperature': temperature,
            'unknown_below': _threshold(calibrated, truth),
            'nll_before': _nll(probabilities(logits, 1.0), truth),
            'nll_after': _nll(calibrated, truth)}


def _nll(values, truth):
    return float(-np.log(np.maximum(values[np.arange(len(truth)), truth], 1e-12)).mean())


def _threshold(values, truth):
    confidence = values.max(axis=1)
    order = np.argsort(-confidence, kind='stable')
    right = np.cumsum((values.argmax(axis=1) == truth)[order]) / np.arange(1, len(truth) + 1)
    good = np.nonzero(right >= PRECISION_OF_KNOWN)[0]
    return float(confidence[order][good[-1]]) if len(good) else 1.0
