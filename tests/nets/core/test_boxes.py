import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nets.core.boxes import BLOCK, areas, overlaps, shift_edges, squares, suppress

WHOLE = st.integers(0, 12).map(float)


def boxes_of(count, seed, *, spread=60, side=20):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, spread, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(1, side, (count, 2))], 1).astype("f4")


def overlap(a, b, of):
    """Of two boxes, the obvious way."""
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    first, second = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    whole = min(first, second) if of == "smaller" else first + second - width * height
    return width * height / whole if whole else 0


def suppress_slowly(boxes, scores, least, of):
    chosen = []
    for row in sorted(range(len(boxes)), key=lambda row: (-scores[row], row)):
        if all(overlap(boxes[row], boxes[other], of) <= least for other in chosen):
            chosen.append(row)
    return chosen


@pytest.mark.parametrize("of", ["union", "smaller"])
@given(
    corners=arrays(np.float32, st.tuples(st.integers(0, 25), st.just(2)), elements=WHOLE),
    data=st.data(),
)
def test_suppression_equals_the_plain_loop(of, corners, data):
    sides = data.draw(arrays(np.float32, corners.shape, elements=st.integers(1, 8).map(float)))
    scores = data.draw(arrays(np.float32, len(corners), elements=WHOLE))
    boxes = np.concatenate([corners, corners + sides], axis=1)
    # Between the fractions that small whole numbers make, so that rounding decides nothing.
    least = data.draw(st.sampled_from([0.0, 0.2987, 0.5013, 0.7013]))
    expected = suppress_slowly(boxes.astype(float), scores, least, of)
    assert suppress(boxes, scores, overlap=least, of=of).tolist() == expected


@pytest.mark.parametrize("of", ["union", "smaller"])
def test_suppression_of_several_blocks_equals_the_plain_loop(of):
    boxes = boxes_of(3 * BLOCK + 7, 5, spread=150)
    scores = np.random.default_rng(6).uniform(size=len(boxes)).astype(np.float32)
    chosen = suppress(boxes, scores, overlap=0.3, of=of)
    assert chosen.tolist() == suppress_slowly(boxes.astype(float), scores, 0.3, of)
    assert BLOCK < len(chosen) < len(boxes)


def test_of_equal_boxes_with_equal_scores_the_first_is_kept():
    boxes = np.tile(np.array([[0, 0, 5, 5]], np.float32), (300, 1))
    assert suppress(boxes, np.ones(300, np.float32), overlap=0.5).tolist() == [0]


def test_nothing_is_suppressed_to_nothing():
    none = suppress(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), overlap=0.5)
    assert none.shape == (0,)
    assert none.dtype == np.intp


def test_overlap_of_union_and_of_the_smaller():
    large, inside, beside = [0, 0, 10, 10], [0, 0, 5, 10], [10, 0, 20, 10]
    a, b = np.array([large], np.float32), np.array([inside, beside, large], np.float32)
    np.testing.assert_allclose(overlaps(a, b), [[0.5, 0, 1]])
    np.testing.assert_allclose(overlaps(a, b, of="smaller"), [[1, 0, 1]])


def test_empty_and_inside_out_boxes_overlap_nothing():
    odd = np.array([[5, 5, 5, 5], [8, 8, 2, 2]], np.float32)
    assert areas(odd).tolist() == [0, 0]
    for of in ("union", "smaller"):
        assert not overlaps(odd, np.concatenate([odd, boxes_of(4, 0)]), of=of).any()


def test_squares_keep_centre_and_longer_side():
    boxes = boxes_of(50, 3)
    made = squares(boxes)
    sides = made[:, 2:] - made[:, :2]
    np.testing.assert_allclose(sides[:, 0], (boxes[:, 2:] - boxes[:, :2]).max(axis=1), rtol=1e-4)
    np.testing.assert_allclose(sides[:, 0], sides[:, 1], rtol=1e-4)
    np.testing.assert_allclose(made[:, :2] + made[:, 2:], boxes[:, :2] + boxes[:, 2:], rtol=1e-4)


def test_edges_move_by_shares_of_width_and_height():
    box = np.array([[10, 20, 20, 60]], np.float32)
    moved = shift_edges(box, np.array([[0.1, -0.1, 0.2, 0.5]], np.float32))
    np.testing.assert_allclose(moved, [[11, 16, 22, 80]])
