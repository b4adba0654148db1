"""RetinaFace against a slow oracle, on random weights and on the public ones where they are."""

from pathlib import Path

import numpy as np
import pytest

from album.evaluation.detection import read_wider
from nets.core.api import Detections
from nets.core.boxes import overlaps
from nets.core.errors import WeightsError
from nets.detectors.mtcnn import Mtcnn
from nets.detectors.retinaface import SIZES, TEMPLATE, Pass, RetinaFace, decode, padded, scaled_to
from nets.detectors.retinaface_weights import LAYERS, folded
from nets.runtime.addable import ADDABLE
from nets.runtime.checkpoint import read_checkpoint
from nets.runtime.models import open_template
from tests.nets.data import data_folder
from tests.nets.retinaface_oracle import Oracle

SHA256 = ADDABLE["retinaface"].sha256


@pytest.fixture(scope="module")
def checkpoint():
    path = data_folder() / "weights" / "mobilenet0.25_Final.pth"
    if not path.is_file():
        pytest.skip(f"no weights in {path}")
    return path


def random_tensors():
    """A checkpoint of the same shapes with random numbers."""
    rng = np.random.default_rng(0)
    tensors = {}
    for layer in LAYERS:
        if not layer.source:
            n = int(layer.name.removeprefix("head")) - 1
            for head, count in (("ClassHead", 4), ("BboxHead", 8), ("LandmarkHead", 20)):
                tensors[f"{head}.{n}.conv1x1.weight"] = rng.normal(0, 0.1, (count, 64, 1, 1))
                tensors[f"{head}.{n}.conv1x1.bias"] = rng.normal(0, 0.1, count)
            continue
        fan = np.prod(layer.shape[1:])
        tensors[f"{layer.source}.weight"] = rng.normal(0, np.sqrt(2 / fan), layer.shape)
        stem, _, number = layer.source.rpartition(".")
        norm = f"{stem}.{int(number) + 1}"
        out = layer.shape[0]
        tensors[f"{norm}.weight"] = rng.uniform(0.5, 1.5, out)
        tensors[f"{norm}.bias"] = rng.normal(0, 0.1, out)
        tensors[f"{norm}.running_mean"] = rng.normal(0, 0.1, out)
        tensors[f"{norm}.running_var"] = rng.uniform(0.5, 1.5, out)
    return tensors


def anchors_of(session, image):
    """All anchors as the program decodes them, in the order of the oracle."""
    outputs = session.run(None, {"image": image[None]})
    faces = []
    for level, stride in zip(outputs, SIZES, strict=True):
        boxes, landmarks, scores = decode(level[0], stride, -np.inf)
        rows, columns = level.shape[2:]
        # decode goes anchor by anchor; the oracle place by place.
        order = np.arange(2 * rows * columns).reshape(2, rows * columns).T.ravel()
        faces += list(zip(scores[order], boxes[order], landmarks[order], strict=True))
    return faces


def check_against_oracle(tensors):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (64, 96, 3), np.uint8)
    session = open_template(TEMPLATE, folded(tensors))
    found, expected = anchors_of(session, image), Oracle(tensors).faces(image)
    assert len(found) == len(expected) == 2 * (8 * 12 + 4 * 6 + 2 * 3)
    for (score, box, points), (p, wanted, marks) in zip(found, expected, strict=True):
        assert score == pytest.approx(p, abs=1e-4)
        np.testing.assert_allclose(box, wanted, rtol=1e-3, atol=2e-2)
        np.testing.assert_allclose(points, marks, rtol=1e-3, atol=2e-2)


def test_the_graph_does_what_was_published():
    check_against_oracle(random_tensors())


def test_the_public_weights_give_what_was_published(checkpoint):
    check_against_oracle(read_checkpoint(checkpoint.read_bytes()))


def test_another_checkpoint_is_refused(tmp_path):
    tensors = random_tensors()
    with pytest.raises(ValueError, match=r"no tensor 'fpn.merge1.0.weight'"):
        folded({k: v for k, v in tensors.items() if k != "fpn.merge1.0.weight"})
    wrong = tensors | {"fpn.merge1.0.weight": np.zeros((32, 64, 3, 3))}
    with pytest.raises(ValueError, match=r"merge1|broadcast"):
        folded(wrong)
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(WeightsError, match="not those of this net"):
        RetinaFace(bad, sha256="0").detect(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(WeightsError, match="add the model again"):
        RetinaFace(tmp_path / "gone", sha256="0").detect(np.zeros((64, 64, 3), np.uint8))


def test_options_are_part_of_the_contract(tmp_path):
    options = ({}, {"min_face": 20}, {"passes": [Pass(640, 0.5)]})
    made = [RetinaFace(tmp_path, sha256="a", **one).contract for one in options]
    made.append(RetinaFace(tmp_path, sha256="b").contract)
    assert len(set(made)) == 4
    with pytest.raises(ValueError, match="smallest face"):
        RetinaFace(tmp_path, sha256="a", min_face=1)


def test_pictures_are_scaled_down_only_and_padded_to_whole_strides():
    image = np.zeros((300, 1000, 3), np.uint8)
    small, scale = scaled_to(image, 640)
    assert small.shape == (192, 640, 3)
    assert scale == pytest.approx((0.64, 0.64))
    assert scaled_to(image, 1000)[0] is image
    assert padded(np.zeros((33, 64, 3), np.uint8)).shape == (64, 64, 3)
    assert padded(small) is small


@pytest.fixture(scope="module")
def group():
    """A press photo with some twenty faces, and where MTCNN is sure of one."""
    folder = data_folder() / "album_g20"
    from PIL import Image

    image = np.asarray(Image.open(folder / "0.jpg").convert("RGB"))
    sure = Mtcnn(min_face=40).detect(image)
    return image, sure.take(sure.scores > 0.95)


def test_it_finds_whom_mtcnn_finds(group, checkpoint):
    image, sure = group
    found = RetinaFace(checkpoint, sha256=SHA256).detect(image)
    overlap = overlaps(sure.boxes, found.boxes)
    assert (overlap.max(axis=1) > 0.4).mean() >= 0.85
    assert (np.diff(found.scores) <= 0).all()
    same = overlap.argmax(axis=1)[overlap.max(axis=1) > 0.5]
    side = (found.boxes[same, 2:] - found.boxes[same, :2]).mean(axis=1)
    known = sure.landmarks[overlap.max(axis=1) > 0.5]
    far = np.linalg.norm(found.landmarks[same] - known, axis=2).mean(axis=1) / side
    assert np.median(far) < 0.08


def test_nothing_is_a_face_in_noise(checkpoint):
    rng = np.random.default_rng(2)
    net = RetinaFace(checkpoint, sha256=SHA256)
    assert len(net.detect(rng.integers(0, 256, (480, 640, 3), np.uint8))) == 0
    assert len(net.detect(np.zeros((10, 7, 3), np.uint8))) == 0


def test_boxes_are_in_pixels_of_the_picture_whatever_its_size(group, checkpoint):
    image, _ = group
    net = RetinaFace(checkpoint, sha256=SHA256, passes=[Pass(640, 0.7)], min_face=4)
    whole = net.detect(image)
    twice = net.detect(np.repeat(np.repeat(image, 2, axis=0), 2, axis=1))
    assert len(whole) > 5
    overlap = overlaps(whole.boxes * 2, twice.boxes).max(axis=1)
    assert (overlap > 0.7).mean() > 0.9


def test_a_face_that_fills_the_picture_is_placed_as_one_that_does_not(group, checkpoint):
    """Its box is taken from a look at a smaller picture."""
    image, _ = group
    net = RetinaFace(checkpoint, sha256=SHA256, min_face=20)
    whole = net.detect(image)
    left, top, right, bottom = whole.boxes[0].astype(int)
    room = (right - left) // 3
    cut = image[max(top - room, 0) : bottom + room, max(left - room, 0) : right + room]
    from PIL import Image

    large = np.asarray(Image.fromarray(cut).resize((600, 600 * cut.shape[0] // cut.shape[1])))
    found = net.detect(large)
    scale = 600 / cut.shape[1]
    expected = (whole.boxes[0] - [max(left - room, 0), max(top - room, 0)] * 2) * scale
    assert overlaps(found.boxes[:1], expected[None].astype(np.float32))[0, 0] > 0.7


def detections(*rows):
    """Boxes and scores, landmarks in the middle."""
    boxes = np.array([row[:4] for row in rows], np.float32).reshape(-1, 4)
    middle = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    scores = np.array([row[4] for row in rows], np.float32)
    return Detections(boxes, np.repeat(middle, 5, axis=1), scores)


def looking(monkeypatch, first, smaller):
    """Return a RetinaFace whose two looks find what is given, in pixels of a picture of 640."""

    def look(self, image, how, *, least=None):
        seen = first if how.side == 640 else smaller
        return seen.take(seen.scores >= (how.threshold if least is None else least))

    monkeypatch.setattr(RetinaFace, "look", look)
    return RetinaFace(Path("none"), sha256=SHA256).detect(np.zeros((480, 640, 3), np.uint8))


SMALL_FACE = (500, 20, 560, 80, 0.9)


def test_what_is_large_has_to_be_seen_where_it_is_smaller(monkeypatch):
    blur, face = (0, 0, 300, 300, 0.99), (310, 150, 470, 330, 0.8)
    seen = (315, 150, 475, 330, 0.12)
    found = looking(monkeypatch, detections(blur, face, SMALL_FACE), detections(seen))
    assert found.boxes.tolist() == [list(SMALL_FACE[:4]), list(seen[:4])]
    np.testing.assert_allclose(found.scores, [0.9, 0.8])


def test_two_finds_of_one_large_face_are_one(monkeypatch):
    one, other = (100, 100, 300, 300, 0.8), (150, 130, 350, 330, 0.9)
    whole = (110, 110, 340, 330, 0.99)
    found = looking(monkeypatch, detections(one, other), detections(whole))
    assert found.boxes.tolist() == [list(whole[:4])]
    assert found.scores.tolist() == pytest.approx([0.9])


def test_a_face_that_fills_the_picture_is_found_whole(monkeypatch):
    """The first look sees parts of it, none of which is where the face is."""
    parts = detections((50, 50, 250, 250, 0.9), (350, 60, 560, 240, 0.8))
    found = looking(monkeypatch, parts, detections((30, 10, 620, 470, 0.95)))
    assert found.boxes.tolist() == [[30, 10, 620, 470]]
    unsure = looking(monkeypatch, parts, detections((30, 10, 620, 470, 0.85)))
    assert len(unsure) == 0


def test_a_large_face_of_which_the_first_look_is_unsure_is_looked_for_again(monkeypatch):
    unsure, face = detections((0, 0, 300, 300, 0.2)), detections((20, 10, 280, 300, 0.95))
    found = looking(monkeypatch, unsure, face)
    assert found.boxes.tolist() == [[20, 10, 280, 300]]
    assert len(looking(monkeypatch, unsure, detections((20, 10, 280, 300, 0.5)))) == 0
    assert len(looking(monkeypatch, detections((0, 0, 300, 300, 0.1)), face)) == 0


def test_small_faces_need_no_second_look(monkeypatch):
    found = looking(monkeypatch, detections(SMALL_FACE), detections((0, 0, 600, 400, 0.99)))
    assert found.boxes.tolist() == [list(SMALL_FACE[:4])]


def test_portraits_that_fill_the_picture(checkpoint):
    """Each is one face, in about the middle: the first look alone finds three parts of each."""
    from PIL import Image

    net, paths = RetinaFace(checkpoint, sha256=SHA256), sorted(data_folder().rglob("utkface_dev/*"))
    whole = 0
    for path in paths[:: len(paths) // 20][:20]:
        large = np.asarray(Image.open(path).convert("RGB").resize((800, 800)))
        found = net.detect(large)
        middle = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
        whole += len(found) == 1 and bool((abs(middle - 400) < 120).all())
    assert whole >= 17


def test_out_of_focus_only_faces_are_faces(checkpoint):
    """Large blurred shapes are not; large blurred faces may be."""
    from PIL import Image, ImageFilter

    net, others = RetinaFace(checkpoint, sha256=SHA256), 0
    for picture in read_wider(data_folder() / "wider_dev")[::4]:
        image = Image.open(picture.path).convert("RGB")
        found = net.detect(image.filter(ImageFilter.GaussianBlur(max(image.size) / 64)))
        others += int((overlaps(found.boxes, picture.boxes).max(axis=1, initial=0) < 0.4).sum())
    assert others <= 2
