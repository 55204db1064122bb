"""The head of v3: what is learnt, and the graph against NumPy."""
import kernel
import numpy as np
import pytest
import tensorflow as tf


def rows(count, seed=0, features=30):
    return np.random.RandomState(seed).randn(count, features).astype(np.float32)


def topics(components):
    """Two topics that no straight line divides."""
    inside = np.square(components[:, :2]).sum(axis=1) < np.median(
        np.square(components[:, :2]).sum(axis=1))
    return np.eye(2)[inside.astype(int)]


def test_it_learns_what_no_straight_line_divides():
    known, new = rows(400, features=2), rows(200, seed=1, features=2)
    head = kernel.fit(known, topics(known), 0.1)
    right = kernel.logits(head, new).argmax(axis=1) == topics(new).argmax(axis=1)
    assert right.mean() > 0.9


def test_of_more_sentences_than_are_compared_with_all_are_learnt_from(monkeypatch):
    known, new = rows(400, features=2), rows(200, seed=1, features=2)
    targets = topics(known)
    targets[:60] = 1 - targets[:60]  # wrong, but outvoted by the others
    monkeypatch.setattr(kernel, 'MOST', 60)
    head = kernel.fit(known, targets, 0.1)
    assert head['landmarks'].shape == (2, 60)
    right = kernel.logits(head, new).argmax(axis=1) == topics(new).argmax(axis=1)
    assert right.mean() > 0.8


@pytest.mark.parametrize('ridge', [0.1, 1.0])
def test_what_it_says_of_a_left_out_sentence_is_what_a_head_without_it_says(ridge):
    known = rows(60, features=2)
    targets = np.eye(3)[np.arange(60) % 3]
    scores = kernel.left_out(known, targets, ridge)
    others = np.arange(60) != 7
    head = kernel.fit(known[others], targets[others], ridge)
    expected = kernel.logits(head, known[[7]])[0] / kernel.SHARPNESS
    assert scores[7] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize('width', [1.0, 3.0])
def test_sentences_are_at_a_squared_distance_of_two_on_average_and_groups_count_alike(width):
    features = np.concatenate([100 * rows(500, features=5), rows(500, seed=1, features=40)], axis=1)
    shift, directions = kernel.standardisation(features, [5, 40], width)
    components = (features - shift).dot(directions)
    distances = np.square(components[:250] - components[250:]).sum(axis=1)
    assert distances.mean() == pytest.approx(2 * width, rel=0.1)
    of_first = np.square((features[:, :5] - shift[:5]).dot(directions[:5])).sum(axis=1).mean()
    assert of_first == pytest.approx(width / 2, rel=0.1)


def test_a_feature_that_never_changes_does_no_harm():
    features = np.concatenate([rows(50), np.ones((50, 1), np.float32)], axis=1)
    shift, directions = kernel.standardisation(features, [31], 1.0)
    assert np.isfinite((features - shift).dot(directions)).all()


def test_the_graph_gives_what_numpy_gives():
    features = rows(80)
    shift, directions = kernel.standardisation(features, [10, 20], 1.0)
    components = (features - shift).dot(directions)
    head = kernel.fit(components, np.eye(4)[np.arange(80) % 4], 0.3)
    arrays = dict(head, shift=shift, directions=directions)
    with tf.Session(graph=tf.Graph()) as session:
        found = session.run(kernel.graph({name: tf.constant(array)
                                          for name, array in arrays.items()}, features))
    assert np.abs(found - kernel.logits(head, components)).max() < 1e-4
