"""The digest of the coded picture: what leaves it as it is, what changes it, what it costs."""

import functools
import hashlib
import io
import random
import shutil
import struct
import subprocess
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from album.errors import StillChanging, Unreadable, Vanished
from album.files.scan import content_hash
from album.metadata.digests import one_pass
from album.metadata.picture_digest import Digests, digests
from tests.album.media_files import encoded, small_files
from tests.album.metadata.pictures import (
    CASES,
    CLIPS,
    FAMILIES,
    FORMS,
    MEDIA,
    RAWS,
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
from tests.album.mutations import mutated
from tests.album.raw_files import Tiff, cr3, dng, preview

with_exiftool = pytest.mark.skipif(not shutil.which("exiftool"), reason="no exiftool")
with_exiv2 = pytest.mark.skipif(not shutil.which("exiv2"), reason="no exiv2")
with_jpegtran = pytest.mark.skipif(not shutil.which("jpegtran"), reason="no jpegtran")


# What every format has in common.


@pytest.mark.parametrize("name", [*FORMS, *CLIPS])
def test_each_format_is_known_and_another_picture_is_another(look, name):
    make = photo if name in FORMS else clip
    first, second = look(make(name)), look(make(name, seed=1))
    family, _, digest = first.picture.partition("-")
    assert family == FAMILIES[name.rpartition(".")[2]]
    assert len(digest) == 32
    assert first.picture != second.picture
    assert look(make(name)) == first


@pytest.mark.parametrize("name", RAWS)
def test_a_raw_photo_is_what_its_sensor_saw(look, name):
    data, other = RAWS[name](0), RAWS[name](1)
    assert look(data).picture == f"{look(data).picture[:-33]}-{digest_of(mosaic())}"
    assert look(data).picture != look(other).picture
    assert look(data, "named.tif").picture == look(data, name).picture


def test_dng_and_cr3(look):
    data = dng()
    assert look(data).picture.startswith("tiff-")
    assert look(data).picture == look(dng(orientation=1, jpeg=preview((800, 600)))).picture
    data = cr3()
    assert look(data).picture.startswith("isobmff-")
    assert look(data).picture == look(data.replace(b"2019:05:06", b"2020:05:06")).picture


@pytest.mark.parametrize("name", [*FORMS, *CLIPS, *RAWS, "a.dng"])
def test_cut_short_or_not_it_is_never_the_picture_of_another(look, name):
    """Whatever is left of a file, only the whole picture has its digest."""
    make = {**RAWS, "a.dng": lambda _: dng()}.get(name) or (photo if name in FORMS else clip)
    data = make(name) if name in FORMS or name in CLIPS else make(0)
    seen = {}
    for size in sorted({*range(0, len(data), max(1, len(data) // 40)), len(data)}):
        found = look(data[:size])
        other = seen.setdefault(found.picture, size)
        if other != size:  # what is behind the picture may be gone
            assert look(data).picture == found.picture


@pytest.mark.parametrize("data", [b"", b"\xff", b"GIF89a", b"BM", b"text", b"\xff\xd8\xff"])
def test_what_has_no_structure_is_its_content(look, data):
    found = look(data)
    assert found.picture == found.content
    assert len(found.content) == 40


@pytest.mark.parametrize("name", ["a.gif", "a.bmp"])
def test_other_formats_are_their_content(look, name):
    found = look(small_files()[name])
    assert found.picture == found.content


def test_errors_are_those_of_the_content_hash(tmp_path, monkeypatch):
    with pytest.raises(Vanished):
        digests(tmp_path / "x")
    with pytest.raises(Unreadable):
        digests(tmp_path)
    path = tmp_path / "a.jpg"
    path.write_bytes(photo("a.jpg"))
    real = one_pass.OnePass.finish

    def slow(source):
        found = real(source)
        with path.open("ab") as more:
            more.write(b"more")
        return found

    monkeypatch.setattr(one_pass.OnePass, "finish", slow)
    with pytest.raises(StillChanging):
        digests(path)


# Other programs.

EDITS = {
    "rating": ["-XMP:Rating=3"],
    "title": ["-XMP-dc:Title=Im Garten", "-XMP-dc:Description=Ein Sommer"],
    "keywords": ["-XMP-dc:Subject+=Anna", "-XMP-lr:HierarchicalSubject+=People|Anna"],
    "orientation": ["-n", "-Orientation=3"],
    "position": ["-GPSLatitude=48.1", "-GPSLatitudeRef=N", "-XMP:GPSLongitude=11.5"],
    "region": [
        "-RegionInfo={AppliedToDimensions={W=64,H=48,Unit=pixel},RegionList=[{Area={X=0.5,Y=0.5,"
        "W=0.2,H=0.2,Unit=normalized},Name=Anna,Type=Face}]}"
    ],
    "date": ["-DateTimeOriginal=2001:02:03 04:05:06", "-CreateDate=2001:02:03 04:05:06"],
    "colours": ["-ICC_Profile:all="],
    "comment": ["-Comment=" + 300 * "words "],
    "everything": ["-all="],
}


def run(*command):
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def exiftool(path, *edit):
    return run("exiftool", "-q", "-q", "-m", "-overwrite_original", *edit, str(path))


@functools.cache
def edited():
    """One file of each format that exiftool writes."""
    made = {name: photo(name) for name in FORMS} | {name: clip(name) for name in CLIPS[:2]}
    return made | {"a.dng": dng(), "a.nef": RAWS["a.nef"](0)}


def written(folder):
    for name, data in edited().items():
        (folder / name).write_bytes(data)
    return {name: digests(folder / name) for name in edited()}


@with_exiftool
@pytest.mark.parametrize("what", EDITS)
def test_exiftool_leaves_the_picture(tmp_path, what):
    before = written(tmp_path)
    exiftool(tmp_path, *EDITS[what])
    for name, was in before.items():
        found = digests(tmp_path / name)
        assert found.picture == was.picture, name
        if what in ("rating", "title", "keywords", "region"):
            assert found.content != was.content, name


@with_exiftool
def test_one_edit_after_the_other_leaves_the_picture(tmp_path):
    before = written(tmp_path)
    for edit in EDITS.values():
        exiftool(tmp_path, *edit)
    for name, was in before.items():
        assert digests(tmp_path / name).picture == was.picture, name


@with_exiftool
def test_exiftool_takes_the_thumbnail_away_and_puts_another_there(tmp_path, look):
    path, small = tmp_path / "a.jpg", tmp_path / "small.jpg"
    small.write_bytes(encoded(noisy(3, (32, 24)), "JPEG"))
    path.write_bytes(photo("a.jpg"))
    before = digests(path)
    assert exiftool(path, f"-ThumbnailImage<={small}")
    between = digests(path)
    assert exiftool(path, "-IFD1:all=")
    after = digests(path)
    assert before.picture == between.picture == after.picture
    assert between.content not in (before.content, after.content)


EXIV2 = {
    "rating": "set Xmp.xmp.Rating 4",
    "keywords": "set Iptc.Application2.Keywords String Anna",
    "orientation": "set Exif.Image.Orientation 3",
}


@with_exiv2
@pytest.mark.parametrize("name", ["a.jpg", "progressive.jpg", "a.png", "lossy.webp", "a.tiff"])
def test_exiv2_leaves_the_picture(tmp_path, name):
    path = tmp_path / name
    for what, edit in EXIV2.items():
        path.write_bytes(photo(name))
        before = digests(path)
        assert run("exiv2", "-M", edit, str(path)), what
        after = digests(path)
        assert after.picture == before.picture, what
        assert after.content != before.content, what
    assert run("exiv2", "-d", "a", str(path))
    assert digests(path).picture == before.picture


@with_jpegtran
@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}])
def test_jpegtran_leaves_the_picture_unless_it_turns_or_packs_it_anew(tmp_path, options):
    path, out = tmp_path / "a.jpg", tmp_path / "b.jpg"
    path.write_bytes(full("JPEG", noisy(), **options))
    before = digests(path)
    same = [f"-{option}" for option in options]

    def after(*how):
        assert run("jpegtran", *how, "-outfile", str(out), str(path))
        return digests(out)

    assert after("-copy", "none", *same).picture == before.picture
    assert after("-copy", "none", *same).content != before.content
    assert after("-rotate", "90", *same).picture != before.picture
    assert after("-flip", "horizontal", *same).picture != before.picture
    assert after("-crop", "32x32+0+0", *same).picture != before.picture


@with_exiftool
@pytest.mark.skipif(not MEDIA.is_dir(), reason=f"no test photos in {MEDIA}")
@pytest.mark.long
@pytest.mark.parametrize("edit", ["rating", "orientation", "everything"])
def test_exiftool_leaves_the_pictures_of_real_files(tmp_path, edit):
    """Phones, cameras and editors of many years."""
    before, after = {}, {}
    files = [path for root in (MEDIA, CASES) for path in root.rglob("*") if path.is_file()]
    for n, original in enumerate(files):
        found = digests(original)
        assert found.content == content_hash(original)
        if found.picture != found.content:
            path = tmp_path / f"{n}{original.suffix}"
            before[path] = found
            shutil.copyfile(original, path)
    exiftool(tmp_path, *EDITS[edit])
    for path, was in before.items():
        found = digests(path)
        assert found.picture == was.picture, path
        if found.content != was.content:
            family = found.picture.partition("-")[0]
            after[family] = after.get(family, 0) + 1
    assert set(after) >= {"jpeg", "png", "webp", "isobmff"}
    assert after["jpeg"] > 80
    assert after["isobmff"] > 15


# Robustness.


@functools.cache
def samples():
    made = {name: photo(name) for name in FORMS}
    made |= {name: clip(name) for name in CLIPS}
    made |= {name: make(0)[:60_000] for name, make in RAWS.items()}
    made |= {"a.gif": small_files()["a.gif"], "a.cr3": cr3(), "grid.heic": heif(
        b"abc", [(1, 1, (0, 4)), (2, 0, (0, 1)), (3, 0, (1, 2))], [(1, [3, 2])], idat=b"grid"
    )}  # fmt: skip
    return made


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("digests") / "x"


STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0\x08\0\0\0", b"MM\0+\0\x08\0\0", b"IIU\0")


STARTS += (b"RIFF\xff\0\0\0WEBP", b"RIFF\xff\0\0\0AVI ", b"\0\0\0\x10ftypheic", b"\x1aE\xdf\xa3")


STARTS += (b"FUJIFILMCCD-RAW", b"\xff\x0a", b"\0\0\0\x08mdat", b"")


def is_sensible(found):
    content = found.picture == found.content
    return isinstance(found, Digests) and (content or len(found.picture.partition("-")[2]) == 32)


@given(st.sampled_from(STARTS), st.binary(max_size=600))
def test_random_bytes_never_raise(scratch, start, rest):
    scratch.write_bytes(start + rest)
    assert is_sensible(digests(scratch))


@given(st.data(), st.integers(0, 1 << 32))
def test_broken_files_never_raise(scratch, data, seed):
    name = data.draw(st.sampled_from(sorted(samples())))
    broken = mutated(samples()[name], random.Random(seed), samples().values())
    scratch.write_bytes(broken)
    found = digests(scratch)
    assert is_sensible(found)
    assert found.content == content_hash(scratch)


@given(st.data(), st.integers(2, 300))
def test_it_does_not_matter_how_much_is_read_at_a_time(scratch, data, block):
    name = data.draw(st.sampled_from(sorted(FORMS)))
    scratch.write_bytes(photo(name))
    whole = digests(scratch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_pass, "_BLOCK", block)
        assert digests(scratch) == whole


def hostile():
    """Files of a few MB that announce as much work as they can."""
    many = 1 << 20
    yield b"\xff\xd8" + b"\xff\xe1\0\2" * many
    yield b"\xff\xd8" + b"\xff\xda\0\2ab\xff\xc4\0\2" * many
    yield b"\xff\xd8\xff\xda\0\2ab" + b"\xff" * 4 * many
    yield b"\xff\xd8\xff\xda\0\2ab" + (b"\0" + b"\xff" * (many - 1)) * 4
    yield b"\xff\xd8\xff\xda\0\2ab" + b"\xff\xd0" * 2 * many
    yield b"\xff\xd8" + b"\xff" * 4 * many
    yield b"\x89PNG\r\n\x1a\n" + (bytes(4) + b"IDAT" + bytes(4)) * (many // 2)
    yield b"RIFF" + struct.pack("<I", 8 * many) + b"WEBP" + (b"ALPH" + bytes(4)) * many
    yield b"RIFF" + bytes(4) + b"AVI " + (b"RIFF" + bytes(4)) * many
    yield b"\0\0\0\x08ftyp" + b"\0\0\0\x08mdat" * many
    yield b"\x1aE\xdf\xa3\x80" + b"\x18\x53\x80\x67\x80" * many
    yield heif(b"abc", [(1, 0)], [(n, [n + 1] * 60_000) for n in range(1, 8)])
    strips = [(0x0111, 3, [8] * 260_000), (0x0117, 3, [60_000] * 260_000)]
    made = Tiff()
    yield made.finished(made.directory(strips))


def test_hostile_files_take_little_time_and_memory(look):
    for data in hostile():
        started = time.process_time()
        found = look(data)
        assert is_sensible(found)
        assert time.process_time() - started < 10, data[:20]


# What it costs.


class Counting(io.FileIO):
    """A file that counts what is read of it."""

    total = 0

    def readinto(self, buffer):
        count = super().readinto(buffer)
        Counting.total += count or 0
        return count


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi", "clip.mkv", "a.jpg", "a.png", "a.tiff"])
def test_a_large_file_is_read_once_and_never_held(tmp_path, monkeypatch, name):
    path = tmp_path / name
    size = 64 << 20
    with path.open("wb") as file:
        match name:
            case "clip.mp4":
                file.write(box(b"ftyp", b"isom\0\0\0\0isom") + box(b"moov", bytes(900)))
                file.write(struct.pack(">I4s", size, b"mdat"))
            case "clip.avi":
                file.write(b"RIFF\0\0\0\0AVI LIST\0\0\0\0movi")
            case "clip.mkv":
                file.write(b"\x1aE\xdf\xa3\x80\x18\x53\x80\x67\xff\x1f\x43\xb6\x75\xff")
            case "a.jpg":
                file.write(photo("a.jpg")[:-2])
            case "a.png":
                header = next(png_chunks(photo("a.png")))
                data = [(b"IDAT", bytes(8192))] * (size // 8204)
                file.write(png([header, *data, (b"IEND", b"")]))
            case "a.tiff":
                file.write(tiff(bytes(size), strips=500))
        file.truncate(max(size, file.tell()))
    monkeypatch.setattr(one_pass, "open_regular", lambda p: io.BufferedReader(Counting(p)))
    monkeypatch.setattr(Counting, "total", 0)
    tracemalloc.start()
    found = digests(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.picture != found.content
    assert Counting.total < path.stat().st_size + (1 << 18)
    assert peak < 12 << 20


def test_a_walker_elsewhere_in_the_file_does_not_disturb_the_pass():
    file = io.BufferedReader(io.BytesIO(bytes(range(200))))
    source = one_pass.OnePass(file, 10)
    assert source.read(4) == bytes(range(4))
    file.seek(150)
    assert source.read(30) == bytes(range(4, 34))
    assert source.seek(100) == source.tell() == 100
    assert source.read(500) == bytes(range(100, 200))
    assert source.finish() == digest_of_content(bytes(range(200)))


def digest_of_content(data):
    return hashlib.blake2b(data, digest_size=20).hexdigest()


def test_the_family_of_a_file_goes_by_its_content_and_not_by_its_name(tmp_path):
    data = photo("a.jpg")
    for name in ("a.png", "b.mp4", "c"):
        Path(tmp_path / name).write_bytes(data)
    assert len({digests(path) for path in tmp_path.iterdir()}) == 1
