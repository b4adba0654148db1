import struct
import subprocess
from pathlib import Path
from shutil import which

import pytest
from PIL import Image

from album.errors import BadTags
from album.metadata.containers import jpeg, png, tiff, webp
from album.metadata.containers.pieces import joined
from album.tags.places import embedded_packets, read_embedded, read_sidecar, read_tags, sidecars
from tests.album.media_files import data_folder, small_files
from tests.album.tags import samples

MEDIA = data_folder() / "media"
needs_data = pytest.mark.skipif(not MEDIA.is_dir(), reason="the data folder is not there")
needs_exiftool = pytest.mark.skipif(not which("exiftool"), reason="exiftool is not installed")
PACKET = samples.DIGIKAM.encode()
CONTAINERS = {"a.jpg": jpeg, "progressive.jpg": jpeg, "a.png": png}
CONTAINERS |= {"a.tiff": tiff, "lzw.tiff": tiff}
CONTAINERS |= {"lossy.webp": webp, "lossless.webp": webp}


@pytest.fixture(params=CONTAINERS)
def small(request, tmp_path):
    path = tmp_path / request.param
    path.write_bytes(small_files()[request.param])
    return path


def embed(path, *packets):
    container = CONTAINERS[path.name]
    with path.open("rb") as file:
        data = b"".join(joined(file, container.rewrite(file, packets)))
    path.write_bytes(data)


def test_embedded_replaced_and_taken_out(small):
    before = small.read_bytes()
    pixels = Image.open(small).tobytes()
    assert embedded_packets(small) == []
    embed(small, PACKET)
    assert embedded_packets(small) == [PACKET]
    assert Image.open(small).tobytes() == pixels
    embed(small, samples.EXIFTOOL.encode())
    assert read_embedded(small).people == ("Niaz",)
    embed(small)
    assert embedded_packets(small) == []
    if small.suffix not in (".webp", ".tiff"):  # their headers stay longer
        assert small.read_bytes() == before


@needs_exiftool
def test_exiftool_reads_what_is_embedded(small):
    embed(small, PACKET)
    asked = ["exiftool", "-validate", "-warning", "-a", "-s3", "-RegionName", "-xmp", "-b", small]
    said = subprocess.run(asked, capture_output=True, check=True).stdout
    assert PACKET in said
    assert b"Warning" not in said


def test_extended_xmp(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(small_files()["a.jpg"])
    extended = samples.DIGIKAM.replace(
        "digiKam:PickLabel", f'digiKam:A="{"x" * 150_000}" digiKam:B'
    )
    extended = extended.encode()
    main = samples.packet("<dc:title>a</dc:title>").replace(
        b"<rdf:Description ",
        b'<rdf:Description xmlns:xmpNote="http://ns.adobe.com/xmp/note/" '
        b'xmpNote:HasExtendedXMP="' + jpeg.guid(extended).encode() + b'" ',
    )
    embed(path, main, extended)
    assert embedded_packets(path) == [main, extended]
    assert [r.name for r in read_embedded(path).faces] == ["Ida"]
    embed(path, PACKET)
    assert path.read_bytes().count(jpeg.EXTENSION) == 0


def test_further_pictures_are_found_after_the_packet_has_grown(tmp_path):
    first, second = small_files()["a.jpg"], small_files()["progressive.jpg"]
    entries = struct.pack(">IIIHH", 0x30000, len(first), 0, 0, 0)
    entry = b"MPF\0MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHII", 0xB002, 7, 32, 26) + b"\0" * 4
    place = lambda base, total: struct.pack(">IIIHH", 0, len(second), total - base, 0, 0)  # noqa: E731
    app2 = b"\xff\xe2" + struct.pack(">H", 2 + len(entry) + 32) + entry
    total = len(first) + len(app2) + 32
    # The index comes before the packet here, as it never should.
    base = 2 + 4 + 4
    index = app2 + entries + place(base, total)
    path = tmp_path / "a.jpg"
    path.write_bytes(first[:2] + index + first[2:] + second)
    embed(path, PACKET)
    data = path.read_bytes()
    at = data.index(b"MPF\0") + 4
    (offset,) = struct.unpack_from(">I", data, at + 26 + 16 + 8)
    assert data[at + offset :] == second


@pytest.mark.parametrize("name", [*CONTAINERS, "a.heic", "a.avif"])
def test_damaged_files_get_a_sentence_or_nothing(name, tmp_path):
    whole = small_files()[name]
    for end in (13, 20, 40, len(whole) // 2):
        path = tmp_path / name
        path.write_bytes(whole[:end])
        try:
            assert embedded_packets(path) == []
        except BadTags as error:
            assert str(path) in str(error)


def test_sidecar_before_file_and_full_name_before_short(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(small_files()["a.jpg"])
    embed(photo, PACKET)
    assert [r.name for r in read_tags(photo).faces] == ["Ida"]
    short, full = tmp_path / "a.xmp", tmp_path / "a.jpg.xmp"
    short.write_text(samples.LIGHTROOM)
    assert [r.name for r in read_tags(photo).faces] == ["Olof"]
    full.write_text(samples.EXIFTOOL)
    assert sidecars(photo) == [str(full), str(short)]
    assert [r.name for r in read_tags(photo).faces] == ["Niaz"]
    full.write_text(samples.DARKTABLE)  # without regions
    assert [r.name for r in read_tags(photo).faces] == ["Olof"]


def test_broken_sidecar_is_named(tmp_path):
    path = tmp_path / "a.jpg.xmp"
    path.write_text("<x")
    with pytest.raises(BadTags, match=r"a\.jpg\.xmp has XMP that can't be read"):
        read_sidecar(path)


CURIES = {  # by exiftool, and by the array flips of test_regions
    1: {"Marie Curie": (0.37, 0.31), "Pierre Curie": (0.69, 0.24)},
    3: {"Marie Curie": (0.63, 0.69), "Pierre Curie": (0.31, 0.76)},
    6: {"Marie Curie": (0.31, 0.63), "Pierre Curie": (0.24, 0.31)},
    8: {"Marie Curie": (0.69, 0.37), "Pierre Curie": (0.76, 0.69)},
}


@needs_data
@pytest.mark.parametrize("how", ["embedded", "sidecar", "embedded_sidecar"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_real_regions_of_turned_photos(orientation, how):
    from album.tags.regions import centred, to_upright

    images = MEDIA / "skatsubo_orientation_face_regions" / "images"
    tags = read_tags(images / f"photo.{orientation}.{how}.jpg")
    found = {r.name: centred(r.box)[:2] for r in tags.faces}
    assert found == {n: pytest.approx(p) for n, p in CURIES[orientation].items()}
    for region in tags.faces:  # upright, all are where they are in the photo that was not turned
        upright = centred(to_upright(region.box, (1, 1), orientation))[:2]
        assert upright == pytest.approx(CURIES[1][region.name])


@needs_data
@pytest.mark.parametrize(
    ("name", "people"),
    [
        ("immich/metadata/faces/portrait.jpg", {"Marie Curie", "Pierre Curie"}),
        ("immich/metadata/faces/portrait-orientation-6.jpg", {"Marie Curie", "Pierre Curie"}),
        ("skatsubo_orientation_face_regions/input/photo.jpg", {"Marie Curie", "Pierre Curie"}),
        ("librephotos/niaz.jpg", {"Niaz Faridani-Rad"}),
    ],
)
def test_real_regions(name, people):
    assert {r.name for r in read_tags(MEDIA / name).faces} == people


@needs_data
@needs_exiftool
def test_every_real_file_says_what_exiftool_reads():
    """Keywords and people of all files, embedded only."""
    import json

    fields = {
        "Subject": "keywords",
        "PersonInImage": "people",
        "HierarchicalSubject": "hierarchical",
    }
    asked = ["exiftool", "-json", "-r", "-struct", *(f"-XMP:{field}" for field in fields), MEDIA]
    done = subprocess.run(asked, capture_output=True, check=False)
    seen = 0
    for said in json.loads(done.stdout):
        path = said["SourceFile"]
        if (
            path.endswith((".xmp", ".json", ".mp4", ".mov", ".m4a"))
            or not Path(path).stat().st_size
        ):
            continue
        tags = read_embedded(path)
        for field, ours in fields.items():
            theirs = said.get(field, [])
            theirs = [str(t) for t in theirs] if isinstance(theirs, list) else [str(theirs)]
            assert list(dict.fromkeys(theirs)) == list(getattr(tags, ours)), (path, field)
            seen += bool(theirs)
    assert seen
