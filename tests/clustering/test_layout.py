import numpy as np
import pytest

from clustering.layout import layout, main_axes, near_pairs


def clusters(n=30, k=6, d=40, spread=0.25, seed=0):
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(k), n)
    vectors = np.eye(d)[label] + spread * rng.normal(size=(n * k, d)) / np.sqrt(d)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), label


def test_neighbours_stay_neighbours():
    vectors, label = clusters()
    places = layout(vectors, epochs=100)
    far = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(far, np.inf)
    assert (label[far.argmin(axis=1)] == label).mean() > 0.97
    assert np.abs(places).max() == pytest.approx(1)


def test_the_same_seed_gives_the_same_picture():
    vectors, _ = clusters(n=8)
    np.testing.assert_array_equal(layout(vectors, epochs=20), layout(vectors, epochs=20))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_few_rows(n):
    places = layout(np.random.default_rng(0).normal(size=(n, 7)), epochs=5)
    assert places.shape == (n, 2)
    assert np.isfinite(places).all()


def test_rows_that_are_all_the_same():
    assert np.isfinite(layout(np.ones((20, 4)), epochs=5)).all()


def test_bad_input():
    with pytest.raises(ValueError, match="finite vectors"):
        layout(np.array([[np.nan, 1.0]]))
    with pytest.raises(ValueError, match="finite vectors"):
        layout(np.ones(3))


def test_near_pairs_are_those_of_a_sort():
    rows = np.random.default_rng(1).normal(size=(50, 6))
    far = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    np.fill_diagonal(far, np.inf)
    expected = {(i, j) for i in range(50) for j in np.argsort(far[i])[:4]}
    assert {tuple(pair) for pair in near_pairs(rows, 4).tolist()} == expected


def test_main_axes_keep_distances_when_all_are_kept():
    rows = np.random.default_rng(2).normal(size=(30, 5))
    axes = main_axes(rows, 5)
    np.testing.assert_allclose(np.linalg.norm(axes[0] - axes[1]), np.linalg.norm(rows[0] - rows[1]))
    assert (np.diff(axes.var(axis=0)) <= 1e-9).all()
