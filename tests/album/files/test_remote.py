"""Photos on servers: by address, walked, fetched and read as those on a disk."""

import errno
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from album.distributed.pool import Pool
from album.distributed.source import Workers
from album.errors import (
    AlbumError,
    MissingFolder,
    NeedsPackage,
    OnServer,
    StillChanging,
    Vanished,
    is_remote,
    reading,
)
from album.events import PhotoDone, Scanned
from album.files import remote
from album.files.remote import Neighbours, fetched, normalised
from album.files.scan import absolute, walk
from album.indexing.index import IndexOptions, index
from album.models.engines import Choice
from db.library import Library
from db.photos.files import failures, known_files
from nets.engine import load_engine
from tests.album.albums import ANNA, BERT, Drawn, Shelf, photo
from tests.album.distributed.carrier import Carrier, Worker

FAKE = Choice("fake", emotions=False)


@pytest.fixture
def server():
    """Files in the memory of this process, at memory://photos."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture
def photos(server, tmp_path):
    here = tmp_path / "here"
    for i in range(6):
        photo(here / f"20{i:02}" / f"{i}.jpg", Drawn(ANNA), Drawn(BERT), shade=60 + i, year=2003)
    (here / "2000" / "0.jpg.json").write_text('{"photoTakenTime": {"timestamp": "1000000000"}}')
    (here / "2001" / "copy.jpg").write_bytes((here / "2000" / "0.jpg").read_bytes())
    (here / "2002" / "empty.jpg").touch()
    (here / ".hidden").mkdir()
    photo(here / ".hidden" / "no.jpg", Drawn(ANNA))
    server.put(os.fspath(here), "/photos", recursive=True)
    return here


def run(path, root, *, carrier=None, **options):
    # One thread: fsspec's files in memory are one object for all who read them, place and all.
    engine, how = load_engine(profile="fake"), IndexOptions(**{"jobs": 1} | options)
    with Library.open(path) as library:
        source = None if carrier is None else Workers(Pool(carrier), FAKE)
        return list(index(library, engine, [root], how, source))


def facts(path):
    """What is known of photos, by content, and of how many files."""
    with Library.open(path) as library, library.read() as conn:
        rows = conn.exec_driver_sql(
            "SELECT photo.content_hash, width, taken_at, date_source, x0, ages FROM photo "
            "LEFT JOIN face ON face.photo_id = photo.id LEFT JOIN observation ON face_id = face.id "
            "ORDER BY 1, x0, ages"
        ).all()
        files = {Path(p).name for p in known_files(library, None)}
    return [tuple(row) for row in rows], files


def test_addresses_are_told_from_paths():
    assert is_remote("s3://bucket/photos")
    assert is_remote(Path("s3://bucket/photos"))
    assert is_remote("sftp://host/photos/a.jpg")
    assert not any(map(is_remote, ("/s3://a", "photos", "C:/photos", "C:\\photos", "a:b")))
    assert absolute("memory://photos/") == "memory://photos"


def test_an_album_on_a_server_is_read_as_one_on_a_disk(photos, tmp_path):
    run(tmp_path / "disk.db", photos)
    events = run(tmp_path / "server.db", "memory://photos")
    assert facts(tmp_path / "server.db") == facts(tmp_path / "disk.db")
    done = [event.path for event in events if isinstance(event, PhotoDone)]
    assert "memory://photos/2003/3.jpg" in done
    (scanned,) = (event for event in events if isinstance(event, Scanned))
    assert (scanned.found, scanned.todo) == (9, 9)
    with Library.open(tmp_path / "server.db") as library:
        assert [Path(row.path).name for row in failures(library)] == ["empty.jpg"]
    assert not list(Path(tempfile.gettempdir()).glob(".album-remote-*")), "all deleted again"


def test_workers_fetch_by_themselves(photos, tmp_path):
    run(tmp_path / "disk.db", photos)
    carrier = Carrier({"a": Worker("first"), "b": Worker("second")})
    run(tmp_path / "server.db", "memory://photos", carrier=carrier)
    assert facts(tmp_path / "server.db") == facts(tmp_path / "disk.db")


def test_only_what_has_changed_is_read_again(photos, server, tmp_path):
    path = tmp_path / "library.db"
    run(path, "memory://photos")
    again = run(path, "memory://photos")
    assert next(e for e in again if isinstance(e, Scanned)).todo == 0
    server.rm("/photos/2003/3.jpg")
    gone = run(path, "memory://photos")
    assert next(e for e in gone if isinstance(e, Scanned)).gone == 1
    # Another folder says nothing of this one.
    other = photo(tmp_path / "other" / "a.jpg", Drawn(ANNA), shade=99).parent
    assert next(e for e in run(path, other) if isinstance(e, Scanned)).gone == 0


def test_dates_beside_and_in_names_of_folders_count(photos, tmp_path):
    with fetched(
        "memory://photos/2000/0.jpg",
        (photos / "2000" / "0.jpg").stat().st_size,
        1_500_000_000 * 10**9,
        ("0.jpg.json",),
    ) as place:
        assert Path(place).parts[-3:] == ("photos", "2000", "0.jpg")
        assert Path(place).with_name("0.jpg.json").exists()
        assert Path(place).stat().st_mtime == 1_500_000_000
    assert not Path(place).exists()


def test_what_lies_beside_is_found_by_names():
    names = [
        *("IMG_1.jpg", "IMG_1.jpg.xmp", "IMG_1.MOV", "IMG_1.HEIC", "IMG_12.jpg.json"),
        *("IMG_2-edited.jpg", "IMG_2.jpg.json", "a" * 50 + ".jpg", "a" * 46 + ".json"),
    ]
    beside = Neighbours(names)
    assert beside.of("IMG_1.jpg") == ("IMG_1.jpg.xmp", "IMG_12.jpg.json")
    assert beside.of("IMG_1.MOV")[:2] == ("IMG_1.jpg", "IMG_1.HEIC")
    assert beside.of("IMG_2-edited.jpg") == ("IMG_2.jpg.json",)
    assert beside.of("a" * 50 + ".jpg") == ("a" * 46 + ".json",)
    assert beside.of("b.jpg") == ()
    many = Neighbours([f"IMG_1({i}).json" for i in range(100)])
    assert len(many.of("IMG_1.jpg")) == remote.MAX_NEIGHBOURS


def test_times_of_all_protocols_are_understood():
    second = 1_600_000_000
    moment = datetime.fromtimestamp(second, UTC)
    for told in (
        {"LastModified": moment},
        {"mtime": float(second)},
        {"mtime": moment.replace(tzinfo=None)},
        {"modified": moment.isoformat()},
    ):
        assert remote._changed_ns(told) == second * 10**9
    assert remote._changed_ns({"created": "yesterday"}) == 0


def test_what_is_not_there_is_told(server, tmp_path):
    with pytest.raises(MissingFolder, match="memory://nothing does not exist"):
        walk(["memory://nothing"])
    with pytest.raises(Vanished), fetched("memory://photos/no.jpg", 1, 0, ()):
        pass
    server.pipe("/photos/a.jpg", b"abc")
    with pytest.raises(StillChanging), fetched("memory://photos/a.jpg", 2, 0, ()):
        pass
    ran = Shelf(tmp_path)("index", "--profile", "fake", "memory://nothing")
    assert (ran.code, ran.err.count("\n")) == (2, 1)


def test_passwords_stay_out_of_addresses():
    with pytest.raises(AlbumError, match="password") as error:
        normalised("sftp://ana:secret@host/photos")
    assert "secret" not in str(error.value)
    with pytest.raises(AlbumError, match="name one"):
        normalised("zip://a::s3://b/c.zip")


def test_a_protocol_that_nobody_speaks_is_told(monkeypatch):
    with pytest.raises(AlbumError, match="no-such://a/b can't be read"):
        walk(["no-such://a/b"])

    def missing(*_):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(NeedsPackage, match="needs one more package: Install s3fs to access S3"):
        walk(["s3://bucket/photos"])


def test_a_worker_that_lacks_the_package_is_named(photos, tmp_path, monkeypatch):
    real = remote.fetched

    def missing(url, *rest):
        raise NeedsPackage(url, "s3fs")

    monkeypatch.setattr(remote, "fetched", missing)
    carrier = Carrier({"a": Worker("first")})
    with pytest.raises(AlbumError, match=r"Worker first \(a\) lacks something.*pip install s3fs"):
        run(tmp_path / "library.db", "memory://photos", carrier=carrier)
    monkeypatch.setattr(remote, "fetched", real)


def test_a_full_disk_of_a_worker_is_named(photos, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "get_file", full)
    carrier = Carrier({"a": Worker("first")})
    with pytest.raises(AlbumError, match=r"Worker first \(a\) has a full disk; free some space in"):
        run(tmp_path / "library.db", "memory://photos", carrier=carrier)
    with Library.open(tmp_path / "library.db") as library:
        assert not failures(library)


def test_a_worker_that_does_not_reach_the_server_is_named(photos, tmp_path, monkeypatch):
    def refused(*_):
        raise RuntimeError("no credentials")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "get_file", refused)
    carrier = Carrier({"a": Worker("first")})
    with pytest.raises(AlbumError, match=r"Worker first \(a\) does not reach memory://photos/"):
        run(tmp_path / "library.db", "memory://photos", carrier=carrier)


def test_other_commands_say_where_the_photo_is():
    with pytest.raises(OnServer, match="lies on a server"), reading("s3://bucket/a.jpg"):
        Path("s3://bucket/a.jpg").read_bytes()


def test_an_export_says_where_the_photo_is(photos, tmp_path):
    own = Shelf(tmp_path)
    run(own.path, "memory://photos")
    ran = own("export", "--format", "folders", "--all", tmp_path / "out")
    assert ran.code == 3
    told = ran.err.splitlines()[0]
    assert "memory://photos/20" in told
    assert told.endswith("mount the server as a folder and index that folder.")


@pytest.fixture
def short_waits(monkeypatch):
    from album.distributed import pool

    monkeypatch.setattr(pool, "UNFIT_S", 0.1)
    monkeypatch.setattr(pool, "LOOK_S", 0.0)


pytestmark = pytest.mark.usefixtures("short_waits")


@pytest.mark.parametrize("option", ["--emotions", "--read-tags"])
def test_what_reads_photos_again_is_refused_for_those_on_servers(photos, tmp_path, option):
    ran = Shelf(tmp_path)("index", option, "memory://photos")
    said = " ".join(ran.err.split())
    assert ran.code == 2
    assert f"{option} reads photos again" in said
    assert "mount memory://photos as a folder" in said


def test_a_name_with_half_a_character_costs_that_file(server, photos, tmp_path):
    for odd in ("/photos/2003/odd \ud83d.jpg", "/photos/odd \ud83d/1.jpg"):
        server.pipe(odd, b"anything")
    events = run(tmp_path / "l.db", "memory://photos")
    assert sum(isinstance(event, PhotoDone) for event in events) == 7
    with Library.open(tmp_path / "l.db") as library:
        told = {row.path: row.reason for row in failures(library)}
    odd = {path for path, reason in told.items() if "name can't be part of an address" in reason}
    assert odd == {r"memory://photos/2003/odd \ud83d.jpg", r"memory://photos/odd \ud83d"}
