"""Faces cut out of photos, and sheets of them."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from album.errors import Vanished
from album.thumbnails import pictures
from album.thumbnails.pictures import (
    BACKGROUND,
    PLACEHOLDER,
    Row,
    Shot,
    crop_face,
    save_jpeg,
    sheet,
)
from tests.album.drawn_clips import turn, write
from tests.album.media_files import exif

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 30), (30, 30, 200)


@pytest.fixture
def photo(tmp_path):
    """800 x 600, grey, with a face of a red upper and a green lower half at 300, 200."""
    pixels = np.full((600, 800, 3), 128, np.uint8)
    pixels[200:250, 300:400] = RED
    pixels[250:300, 300:400] = GREEN
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


def near(pixel, colour):
    return np.abs(np.array(pixel, int) - colour).max() < 30


def test_a_crop_has_the_face_in_its_middle_with_room_around(photo):
    tile = crop_face(photo, (300, 200, 400, 300), side=170)
    assert tile.size == (170, 170)
    assert near(tile.getpixel((85, 70)), RED)
    assert near(tile.getpixel((85, 100)), GREEN)
    assert near(tile.getpixel((85, 20)), (128, 128, 128))
    assert near(tile.getpixel((20, 85)), (128, 128, 128))


def test_a_crop_at_the_edge_of_the_photo_is_not_distorted(photo):
    tile = crop_face(photo, (-60, 200, 40, 300), side=170)
    assert near(tile.getpixel((5, 85)), BACKGROUND)
    assert near(tile.getpixel((165, 85)), (128, 128, 128))


def test_a_box_beside_the_photo_gives_an_empty_tile(photo):
    assert near(crop_face(photo, (5000, 200, 5100, 300)).getpixel((9, 9)), BACKGROUND)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_crops_are_upright(photo, tmp_path, orientation):
    turn = {1: 0, 3: 180, 6: 90, 8: 270}[orientation]
    stored = Image.open(photo).rotate(turn, expand=True)
    path = tmp_path / "turned.jpg"
    stored.save(path, quality=95, exif=exif(orientation=orientation))
    tile = crop_face(path, (300, 200, 400, 300), side=170)
    assert near(tile.getpixel((85, 70)), RED)
    assert near(tile.getpixel((85, 100)), GREEN)


def test_a_large_jpeg_is_decoded_no_larger_than_needed(tmp_path, monkeypatch):
    from album.media import decoding

    path = tmp_path / "large.jpg"
    Image.new("RGB", (4000, 3000), BLUE).save(path)
    decoded = []
    read = decoding.read_image

    def spied(*args, **options):
        picture = read(*args, **options)
        decoded.append(max(picture.pixels.shape))
        return picture

    monkeypatch.setattr(decoding, "read_image", spied)
    assert near(crop_face(path, (1000, 1000, 2000, 2000), side=170).getpixel((85, 85)), BLUE)
    assert decoded == [500]


def test_a_photo_that_is_gone_is_an_error_here(tmp_path):
    with pytest.raises(Vanished):
        crop_face(tmp_path / "gone.jpg", (0, 0, 10, 10))


def test_a_sheet_shows_every_face_and_says_which_are_missing(photo, tmp_path):
    there = Shot(str(photo), (300, 200, 400, 300), "2004-05-06")
    gone = Shot(str(tmp_path / "gone.jpg"), (0, 0, 10, 10))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 nothing")
    shots = (there, gone, Shot(str(broken), (0, 0, 10, 10)), Shot(None, (0, 0, 1, 1)))
    drawn = sheet(
        [Row("Anna", (there,), "2 photos"), Row("person-3", shots, marked=True)], tile=100
    )
    assert drawn.image.size[0] == 4 * 112 + 12
    assert [sum(name in told for told in drawn.missing) for name in ("gone", "broken")] == [1, 1]
    assert len(drawn.missing) == 3
    pixels = np.asarray(drawn.image).reshape(-1, 3)
    assert (np.abs(pixels.astype(int) - PLACEHOLDER).max(axis=1) < 4).sum() > 3 * 6000
    assert (np.abs(pixels.astype(int) - RED).max(axis=1) < 30).sum() > 2 * 800


def test_long_names_stay_on_the_sheet(photo):
    shot = Shot(str(photo), (300, 200, 400, 300), "a caption that is much too long for its tile")
    drawn = sheet([Row("Maximiliane " * 9, (shot,), "with a note")], tile=100)
    edge = np.asarray(drawn.image)[:, -4:]
    assert (edge == BACKGROUND).all()


@pytest.mark.parametrize(
    ("fonts", "shown"), [((), "Zoe Muller-Wass 2016-2019 ?"), (None, "Zoë Müller-Wąß 2016–2019 Ж")]
)
def test_letters_that_the_font_has_not_are_spelled(monkeypatch, fonts, shown):
    family = pictures.OWN_FONT if fonts == () else "DejaVu Sans"
    monkeypatch.setattr(
        pictures, "text_font", lambda size: SimpleNamespace(getname=lambda: [family])
    )
    assert pictures.drawable("Zoë Müller-Wąß 2016–2019 Ж") == shown


def test_a_sheet_of_nothing_is_a_picture():
    assert sheet([Row("Nobody", ())]).image.size[0] > 0


def test_a_saved_picture_is_its_owners_alone(tmp_path):
    path = tmp_path / "new" / "sheet.jpg"
    save_jpeg(Image.new("RGB", (8, 8)), path)
    assert path.stat().st_mode & 0o077 == 0
    assert [one.name for one in path.parent.iterdir()] == ["sheet.jpg"]


def test_a_face_of_a_clip_is_cut_out_of_its_frame(tmp_path):
    frames = np.full((40, 240, 320, 3), 128, np.uint8)
    frames[30:, 100:150, 100:200] = RED
    frames[30:, 150:200, 100:200] = GREEN
    stored = [np.rot90(frame) for frame in frames]
    path = turn(write(tmp_path / "a.mp4", stored), 6)
    tile = crop_face(path, (100, 100, 200, 200), side=170, time_ms=1100)
    assert near(tile.getpixel((85, 70)), RED)
    assert near(tile.getpixel((85, 100)), GREEN)
    before = crop_face(path, (100, 100, 200, 200), side=170, time_ms=100)
    assert near(before.getpixel((85, 70)), (128, 128, 128))
    late = sheet([Row("Anna", (Shot(str(path), (100, 100, 200, 200), time_ms=9000),))])
    assert "no frame at 9.0 seconds can be decoded" in late.missing[0]
