"""Which bytes of each format are its picture, against files that are written by hand."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from album.metadata.digests import one_pass
from tests.album.media_files import encoded, small_clip
from tests.album.metadata.pictures import (
    ICC,
    box,
    clip,
    digest_of,
    full,
    heif,
    mosaic,
    noisy,
    photo,
    png,
    png_chunks,
    tiff,
)
from tests.album.raw_files import Tiff

# JPEG.


def slow_jpeg(data):
    """What counts in a JPEG, byte by byte."""
    kept, at, last = bytearray(), 2, None
    while at < len(data):
        while data[at] == data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        if marker == 0xD9:
            break
        length = int.from_bytes(data[at + 2 : at + 4])
        content, at = data[at + 4 : at + 2 + length], at + 2 + length
        if marker not in {0xFE, *range(0xE0, 0xEE), 0xEF}:
            kept += (b"" if marker == last else bytes((0xFF, marker))) + content
            last = marker if marker != 0xDA else None
        while marker == 0xDA and not is_marker(data, at):
            kept.append(data[at])
            at += 1
    return digest_of(kept)


def is_marker(data, at):
    rest = data[at:].lstrip(b"\xff")
    return data[at] == 0xFF and not (rest[0] == 0 or 0xD0 <= rest[0] <= 0xD7)


@pytest.mark.parametrize("name", ["a.jpg", "progressive.jpg", "restarts.jpg"])
def test_jpeg_is_what_the_slow_way_finds(look, name):
    assert look(photo(name)).picture == f"jpeg-{slow_jpeg(photo(name))}"
    cmyk = encoded(noisy().convert("CMYK"), "JPEG")  # has APP14
    assert look(cmyk).picture == f"jpeg-{slow_jpeg(cmyk)}"


def test_jpeg_counts_adobes_colours_and_no_other_application_data(look):
    cmyk = encoded(noisy().convert("CMYK"), "JPEG")
    at = cmyk.index(b"Adobe")
    other = cmyk[: at + 11] + bytes((cmyk[at + 11] ^ 1,)) + cmyk[at + 12 :]
    assert look(cmyk).picture != look(other).picture
    plain = photo("a.jpg")
    more = plain[:2] + b"\xff\xe9\0\5abc\xff\xfe\0\4hi" + plain[2:]
    assert look(plain).picture == look(more).picture


def test_jpeg_ends_with_its_first_picture(look):
    plain = photo("a.jpg")
    before = look(plain).picture
    for behind in (b"\0" * 999, photo("progressive.jpg"), small_clip(), b"SEFHSEFT", b"\xff\xd9"):
        assert look(plain + behind).picture == before
    pair = encoded(noisy(), "MPO", save_all=True, append_images=[noisy(1)])
    assert look(pair).picture == look(encoded(noisy(), "MPO")).picture


def test_jpeg_without_its_end_goes_on_to_the_end_of_the_file(look):
    plain = photo("a.jpg")
    assert plain.endswith(b"\xff\xd9")
    assert look(plain[:-2]).picture == look(plain).picture
    assert look(plain[:-3]).picture != look(plain).picture
    assert look(plain[:-1]).picture != look(plain[:-1] + b"\0").picture


@pytest.mark.parametrize("name", ["a.jpg", "progressive.jpg", "restarts.jpg"])
def test_bytes_that_fill_up_before_markers_do_not_count(look, monkeypatch, name):
    plain = photo(name)
    before = look(plain).picture
    filled = plain
    for marker in (b"\xff\xdb", b"\xff\xc4", b"\xff\xda", b"\xff\xd9"):
        filled = filled.replace(marker, b"\xff" * 70 + marker)
    assert look(filled).picture == before
    for block in (3, 64, 100, 1000):
        monkeypatch.setattr(one_pass, "_BLOCK", block)
        assert look(filled).picture == before


def test_tables_may_share_a_segment_or_have_one_each(look):
    plain = encoded(noisy(), "JPEG")
    first = plain.index(b"\xff\xdb")
    second = plain.index(b"\xff\xdb", first + 2)
    assert second == first + 69
    shared = plain[:first] + b"\xff\xdb\0\x84" + plain[first + 4 : second] + plain[second + 4 :]
    assert Image.open(io.BytesIO(shared)).tobytes() == Image.open(io.BytesIO(plain)).tobytes()
    assert look(shared).picture == look(plain).picture


def test_damaged_data_of_a_jpeg_change_it_and_metadata_still_do_not(look):
    plain = photo("a.jpg")
    at = plain.index(b"\xff\xda") + 400
    segments = (b"\xff\xe1\0\0", b"\xff\xc4\0\1")
    for damage in (*segments, b"\xff\x3c\0\0", b"\xff\xff\xff\xff", b"\xff\1"):
        hurt = plain[:at] + damage + plain[at + len(damage) :]
        found = look(hurt).picture
        assert found.startswith("jpeg-")
        assert found != look(plain).picture
        assert look(hurt[:2] + b"\xff\xfe\0\4hi" + hurt[2:]).picture == found


def changed(image):
    """The same picture with another pixel."""
    pixels = np.array(image)
    pixels[5, 5] ^= 0xFF
    return Image.fromarray(pixels)


def test_other_qualities_and_turned_pixels_are_other_pictures(look):
    image = noisy()
    made = [image, changed(image), image.rotate(90, expand=True), image.crop((0, 0, 63, 48))]
    files = [encoded(one, "JPEG", quality=90) for one in made]
    files += [encoded(image, "JPEG", quality=n) for n in (80, 91)]
    files.append(encoded(image, "JPEG", quality=90, progressive=True))
    files.append(encoded(image.convert("L"), "JPEG", quality=90))
    assert len({look(data).picture for data in files}) == len(files)


# PNG and WebP.


def test_png_chunks_of_data_may_be_cut_otherwise(look):
    chunks = list(png_chunks(photo("a.png")))
    whole = b"".join(data for kind, data in chunks if kind == b"IDAT")
    cut = [(b"IDAT", whole[at : at + 100]) for at in range(0, len(whole), 100)]
    others = [c for c in chunks if c[0] not in (b"IDAT", b"IEND")]
    again = png([*others, *cut, (b"IDAT", b""), (b"tEXt", b"Title\0x"), (b"IEND", b"")])
    assert look(again).picture == look(photo("a.png")).picture
    assert (
        look(png([*others, (b"IDAT", b""), (b"IEND", b"")])).picture
        == look(png([*others, (b"IDAT", b""), (b"IEND", b"")])).content
    )


def test_png_counts_its_palette_and_frames(look):
    image = noisy().quantize(16)
    plain = encoded(image, "PNG")
    chunks = list(png_chunks(plain))
    other = [(k, d[::-1] if k == b"PLTE" else d) for k, d in chunks]
    assert look(png(chunks)).picture != look(png(other)).picture
    moving = [encoded(noisy(), "PNG", save_all=True, append_images=[noisy(n)]) for n in (1, 2)]
    assert look(moving[0]).picture != look(moving[1]).picture
    assert look(encoded(noisy(), "PNG", compress_level=1)).picture != look(photo("a.png")).picture


def test_png_ignores_wrong_checksums(look):
    data = bytearray(photo("a.png"))
    data[29] ^= 0xFF
    assert look(bytes(data)).picture == look(photo("a.png")).picture


def test_webp_with_and_without_its_extended_header(look):
    for options in ({}, {"lossless": True}):
        bare = encoded(noisy(), "WEBP", **options)
        assert b"VP8X" not in bare
        assert look(bare).picture == look(full("WEBP", noisy(), **options)).picture


def test_webp_counts_transparency_and_frames(look):
    clear = noisy().copy()
    clear.putalpha(Image.fromarray(np.tile(np.arange(64, dtype=np.uint8), (48, 1))))
    assert look(encoded(clear, "WEBP")).picture != look(encoded(noisy(), "WEBP")).picture
    moving = [
        encoded(noisy(), "WEBP", save_all=True, append_images=[noisy(n)], icc_profile=icc)
        for n, icc in ((1, b""), (1, ICC), (2, ICC))
    ]
    first, second, third = (look(data).picture for data in moving)
    assert first == second != third


# HEIF.


@pytest.mark.parametrize("version", [0, 1, 2])
def test_heif_is_the_data_of_its_primary_item(look, version):
    data = b"EXIFpicture"
    made = heif(data, [(1, 0, (4, 7)), (2, 0, (0, 4))], version=version)
    assert look(made).picture == "isobmff-" + digest_of(b"picture")
    twice = heif(data, [(1, 0, (4, 3), (7, 4))], version=version)
    assert look(twice).picture == look(made).picture
    turned = heif(b"turepicEXIF", [(1, 0, (4, 3), (0, 4)), (2, 0, (7, 4))], version=version)
    assert look(turned).picture == look(made).picture
    assert look(heif(data, [(1, 0, (4, 0))], version=version)).picture == look(made).picture


def test_heif_grid_is_its_own_data_and_its_tiles_in_order(look):
    items = [(1, 1, (0, 4)), (2, 0, (0, 1)), (3, 0, (1, 1)), (4, 0, (2, 1))]
    made = heif(b"abcEXIF", items, [(1, [3, 2, 4]), (9, [1])], idat=b"grid")
    assert look(made).picture == "isobmff-" + digest_of(b"gridbac")
    below = [(1, 1, (0, 4)), (2, 0, (0, 1)), (3, 1, (2, 2))]
    made = heif(b"abc", below, [(1, [3]), (3, [2, 2])], idat=b"grid")
    assert look(made).picture == "isobmff-" + digest_of(b"grididaa")


@pytest.mark.parametrize(
    "made",
    [
        heif(b"abc", [(1, 0, (0, 4))]),
        heif(b"abc", [(1, 0, (0, 3))], primary=7),
        heif(b"abc", [(1, 2, (0, 3))]),
        heif(b"abc", [(1, 1, (0, 3))]),
        heif(b"abc", [(1, 0, (0, 3))], [(1, [1])]),
        heif(b"abc", [(1, 0, (0, 3))], [(1, [2])]),
        heif(b"abc", [(1, 0, (0, 3))], version=3),
        heif(b"abc", [(1, 0, (0, 3), (0, 3), (0, 3))] * 100, [(1, [2] * 9)]),
        heif(b"abc", [(1, 0)], [(n, [n + 1] * 30_000) for n in range(1, 6)]),
    ],
)
def test_heif_that_makes_no_sense_is_its_content(look, made):
    found = look(made)
    assert found.picture == found.content


# TIFF.


def test_tiff_does_not_depend_on_the_order_of_bytes_or_on_its_strips(look):
    data = bytes(range(48))
    first = look(tiff(data)).picture
    assert first.startswith("tiff-")
    assert look(tiff(data, ">")).picture == first
    assert look(tiff(data, strips=3)).picture == first
    assert look(tiff(data, more=[(0x010E, 2, b"words\0"), (0x0112, 3, [6])])).picture == first
    assert look(tiff(data, description=(6, 8))).picture != first
    assert look(tiff(data[::-1])).picture != first


def test_tiff_with_thousands_of_strips_in_any_order(look):
    data = np.random.default_rng(0).integers(0, 255, 40_000, np.uint8).tobytes()
    made = bytearray(tiff(data, strips=5000))
    assert look(bytes(made)).picture == look(tiff(data)).picture
    assert look(tiff(data[:-8] + b"12345678", strips=5000)).picture != look(tiff(data)).picture
    assert look(tiff(data[:8] * 2)).picture != look(tiff(data[:8])).picture


def test_tiff_pages_behind_the_first_do_not_count(look):
    first = look(encoded(noisy(), "TIFF")).picture
    for n in (1, 2):
        pages = encoded(noisy(), "TIFF", save_all=True, append_images=[noisy(n)])
        assert look(pages).picture == first


def test_big_tiff(look):
    data = bytes(range(48))
    rows = [(0x0100, 4, 1, 8), (0x0101, 4, 1, 6), (0x0102, 3, 1, 8), (0x0103, 3, 1, 1)]
    rows += [(0x0106, 3, 1, 1), (0x0115, 3, 1, 1), (0x0111, 16, 1, 16), (0x0117, 16, 1, 48)]
    packed = b"".join(struct.pack("<HHQQ", *row) for row in sorted(rows))
    made = b"II+\0\x08\0\0\0" + struct.pack("<Q", 64) + data
    made += struct.pack("<Q", len(rows)) + packed + bytes(8)
    assert look(made).picture == look(tiff(data)).picture
    far = b"II+\0\x08\0\0\0" + struct.pack("<Q", 1 << 50) + data
    assert look(far).picture == look(far).content


def test_a_raw_photo_that_tells_but_of_a_thumbnail_is_its_content(look):
    small = Tiff()
    entries = [(0x00FE, 4, [1]), (0x0111, 4, [small.put(b"x" * 99)]), (0x0117, 4, [99])]
    data = small.finished(small.directory(entries)) + mosaic()
    assert look(data).picture == look(data).content


# Clips and others.


def test_isobmff_counts_all_media_data_whatever_their_sizes_say(look):
    start = box(b"ftyp", b"isom\0\0\0\0isom")
    expected = "isobmff-" + digest_of(b"onetwo")
    wide = struct.pack(">I4sQ", 1, b"mdat", 19) + b"two"
    assert look(start + box(b"mdat", b"one") + box(b"moov", b"abc") + wide).picture == expected
    endless = struct.pack(">I4s", 0, b"mdat") + b"two"
    assert look(box(b"mdat", b"one") + box(b"free", b"x") + endless).picture == expected
    lying = struct.pack(">I4s", 1 << 31, b"mdat") + b"two"
    assert look(start + box(b"uuid", b"x") + box(b"mdat", b"one") + lying).picture == expected
    empty = start + box(b"mdat") + box(b"moov", b"abc")
    assert look(empty).picture == look(empty).content


def test_a_clip_in_many_fragments(look):
    parts = [box(b"moof", b"x") + box(b"mdat", struct.pack(">I", n)) for n in range(5000)]
    start = box(b"ftyp", b"iso5\0\0\0\0iso5")
    first = look(start + b"".join(parts)).picture
    assert look(start + b"".join(parts[:-1])).picture != first
    assert look(start + box(b"uuid", b"words") + b"".join(parts)).picture == first


def test_matroska_counts_clusters_and_no_tags(look):
    data = clip("clip.mkv")
    assert look(data.replace(b"Noise", b"Quiet")).picture == look(data).picture
    at = data.index(b"\x1f\x43\xb6\x75")
    hurt = data[: at + 400] + bytes((data[at + 400] ^ 1,)) + data[at + 401 :]
    assert look(hurt).picture != look(data).picture
    segment = b"\x18\x53\x80\x67\x01" + b"\xff" * 7
    live = b"\x1aE\xdf\xa3\x80" + segment + b"\x1f\x43\xb6\x75\xff" + b"frames"
    assert look(live).picture == "matroska-" + digest_of(b"frames")


def test_avi_counts_its_lists_of_frames(look):
    def lists(*parts):
        return b"".join(k + struct.pack("<I", len(d)) + d + b"\0" * (len(d) & 1) for k, d in parts)

    frames = (b"LIST", b"movi" + b"frame")
    first = lists((b"RIFF", b"AVI " + lists((b"LIST", b"INFOx"), frames, (b"idx1", b"1234"))))
    second = lists((b"RIFF", b"AVIX" + lists(frames)))
    assert look(first + second).picture == "avi-" + digest_of(b"frame", b"\0", b"frame", b"\0")
    broken = b"RIFF\0\0\0\0AVI LIST\0\0\0\0movi" + b"frames"
    assert look(broken).picture == "avi-" + digest_of(b"frames")


def test_jpeg_xl_and_jpeg_2000(look):
    code = b"\xff\x0a" + bytes(range(50))
    start = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    expected = "jxl-" + digest_of(code)
    assert look(code).picture == expected
    assert look(start + box(b"Exif", b"words") + box(b"jxlc", code)).picture == expected
    parts = box(b"jxlp", b"\0\0\0\0" + code[:9]) + box(b"jxlp", b"\x80\0\0\1" + code[9:])
    assert look(start + parts).picture == expected
    signature = box(b"jP  ", b"\r\n\x87\n")
    assert look(signature + box(b"jp2c", code)).picture == "jp2-" + digest_of(code)
    without = look(signature + box(b"xml ", code))
    assert without.picture == without.content
