"""Stills of unusual depths, colours and formats: read as they look, or refused by name."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from album.errors import StillChanging, TooLarge, Unsupported
from album.files.kinds import Kind
from album.media import limits
from album.media.decoding import read_image
from album.media.headers import read_header
from album.media.limits import Limits, room_for
from album.metadata.containers import webp
from tests.album.media_files import encoded, exif, quarters, written
from tests.album.raw_files import Tiff

COLOURS = np.zeros((48, 64, 3))
COLOURS[:, :32], COLOURS[:, 32:] = (0.9, 0.1, 0.2), (0.1, 0.8, 0.3)
SEEN = [(230, 26, 51), (26, 204, 77)]
GREY = COLOURS[..., 0]
OPAQUE = np.dstack([COLOURS, np.ones((48, 64))])


def tiff(values, *, photometric=2, sample=1, order="<", planes=False, extra=None):
    """An uncompressed TIFF of any type of numbers."""
    made = Tiff(order, b"II*\0" if order == "<" else b"MM\0*")
    height, width = values.shape[:2]
    count = values.shape[2] if values.ndim == 3 else 1
    values = values.astype(values.dtype.newbyteorder(order))
    strips = [values[..., n] for n in range(count)] if planes else [values]
    at = [made.put(np.ascontiguousarray(strip).tobytes()) for strip in strips]
    entries = [(0x0100, 3, [width]), (0x0101, 3, [height]), (0x0103, 3, [1])]
    entries += [(0x0102, 3, [8 * values.itemsize] * count), (0x0106, 3, [photometric])]
    entries += [(0x0111, 4, at), (0x0117, 4, [values.nbytes // len(at)] * len(at))]
    entries += [(0x0115, 3, [count]), (0x0116, 3, [height]), (0x011C, 3, [2 if planes else 1])]
    entries += [(0x0153, 3, [sample] * count)]
    entries += [(0x0152, 3, [extra])] if extra is not None else []
    return made.finished(made.directory(entries))


def sides(folder, data):
    """The colours in the left and in the right half."""
    path = written(folder, "a", data)
    pixels = read_image(path, read_header(path)).pixels
    assert pixels.shape == (48, 64, 3)
    return pixels[5, 5].tolist(), pixels[5, 60].tolist()


def whole(values, kind):
    return np.round(values * np.iinfo(kind).max).astype(kind)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("kind", "planes"), [(np.uint8, False), (np.uint8, True), (np.uint16, False)]
)
def test_tiff_in_colour(kind, planes, order, tmp_path):
    found = sides(tmp_path, tiff(whole(COLOURS, kind), order=order, planes=planes))
    np.testing.assert_allclose(found, SEEN, atol=1)


@pytest.mark.parametrize("extra", [0, 2])
def test_tiff_with_a_fourth_channel(extra, tmp_path):
    found = sides(tmp_path, tiff(whole(OPAQUE, np.uint16), extra=extra))
    np.testing.assert_allclose(found, SEEN, atol=1)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (whole(GREY, np.uint8), {}),
        (whole(GREY, np.uint16), {}),
        (whole(GREY, np.uint32), {}),
        (GREY.astype(np.float32), {"sample": 3}),
        (whole(1 - GREY, np.uint8), {"photometric": 0}),
        (whole(1 - GREY, np.uint16), {"photometric": 0}),
    ],
)
def test_tiff_in_grey(values, options, tmp_path):
    left, right = sides(tmp_path, tiff(values, **{"photometric": 1, **options}))
    np.testing.assert_allclose([left, right], [[230] * 3, [26] * 3], atol=1)


@pytest.mark.parametrize(
    "values",
    [COLOURS.astype(np.float32), COLOURS.astype(np.float16), whole(COLOURS, np.uint32)],
)
def test_what_a_decoder_lacks_is_no_damage(values, tmp_path):
    sample = 3 if values.dtype.kind == "f" else 1
    with pytest.raises(Unsupported, match="of a kind that is not read"):
        sides(tmp_path, tiff(values, sample=sample))


def test_noise_is_no_picture(tmp_path):
    with pytest.raises(Unsupported, match="16-bit colours in separate planes"):
        sides(tmp_path, tiff(whole(COLOURS, np.uint16), planes=True))


def test_lab(tmp_path):
    flat = Image.fromarray(whole(COLOURS, np.uint8))
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.applyTransform(flat, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    np.testing.assert_allclose(sides(tmp_path, encoded(lab, "TIFF")), SEEN, atol=14)


@pytest.mark.parametrize(
    "how",
    ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "tiff_deflate", "lzma"],
)
def test_packed_tiff(how, tmp_path):
    image = Image.fromarray(whole(COLOURS, np.uint8))
    found = sides(tmp_path, encoded(image, "TIFF", compression=how))
    np.testing.assert_allclose(found, SEEN, atol=4)


def test_a_tiff_of_several_pages_is_its_first(tmp_path):
    pages = [Image.fromarray(whole(COLOURS, np.uint8)), Image.new("RGB", (20, 30))]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    np.testing.assert_allclose(sides(tmp_path, data), SEEN, atol=1)


def without_adobe(data):
    at = data.index(b"\xff\xee")
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


def test_ink_of_adobe_and_of_everybody_else(tmp_path):
    ink = Image.fromarray(whole(COLOURS, np.uint8)).convert("CMYK")
    np.testing.assert_allclose(sides(tmp_path, encoded(ink, "JPEG", quality=95)), SEEN, atol=6)
    # Pillow stores ink as Adobe does, so that the opposite is stored as the standard says.
    opposite = Image.frombytes("CMYK", ink.size, bytes(255 - v for v in ink.tobytes()))
    data = without_adobe(encoded(opposite, "JPEG", quality=95))
    np.testing.assert_allclose(sides(tmp_path, data), SEEN, atol=6)


def test_several_pictures_in_one_jpeg(tmp_path):
    pictures = [Image.fromarray(whole(COLOURS, np.uint8)), Image.new("RGB", (640, 480))]
    data = encoded(pictures[0], "MPO", save_all=True, append_images=pictures[1:], quality=95)
    path = written(tmp_path, "a.mpo", data)
    assert read_header(path).kind is Kind.JPEG
    np.testing.assert_allclose(sides(tmp_path, data), SEEN, atol=6)


def test_jpeg_of_12_bits_is_refused_by_name(tmp_path):
    data = bytearray(encoded(quarters(), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(Unsupported, match="12-bit"):
        read_header(written(tmp_path, "a.jpg", bytes(data)))


@pytest.mark.parametrize(
    ("name", "start", "said"),
    [
        ("a.jp2", b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        ("a.jxl", b"\xff\x0a", "JPEG XL"),
        ("a.jpg", b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        ("a.psd", b"8BPS\0\1", "Photoshop"),
        ("a.jpg", b"%PDF-1.4", "PDF"),
    ],
)
def test_other_formats_are_named(name, start, said, tmp_path):
    with pytest.raises(Unsupported, match=said):
        read_header(written(tmp_path, name, start + bytes(100)))


WEBPS = {
    "lossy": {"quality": 80},
    "lossless": {"lossless": True},
    "extended": {"quality": 80, "exif": exif(orientation=1, make="camera")},
    "moving": {"save_all": True, "append_images": [quarters(96, 50).rotate(180)]},
}


@pytest.mark.parametrize("form", WEBPS)
def test_the_size_of_a_webp_is_known_before_it_is_opened(form, tmp_path, monkeypatch):
    path = written(tmp_path, "a.webp", encoded(quarters(96, 50), "WEBP", **WEBPS[form]))
    with path.open("rb") as file:
        assert webp.picture_size(file) == (96, 50)
    monkeypatch.setattr("PIL.WebPImagePlugin.WebPImageFile._open", pytest.fail)
    with pytest.raises(TooLarge, match="96 x 50 pixels"):
        read_header(path, limits=Limits(decoded_pixels=9000))


def test_large_pictures_are_decoded_one_at_a_time(monkeypatch):
    few = Limits(large_pixels=100)
    monkeypatch.setattr(limits, "PATIENCE_S", 0.01)
    with room_for((20, 20), few):
        assert limits._large.locked()
        with room_for((2, 2), few):
            pass
        with room_for((20, 20), few):  # the first may hang: nobody waits for it forever
            assert limits._large.locked()
        assert limits._large.locked()
    assert not limits._large.locked()


def test_a_picture_that_grows_between_header_and_pixels(tmp_path):
    path = written(tmp_path, "a.webp", encoded(quarters(), "WEBP"))
    header = read_header(path)
    written(tmp_path, "a.webp", encoded(quarters(640, 480), "WEBP"))
    with pytest.raises(StillChanging):
        read_image(path, header)


def test_a_bomb_that_takes_the_place_of_a_small_webp(tmp_path):
    path = written(tmp_path, "a.webp", encoded(quarters(), "WEBP", lossless=True))
    header = read_header(path)
    data = bytearray(path.read_bytes())
    data[21:25] = struct.pack("<I", int.from_bytes(data[21:25], "little") | 0x0FFFFFFF)
    written(tmp_path, "a.webp", bytes(data))
    with pytest.raises((StillChanging, TooLarge)):
        read_image(path, header)
