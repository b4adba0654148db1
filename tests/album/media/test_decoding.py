import io
import os
import random
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from album.errors import (
    AlbumError,
    Damaged,
    Empty,
    Ignored,
    NotAPhoto,
    StillChanging,
    TooLarge,
    Truncated,
    Unreadable,
    Unsupported,
    Vanished,
)
from album.files.kinds import Kind
from album.media.decoding import Picture, read_image
from album.media.headers import Header, read_header
from album.media.heif import container_orientation
from album.media.limits import Limits
from tests.album.media_files import (
    CORNERS,
    encoded,
    exif,
    quarters,
    small_clip,
    small_files,
    written,
)

# Where a corner of the stored picture comes to lie (MWG 2.0, 5.9): orientation -> x, y of 0..1.
STORED_TO_UPRIGHT = {
    1: lambda x, y: (x, y),
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (1 - y, x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (y, 1 - x),
}


def read(path: Path, max_side: int | None = None) -> tuple[Header, Picture]:
    header = read_header(path)
    return header, read_image(path, header, max_side=max_side)


def pixels_of(folder: Path, name: str, data: bytes) -> np.ndarray:
    return read(written(folder, name, data))[1].pixels


def corners_of(pixels: np.ndarray) -> np.ndarray:
    """Mean colours of the middle of each quarter, in the order of `CORNERS`."""
    height, width = pixels.shape[:2]
    return np.array(
        [
            pixels[
                int(height * y) - 3 : int(height * y) + 3, int(width * x) - 3 : int(width * x) + 3
            ].mean((0, 1))
            for y in (0.25, 0.75)
            for x in (0.25, 0.75)
        ]
    )


def turned_corners(orientation: int) -> np.ndarray:
    """The corners of `quarters` after an orientation is applied, by the table and not by arrays."""
    result = np.zeros((4, 3))
    for index, (y, x) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        to_x, to_y = STORED_TO_UPRIGHT[orientation](x, y)
        result[2 * to_y + to_x] = CORNERS[index]
    return result


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_all_orientations(form, orientation, tmp_path):
    data = encoded(quarters(), form, exif=exif(orientation=orientation))
    header, picture = read(written(tmp_path, "a", data))
    upright = (64, 48) if orientation < 5 else (48, 64)
    assert (header.orientation, header.stored_size) == (orientation, (64, 48))
    assert header.upright_size == upright
    assert picture.pixels.shape == (*upright[::-1], 3)
    assert picture.pixels.flags.c_contiguous
    np.testing.assert_allclose(corners_of(picture.pixels), turned_corners(orientation), atol=25)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["HEIC", "AVIF"])
def test_containers_that_turn_are_not_turned_twice(form, orientation, tmp_path):
    # Both writers put EXIF orientation into irot and imir; HEIC keeps it in EXIF as well.
    data = encoded(quarters(), form, exif=exif(orientation=orientation))
    header, picture = read(written(tmp_path, "a", data))
    upright = (64, 48) if orientation < 5 else (48, 64)
    assert (header.orientation, header.stored_size) == (orientation, (64, 48))
    assert header.upright_size == upright == picture.pixels.shape[1::-1]
    np.testing.assert_allclose(corners_of(picture.pixels), turned_corners(orientation), atol=30)
    if orientation > 1:
        assert container_orientation(io.BytesIO(data)) == orientation


def test_exif_turns_a_heic_whose_container_is_silent(tmp_path):
    data = encoded(quarters(), "HEIC", exif=exif(orientation=1, make="camera"))
    # Writers leave no irot for orientation 1; the EXIF value is then changed in place.
    assert container_orientation(io.BytesIO(data)) is None
    unturned = struct.pack(">HHIHH", 0x0112, 3, 1, 1, 0)
    assert data.count(unturned) == 1
    data = data.replace(unturned, struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0))
    header, picture = read(written(tmp_path, "a.heic", data))
    assert (header.orientation, header.upright_size) == (6, (48, 64))
    np.testing.assert_allclose(corners_of(picture.pixels), turned_corners(6), atol=30)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_senseless_orientations_turn_nothing(value, tmp_path):
    data = encoded(quarters(), "JPEG", exif=exif(orientation=value))
    assert read_header(written(tmp_path, "a.jpg", data)).orientation == 1


SIDECAR = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf'
    '-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation='
    '"{}"/></rdf:RDF></x:xmpmeta>'
)


def test_a_sidecar_turns_a_file_that_says_nothing_of_its_orientation(tmp_path):
    path = written(tmp_path, "a.jpg", encoded(quarters(), "JPEG"))
    written(tmp_path, "a.jpg.xmp", SIDECAR.format(8).encode())
    header, picture = read(path)
    assert header.orientation == 8
    np.testing.assert_allclose(corners_of(picture.pixels), turned_corners(8), atol=25)
    written(tmp_path, "a.jpg", encoded(quarters(), "JPEG", exif=exif(orientation=1)))
    assert read_header(path).orientation == 1


def wide(form: str) -> Image.Image:
    ramp = np.linspace(0, 65535, 64 * 48).reshape(48, 64)
    return Image.fromarray(ramp.astype(np.uint16 if form == "I;16" else np.int32))


@pytest.mark.parametrize(("form", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I")])
def test_16_bits_are_scaled_and_not_clipped(form, mode, tmp_path):
    pixels = pixels_of(tmp_path, "a", encoded(wide(mode), form))
    want = np.linspace(0, 255, 64 * 48).reshape(48, 64)
    np.testing.assert_allclose(pixels, np.repeat(want[:, :, None], 3, 2), atol=1)


def test_real_numbers_and_their_gaps(tmp_path):
    values = np.linspace(0, 1, 64 * 48, dtype=np.float32).reshape(48, 64)
    values[0, 0] = np.nan
    pixels = pixels_of(tmp_path, "a.tif", encoded(Image.fromarray(values), "TIFF"))
    assert pixels[0, 0, 0] == 0
    assert abs(int(pixels[-1, -1, 0]) - 255) <= 1


def test_16_bit_colour_png(tmp_path):
    rows = b"".join(b"\0" + struct.pack(">3H", 0xFF12, 0x8034, 0) * 4 for _ in range(4))
    pixels = pixels_of(tmp_path, "a.png", png(4, 4, zlib.compress(rows), depth=16))
    assert pixels[0, 0].tolist() == [255, 128, 0]


@pytest.mark.parametrize(
    ("form", "mode", "tolerance"),
    [
        ("JPEG", "CMYK", 12),
        ("TIFF", "CMYK", 0),
        ("JPEG", "L", 3),
        ("PNG", "L", 0),
        ("PNG", "1", 128),
        ("PNG", "P", 3),
        ("GIF", "P", 3),
        ("BMP", "RGB", 0),
        ("WEBP", "RGB", 12),
        ("PNG", "LA", 0),
    ],
)
def test_modes(form, mode, tolerance, tmp_path):
    image = quarters()
    stored = image.quantize(4) if mode == "P" else image.convert(mode)
    want = image.convert("L").convert("RGB") if mode in ("L", "1", "LA") else image
    pixels = pixels_of(tmp_path, "a", encoded(stored, form))
    assert pixels.shape == (48, 64, 3)
    assert pixels.dtype == np.uint8
    near = np.abs(corners_of(pixels) - corners_of(np.asarray(want)))
    assert near.max() <= tolerance


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_transparent_pixels_are_white(form, tmp_path):
    image = quarters().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    options = {"lossless": True} if form == "WEBP" else {}
    assert pixels_of(tmp_path, "a", encoded(image, form, **options)).min() >= 250


def test_transparent_palette_colours_are_white(tmp_path):
    image = quarters().quantize(4)
    first = image.getpixel((0, 0))
    pixels = pixels_of(tmp_path, "a.png", encoded(image, "PNG", transparency=first))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    np.testing.assert_allclose(pixels[-1, -1], CORNERS[3], atol=3)


def test_animations_give_their_first_frame(tmp_path):
    frames = [Image.new("RGB", (16, 12), c) for c in ("red", "blue")]
    for form in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
        np.testing.assert_allclose(pixels_of(tmp_path, "a", data)[0, 0], [255, 0, 0], atol=4)


def swapped_profile() -> bytes:
    """A profile whose red and green primaries are exchanged, so that its use shows."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    entries = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    data[red : red + 4], data[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(data).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_icc_profiles_are_applied(form, tmp_path):
    red = Image.new("RGB", (32, 32), (255, 0, 0))
    data = encoded(red, form, icc_profile=swapped_profile())
    np.testing.assert_allclose(pixels_of(tmp_path, "a", data)[5, 5], [0, 255, 0], atol=6)


@pytest.mark.parametrize("profile", [b"nonsense", b"\0" * 200])
def test_broken_icc_profiles_are_passed_over(profile, tmp_path):
    red = Image.new("RGB", (32, 32), (255, 0, 0))
    data = encoded(red, "JPEG", icc_profile=profile)
    np.testing.assert_allclose(pixels_of(tmp_path, "a.jpg", data)[5, 5], [255, 0, 0], atol=6)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("size", [(801, 603), (640, 100), (1203, 401)])
@pytest.mark.parametrize("max_side", [100, 160, 300, 400, 5000])
def test_reduced_pictures_are_large_enough_and_not_twice_that(
    form, orientation, size, max_side, tmp_path
):
    data = encoded(quarters(*size), form, exif=exif(orientation=orientation))
    header, picture = read(written(tmp_path, "a", data), max_side)
    height, width = picture.pixels.shape[:2]
    assert min(max_side, max(size)) <= max(width, height) < max(2 * max_side, max(size) + 1)
    assert picture.scale == (width / header.upright_size[0], height / header.upright_size[1])
    np.testing.assert_allclose(corners_of(picture.pixels), turned_corners(orientation), atol=25)


def test_full_size_is_never_scaled(tmp_path):
    data = encoded(quarters(801, 603), "JPEG")
    picture = read(written(tmp_path, "a.jpg", data))[1]
    assert picture.scale == (1.0, 1.0)
    assert not picture.pixels.flags.writeable


def test_a_jpeg_too_large_for_memory_is_read_at_reduced_scale(tmp_path):
    path = written(tmp_path, "a.jpg", encoded(quarters(800, 600), "JPEG"))
    limits = Limits(decoded_pixels=40_000)
    header = read_header(path, limits=limits)
    assert read_image(path, header, limits=limits).pixels.shape == (150, 200, 3)
    path = written(tmp_path, "a.png", encoded(quarters(800, 600), "PNG"))
    with pytest.raises(TooLarge, match="800 x 600 pixels"):
        read_header(path, limits=limits)


def png(width: int, height: int, data: bytes, depth: int = 8) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    return start + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("size", "detail"),
    [
        ((60_000, 60_000), "60000 x 60000 pixels"),
        ((2_000_000, 1), "2000000 x 1 pixels"),
        ((6_000, 5_000), "6000 x 5000 pixels in"),
    ],
)
def test_bombs_are_refused_by_their_header(size, detail, tmp_path):
    path = written(tmp_path, "a.png", png(*size, zlib.compress(b"")))
    with pytest.raises(TooLarge, match=detail):
        read_header(path)


def test_gigantic_headers_of_other_kinds(tmp_path):
    jpeg = bytearray(encoded(quarters(), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    gif = bytearray(encoded(quarters().quantize(4), "GIF"))
    gif[6:10] = struct.pack("<HH", 65_500, 65_500)
    tiff = encoded(quarters(), "TIFF")
    tiff = tiff.replace(
        struct.pack("<HHII", 0x100, 4, 1, 64), struct.pack("<HHII", 0x100, 4, 1, 10**8)
    )
    bmp = bytearray(encoded(quarters(), "BMP"))
    bmp[18:26] = struct.pack("<ii", 65_000, 65_000)
    for name, data in {"a.jpg": jpeg, "a.gif": gif, "a.tif": tiff, "a.bmp": bmp}.items():
        with pytest.raises(TooLarge, match="pixels"):
            read_header(written(tmp_path, name, bytes(data)))


def test_limits_do_not_depend_on_those_of_pillow(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for name in ("a.jpg", "a.png", "a.bmp", "a.avif", "a.heic"):
        assert read(written(tmp_path, name, small_files()[name]))[1].pixels.size


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.9])
@pytest.mark.parametrize("name", small_files())
def test_truncated_files_are_refused(name, share, tmp_path):
    data = small_files()[name]
    path = written(tmp_path, name, data[: int(len(data) * share)])
    with pytest.raises((Truncated, Damaged)) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "name", ["a.jpg", "progressive.jpg", "a.png", "lossy.webp", "a.gif", "a.heic"]
)
def test_truncated_files_are_called_so(name, tmp_path):
    data = small_files()[name]
    with pytest.raises(Truncated, match="is cut short; copy it again"):
        read(written(tmp_path, name, data[: int(len(data) * 0.7)]))


def test_truncated_jpeg_at_reduced_scale(tmp_path):
    noise = np.random.default_rng(1).integers(0, 255, (600, 800, 3), np.uint8)
    data = encoded(Image.fromarray(noise), "JPEG")
    path = written(tmp_path, "a.jpg", data[: len(data) // 2])
    header = read_header(path)
    with pytest.raises(Truncated):
        read_image(path, header, max_side=100)


def test_zeros_in_place_of_the_end_of_a_jpeg(tmp_path):
    data = small_files()["a.jpg"]
    half = len(data) // 2
    with pytest.raises(Truncated, match="zeros in place of its end"):
        read(written(tmp_path, "a.jpg", data[:half] + bytes(len(data) - half)))
    assert read(written(tmp_path, "a.jpg", data + bytes(1000)))[1].pixels.size
    # Cameras put a preview without an end behind the picture, and pad.
    preview = data[: data.rindex(b"\xff\xda") + 20]
    assert read(written(tmp_path, "a.jpg", data + preview + bytes(1000)))[1].pixels.size


def test_a_failing_disk_is_not_a_damaged_file(tmp_path, monkeypatch):
    path = written(tmp_path, "a.png", small_files()["a.png"])
    header = read_header(path)

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(Unreadable, match=r"Input/output error.*check .* its disk"):
        read_image(path, header)


def test_files_that_are_no_pictures(tmp_path):
    with pytest.raises(Empty):
        read_header(written(tmp_path, "a.jpg", b""))
    with pytest.raises(NotAPhoto, match="rename or remove") as caught:
        read_header(written(tmp_path, "b.jpg", b"Dear diary, " * 20))
    assert not isinstance(caught.value, Ignored)
    for name, data in {"a.txt": b"Dear diary", "none": b"", "a.jpg.xmp": b"<x/>"}.items():
        with pytest.raises(Ignored):
            read_header(written(tmp_path, name, data))
    with pytest.raises(Unsupported):  # no raw photo but for its name
        read_header(written(tmp_path, "a.nef", encoded(quarters(), "TIFF")))
    with pytest.raises(AlbumError):
        read_header(written(tmp_path, "a.mp4", b"\0\0\0\x18ftypisom" + bytes(400)))
    with pytest.raises(Vanished):
        read_header(tmp_path / "gone.jpg")


def test_a_file_that_vanishes_or_changes_between_header_and_pixels(tmp_path):
    path = written(tmp_path, "a.jpg", small_files()["a.jpg"])
    header = read_header(path)
    written(tmp_path, "a.jpg", encoded(quarters(32, 32), "JPEG"))
    with pytest.raises(StillChanging):
        read_image(path, header)
    written(tmp_path, "a.jpg", b"")
    with pytest.raises(AlbumError):
        read_image(path, header)
    path.unlink()
    with pytest.raises(Vanished):
        read_image(path, header)


def test_motion_photos_and_wrong_suffixes(tmp_path):
    data = encoded(quarters(), "JPEG") + b"\0\0\0\x18ftypmp42" + bytes(5000)
    header, picture = read(written(tmp_path, "a.mp4", data))
    assert header.kind is Kind.JPEG
    assert picture.pixels.shape == (48, 64, 3)


def test_names_that_are_not_utf8(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.jpg"))
    try:
        path.write_bytes(encoded(quarters(), "JPEG")[:400])
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(AlbumError, match=r"\\xff\\xfe\.jpg is ") as caught:
        read(path)
    str(caught.value).encode()


def test_broken_tags_warn_nobody(tmp_path):
    data = encoded(quarters(), "TIFF", exif=exif(original="2019:05:06 07:08:09"))
    entry = data.index(struct.pack("<HH", 0x0100, 4))
    broken = data[: entry + 4] + struct.pack("<I", 9) + data[entry + 8 :]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(AlbumError):
            read(written(tmp_path, "a.tif", broken))
    assert not seen


def test_threads_do_not_disturb_each_other(tmp_path):
    paths = [written(tmp_path, name, data) for name, data in small_files().items()]
    alone = [read(path)[1].pixels for path in paths]
    wrong: list[Path] = []

    def work() -> None:
        for path, want in zip(paths, alone, strict=True):
            if not np.array_equal(read(path)[1].pixels, want):
                wrong.append(path)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def mutated(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    match rng.randrange(4):
        case 0:  # flip bits, most of them near the start where the structure is
            for _ in range(rng.randint(1, 8)):
                changed[rng.randrange(min(len(changed), rng.choice((64, 512, 1 << 20))))] ^= (
                    1 << rng.randrange(8)
                )
        case 1:
            del changed[rng.randrange(len(changed)) :]
        case 2:  # a run of zeros or ones, as a failing card leaves it
            at = rng.randrange(len(changed))
            size = rng.randint(1, 64)
            changed[at : at + size] = bytes([rng.choice((0, 255))]) * size
        case _:  # four bytes that mean a size become huge
            at = rng.randrange(len(changed) - 4)
            changed[at : at + 4] = rng.choice(
                (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0")
            )
    return bytes(changed)


@pytest.mark.parametrize("name", small_files())
def test_mutated_files_raise_nothing_but_album_errors(name, tmp_path, capfd):
    rng, data = random.Random(name), small_files()[name]
    refused = 0
    for _ in range(60):
        path = written(tmp_path, name, mutated(data, rng))
        try:
            header, picture = read(path, max_side=32)
        except AlbumError as error:
            refused += 1
            assert str(error).endswith(".")
            assert "\n" not in str(error)
        else:
            assert picture.pixels.ndim == 3
            assert max(header.stored_size) <= 65_535
    assert refused
    # libtiff says by itself on stderr what is wrong with data it unpacks.
    assert name == "lzw.tiff" or capfd.readouterr() == ("", "")


def test_clips_show_their_size_and_date(tmp_path):
    header = read_header(written(tmp_path, "a.jpg", small_clip()))
    assert (header.kind, header.stored_size) == (Kind.CLIP, (64, 48))
    assert header.tags["Clip CreationTime"].startswith("2019-05-06T07:08:09")
    with pytest.raises(NotAPhoto, match="frames"):
        read_image(tmp_path / "a.jpg", header)


def test_mutated_clips_raise_nothing_but_album_errors(tmp_path):
    rng, data = random.Random(1), small_clip()
    refused = 0
    for _ in range(60):
        try:
            read_header(written(tmp_path, "a.mp4", mutated(data, rng)))
        except AlbumError:
            refused += 1
    assert refused
