import io
import struct

import pytest
from PIL import Image

from album.errors import Empty, Vanished
from album.files.kinds import Kind, kind_of, kind_of_head, promises_media, read_kind
from tests.album.media_files import encoded, quarters, small_files, written

OF_SUFFIX = {
    ".jpg": Kind.JPEG,
    ".png": Kind.PNG,
    ".webp": Kind.WEBP,
    ".gif": Kind.GIF,
    ".bmp": Kind.BMP,
    ".tiff": Kind.TIFF,
    ".avif": Kind.AVIF,
    ".heic": Kind.HEIC,
}


@pytest.mark.parametrize("name", small_files())
def test_encoders_and_the_table_of_signatures_agree(name, tmp_path):
    lying = written(tmp_path, "holiday.txt", small_files()[name])
    assert read_kind(lying) is OF_SUFFIX["." + name.split(".")[1]]


def brands(major: bytes, *compatible: bytes) -> bytes:
    size = 16 + 4 * len(compatible)
    return struct.pack(">I", size) + b"ftyp" + major + b"\0\0\0\0" + b"".join(compatible)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (brands(b"heic", b"mif1", b"heic"), Kind.HEIC),
        (brands(b"mif1", b"mif1", b"heic", b"hevc"), Kind.HEIC),
        (brands(b"mif1", b"avif", b"miaf"), Kind.AVIF),
        (brands(b"avis", b"avif"), Kind.AVIF),
        (brands(b"crx ", b"crx "), Kind.RAW),
        (brands(b"qt  "), Kind.CLIP),
        (brands(b"isom", b"mp41", b"avc1"), Kind.CLIP),
        (brands(b"3gp5", b"isom"), Kind.CLIP),
        (brands(b"M4A ", b"mp42"), Kind.OTHER),
        (brands(b"jp2 "), Kind.OTHER),
        (b"\0\0\0\x20moov", Kind.CLIP),
        (b"RIFF\0\0\0\0AVI LIST", Kind.CLIP),
        (b"RIFF\0\0\0\0WAVEfmt ", Kind.OTHER),
        (b"\x1aE\xdf\xa3\x01\0\0\0", Kind.CLIP),
        ((b"G" + bytes(187)) * 3, Kind.CLIP),
        (b"\0\0\0\0" + (b"G" + bytes(191)) * 3, Kind.CLIP),
        (b"FUJIFILMCCD-RAW 0201", Kind.RAW),
        (b"II*\0\x10\0\0\0CR\x02\0", Kind.TIFF),
        (b"BM is how this text begins, and then it goes on", Kind.OTHER),
        (b"Good morning", Kind.OTHER),
        (b"<?xpacket begin", Kind.OTHER),
        (b"{}", Kind.OTHER),
        (b"\xff", Kind.OTHER),
        (b"", Kind.OTHER),
    ],
)
def test_signatures(head, kind):
    assert kind_of_head(head) is kind


def raw_like(tags: list[tuple[int, int]], order: str) -> bytes:
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in tags)
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(order + "IH", 8, len(tags)) + entries + b"\0\0\0\0"


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ([(0xFE, 1), (0x14A, 200)], Kind.RAW),
        ([(0x100, 64), (0xC612, 0x01040000)], Kind.RAW),
        ([(0xFE, 1)], Kind.TIFF),
        ([(0x14A, 200)], Kind.TIFF),
    ],
)
def test_raw_photos_in_tiff_are_told_by_their_tags(tags, kind, order):
    assert kind_of(io.BytesIO(raw_like(tags, order)), "x.tif") is kind


def test_raw_photos_in_tiff_that_look_like_tiff_are_told_by_name():
    file = io.BytesIO(encoded(quarters(), "TIFF"))
    assert kind_of(file, "x.tif") is Kind.TIFF
    assert kind_of(file, "x.NEF") is Kind.RAW
    assert file.tell() == 0
    assert kind_of(io.BytesIO(b"II*\0\x10\0\0\0CR\x02\0"), "x") is Kind.RAW


def test_motion_photos_are_pictures(tmp_path):
    trailer = brands(b"isom", b"mp42") + bytes(1000)
    path = written(tmp_path, "a.jpg", encoded(quarters(), "JPEG") + trailer)
    assert read_kind(path) is Kind.JPEG
    Image.open(path).load()


def test_empty_files_are_an_error_only_where_the_name_promises_a_picture(tmp_path):
    assert read_kind(written(tmp_path, "notes.txt", b"")) is Kind.OTHER
    with pytest.raises(Empty, match=r"a\.JPG is empty"):
        read_kind(written(tmp_path, "a.JPG", b""))


def test_missing_file(tmp_path):
    with pytest.raises(Vanished):
        read_kind(tmp_path / "gone.jpg")


def test_promises():
    assert all(promises_media(n) for n in ("a.JPG", "b.heic", "c.mov", "d.nef", "/x/y.jxl"))
    assert not any(promises_media(n) for n in ("a.jpg.xmp", "a.json", "jpg", ".jpg", "a.m4a"))
