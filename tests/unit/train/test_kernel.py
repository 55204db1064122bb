"""The head of v3: what is learnt, and the graph against NumPy."""
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf

import kernel
import sentence_encoder


def rows(count, seed=0, features=30):
    return np.random.RandomState(seed).randn(count, features).astype(np.float32)


def topics(components):
    """Two topics that no straight line divides."""
    inside = np.square(components[:, :2]).sum(axis=1) < np.median(
        np.square(components[:, :2]).sum(axis=1))
    return np.eye(2)[inside.astype(int)]


NO_GRAMS = scipy.sparse.csr_matrix((400, 10))
PIECES = np.array([[2, 5, 6, 3, 0], [2, 7, 3, 0, 0], [2, 5, 6, 7, 3], [2, 7, 7, 3, 0]])


def scores(head, components):
    return kernel.logits(head, components, scipy.sparse.csr_matrix(
        (len(components), len(head['grams']))))


def test_it_learns_what_no_straight_line_divides():
    known, new = rows(400, features=2), rows(200, seed=1, features=2)
    head = kernel.fit(known, NO_GRAMS, kernel.wanted(topics(known)), 0.1, 0.5)
    right = scores(head, new).argmax(axis=1) == topics(new).argmax(axis=1)
    assert right.mean() > 0.9


def test_of_more_sentences_than_landmarks_all_are_learnt_from():
    known, new = rows(400, features=2), rows(200, seed=1, features=2)
    targets = topics(known)
    targets[:60] = 1 - targets[:60]  # wrong, but outvoted by the others
    head = kernel.fit(known, NO_GRAMS, kernel.wanted(targets), 0.1, 0.5, 60)
    assert head['landmarks'].shape == (2, 60)
    right = scores(head, new).argmax(axis=1) == topics(new).argmax(axis=1)
    assert right.mean() > 0.8


def test_landmarks_are_the_rows_where_there_are_no_more():
    known = rows(40)
    assert np.array_equal(kernel.points(known, 40), known)


def test_landmarks_stand_for_rows_that_are_near_each_other(monkeypatch):
    monkeypatch.setattr(kernel, 'CHUNK', 7)
    centres = 100 * rows(5, features=3)
    known = np.repeat(centres, 8, axis=0) + rows(40, seed=1, features=3)
    found = kernel.points(known, 5)
    assert found.dtype == np.float32
    for group in known.reshape(5, 8, 3):
        near = np.abs(found - group.mean(axis=0)).max(axis=1).min()
        assert near < 1e-4


def test_a_group_that_becomes_empty_leaves_the_others_alone():
    known = np.zeros((30, 2), np.float32)
    known[15:] = 1
    found = kernel.points(known, 4)
    assert np.isfinite(found).all()
    assert {tuple(row) for row in found.tolist()} == {(0, 0), (1, 1)}


def test_more_landmarks_come_nearer_to_what_all_sentences_say():
    known, new = rows(400, features=4), rows(200, seed=1, features=4)
    asked = kernel.wanted(topics(known))
    exact = scores(kernel.fit(known, NO_GRAMS, asked, 0.1, 0.5), new)
    errors = [np.abs(scores(kernel.fit(known, NO_GRAMS, asked, 0.1, 0.5, most), new) - exact).mean()
              for most in (25, 100, 300)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 2


def test_what_sentences_say_counts_where_what_they_mean_does_not():
    grams = kernel.Grams(PIECES, 8)
    alike = np.zeros((4, 2), np.float32)
    targets = np.eye(2)[[0, 1, 0, 1]]
    head = kernel.fit(alike, grams.vectors(PIECES), kernel.wanted(targets), 0.1, 0.5)
    new = np.array([[2, 5, 6, 6, 3], [2, 4, 7, 3, 0]])
    found = kernel.logits(head, alike[:2], grams.vectors(new))
    assert found.argmax(axis=1).tolist() == [0, 1]


def test_grams_are_pieces_and_pairs_and_neither_reaches_the_padding():
    found = kernel.grams(PIECES[1:2], 8)[0]
    assert found.tolist() == [2, 7, 3, 0, 0] + [8 + 2 * 8 + 7, 8 + 7 * 8 + 3, 0, 0]


def test_a_gram_counts_by_its_rarity_and_a_sentence_has_length_one():
    grams = kernel.Grams(PIECES, 8)
    common, rare, unseen = (np.log(5 / (1 + within)) + 1 for within in (4, 2, 1))
    assert grams.rarity[[0, 2, 5, 4]] == pytest.approx([0, common, rare, unseen])
    # In the last sentence the piece 7 is there twice, and 7-7 and 2-7 once, as in another.
    vector = grams.vectors(PIECES[3:])
    pairs = grams.rarity[[8 + 2 * 8 + 7, 8 + 7 * 8 + 7, 8 + 7 * 8 + 3]]
    length = np.sqrt(2 * common ** 2 + 2 * grams.rarity[7] ** 2 + np.square(pairs).sum())
    assert vector[0, 7] == pytest.approx(2 * grams.rarity[7] / length)
    assert vector[0, 2] == pytest.approx(common / length)


@pytest.mark.parametrize('ridge', [0.1, 1.0])
def test_what_it_says_of_a_left_out_sentence_is_what_a_head_without_it_says(ridge):
    known = rows(60, features=2)
    targets = kernel.wanted(np.eye(3)[np.arange(60) % 3])
    vectors = scipy.sparse.csr_matrix(np.maximum(rows(60, seed=2), 1) - 1)
    found = kernel.left_out(known, vectors, targets, ridge, 0.5)
    others = np.arange(60) != 37
    head = kernel.fit(known[others], vectors[others], targets[others], ridge, 0.5)
    expected = kernel.logits(head, known[[37]], vectors[[37]])[0] / kernel.SHARPNESS
    assert found[37] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize('width', [1.0, 3.0])
def test_sentences_are_at_a_squared_distance_of_two_on_average_and_groups_have_their_shares(width):
    features = np.concatenate([100 * rows(500, features=5), rows(500, seed=1, features=40)], axis=1)
    shift, scale = kernel.standardisation(features, [(5, 0.4), (40, 0.6)], width)
    components = (features - shift) * scale
    distances = np.square(components[:250] - components[250:]).sum(axis=1)
    assert distances.mean() == pytest.approx(2 * width, rel=0.1)
    of_first = np.square(components[:, :5]).sum(axis=1).mean()
    assert of_first == pytest.approx(width * 0.4, rel=0.1)


def test_features_that_never_change_do_no_harm():
    features = np.concatenate([rows(50), np.ones((50, 1), np.float32)], axis=1)
    for groups in ([(31, 1)], [(30, 0.5), (1, 0.5)]):
        shift, scale = kernel.standardisation(features, groups, 1.0)
        assert np.isfinite((features - shift) * scale).all()


def test_the_graph_gives_what_numpy_gives():
    count, features, pieces = 30, rows(80), np.random.RandomState(1).randint(1, 30, (80, 12))
    pieces[np.arange(12) >= np.random.RandomState(2).randint(3, 13, (80, 1))] = 0
    shift, scale = kernel.standardisation(features, [(10, 0.5), (20, 0.5)], 1.0)
    grams, components = kernel.Grams(pieces, count), (features - shift) * scale
    head = kernel.fit(components, grams.vectors(pieces),
                      kernel.wanted(np.eye(4)[np.arange(80) % 4]), 0.3, 0.5)
    with tf.Session(graph=tf.Graph()) as session:
        variables = {name: tf.constant(array) for name, array in dict(
            landmarks=head['landmarks'], weights=head['weights'], shift=shift,
            scale=scale).items()}
        flat, sentence = sentence_encoder.flat_pieces(tf.constant(pieces, tf.int32))
        summed = kernel.summed_grams(tf.constant(grams.table(head['grams'])), flat, sentence,
                                     len(pieces), count)
        found = session.run(kernel.graph(variables, features, summed))
    expected = kernel.logits(head, components, grams.vectors(pieces))
    assert np.abs(found - expected).max() < 1e-4
