"""Birth years as columns: near for one year, far for two, silent where nothing is known."""

import numpy as np
import pytest

from clustering.attributes.birth import birth_columns, birth_variance


def sure(ages):
    probs = np.zeros((len(ages), 100))
    probs[np.arange(len(ages)), np.array(ages) - 1] = 1
    return probs


def columns(ages, years, sigma=0.0, **options):
    sigma = np.broadcast_to(np.asarray(sigma, float), len(years))
    return birth_columns(sure(ages), np.array(years, float), sigma, **{"width": 8.0} | options)


def test_products_are_the_gaussian_kernel_of_the_birth_years():
    found = columns([30, 30, 40, 10, 70], [2000, 2004, 2010, 1980, 2000])
    born = np.array([1970, 1974, 1970, 1970, 1930])
    kernel = np.exp(-((born[:, None] - born) ** 2) / (2 * 8**2))
    np.testing.assert_allclose(found @ found.T, kernel, atol=1e-6)


def test_an_untrusted_date_says_less():
    found = columns([30, 30, 30], [2000, 2000, 2000], sigma=[0, 5, 20])
    length = (found**2).sum(axis=1)
    assert length[0] == pytest.approx(1)
    assert 1 > length[1] > length[2] > 0


def test_nothing_known_is_zero_and_as_far_as_asked():
    found = columns([30, 30, 50], [2000, np.nan, 2000], sigma=[0, 0, np.inf])
    assert found[0].any()
    assert not found[1].any()
    assert not found[2].any()
    extra = birth_variance(found, unknown=0.4)
    np.testing.assert_allclose(extra, [0, 0.2, 0.2], atol=1e-9)


def test_ages_of_nan_know_nothing():
    probs = sure([30, 30])
    probs[1] = np.nan
    found = birth_columns(probs, np.array([2000.0, 2000]), np.zeros(2), width=8)
    assert not found[1].any()


def test_offsets_move_the_ages():
    plain = columns([30], [2000])
    moved = columns([25], [2000], offsets=np.full(100, 5.0))
    np.testing.assert_allclose(plain @ plain.T, moved @ moved.T, atol=1e-6)


def test_no_face_at_all():
    assert birth_columns(np.zeros((0, 100)), np.zeros(0), np.zeros(0), width=8).shape == (0, 1)


def test_a_birth_year_that_is_known_replaces_the_estimate():
    sharp = np.zeros((4, 100))
    sharp[[0, 1], 29] = sharp[[2, 3], 49] = 1  # 30.5 and 50.5 years old
    years = np.array([2000.0, np.nan, 2000.0, 2000.0])
    born = np.array([np.nan, 1969.5, 1969.5, np.nan])
    found = birth_columns(sharp, years, np.zeros(4), width=8.0, born=born)
    assert found[0] @ found[1] == pytest.approx(1, abs=0.01), "the estimate says the same"
    assert found[1] @ found[2] == pytest.approx(1, abs=0.01)
    assert found[2] @ found[3] < 0.5, "the photo looks twenty years older"
    far = birth_columns(sharp[:2], years[:2], np.zeros(2), width=8.0, born=[1700.0, 2300.0])
    assert np.allclose((far**2).sum(axis=1), 1, atol=0.01)
