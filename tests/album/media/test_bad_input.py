"""`album index` meets what should not be there: the rest is read, and each is told."""

import os
import re
import struct
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from album.media import decoding, headers
from album.metadata import picture_digest
from album.metadata.digests import one_pass
from tests.album.albums import ANNA, BERT, Drawn, Shelf, photo
from tests.album.media_files import encoded, exif, quarters
from tests.album.raw_files import cr2

HANGING = """
import sys, time
from album.media import decoding as media

real = media.read_upright

def read_image(path, header, **options):
    while path.name == "hangs.jpg":
        time.sleep(0.01)
    return real(path, header, **options)

media.read_upright = read_image
from album.cli import main
main(sys.argv[1:])
"""


def test_a_decoder_that_hangs_does_not_hang_the_run(tmp_path):
    shelf, folder = Shelf(tmp_path), tmp_path / "photos"
    photo(folder / "a.jpg", Drawn(ANNA))
    photo(folder / "hangs.jpg", Drawn(BERT))
    photo(folder / "z.jpg", Drawn(ANNA), shade=40)
    options = ("--profile", "fake", "--file-timeout", "4", "--jobs", "1")
    command = ["index", "--library", str(shelf.path), *options, str(folder)]
    ran = subprocess.run(
        [sys.executable, "-c", HANGING, *command], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 3, ran.stderr
    assert "hangs.jpg: takes too long to read (more than 4 seconds); save it anew" in ran.stdout
    assert "Read 2 new photos" in ran.stdout
    status = shelf("status", "--json").json
    assert [one["stage"] for one in status["failed"]] == ["too-slow"]
    assert shelf.index("--retry", folder)["photos"] == 1


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


@pytest.fixture
def folder(tmp_path):
    """An album of one good photo, last in the order of names."""
    photo(tmp_path / "photos" / "zz good.jpg", Drawn(ANNA))
    return tmp_path / "photos"


def indexed(shelf, folder, jobs=2):
    """Run the index as people do; return its exit code, and the stage of each failure by name."""
    ran = shelf("index", "--profile", "fake", "--jobs", jobs, folder)
    status = shelf("status", "--json").json
    assert status["photos"] >= 1, ran.out + ran.err
    return ran.code, {one["path"].rpartition("/")[2]: one["stage"] for one in status["failed"]}


def bombs():
    """A gigantic picture in a small file of each format."""
    most = struct.pack(">HH", 65_500, 65_500)
    jpeg = bytearray(encoded(quarters(), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = most
    gif = bytearray(encoded(quarters().quantize(4), "GIF"))
    gif[6:10] = most
    bmp = bytearray(encoded(quarters(), "BMP"))
    bmp[18:26] = struct.pack("<ii", 65_000, 65_000)
    tiff = encoded(quarters(), "TIFF")
    wide, high = (struct.pack("<HHII", tag, 4, 1, n) for tag, n in ((0x100, 64), (0x101, 48)))
    many = [struct.pack("<HHII", tag, 4, 1, 40_000) for tag in (0x100, 0x101)]
    webp = bytearray(encoded(quarters(), "WEBP", exif=exif(make="camera")))
    webp[24:30] = b"\xff\x3f\0" * 2
    small = Image.new("L", (6_000, 6_000))
    found = {
        "a.jpg": bytes(jpeg),
        "a.gif": bytes(gif),
        "a.bmp": bytes(bmp),
        "a.tif": tiff.replace(wide, many[0]).replace(high, many[1]),
        "a.webp": bytes(webp),
        # Really packed that well, not only called so.
        "packed.png": encoded(small, "PNG"),
        "packed.tif": encoded(small, "TIFF", compression="tiff_adobe_deflate"),
        "packed.cr2": cr2().replace(jpeg_size(1200, 900), jpeg_size(65_000, 65_000)),
    }
    for name, form in {"a.heic": "HEIC", "a.avif": "AVIF"}.items():
        data = encoded(quarters(), form)
        huge = b"ispe" + struct.pack(">III", 0, 60_000, 60_000)
        found[name] = re.sub(rb"ispe.{12}", lambda _, huge=huge: huge, data, flags=re.DOTALL)
    return found


def jpeg_size(width, height):
    return struct.pack(">HHBHHB", 0xFFC0, 17, 8, height, width, 3)


def test_bombs_of_every_format(shelf, folder):
    for name, data in bombs().items():
        (folder / name).write_bytes(data)
    code, failed = indexed(shelf, folder)
    assert code == 3
    assert set(failed) == set(bombs())
    # libheif and libavif check the size in the header against that of the data in it.
    assert {failed.pop("a.heic"), failed.pop("a.avif")} <= {"too-large", "damaged"}
    assert set(failed.values()) == {"too-large"}


def test_links_in_circles(shelf, folder):
    (folder / "up").symlink_to(folder.parent)
    (folder / "self.jpg").symlink_to("self.jpg")
    (folder / "nowhere.jpg").symlink_to("there is none.jpg")
    (folder / "again").symlink_to(folder)
    assert indexed(shelf, folder) == (0, {})
    assert shelf("status", "--json").json["photos"] == 1


def test_a_folder_that_cannot_be_read(shelf, folder, monkeypatch):
    photo(folder / "locked" / "a.jpg", Drawn(BERT))
    real = os.scandir

    def scandir(path):
        if os.fspath(path) == os.fspath(folder / "locked"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    ran = shelf("index", "--profile", "fake", folder)
    assert ran.code == 3
    assert "locked: is a folder that cannot be read (Permission denied); check its" in ran.out
    assert shelf("status", "--json").json["photos"] == 1


def test_a_file_that_cannot_be_read(shelf, folder, monkeypatch):
    locked = photo(folder / "a.jpg", Drawn(BERT))
    real = Path.open

    def refused(self, *words, **options):
        if self == locked:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *words, **options)

    monkeypatch.setattr(Path, "open", refused)
    assert indexed(shelf, folder) == (3, {"a.jpg": "unreadable"})
    monkeypatch.undo()
    assert shelf.index("--retry", folder)["photos"] == 1


def while_reading(monkeypatch, path, happen):
    """Have something happen to a file after its header was read."""
    real = headers.read_header

    def read_header(given, **options):
        header = real(given, **options)
        if Path(given) == path:
            happen()
        return header

    monkeypatch.setattr(headers, "read_header", read_header)


@pytest.mark.parametrize("jobs", [0, 2])
def test_a_file_that_vanishes_while_it_is_read(shelf, folder, monkeypatch, jobs):
    path = photo(folder / "a.jpg", Drawn(BERT))
    while_reading(monkeypatch, path, path.unlink)
    assert indexed(shelf, folder, jobs) == (3, {"a.jpg": "vanished"})
    monkeypatch.undo()
    assert indexed(shelf, folder) == (0, {})


def test_a_file_that_grows_while_it_is_read(shelf, folder, monkeypatch):
    path = photo(folder / "a.jpg", Drawn(BERT))
    whole, half = path.read_bytes(), path.read_bytes()[:-900]
    path.write_bytes(half)
    real = one_pass.reading_once

    @contextmanager
    def slow(read):
        with real(read) as found:
            yield found
            if str(read) == str(path):
                path.write_bytes(whole)

    monkeypatch.setattr(picture_digest, "reading_once", slow)
    assert indexed(shelf, folder) == (3, {"a.jpg": "changing"})
    monkeypatch.undo()
    # It has another size by now, so that it is read again without being asked.
    assert indexed(shelf, folder) == (0, {})
    assert shelf("status", "--json").json["photos"] == 2


def test_a_picture_that_is_replaced_while_it_is_read(shelf, folder, monkeypatch):
    path = photo(folder / "a.jpg", Drawn(BERT))
    other = photo(folder.parent / "other.jpg", Drawn(BERT), Drawn(ANNA)).read_bytes()
    real = decoding.read_upright

    def read_image(given, header, **options):
        if Path(given) == path:
            path.write_bytes(other)
        return real(given, header, **options)

    monkeypatch.setattr(decoding, "read_upright", read_image)
    assert indexed(shelf, folder) == (3, {"a.jpg": "changing"})


def test_one_of_every_kind_of_broken_file(shelf, folder):
    data = encoded(quarters(400, 300), "JPEG")
    for name, broken in {
        "empty.jpg": b"",
        "cut.jpg": data[: len(data) // 2],
        "zeros.jpg": data[: len(data) // 2] + bytes(len(data) // 2),
        "text.jpg": b"Dear diary",
        "other.jxl": b"\xff\x0a" + bytes(90),
        "broken.png": b"\x89PNG\r\n\x1a\n" + bytes(99),
        "clip.mp4": b"\0\0\0\x18ftypisom" + bytes(400),
    }.items():
        (folder / name).write_bytes(broken)
    code, failed = indexed(shelf, folder)
    assert code == 3
    assert failed == {
        **{"empty.jpg": "empty", "cut.jpg": "truncated", "zeros.jpg": "truncated"},
        **{"text.jpg": "not-a-photo", "other.jxl": "unsupported", "broken.png": "damaged"},
        "clip.mp4": "damaged",
    }
