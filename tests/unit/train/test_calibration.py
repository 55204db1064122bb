"""Temperature and threshold, on cases that can be worked out by hand."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import calibration


def one_hot(truth, classes):
    return np.eye(classes, dtype=np.float32)[truth]


def test_an_overconfident_model_is_cooled_to_its_accuracy():
    # Always 3:1 right, always the same logit: the likeliest confidence is 3/4.
    truth = np.array([0, 0, 0, 1] * 50)
    logits = np.tile([8.0, 0.0], (200, 1))
    found = calibration.calibrate(logits, one_hot(truth, 2))
    values = calibration.probabilities(logits, found['temperature'])
    assert values[0, 0] == pytest.approx(0.75, abs=0.01)
    assert found['nll_after'] < found['nll_before']


def test_the_threshold_is_the_lowest_confidence_at_which_answers_hold():
    # 40 sure and right; 40 unsure, of which half are wrong.
    logits = np.array([[6.0, 0.0]] * 40 + [[0.2, 0.0]] * 40)
    truth = np.array([0] * 40 + [0, 1] * 20)
    found = calibration.calibrate(logits, one_hot(truth, 2))
    values = calibration.probabilities(logits, found['temperature'])
    assert values[40:, 0].max() < found['unknown_below'] + 1e-6
    assert found['unknown_below'] <= values[:40, 0].min()


def test_a_model_that_is_never_right_calls_everything_unknown():
    found = calibration.calibrate(np.tile([3.0, 0.0], (20, 1)), one_hot(np.ones(20, int), 2))
    assert found['unknown_below'] == 1.0


@given(st.lists(st.lists(st.floats(-50, 50), min_size=3, max_size=3), min_size=1, max_size=20),
       st.floats(0.3, 8))
def test_probabilities_are_a_distribution_and_keep_the_ranking(logits, temperature):
    logits = np.array(logits)
    values = calibration.probabilities(logits, temperature)
    assert values.sum(axis=1) == pytest.approx(np.ones(len(logits)), abs=1e-5)
    best = values[np.arange(len(logits)), logits.argmax(axis=1)]
    assert (best == values.max(axis=1)).all()
