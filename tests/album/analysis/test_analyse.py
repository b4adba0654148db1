"""From a file to boxes and chips: every orientation, large photos, copies, order."""

import threading

import numpy as np
import pytest
from PIL import Image

from album.analysis.analyse import Analyser, Failed, Known, Prepared, Skipped, Task, outcomes
from album.analysis.workers import Clock
from album.files.scan import Found, walk
from album.media import decoding, headers
from album.media.views import scaled, shrink
from nets.core.api import Detections
from nets.engine import load_engine
from nets.fake import FakeDetector, draw_face

ENGINE = load_engine(profile="fake")
TO_STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def picture(size, *faces):
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    for number, box in enumerate(faces):
        draw_face(image, box, person=number, age=30 + number)
    return Image.fromarray(image)


def saved(path, image, orientation=1):
    turn = TO_STORED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    (image if turn is None else image.transpose(turn)).save(path, quality=93, exif=exif)
    return path


def look(path, **options):
    analyser = Analyser(ENGINE, **options)
    return analyser.faces(path, headers.read_header(path))


@pytest.mark.parametrize("orientation", TO_STORED)
def test_boxes_are_of_the_upright_photo_whatever_its_orientation(tmp_path, orientation):
    box = (60, 40, 180, 160)
    path = saved(tmp_path / "a.jpg", picture((640, 480), box), orientation)
    found, batch, *_ = look(path)
    np.testing.assert_allclose(found.boxes, [box], atol=4)
    assert ENGINE.describe(batch).ages[0].argmax() == 29


def test_a_large_photo_is_looked_at_small_and_cropped_large(tmp_path):
    box = (2400, 1500, 2600, 1700)
    path = saved(tmp_path / "a.jpg", picture((4000, 3000), box))
    found, batch, quality, _ = look(path)
    np.testing.assert_allclose(found.boxes, [box], atol=12)
    assert quality[0, 0] == pytest.approx(200, abs=15)
    _, small, blurred, _ = look(
        saved(tmp_path / "b.jpg", picture((4000, 3000), box).resize((800, 600)))
    )
    assert quality[0, 1] > 2 * blurred[0, 1]
    assert ENGINE.describe(batch).ages[0].argmax() == ENGINE.describe(small).ages[0].argmax()


def test_a_photo_without_faces(tmp_path):
    found, batch, quality, _ = look(saved(tmp_path / "a.jpg", picture((300, 200))))
    assert len(found) == len(batch) == len(quality) == 0


@pytest.mark.parametrize("jobs", [0, 3])
def test_outcomes_come_in_order_and_a_content_is_analysed_once(tmp_path, jobs):
    for number in range(4):
        saved(tmp_path / f"{number}.jpg", picture((200, 160), (20, 20, 80 + number, 80 + number)))
    (tmp_path / "4.jpg").write_bytes((tmp_path / "0.jpg").read_bytes())
    (tmp_path / "5.jpg").write_bytes(b"")
    (tmp_path / "6.txt").write_text("notes")
    tasks = [Task(file) for file in walk([tmp_path]).files]
    found = list(outcomes(Analyser(ENGINE), tasks, jobs=jobs))
    assert [outcome.task for outcome in found] == tasks
    kinds = sorted(type(outcome).__name__ for outcome in found)
    assert kinds == sorted(kind.__name__ for kind in (Prepared,) * 4 + (Known, Failed, Skipped))


def test_shrinking_and_scaling_are_inverse():
    pixels = np.zeros((300, 401, 3), np.uint8)
    small, ratio = shrink(pixels, 200)
    assert small.shape == (150, 200, 3)
    one = np.ones(1, np.float32)
    face = Detections(np.array([[10, 20, 30, 60]], np.float32), np.ones((1, 5, 2), np.float32), one)
    back = scaled(scaled(face, *ratio), 1 / ratio[0], 1 / ratio[1])
    np.testing.assert_allclose(back.boxes, face.boxes, rtol=1e-5)
    assert shrink(pixels, 401)[0] is pixels


class Reading:
    """Stands in for an `Analyser`: reads by a function, and tells which files were given up."""

    def __init__(self, read, **options):
        self.read, self.clock = read, Clock(**options)

    def __call__(self, task):
        self.clock.start(task.found.path)
        return self.read(task)

    def give_up(self, task):
        return f"{task.found.path} given up"


def tasks_of(names):
    return [Task(Found(name, 1, 1)) for name in names]


def test_threads_are_told_to_stop_before_they_are_waited_for():
    tasks, stopped = tasks_of("abcdefghi"), threading.Event()

    def read(task):
        if task.found.path != "a":
            assert stopped.wait(timeout=30)
        return task

    results = outcomes(Reading(read), tasks, jobs=2, stop=stopped.set)
    next(results)
    results.close()
    assert stopped.is_set()


def test_files_that_hang_are_given_up_and_the_others_read():
    forever = threading.Event()

    def read(task):
        if task.found.path in "bcg":
            forever.wait()
        return task.found.path

    found = list(outcomes(Reading(read, limit=0.4), tasks_of("abcdefghijkl"), jobs=2))
    want = [f"{name} given up" if name in "bcg" else name for name in "abcdefghijkl"]
    assert found == want
    forever.set()


def test_no_limit_waits():
    def read(task):
        done.wait(timeout=0.3)
        return task.found.path

    done = threading.Event()
    assert list(outcomes(Reading(read, limit=0), tasks_of("ab"), jobs=1)) == ["a", "b"]


def test_what_a_worker_raises_is_raised_to_the_caller():
    def read(task):
        raise TimeoutError(task.found.path)

    with pytest.raises(TimeoutError, match="a"):
        list(outcomes(Reading(read), tasks_of("ab"), jobs=2))


def test_the_clock_gives_clips_more_time_for_each_window():
    now = [0.0]
    clock = Clock(10, lambda: now[0])
    assert clock.left("a") == 10
    clock.start("a")
    now[0] = 8.0
    assert clock.left("a") == 2
    clock.extend("a")
    clock.extend("b")
    assert clock.left("a") == 3
    clock.stop("a")
    assert clock.left("a") == clock.left("b") == 10
    assert Clock(0).left("a") is None


def test_a_photo_that_hangs_fails_with_its_content(tmp_path, monkeypatch):
    hanging = saved(tmp_path / "a.jpg", picture((200, 160), (20, 20, 80, 80)))
    (tmp_path / "b.jpg").write_bytes(hanging.read_bytes())
    saved(tmp_path / "c.jpg", picture((300, 160), (20, 20, 80, 80)))
    real, forever = decoding.read_upright, threading.Event()

    def read_image(path, header, **options):
        if path.name in ("a.jpg", "b.jpg"):
            forever.wait()
        return real(path, header, **options)

    monkeypatch.setattr(decoding, "read_upright", read_image)
    tasks = [Task(file) for file in walk([tmp_path]).files]
    analyser = Analyser(ENGINE, clock=Clock(3.0))
    *both, good = outcomes(analyser, tasks, jobs=2)
    forever.set()
    assert isinstance(good, Prepared)
    slow, copy = sorted(both, key=lambda one: isinstance(one, Known))
    assert isinstance(copy, Known)
    assert (slow.stage, slow.content_hash) == ("too-slow", copy.content_hash)
    assert slow.reason.startswith("takes too long to read (more than 3 seconds); ")


def test_a_detector_that_scales_by_itself_gets_a_large_photo_smaller(tmp_path, monkeypatch):
    """Boxes and the smallest face stay in pixels of the same view, whatever it is given."""
    boxes = (2400, 1500, 2600, 1700), (300, 300, 420, 420)
    photo = picture((4000, 3000), boxes[0])
    photo.paste(picture((120, 120), (0, 0, 120, 120)), boxes[1][:2])
    path = saved(tmp_path / "a.jpg", photo)
    given = []
    find = FakeDetector.detect

    def watched(self, image, *, zoom=1.0):
        given.append((image.width, zoom))
        return find(self, image, zoom=zoom)

    monkeypatch.setattr(FakeDetector, "detect", watched)
    analyser = Analyser(load_engine(profile="fake", min_face=56))
    whole, *_ = analyser.faces(path, headers.read_header(path))
    monkeypatch.setattr(FakeDetector, "sees", 960)
    reduced, *_ = analyser.faces(path, headers.read_header(path))
    assert given == [(1600, 1.0), (1000, 0.625)]
    np.testing.assert_allclose(whole.boxes, [boxes[0]], atol=12)
    np.testing.assert_allclose(reduced.boxes, whole.boxes, atol=12)
