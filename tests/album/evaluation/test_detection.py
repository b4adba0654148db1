"""`album bench --wider`: reading the labels, matching, average precision."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from album.evaluation.datasets import DatasetError
from album.evaluation.detection import (
    LabelledPicture,
    average_precision,
    detected,
    judge,
    open_end,
    read_wider,
    score_detection,
)
from album.evaluation.run import bench
from nets.core.api import Detections
from nets.detectors.mtcnn import Mtcnn
from nets.fake import FakeDetector, draw_face


def found(*rows):
    """Detections from rows of left, top, right, bottom, score."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], np.zeros((len(table), 5, 2), np.float32), table[:, 4])


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def test_average_precision_by_hand():
    # Precision 1, 1/2, 2/3 at recall 1/3, 1/3, 2/3: the best from there on is 1, 2/3, 2/3.
    right = np.array([True, False, True])
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    assert average_precision(scores, right, 3) == pytest.approx(1 / 3 + 1 / 3 * 2 / 3)
    shuffled = [2, 0, 1]
    assert average_precision(scores[shuffled], right[shuffled], 3) == pytest.approx(5 / 9)
    assert average_precision(scores[:0], right[:0], 3) == 0
    assert np.isnan(average_precision(scores, right, 0))


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 5))
def test_average_precision_is_that_of_its_definition(right, unseen):
    wanted = sum(right) + unseen
    hits = np.cumsum(right)
    precision = [int(hits[i]) / (i + 1) for i in range(len(right))]
    area = sum(max(precision[i:]) / wanted for i in range(len(right)) if right[i])
    scores = np.linspace(1, 0, len(right), dtype=np.float32)
    said = average_precision(scores, np.array(right, bool), wanted)
    assert np.isnan(said) if not wanted else said == pytest.approx(area)


def test_a_face_found_twice_is_right_once():
    said = judge(
        found([0, 0, 10, 10, 0.9], [1, 0, 11, 10, 0.8], [50, 50, 60, 60, 0.7]),
        boxes([0, 0, 10, 10], [100, 100, 120, 120]),
        np.array([True, True]),
    )
    assert said.right.tolist() == [True, False, False]
    assert said.wanted == 2


def test_half_of_the_union_is_enough_and_less_is_not():
    one = boxes([0, 0, 10, 10])
    assert judge(found([0, 0, 10, 20, 0.9]), one, np.array([True])).right.all()
    assert not judge(found([0, 0, 10, 20.1, 0.9]), one, np.array([True])).right.any()


def test_what_meets_an_ignored_face_is_neither_right_nor_wrong():
    said = judge(
        found([0, 0, 10, 10, 0.9], [0, 1, 10, 11, 0.8], [50, 50, 60, 60, 0.7]),
        boxes([0, 0, 10, 10], [50, 50, 60, 60]),
        np.array([False, True]),
    )
    assert said.scores.tolist() == pytest.approx([0.7])
    assert said.right.tolist() == [True]
    assert said.wanted == 1


def test_nothing_labelled_or_nothing_found():
    assert judge(found(), boxes([0, 0, 9, 9]), np.array([True])).wanted == 1
    nothing = judge(found([0, 0, 9, 9, 0.9]), boxes(), np.zeros(0, bool))
    assert nothing.right.tolist() == [False]


def test_scores_by_height():
    picture = LabelledPicture(None, boxes([0, 0, 50, 50], [100, 0, 115, 15]), np.array([True] * 2))
    both = found([0, 0, 50, 50, 0.9], [100, 0, 115, 15, 0.6], [200, 0, 260, 60, 0.5])
    scores = score_detection([picture, picture], [both, None], threshold=0.7)
    assert scores["pictures"] == 2
    assert scores["missed"] == 1
    assert scores["faces"] == 2
    assert scores["ap_10"] == scores["ap_40"] == 1
    assert scores["recall_10"] == 0.5
    assert scores["recall_20"] == scores["detector_precision"] == 1
    assert "ap_80" not in scores


def test_a_small_box_that_meets_no_face_is_wrong():
    picture = LabelledPicture(None, boxes([0, 0, 90, 90]), np.array([True]))
    said = score_detection([picture], [found([200, 0, 212, 12, 0.9], [0, 0, 90, 90, 0.8])], 0.7)
    assert said["ap_80"] == said["detector_precision"] == 0.5


ROW = [110, 70, 100, 100, 0, 0, 0, 0, 0, 0]
MARKED = [10, 10, 40, 40, 0, 0, 0, 1, 0, 0]
FLAT = [10, 10, 0, 12, 0, 0, 0, 0, 0, 0]


@pytest.fixture
def drawing():
    image = np.full((240, 320, 3), 70, np.uint8)
    draw_face(image, (110, 70, 210, 170), person=1)
    return Image.fromarray(image)


def check(pictures):
    assert [p.path.name for p in pictures] == ["a.jpg", "b.jpg"]
    assert pictures[0].boxes.tolist() == [[110, 70, 210, 170], [10, 10, 50, 50], [10, 10, 10, 22]]
    assert pictures[0].valid.tolist() == [True, False, False]
    assert len(pictures[1].boxes) == 0


def test_boxes_json_with_pictures_in_one_folder(tmp_path, drawing):
    for name in ("a.jpg", "b.jpg"):
        drawing.save(tmp_path / name)
    labels = {"0--Parade/a.jpg": [ROW, MARKED, FLAT], "1--Riot/b.jpg": [], "1--Riot/c.jpg": [ROW]}
    (tmp_path / "boxes.json").write_text(json.dumps(labels))
    check(read_wider(tmp_path))


def test_the_published_layout(tmp_path, drawing):
    for name in ("0--Parade/a.jpg", "1--Riot/b.jpg", "2--Fair/a.jpg"):
        path = tmp_path / "WIDER_val" / "images" / name
        path.parent.mkdir(parents=True)
        drawing.save(path)
    table = tmp_path / "wider_face_split" / "wider_face_val_bbx_gt.txt"
    table.parent.mkdir()
    faces = "".join(" ".join(map(str, row)) + " \n" for row in (ROW, MARKED, FLAT))
    nobody = "0\n0 0 0 0 0 0 0 0 0 0 \n"
    lines = f"1--Riot/b.jpg\n{nobody}0--Parade/a.jpg\n3\n{faces}9--Away/x.jpg\n{nobody}"
    table.write_text(lines)
    pictures = read_wider(tmp_path)
    check(pictures)
    assert pictures[0].path.parent.name == "0--Parade"


def test_what_is_missing_is_named(tmp_path, drawing):
    with pytest.raises(DatasetError, match=r"wider_face_val_bbx_gt\.txt"):
        read_wider(tmp_path)
    (tmp_path / "boxes.json").write_text('{"a.jpg": [[1, 2, 3, 4]]}')
    with pytest.raises(DatasetError, match="pictures"):
        read_wider(tmp_path)
    drawing.save(tmp_path / "a.jpg")
    for damaged in ("{", "[1]", '{"a.jpg": [[1, 2]]}', '{"a.jpg": [["x", 2, 3, 4]]}'):
        (tmp_path / "boxes.json").write_text(damaged)
        with pytest.raises(DatasetError, match="published"):
            read_wider(tmp_path)


def test_boxes_are_in_pixels_of_the_full_size_whatever_the_view(tmp_path, drawing):
    drawing.save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    pictures = [LabelledPicture(tmp_path / name, boxes(), np.zeros(0, bool)) for name in "ab"]
    pictures = [LabelledPicture(p.path.with_suffix(".png"), p.boxes, p.valid) for p in pictures]
    whole, damaged = detected(pictures, FakeDetector(min_face=40))
    assert damaged is None
    half, _ = detected(pictures, FakeDetector(min_face=20), view=160)
    assert np.abs(whole.boxes - half.boxes).max() < 4
    assert np.abs(whole.boxes - [110, 70, 210, 170]).max() < 4


def test_the_scores_of_mtcnn_go_on_below_its_threshold():
    detector, threshold = open_end(Mtcnn(min_face=30))
    assert threshold == pytest.approx(0.7)
    assert detector.thresholds[2] < 0.1
    assert detector.min_face == 30
    fake = FakeDetector(min_face=40)
    assert open_end(fake) == (fake, 0.0)


def test_bench_wider(tmp_path, drawing):
    drawing.save(tmp_path / "a.png")
    (tmp_path / "boxes.json").write_text(json.dumps({"x/a.png": [ROW]}))
    said = bench({"wider": tmp_path}, profile="fake")["wider"]
    assert said["measured"]["ap_80"] == said["measured"]["recall_80"] == 1
    assert said["paper"]["ap_easy"] == 0.955
