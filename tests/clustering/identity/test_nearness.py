"""Distances to strangers, and the linear function that predicts them."""

import numpy as np
import pytest

from clustering.identity.nearness import Nearness, distance_to_strangers, fit_nearness


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.fixture
def crowd():
    """Half of the faces huddle around one direction; the others are spread out."""
    rng = np.random.default_rng(0)
    middle = rng.normal(size=16)
    close = middle + 0.5 * rng.normal(size=(150, 16))
    return unit(np.vstack([close, rng.normal(size=(150, 16))]))


def test_distance_to_strangers_is_the_mean_over_the_nearest_others(crowd):
    far = ((crowd[:, None] - crowd) ** 2).sum(axis=2)
    np.fill_diagonal(far, np.inf)
    expected = np.sort(far, axis=1)[:, :7].mean(axis=1)
    found = distance_to_strangers(crowd, nearest=7, block=64)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_face_near_to_many_is_given_more(crowd):
    fit = fit_nearness(crowd, nearest=7, ridge=0.1, strength=0.5)
    given = fit.variance(crowd)
    assert given.shape == (300,)
    assert (given >= 0).all()
    assert given[:150].mean() > given[150:].mean() + 0.05


def test_strength_scales_and_far_faces_are_given_nothing():
    vectors = np.eye(3)
    full = Nearness(np.array([0.1, 0.2, 0.5]), 0.1, far=0.4, strength=1.0)
    half = Nearness(full.weights, full.intercept, full.far, strength=0.5)
    np.testing.assert_allclose(full.variance(vectors), [0.2, 0.1, 0.0])
    np.testing.assert_allclose(half.variance(vectors), [0.1, 0.05, 0.0])


def test_the_fit_predicts_what_is_linear():
    rng = np.random.default_rng(1)
    x = unit(rng.normal(size=(2000, 4)))
    fit = fit_nearness(x, nearest=5, ridge=1e-6, strength=1.0)
    y = distance_to_strangers(x, nearest=5)
    # Least squares: what is left has no mean and does not go with any column.
    left = y - (x @ fit.weights + fit.intercept)
    assert abs(left.mean()) < 1e-9
    assert np.abs((x - x.mean(axis=0)).T @ left).max() < 1e-5
