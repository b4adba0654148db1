"""The walkers of container formats, on sound files and on hostile ones."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from album.metadata.containers import isobmff, jpeg, png, tiff, webp
from album.metadata.containers.pieces import BadContainer
from tests.album.media_files import encoded, quarters


def directory(*entries, following=0, order="<"):
    rows = b"".join(struct.pack(order + "HHII", *entry) for entry in entries)
    return struct.pack(order + "H", len(entries)) + rows + struct.pack(order + "I", following)


def structure(*directories, order="<"):
    """A TIFF file of directories that follow each other on the disk, from byte 8 on."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return io.BytesIO(head + b"".join(directories))


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_of_a_directory(order):
    made = directory((256, 4, 1, 4000), (273, 4, 3, 8 + 2 + 12 * 3 + 4), (50, 2, 1, 0), order=order)
    file = structure(made, struct.pack(order + "III", 7, 8, 9), order=order)
    found = tiff.first_directory(file)
    assert found.number(256) == 4000
    assert found.numbers(273) == (7, 8, 9)
    assert found.numbers(50) == found.numbers(51) == ()
    assert found.number(51) == 0


def test_directories_that_point_at_each_other_come_once():
    size = len(directory((tiff.SUB_IFDS, 4, 1, 0)))
    first = directory((tiff.SUB_IFDS, 4, 1, 8 + size), following=8)
    second = directory((tiff.SUB_IFDS, 4, 1, 8 + size), following=8)
    assert len(list(tiff.directories(structure(first, second)))) == 2


def test_a_long_chain_of_directories_is_not_walked_to_its_end():
    chain = [directory(following=8 + 6 * (n + 1)) for n in range(1000)]
    assert len(list(tiff.directories(structure(*chain)))) == 32


def test_numbers_beyond_the_end_of_the_file_are_an_error():
    found = tiff.first_directory(structure(directory((273, 4, 3, 5000), (274, 4, 1 << 31, 8))))
    with pytest.raises(BadContainer, match="cut short"):
        found.numbers(273)
    assert found.numbers(274) == ()


def test_a_directory_that_announces_more_than_there_is():
    made = structure(struct.pack("<H", 60000) + struct.pack("<HHII", 256, 4, 1, 12))
    found = tiff.first_directory(made)
    assert found.number(256) == 12
    assert not found.whole
    assert found.following == 0
    with pytest.raises(BadContainer):
        tiff.read(made)


def test_a_big_tiff_that_points_beyond_all_files():
    with pytest.raises(BadContainer, match="beyond its end"):
        tiff.read(io.BytesIO(b"II+\0\x08\0\0\0" + b"\xff" * 8))


def test_segments_of_a_jpeg_and_its_end():
    data = encoded(quarters(), "JPEG", progressive=True)
    file = io.BytesIO(data)
    found = list(jpeg.walk(file))
    assert (found[0].marker, found[0].start) == (0xE0, 2)
    assert found[-1].marker == 0xDA
    assert [one.end for one in found[:-1]] == [one.start for one in found[1:]]
    assert jpeg.has_end(file)
    assert jpeg.has_end(io.BytesIO(data + bytes(1000)))
    assert not jpeg.has_end(io.BytesIO(data[:-2] + bytes(1000)))


@pytest.mark.parametrize("shift", range(4))
def test_the_end_of_a_jpeg_is_found_wherever_blocks_meet(shift):
    scan = b"\xff\xd8\xff\xda\0\2"
    data = scan + b"\0" * (jpeg._BLOCK - shift) + b"\xff\xff\xd9"
    assert jpeg.has_end(io.BytesIO(data))


def test_fill_bytes_before_a_marker():
    rest = b"\xe1\0\4ab\xff\xd9"
    assert jpeg.segments(io.BytesIO(b"\xff\xd8" + b"\xff" * 3 + rest))[0].head == b"ab"
    (found,) = jpeg.segments(io.BytesIO(b"\xff\xd8" + b"\xff" * 1_000_000 + rest))
    assert (found.start, found.head) == (2, b"ab")
    with pytest.raises(BadContainer, match="cut short"):
        jpeg.segments(io.BytesIO(b"\xff\xd8" + b"\xff" * 1_000_000))


def test_bytes_between_the_segments_of_a_jpeg_are_passed_over_only_on_demand():
    file = io.BytesIO(b"\xff\xd8junk\xff\xe1\0\4ab\xff\xd9")
    with pytest.raises(BadContainer, match="follow"):
        jpeg.segments(file)
    assert [one.marker for one in jpeg.walk(file, resync=True)] == [0xE1, 0xD9]


def box(name, content=b"", size=None):
    return struct.pack(">I4s", 8 + len(content) if size is None else size, name) + content


def test_boxes_with_all_forms_of_sizes():
    long = struct.pack(">I4sQ", 1, b"long", 16 + 5) + b"12345"
    data = box(b"ftyp", b"abc") + long + box(b"last", b"the rest", size=0)
    file = io.BytesIO(data)
    found = [(one.name, isobmff.read(file, one)) for one in isobmff.boxes(file)]
    assert found == [(b"ftyp", b"abc"), (b"long", b"12345"), (b"last", b"the rest")]
    assert isobmff.parse(data) == found


@pytest.mark.parametrize(
    "rest",
    [
        box(b"none", size=3),
        struct.pack(">I4sQ", 1, b"none", 15),
        struct.pack(">I4s", 8, b"xx")[:6],
    ],
)
def test_boxes_end_where_sizes_make_no_sense(rest):
    assert [one.name for one in isobmff.boxes(io.BytesIO(box(b"ftyp") + rest))] == [b"ftyp"]


def test_a_box_never_reaches_beyond_the_file():
    huge = struct.pack(">I4sQ", 1, b"huge", (1 << 64) - 1) + b"abc"
    (found,) = isobmff.boxes(io.BytesIO(huge))
    assert found == (b"huge", 16, 19)


def test_no_end_of_tiny_boxes():
    assert len(list(isobmff.boxes(io.BytesIO(box(b"free") * 100_000)))) == 4096


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0II*\0"}])
def test_size_of_a_webp(options):
    file = io.BytesIO(encoded(quarters(70, 50), "WEBP", **options))
    assert webp.picture_size(file) == (70, 50)
    assert webp.stated_size(file) == len(file.getvalue())


def test_size_of_a_webp_with_alpha():
    noise = np.random.default_rng(0).integers(0, 255, (30, 40, 4), np.uint8)
    file = io.BytesIO(encoded(Image.fromarray(noise), "WEBP"))
    assert webp.picture_size(file) == (40, 30)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF\x20\0\0\0WEBPVP8 \x08\0\0\0", b"x" * 60])
def test_what_is_no_webp_has_no_size(data):
    assert webp.picture_size(io.BytesIO(data)) is None


def test_a_png_without_a_header_is_not_rewritten():
    with pytest.raises(BadContainer, match="no header"):
        png.rewrite(io.BytesIO(png.SIGNATURE), [b"<packet/>"])
