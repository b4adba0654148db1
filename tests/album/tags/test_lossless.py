"""Every real photo and sidecar: tags written, everything else as before, and taken away again."""

import json
import shutil
import subprocess

import pytest
from PIL import Image

from album.errors import MediaError
from album.files.kinds import read_kind
from album.metadata import xmp
from album.tags import replacing
from album.tags.edit import DesiredTags
from album.tags.marks import Written
from album.tags.packets import edited, split
from album.tags.places import embedded_packets
from album.tags.regions import Region
from tests.album.media_files import data_folder

MEDIA = data_folder() / "media"
pytestmark = [
    pytest.mark.skipif(not MEDIA.is_dir(), reason="the data folder is not there"),
    pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed"),
]
WANTED = DesiredTags((Region("Zoë", (0.9, 0.9, 0.95, 0.95)),), ("Zoë",), (100, 100), True)
CHANGING = (
    "SourceFile",
    "File:MIMEEncoding",
    "File:Newlines",
    "File:ByteOrderMark",
    "File:LineCount",
    "File:WordCount",
    "ExifTool",
    "System:",
    "RIFF:WebP_Flags",
    "Meta:",
)


def dump(paths):
    """What exiftool reads, by file and group."""
    asked = ["exiftool", "-json", "-struct", "-a", "-u", "-G1", *map(str, paths)]
    done = subprocess.run(asked, capture_output=True, check=False)
    return [
        {k: v for k, v in said.items() if not k.startswith(CHANGING) and not is_offset(k)}
        for said in json.loads(done.stdout)
    ]


def is_offset(key):
    return key.endswith(("Offset", "Start", "Offsets", "XMPToolkit")) or "MediaData" in key


def pixels(path):
    try:
        with Image.open(path) as image:
            return image.tobytes()
    except (OSError, SyntaxError, ValueError):
        return None


def lost(before, after):
    if isinstance(before, dict):
        return [x for key in before for x in lost(before[key], (after or {}).get(key))]
    values = before if isinstance(before, list) else [before]
    there = after if isinstance(after, list) else [after]
    return [value for value in values if value not in there]


@pytest.mark.long
def test_photos(tmp_path):
    done = []
    for i, source in enumerate(sorted(MEDIA.rglob("*"))):
        if not source.is_file() or not source.stat().st_size:
            continue
        if read_kind(source) not in replacing.EMBEDDABLE:
            continue
        try:
            packets = embedded_packets(source)
            edit = edited(packets, WANTED, Written())
            path = tmp_path / f"{i}{source.suffix}"
            path.touch()
            replacing.fill_photo(path, str(source), split(edit.packets))
        except (MediaError, xmp.BadPacket):
            continue  # broken files are in the folder, too
        done.append((source, path, edit))
    assert len(done) > 50
    before = dump([source for source, _, _ in done])
    after = dump([path for _, path, _ in done])
    for (source, path, edit), old, new in zip(done, before, after, strict=True):
        assert pixels(path) == pixels(source), source
        assert {k: old[k] for k in old if lost(old[k], new.get(k))} == {}, source
        gained = {key for key in new.keys() - old.keys() if not key.startswith("XMP-")}
        assert not gained, (source, gained)
        assert edited(embedded_packets(path), WANTED, edit.written).changes == ()


def test_sidecars(tmp_path):
    files = sorted(MEDIA.rglob("*.xmp"))
    paths, back = [], []
    for i, source in enumerate(files):
        edit = edited([source.read_bytes()], WANTED, Written())
        again = edited(edit.packets, DesiredTags(), edit.written)
        paths.append(tmp_path / f"{i}.xmp")
        back.append(tmp_path / f"{i}-back.xmp")
        paths[-1].write_bytes(edit.packets[0])
        back[-1].write_bytes(again.packets[0])
    for source, old, new, undone in zip(files, dump(files), dump(paths), dump(back), strict=True):
        assert lost(old, new) == [], source
        if any(key.startswith("XMP") for key in old):  # exiftool knows not every UTF-16
            assert undone == old, source
