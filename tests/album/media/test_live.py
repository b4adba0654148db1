"""Live Photos are one item, motion photos are stills: alone, and through many runs of the index."""

import io
import struct

import pytest
from PIL import Image

from album.files.kinds import Kind
from album.media.decoding import read_image
from album.media.headers import read_header
from album.media.live import still_beside
from album.media.motion import is_motion_photo
from tests.album.albums import ANNA, BERT, Drawn, Shelf, photo, picture
from tests.album.drawn_clips import Placed, still, write
from tests.album.media_files import data_folder, encoded, quarters, written
from tests.databases import sql

pytestmark = pytest.mark.postgresql

ONE, OTHER = "C443CAF6-4AE4-4CFB-93B6-30A433BDB1E2", "F96D7ACF-8FBA-4BFD-B536-F22C960DE629"
SAMSUNG = data_folder() / "media/immich/formats/motionphoto/samsung-one-ui-6.heic"


def clip(path, seconds=2.0, identifier=None, person=BERT):
    frames = [still(Placed(person))] * round(10 * seconds)
    tags = {"com.apple.quicktime.content.identifier": identifier} if identifier else {}
    return write(path, frames, rate=10, options={"movflags": "use_metadata_tags"}, tags=tags)


def noted(path, identifier):
    """A photo with a maker note as Apple writes it, the identifier in it."""
    block = Image.Exif()
    block.get_ifd(0x8769)[0x927C] = b"Apple iOS\0\0\1MM\0\1" + identifier.encode() + b"\0"
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(Drawn(ANNA)).save(path, "JPEG", quality=92, exif=block.tobytes())
    return path


def beside(path):
    return still_beside(str(path), read_header(path))


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


def files(shelf):
    """Kind and photo of every present file, by its path in the album."""
    query = "SELECT path, kind, photo_id FROM file WHERE gone_at IS NULL"
    rows = sql(shelf.path, query)
    return {path.decode().rpartition("/album/")[2]: (kind, photo) for path, kind, photo in rows}


def counts(shelf):
    status = shelf("status", "--json").json
    return status["photos"], status["clips"], status["live_photos"]


def people(shelf):
    return [person for person in shelf.people("--all") if person["photos"]]


def paths(shelf, person):
    return [seen["path"].rpartition("/")[2] for seen in shelf.seen(person) if seen["present"]]


def test_a_still_and_a_short_clip_of_one_name_are_one_item(tmp_path):
    movie = clip(tmp_path / "IMG_1.MOV")
    assert beside(movie) is None
    photo(tmp_path / "img_1.jpg", Drawn(ANNA))
    assert beside(movie) == str(tmp_path / "img_1.jpg")
    (tmp_path / "IMG_1.heic").write_bytes(encoded(quarters(), "HEIC"))
    assert beside(movie) == str(tmp_path / "IMG_1.heic")


def test_a_longer_clip_or_another_name_is_none(tmp_path):
    photo(tmp_path / "a.jpg", Drawn(ANNA))
    assert beside(clip(tmp_path / "a.mov", seconds=6)) is None
    assert beside(clip(tmp_path / "b.mov")) is None
    assert beside(clip(tmp_path / "a.mkv")) is None
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    assert beside(clip(tmp_path / "c.mov")) is None


def test_identifiers_decide_where_both_have_one(tmp_path):
    noted(tmp_path / "a.jpg", ONE)
    assert beside(clip(tmp_path / "a.mov", identifier=ONE, seconds=6)) is not None
    assert beside(clip(tmp_path / "a.mov", identifier=OTHER)) is None
    assert beside(clip(tmp_path / "a.mov")) is not None
    photo(tmp_path / "a.jpg", Drawn(ANNA))
    assert beside(clip(tmp_path / "a.mov", identifier=OTHER)) is not None


@pytest.mark.parametrize("options", [(), ("--no-clips",), ("--jobs", 0)])
def test_the_index_reads_the_still_only(shelf, tmp_path, options):
    photo(tmp_path / "album/a.jpg", Drawn(ANNA))
    clip(tmp_path / "album/a.mov")
    report = shelf.index(*options, tmp_path / "album")
    assert (report["photos"], report["clips"], report["live"], report["faces"]) == (1, 0, 1, 1)
    assert counts(shelf) == (1, 0, 1)
    assert files(shelf) == {"a.jpg": ("image", 1), "a.mov": ("live", 1)}
    [person] = shelf.people("--all")
    assert (person["photos"], paths(shelf, person["id"])) == (1, ["a.jpg"])
    assert "1 Live Photos among them" in shelf("status").out
    again = shelf.index(*options, tmp_path / "album")
    assert (again["unchanged"], again["live"]) == (2, 0)


def test_without_its_still_the_clip_is_one_of_its_own(shelf, tmp_path):
    folder = tmp_path / "album"
    image, other = (
        photo(folder / "a.jpg", Drawn(ANNA)),
        photo(folder / "z.jpg", Drawn(ANNA), shade=9),
    )
    clip(folder / "a.mov")
    shelf.index(folder)
    image.unlink()
    report = shelf.index(folder)
    assert (report["clips"], report["gone"]) == (1, 1)
    assert counts(shelf) == (2, 1, 0)
    assert files(shelf)["a.mov"][0] == "clip"
    assert sorted(paths(shelf, one["id"]) for one in people(shelf)) == [
        ["a.mov"],
        ["z.jpg"],
    ]
    assert other.exists()
    assert shelf.index(folder)["unchanged"] == 2


def test_a_still_that_comes_later_takes_its_clip_in(shelf, tmp_path):
    folder = tmp_path / "album"
    clip(folder / "a.mov")
    assert shelf.index(folder)["clips"] == 1
    [bert] = shelf.people("--all")
    image = photo(folder / "a.jpg", Drawn(ANNA))
    report = shelf.index(folder)
    assert (report["photos"], report["clips"], report["live"]) == (1, 0, 1)
    assert files(shelf)["a.mov"][0] == "live"
    assert [paths(shelf, one["id"]) for one in people(shelf)] == [["a.jpg"]]
    assert shelf.index(folder)["unchanged"] == 2
    image.unlink()
    shelf.index(folder)
    # The same clip, and the same person in it.
    [again] = people(shelf)
    assert (again["id"], paths(shelf, again["id"])) == (bert["id"], ["a.mov"])


def test_moved_renamed_and_edited(shelf, tmp_path):
    folder = tmp_path / "album"
    noted(folder / "a.jpg", ONE)
    clip(folder / "a.mov", identifier=ONE)
    shelf.index(folder)
    (folder / "b").mkdir()
    for name in ("a.jpg", "a.mov"):
        (folder / name).rename(folder / "b" / name)
    report = shelf.index(folder)
    assert (report["moved"], report["photos"], report["clips"]) == (2, 0, 0)
    assert files(shelf) == {"b/a.jpg": ("image", 1), "b/a.mov": ("live", 1)}
    photo(folder / "b/a.jpg", Drawn(ANNA), shade=7)
    shelf.index(folder)
    assert files(shelf) == {"b/a.jpg": ("image", 1), "b/a.mov": ("live", 1)}
    assert counts(shelf) == (1, 0, 1)
    (folder / "b/a.jpg").rename(folder / "b/c.jpg")
    assert shelf.index(folder)["clips"] == 1
    assert files(shelf)["b/c.jpg"] == ("image", 1)
    assert counts(shelf)[2] == 0


def test_a_copy_of_the_clip_elsewhere_is_a_clip(shelf, tmp_path):
    folder = tmp_path / "album"
    photo(folder / "a.jpg", Drawn(ANNA))
    movie = clip(folder / "a.mov")
    (folder / "alone").mkdir()
    (folder / "alone/a.mov").write_bytes(movie.read_bytes())
    (folder / "alone/b.mov").write_bytes(movie.read_bytes())
    report = shelf.index(folder)
    assert (report["photos"], report["clips"], report["live"], report["known"]) == (1, 1, 1, 1)
    assert {kind for kind, _ in files(shelf).values()} == {"image", "live", "clip"}
    assert shelf.index(folder)["unchanged"] == 4


def test_forgetting_the_photo_forgets_both(shelf, tmp_path):
    folder = tmp_path / "album"
    photo(folder / "a.jpg", Drawn(ANNA))
    clip(folder / "a.mov")
    shelf.index(folder)
    assert shelf("forget", "--photo", folder / "a.jpg", "--yes").code == 0
    assert files(shelf) == {}
    report = shelf.index(folder)
    assert (report["forgotten"], report["clips"], files(shelf)) == (2, 0, {})


CLIP = b"\0\0\0\x18ftypmp42" + bytes(500)


def google(version):
    """XMP as Google's camera writes it, in its first and its second form."""
    length = len(CLIP)
    if version == 1:
        inner = f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{length}"/>'
    else:
        inner = (
            'GCamera:MotionPhoto="1"><Container:Directory><rdf:Seq><rdf:li><Container:Item'
            ' Item:Semantic="Primary" Item:Length="0"/></rdf:li><rdf:li><Container:Item'
            f' Item:Mime="video/mp4" Item:Length="{length}" Item:Semantic="MotionPhoto"/>'
            "</rdf:li></rdf:Seq></Container:Directory></rdf:Description>"
        )
    return f"<x:xmpmeta><rdf:RDF><rdf:Description {inner}</rdf:RDF></x:xmpmeta>".encode()


def samsung(kind):
    data = struct.pack("<HHI", 0, kind, 16) + b"MotionPhoto_Data" + CLIP
    directory = b"SEFH" + struct.pack("<II", 107, 1)
    directory += struct.pack("<HHII", 0, kind, len(data), len(data))
    return data + directory + struct.pack("<I", len(directory)) + b"SEFT"


def jpeg(packet=b""):
    return encoded(quarters(), "JPEG", xmp=packet)


@pytest.mark.parametrize(
    ("data", "motion"),
    [
        (jpeg(google(1)) + CLIP, True),
        (jpeg(google(2)) + CLIP, True),
        (jpeg() + samsung(0x0A30), True),
        # Another program has dropped the clip, and kept what speaks of it.
        (jpeg(google(1)), False),
        (jpeg(google(2)) + bytes(600), False),
        (jpeg() + samsung(0x0A01), False),
        (jpeg() + b"\xff\xff\xff\xffSEFT", False),
        (jpeg(), False),
        (jpeg(google(1).replace(b'MicroVideo="1"', b'MicroVideo="0"')) + CLIP, False),
    ],
)
def test_motion_photos_are_stills_with_a_clip_behind(data, motion, tmp_path):
    path = written(tmp_path, "a.jpg", data)
    header = read_header(path)
    assert (header.kind, header.motion) == (Kind.JPEG, motion)
    assert read_image(path, header).pixels.shape == (48, 64, 3)


def test_motion_photos_in_heic():
    plain = encoded(quarters(), "HEIC")
    box = struct.pack(">I4s", 8 + len(CLIP), b"mpvd") + CLIP
    assert is_motion_photo(io.BytesIO(plain + box), Kind.HEIC, b"")
    assert not is_motion_photo(io.BytesIO(plain), Kind.HEIC, b"")


@pytest.mark.skipif(not SAMSUNG.exists(), reason=f"no test photo {SAMSUNG}")
def test_a_motion_photo_of_a_real_phone():
    assert read_header(SAMSUNG).motion


def test_status_counts_motion_photos(shelf, tmp_path):
    image = photo(tmp_path / "album/a.jpg", Drawn(ANNA))
    image.write_bytes(image.read_bytes() + samsung(0x0A30))
    report = shelf.index(tmp_path / "album")
    assert (report["photos"], report["faces"], report["failures"]) == (1, 1, [])
    assert shelf("status", "--json").json["motion_photos"] == 1
