from itertools import pairwise

import numpy as np

from nets.train.maps import Maps, joined_maps


def maps(*lengths):
    """Maps whose values count up over all parts."""
    starts = np.cumsum([0, *lengths])
    parts = [np.arange(a, b, dtype=np.float16) for a, b in pairwise(starts)]
    return joined_maps([Maps.of(part.reshape(-1, 1, 1, 1)) for part in parts])


def values(some):
    return some.load().ravel().tolist()


def test_parts_follow_one_another_and_empty_ones_hold_nothing():
    found = maps(2, 0, 3)
    assert len(found) == 5
    assert values(found) == [0, 1, 2, 3, 4]
    assert found.load().dtype == np.float32


def test_rows_are_chosen_by_mask_or_index_again_and_again():
    some = maps(3, 4)[np.arange(7) % 2 == 0]
    assert values(some) == [0, 2, 4, 6]
    assert values(some[np.array([3, 3, 0])]) == [6, 6, 0]
    assert some.load(np.array([2, 1])).ravel().tolist() == [4, 2]


def test_choices_of_parts_are_joined():
    one, two = maps(4)[np.array([3])], maps(2, 2)[np.array([2, 0])]
    assert values(joined_maps([one, two])) == [3, 2, 0]
