"""Raw photos: the JPEG that is in them, by the containers of the makers."""

import io
import sys

import numpy as np
import pytest

from album.dates.photo_date import read_date
from album.errors import NeedsExtra, TooLarge, Truncated
from album.files.kinds import Kind
from album.media import developing, raw
from album.media.decoding import read_image
from album.media.headers import read_header
from album.media.limits import Limits
from tests.album.media.test_decoding import corners_of, turned_corners
from tests.album.media_files import written
from tests.album.raw_files import CAMERAS, SENSOR, SHOWN, cr3, dng, nef


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("name", CAMERAS)
def test_raw_photos_of_every_maker(name, orientation, tmp_path):
    path = written(tmp_path, name, CAMERAS[name](orientation))
    header = read_header(path)
    # A JPEG nearly as large as the sensor is the whole photo; the DNG says the size of it.
    assert (header.kind, header.stored_size, header.orientation) == (Kind.RAW, SHOWN, orientation)
    taken = read_date(path, header)
    assert (taken.when.isoformat(), taken.source) == (
        "2019-05-06T07:08:09.250000",
        "exif-original",
    )
    picture = read_image(path, header)
    height, width = picture.pixels.shape[:2]
    across, down = header.upright_size
    assert picture.scale == (width / across, height / down)
    assert (width >= height) == (across >= down)
    np.testing.assert_allclose(corners_of(picture.pixels), turned_corners(orientation), atol=25)
    small = read_image(path, header, max_side=300).pixels
    assert 300 <= max(small.shape) < 600


def test_what_a_raw_photo_is_goes_by_its_content(tmp_path):
    for name, make in CAMERAS.items():
        if name != "a.arw":  # nothing but its name tells it from a TIFF file
            assert read_header(written(tmp_path, "a.jpg", make())).kind is Kind.RAW


def test_big_endian(tmp_path):
    header = read_header(written(tmp_path, "a.nef", nef(8, order=">")))
    assert (header.stored_size, header.orientation) == (SHOWN, 8)


def test_a_smaller_preview_is_enough_and_the_size_that_of_the_photo(tmp_path):
    path = written(tmp_path, "a.cr3", cr3(whole=False))
    header = read_header(path)
    assert header.stored_size == SENSOR
    picture = read_image(path, header)
    assert picture.pixels.shape == (1080, 810, 3)
    assert picture.scale == (810 / SENSOR[1], 1080 / SENSOR[0])


def test_a_raw_photo_with_but_a_thumbnail_is_developed(tmp_path):
    pytest.importorskip("rawpy")
    for orientation in (1, 6, 8):
        path = written(tmp_path, "a.dng", dng(orientation, thumbnail=True))
        header = read_header(path)
        assert header.orientation == orientation
        assert max(abs(np.subtract(header.stored_size, SENSOR))) <= 20
        picture = read_image(path, header, max_side=300)
        assert 300 <= max(picture.pixels.shape) < 610
        seen = corners_of(picture.pixels)
        # Colours are those of a camera without a profile: which is the brightest is what counts.
        assert (seen.argmax(1) == turned_corners(orientation).argmax(1))[:3].all()
        assert read_date(path, header).source == "exif-original"


def test_without_libraw_the_reason_says_what_to_install(tmp_path, monkeypatch):
    path = written(tmp_path, "a.dng", dng(thumbnail=True))
    monkeypatch.setitem(sys.modules, "rawpy", None)
    monkeypatch.setattr(developing, "available", lambda: False)
    with pytest.raises(NeedsExtra, match=r"pip install 'album-people\[raw\]'"):
        read_header(path)


def test_limits_hold_for_raw_photos(tmp_path):
    path = written(tmp_path, "a.cr2", CAMERAS["a.cr2"]())
    with pytest.raises(TooLarge, match="1200 x 900 pixels"):
        read_header(path, limits=Limits(pixels=1_000_000))
    limits = Limits(decoded_pixels=500_000)
    header = read_header(path, limits=limits)
    assert read_image(path, header, limits=limits).pixels.shape == (600, 450, 3)


def test_a_sensor_too_large_is_not_developed(tmp_path, monkeypatch):
    pytest.importorskip("rawpy")
    monkeypatch.setattr(developing, "MAX_PIXELS", 1_000_000)
    with pytest.raises(TooLarge, match="1216 x 912 pixels"):
        read_header(written(tmp_path, "a.dng", dng(thumbnail=True)))


@pytest.mark.parametrize("name", ["a.cr2", "a.nef", "a.raf", "a.orf"])
def test_a_raw_photo_cut_within_its_preview(name, tmp_path):
    data = CAMERAS[name]()
    start = data.index(b"\xff\xda")
    path = written(tmp_path, name, data[: start + 3000])
    with pytest.raises(Truncated, match="is cut short"):
        read_image(path, read_header(path))


def test_directories_that_go_in_circles_end():
    data = bytearray(nef())
    found = raw.inspect(io.BytesIO(data))
    assert len(found.previews) == 1
    first = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[first : first + 2], "little")
    after = first + 2 + 12 * count
    data[after : after + 4] = data[4:8]
    assert raw.inspect(io.BytesIO(data)).previews == found.previews


def test_what_the_sensor_saw_is_never_taken_for_a_picture():
    found = raw.inspect(io.BytesIO(CAMERAS["a.cr2"]()))
    assert [one.size for one in found.previews] == [SHOWN, (160, 120)]
