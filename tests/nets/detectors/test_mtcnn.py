import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from nets.core.api import Detections
from nets.core.boxes import overlaps
from nets.core.errors import ModelMissing
from nets.detectors import mtcnn
from nets.detectors.facenet import FacenetMtcnn
from nets.detectors.mtcnn import FIRST_PIXEL, STRIDE, Mtcnn, bands, windows
from nets.detectors.mtcnn_pixels import WINDOW, Pixels, scales
from nets.runtime.models import load_manifest, open_session
from tests.nets.data import data_folder
from tests.nets.golden import images

GOLDEN = Path(__file__).parents[1] / "golden" / "mtcnn_album_g20.json"


@pytest.fixture(scope="module")
def golden():
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def detector():
    return Mtcnn()


def noise(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def group_photo():
    path = data_folder() / "album_g20" / "6852.jpg"
    if not path.exists():
        pytest.skip(f"no {path}")
    return np.asarray(Image.open(path).convert("RGB"))


def pairs(a, b, least):
    """Match boxes one to one, best overlap first; return how many match."""
    matrix = overlaps(a, b)
    count = 0
    while matrix.size and matrix.max() >= least:
        row, column = np.unravel_index(matrix.argmax(), matrix.shape)
        matrix[row], matrix[:, column] = -1, -1
        count += 1
    return count


# Against facenet-pytorch


@pytest.mark.parametrize(("name", "side"), [("pnet", 15), ("rnet", 24), ("onet", 48)])
def test_nets_say_what_facenet_pytorch_says(golden, name, side):
    offsets, *landmarks, classes = (np.array(values) for values in golden["nets"][name])
    session = open_session(load_manifest()[name])
    said = session.run(None, {session.get_inputs()[0].name: images(side)})
    if name == "pnet":
        said[0] = 1 / (1 + np.exp(-said[0]))
    for ours, theirs in zip(said, [classes[:, 1], offsets, *landmarks], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.long
def test_faces_of_facenet_pytorch_are_found(golden):
    folder = data_folder() / "album_g20"
    settings = golden["settings"]
    detector = Mtcnn(
        min_face=settings["min_face"],
        thresholds=tuple(settings["thresholds"]),
        factor=settings["factor"],
    )
    theirs = matched = extra = photos = 0
    shifts = []
    for photo in golden["photos"]:
        path = folder / photo["file"]
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != photo["sha256"]:
            continue
        photos += 1
        found = detector.detect(np.asarray(ImageOps.exif_transpose(Image.open(path))))
        boxes = np.array(photo["boxes"], np.float32) - FIRST_PIXEL
        same = pairs(boxes, found.boxes, 0.7)
        theirs, matched, extra = theirs + len(boxes), matched + same, extra + len(found) - same
        rows, columns = np.nonzero(overlaps(boxes, found.boxes) >= 0.7)
        sides = (boxes[rows, 2] - boxes[rows, 0])[:, None, None]
        landmarks = np.array(photo["landmarks"], np.float32)[rows]
        shifts.append(np.abs(landmarks - found.landmarks[columns]) / sides)
    if photos < 10:
        pytest.skip(f"{folder} has other photos than the golden figures")
    assert matched / theirs >= 0.98
    assert extra / theirs <= 0.03
    # In widths of the face.
    assert np.median(np.concatenate(shifts)) < 0.02


# Images


@pytest.mark.parametrize("size", [(1, 1), (11, 11), (12, 12), (40, 40), (39, 900), (900, 43)])
@pytest.mark.parametrize("grey", [0, 127, 255])
def test_plain_and_tiny_images_have_no_face(detector, size, grey):
    found = detector.detect(np.full((*size, 3), grey, np.uint8))
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)
    assert found.landmarks.shape == (0, 5, 2)
    assert found.boxes.dtype == found.landmarks.dtype == found.scores.dtype == np.float32


def test_noise_has_no_face(detector):
    assert len(detector.detect(noise(301, 402))) == 0


@pytest.mark.parametrize(
    "image", [np.zeros((50, 50), np.uint8), np.zeros((50, 50, 4), np.uint8), np.zeros((50, 50, 3))]
)
def test_anything_but_an_rgb_image_of_bytes_is_refused(detector, image):
    with pytest.raises(ValueError, match=r"A uint8 image \(height, width, 3\) is needed"):
        detector.detect(image)


def test_a_read_only_or_sliced_image_is_read_as_it_is(detector):
    image = group_photo()
    wide = np.concatenate([image, image], axis=1)
    wide.flags.writeable = False
    expected, found = detector.detect(image), detector.detect(wide[:, : image.shape[1]])
    np.testing.assert_array_equal(found.boxes, expected.boxes)


def test_faces_come_best_first_with_landmarks_in_order_inside_their_boxes(detector):
    found = detector.detect(group_photo())
    assert len(found) > 10
    assert (np.diff(found.scores) <= 0).all()
    assert ((found.scores > 0.7) & (found.scores <= 1)).all()
    (left_eye, right_eye, nose, left_mouth, right_mouth) = found.landmarks.transpose(1, 0, 2)
    upright = [(left_eye, left_mouth), (right_eye, right_mouth)]
    assert all((eye[:, 1] < mouth[:, 1]).all() for eye, mouth in upright)
    assert (left_eye[:, 0] < right_eye[:, 0]).all()
    assert (left_mouth[:, 0] < right_mouth[:, 0]).all()
    assert (np.median([left_eye[:, 1], right_eye[:, 1]], axis=0) < nose[:, 1]).mean() > 0.9
    middle = found.landmarks.mean(axis=1)
    assert ((middle > found.boxes[:, :2]) & (middle < found.boxes[:, 2:])).all()


def test_faces_move_with_the_image(detector):
    """A shift by whole windows of every level that matters little leaves faces where they were."""
    image = group_photo()
    moved = np.pad(image, ((40, 0), (60, 0), (0, 0)), mode="edge")
    before, after = detector.detect(image), detector.detect(moved)
    shifted = before.boxes + np.array([60, 40, 60, 40], np.float32)
    assert pairs(shifted, after.boxes, 0.6) >= 0.9 * len(before)


def test_only_faces_of_the_wanted_size_are_looked_for():
    image = group_photo()
    small, large = Mtcnn(min_face=20).detect(image), Mtcnn(min_face=80).detect(image)
    assert len(small) > len(large)
    assert not len(large) or (large.boxes[:, 3] - large.boxes[:, 1]).min() > 40


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_face": 11}, "must be 12 pixels or more, not 11"),
        ({"min_face": float("nan")}, "must be 12 pixels or more, not nan"),
        ({"thresholds": (0.6, 0.7)}, "Three thresholds"),
        ({"thresholds": (0.6, 0.7, 1.0)}, "between 0 and 1"),
        ({"thresholds": (0.0, 0.7, 0.7)}, "between 0 and 1"),
        ({"factor": 1.0}, "between 0 and 1, not be 1.0"),
    ],
)
@pytest.mark.parametrize("kind", [Mtcnn, FacenetMtcnn])
def test_options_out_of_range_are_refused(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind(**options)


def test_the_contract_names_all_that_decides_the_boxes():
    others = [
        {"min_face": 41},
        {"thresholds": (0.6, 0.7, 0.8)},
        {"factor": 0.7},
    ]
    contracts = [Mtcnn(**options).contract for options in [{}, *others]]
    assert len(set(contracts)) == len(contracts)
    assert Mtcnn(threads=2).contract == contracts[0]


def test_without_facenet_pytorch_one_sentence_says_so():
    if importlib.util.find_spec("facenet_pytorch"):
        pytest.skip("facenet-pytorch is installed")
    with pytest.raises(ModelMissing, match=r"not installed; pip install 'album-people\[ref"):
        FacenetMtcnn()


def test_facenet_pytorch_finds_the_same_faces(detector):
    pytest.importorskip("facenet_pytorch")
    image = group_photo()
    theirs, ours = FacenetMtcnn().detect(image), detector.detect(image)
    assert isinstance(theirs, Detections)
    assert (np.diff(theirs.scores) <= 0).all()
    assert pairs(theirs.boxes, ours.boxes, 0.7) >= 0.9 * len(theirs)
    assert len(FacenetMtcnn().detect(np.zeros((30, 30, 3), np.uint8))) == 0


# Parts


def test_scales_begin_with_the_smallest_face_and_end_with_the_image():
    found = scales(300, 400, min_face=40, factor=0.709)
    assert found[0] == 12 / 40
    np.testing.assert_allclose(np.array(found[1:]) / found[:-1], 0.709)
    assert 300 * found[-1] >= WINDOW > 300 * found[-1] * 0.709
    assert scales(39, 400, min_face=40, factor=0.709) == []


@pytest.mark.parametrize("size", [(12, 12), (13, 40), (97, 61), (98, 61), (99, 60)])
def test_bands_have_every_window_once(monkeypatch, size):
    monkeypatch.setattr(mtcnn, "BAND", 61 * 20)
    session = open_session(load_manifest()["pnet"])
    level = noise(*size)
    whole = session.run(None, {"image": level[None]})
    parts = [
        session.run(None, {"image": level[None, top : top + rows]})
        for top, rows in bands(*level.shape[:2])
    ]
    for axis, outputs in zip((1, 2), zip(*parts, strict=True), strict=True):
        joined = np.concatenate(outputs, axis=axis)
        np.testing.assert_allclose(joined, whole[axis - 1], rtol=1e-3, atol=1e-4)
    assert size[0] < 90 or len(parts) > 3


def test_bands_do_not_change_the_faces(monkeypatch, detector):
    image = group_photo()
    whole = detector.detect(image)
    monkeypatch.setattr(mtcnn, "BAND", 8000)
    banded = detector.detect(image)
    np.testing.assert_allclose(banded.boxes, whole.boxes, atol=0.1)


def test_windows_are_squares_of_the_smallest_face():
    boxes = windows(np.array([0, 10]), np.array([0, 5]), 12 / 40)
    sides = boxes[:, 2:] - (boxes[:, :2] - FIRST_PIXEL[:2])
    np.testing.assert_allclose(sides, 40, atol=3)
    np.testing.assert_allclose(boxes[1, :2], np.array([10, 5]) * STRIDE / 0.3, atol=4)


def test_levels_are_the_whole_image_at_each_scale():
    ramp = np.linspace(0, 255, 640)[None, :, None].repeat(480, 0).repeat(3, 2).astype(np.uint8)
    wanted = scales(480, 640, min_face=24, factor=0.709)
    made = list(Pixels(Image.fromarray(ramp)).levels(wanted))
    assert [level.shape for level in made] == [
        (int(480 * scale + 1), int(640 * scale + 1), 3) for scale in wanted
    ]
    for level in made:
        width = level.shape[1]
        expected = (np.arange(width) + 0.5) / width * 255
        np.testing.assert_allclose(level[5, 2:-2, 0], expected[2:-2], atol=2.5)


def test_chips_are_cut_where_the_boxes_are():
    x, y = np.meshgrid(np.arange(500), np.arange(401))
    image = np.stack([x // 2, y // 2, np.zeros_like(x)], axis=2).astype(np.uint8)
    inside, across, outside = [30.2, 40.9, 430.1, 380.0], [-20, 300, 60, 480], [510, 10, 540, 40]
    boxes = np.array([inside, across, outside], np.float32)
    chips, rows = Pixels(Image.fromarray(image)).chips(boxes, 24)
    assert rows.tolist() == [0, 1]
    assert chips.shape == (2, 24, 24, 3)
    for chip, (left, top, right, bottom) in zip(
        chips, [(30, 40, 430, 380), (0, 300, 60, 401)], strict=True
    ):
        steps = (np.arange(24) + 0.5) / 24
        np.testing.assert_allclose(chip[0, :, 0], (left + steps * (right - left)) / 2, atol=3)
        np.testing.assert_allclose(chip[:, 0, 1], (top + steps * (bottom - top)) / 2, atol=3)


def test_there_may_be_no_chip():
    chips, rows = Pixels(Image.fromarray(noise(50, 50))).chips(np.zeros((0, 4), np.float32), 24)
    assert chips.shape == (0, 24, 24, 3)
    assert len(rows) == 0
