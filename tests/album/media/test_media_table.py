"""Every file of the data folder `media`, against the table and against exiftool."""

import json
import os
import shutil
import subprocess
from datetime import datetime
from pathlib import PurePath

import pytest

from album.dates.photo_date import read_date
from album.errors import AlbumError
from album.files.kinds import Kind
from album.files.scan import walk
from album.media.decoding import read_image
from album.media.headers import read_header
from tests.album.media_files import data_folder
from tests.album.media_table import BESIDE, IGNORED, MOTION, READ, REFUSED

MEDIA = data_folder() / "media"
pytestmark = pytest.mark.skipif(not MEDIA.is_dir(), reason=f"no test photos in {MEDIA}")


@pytest.mark.parametrize("name", READ)
def test_files_that_are_read(name):
    path = MEDIA / name
    kind, stored, orientation, when, offset, source = READ[name]
    header = read_header(path)
    assert (header.kind, header.stored_size, header.orientation) == (kind, stored, orientation)
    assert header.motion == (name in MOTION)
    taken = read_date(path, header)
    assert taken.source == source
    if when:
        assert (taken.when, taken.offset_minutes) == (datetime.fromisoformat(when), offset)
    if kind is not Kind.CLIP:
        pixels = read_image(path, header, max_side=400).pixels
        upright = stored if orientation < 5 else stored[::-1]
        assert header.upright_size == upright
        assert (pixels.shape[1] >= pixels.shape[0]) == (upright[0] >= upright[1])


def test_every_file_is_accounted_for():
    files = {path.relative_to(MEDIA).as_posix() for path in MEDIA.rglob("*") if path.is_file()}
    others = files - set(READ) - set(REFUSED)
    assert files >= set(READ) | set(REFUSED)
    assert {PurePath(name).suffix for name in others} <= BESIDE
    assert len(others) == 31


def test_every_other_file_is_refused_for_the_right_reason():
    for found in walk([MEDIA]).files:
        name = os.path.relpath(found.path, MEDIA)
        if name in READ:
            continue
        with pytest.raises(AlbumError) as caught:
            read_image(found.path, read_header(found.path))
        assert type(caught.value) is REFUSED.get(name, IGNORED), name


def test_the_examples_of_all_orientations_look_the_same():
    """The nine files of each shape were made from one picture, by turning it."""
    for shape in ("Landscape", "Portrait"):
        folder = MEDIA / "recurser_exif-orientation-examples"
        pictures = []
        for n in range(9):
            path = folder / f"{shape}_{n}.jpg"
            pictures.append(read_image(path, read_header(path), max_side=450).pixels)
        for picture in pictures[1:]:
            assert picture.shape == pictures[0].shape
            # A digit that differs is painted into each.
            assert abs(picture.astype(int) - pictures[0]).mean() < 12


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_agrees():
    command = ["exiftool", "-json", "-n", "-ImageWidth", "-ImageHeight", "-EXIF:Orientation"]
    command += ["-EXIF:DateTimeOriginal", "-EXIF:OffsetTimeOriginal", "-QuickTime:CreateDate"]
    command += ["-QuickTime:CreationDate", *(str(MEDIA / name) for name in READ)]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    for said in json.loads(output):
        name = os.path.relpath(said["SourceFile"], MEDIA)
        _, stored, orientation, when, _, source = READ[name]
        assert (said["ImageWidth"], said["ImageHeight"]) == stored, name
        if "Orientation" in said:
            assert (said["Orientation"] or 1) == orientation, name
        dates = {
            "exif-original": said.get("DateTimeOriginal"),
            "clip-creation-date": said.get("CreationDate"),
            "clip-creation-time": said.get("CreateDate"),
        }
        if dates.get(source) and not dates[source].startswith("0000"):
            same = datetime.strptime(dates[source][:19], "%Y:%m:%d %H:%M:%S")
            assert same == datetime.fromisoformat(when).replace(microsecond=0), name
