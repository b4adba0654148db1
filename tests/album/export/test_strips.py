"""`album export --format strip`: which faces are chosen, and that their eyes lie alike."""

import shutil
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from album.export import strips
from album.export.strips import HEIGHT, MARGIN, TITLE, WIDTH, draw_strip, strip_of
from album.people.faces import Face
from album.people.people import Person
from tests.album.albums import Shelf, family

PERSON = Person(
    *(7, "Lena", "female", 0.9, "estimated", 2000.5, 1999.0, 2002.0, None, "estimated"),
    *(9, 9, None, None, False, False),
)
EYES = np.array([[-20, -12], [20, -12], [0, 8], [-16, 26], [16, 26]], float)
"""Landmarks around the middle of an upright face in a box of 110 pixels."""


def face(number, year, path="/p/a.jpg", **changes):
    one = Face(
        face_id=number,
        photo_id=number,
        path=str(path),
        present=True,
        date=datetime(year, 3, 4),
        date_source="exif-original",
        date_precision="second",
        age=year - 2000.0,
        box=(0.0, 0.0, 110.0, 110.0),
        time_ms=None,
        moments=(),
        score=0.99,
        confidence=0.8,
        source="auto",
        emotion=None,
        emotion_probability=None,
        person_id=7,
        kind="image",
        date_trusted=True,
        size=100.0,
        sharpness=100.0,
        frontal=0.9,
    )
    return replace(one, **changes)


LANDMARKS = (EYES + 55).astype(np.float32)


def chosen(faces, person=PERSON, landmarks=None, **options):
    strip = strip_of(
        person, faces, landmarks or {one.face_id: LANDMARKS for one in faces}, **options
    )
    return None if strip is None else [cell.face.face_id for cell in strip.cells]


def test_one_face_of_each_year_the_clearest_from_the_front():
    faces = [face(i, 2000 + i // 2) for i in range(12)]
    faces[1] = replace(faces[1], size=200.0)
    faces[6] = replace(faces[6], frontal=0.1)
    faces[4] = replace(faces[4], confidence=0.1)
    landmarks = {one.face_id: LANDMARKS for one in faces}
    landmarks[8] = None
    assert chosen(faces, landmarks=landmarks) == [1, 2, 5, 7, 9, 10]


def test_by_age_where_the_birth_date_was_said():
    said = replace(PERSON, born_date="2000-07-01", born_source="user")
    # Three in the first year of life, over two calendar years.
    ages = [0.1, 0.4, 0.9, 1.2, 3.0, 6.5]
    faces = [face(i + 1, 2000 + int(0.5 + age), age=age) for i, age in enumerate(ages)]
    assert chosen(faces, said) == [1, 4, 5, 6]
    assert chosen(faces) == [1, 3, 5, 6]


def test_only_people_seen_in_enough_years():
    near = [face(i, 2000 + i) for i in range(4)]
    assert chosen(near) is None
    assert chosen(near, always=True) == [0, 1, 2, 3]
    few = [face(i, 2000 + 5 * i) for i in range(3)]
    assert chosen(few) is None
    assert chosen(few, always=True) == [0, 1, 2]
    assert chosen([face(1, 2000)], always=True) is None


def test_faces_without_a_date_to_be_trusted_are_left_out():
    faces = [face(i, 2000 + i, date_trusted=i != 3) for i in range(8)]
    assert chosen(faces) == [0, 1, 2, 4, 5, 6, 7]


def test_a_long_life_is_thinned_evenly():
    faces = [face(i, 1900 + i) for i in range(100)]
    found = chosen(faces)
    assert len(found) == strips.MOST_CELLS
    assert (found[0], found[-1]) == (0, 99)
    assert set(np.diff(found)) <= {1, 2}


@pytest.mark.parametrize("cells", range(2, strips.MOST_CELLS + 1))
def test_every_strip_fits_on_a_page_and_fills_it(cells):
    columns, side = strips._arrangement(cells)
    rows = -(-cells // columns)
    assert columns * side + (columns - 1) * strips.GUTTER <= WIDTH - 2 * MARGIN
    assert TITLE + rows * strips._row_height(side) + 3 * MARGIN // 2 <= HEIGHT
    assert side >= 190
    assert rows * columns - cells < columns


def turned_face(path, angle, size, middle):
    """A grey photo with white eyes on a dark face that is turned; return its landmarks."""
    turn = np.exp(1j * np.radians(angle)) * size / 110
    points = np.array([turn * complex(*eye) for eye in EYES]) + complex(*middle)
    pixels = np.full((600, 800, 3), 128, np.uint8)
    y, x = np.mgrid[:600, :800]
    z = x + 1j * y
    pixels[abs(z - complex(*middle)) < size / 2] = 40
    for eye in points[:2]:
        pixels[abs(z - eye) < size / 20] = 255
    Image.fromarray(pixels).save(path)
    return np.stack([points.real, points.imag], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("angle", "size", "middle"),
    [(0, 110, (400, 300)), (35, 220, (300, 280)), (-60, 80, (500, 200)), (10, 300, (60, 80))],
)
def test_eyes_lie_at_the_same_place_whatever_the_photo(tmp_path, angle, size, middle):
    path = tmp_path / "a.png"
    landmarks = turned_face(path, angle, size, middle)
    x, y = middle
    box = (x - size / 2, y - size / 2, x + size / 2, y + size / 2)
    one = face(1, 2000, path, box=box)
    from album.media.decoding import read_image
    from album.media.headers import read_header

    picture = read_image(path, read_header(path))
    side = 300
    cut = strips.aligned(picture, strips.Cell(one, landmarks), side)
    assert cut.size == (side, side)
    white = np.argwhere(np.asarray(cut.convert("L")) > 200).astype(float)
    left, right = white[white[:, 1] < side / 2], white[white[:, 1] >= side / 2]
    for eye, at in ((left, 150 - 36), (right, 150 + 36)):
        assert abs(eye.mean(axis=0) - (strips.EYES * side, at)).max() < 2.5


def test_a_face_without_landmarks_is_in_the_middle(tmp_path):
    path = tmp_path / "a.png"
    turned_face(path, 0, 110, (400, 300))
    from album.media.decoding import read_image
    from album.media.headers import read_header

    picture = read_image(path, read_header(path))
    one = face(1, 2000, path, box=(345, 245, 455, 355))
    cut = np.asarray(strips.aligned(picture, strips.Cell(one, None), 300).convert("L"))
    dark = np.argwhere(cut < 60).mean(axis=0)
    assert abs(dark[1] - 150) < 3
    assert 120 < dark[0] < 180


def test_a_photo_that_can_not_be_read_leaves_a_blank(tmp_path):
    path = tmp_path / "a.png"
    landmarks = turned_face(path, 0, 110, (400, 300))
    faces = [face(i, 2000 + 2 * i, path, box=(345, 245, 455, 355)) for i in range(4)]
    faces[2] = replace(faces[2], path=str(tmp_path / "gone.jpg"))
    strip = strip_of(PERSON, faces, dict.fromkeys(range(4), landmarks))
    image, unread = draw_strip(strip)
    assert unread == [str(tmp_path / "gone.jpg")]
    assert image.width == WIDTH


def test_where_nobody_is_seen_in_enough_years_nothing_is_written(tmp_path):
    shelf = Shelf(tmp_path)
    photos = family(tmp_path / "photos")
    for year in range(2004, 2010, 2):
        shutil.rmtree(photos / f"{year}")
    shelf.index(photos)
    out = tmp_path / "out"
    ran = shelf("export", out, "--format", "strip")
    assert ran.out == (
        "There is nothing to write: nobody is seen in enough years; --all takes in more people.\n"
    )
    assert not out.exists()
    assert "written" in shelf("export", out, "--format", "strip", "--all").out


def test_strips_are_written_once_and_kept(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.index(family(tmp_path / "photos"))
    out = tmp_path / "out"
    ran = shelf("export", out, "--format", "strip")
    assert ran.code == 0, ran.err
    files = sorted((out / "strips").iterdir())
    assert [path.name for path in files] == sorted(f"person-{p['id']}.jpg" for p in shelf.people())
    for path in files:
        with Image.open(path) as image:
            assert (image.width, image.info["dpi"]) == (WIDTH, (300, 300))
            assert image.height <= HEIGHT
    assert "up to date" in shelf("export", out, "--format", "strip").out
    (tmp_path / "photos").rename(tmp_path / "away")
    before = [path.read_bytes() for path in files]
    assert shelf("export", out, "--format", "strip").code == 3
    assert [path.read_bytes() for path in files] == before
