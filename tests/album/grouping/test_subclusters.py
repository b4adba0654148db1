"""Where a person's faces are cut into groups."""

import numpy as np
import pytest

from album.grouping.subclusters import MOST_GROUPS, best_cut


@pytest.mark.parametrize(
    ("heights", "cut"),
    [
        ([0.1, 0.2, 0.3, 0.9], 0.3),  # one climb stands out
        ([0.1, 0.6, 0.9], 0.6),
        ([0.1, 0.55, 0.9, 0.95], 0.55),
        ([0.9], 0.0),  # two faces that are far apart
        ([0.1, 0.2, 0.3, 0.4], 1.0),  # all alike: nothing to be cut
        ([], 1.0),
    ],
)
def test_the_highest_climb_is_cut(heights, cut):
    assert best_cut(np.array(heights), 1.0) == cut


def test_a_low_climb_among_many_is_not_looked_at():
    heights = np.concatenate([[0.0, 0.7], np.linspace(0.71, 0.99, MOST_GROUPS)])
    assert best_cut(heights, 1.0) > 0.7
