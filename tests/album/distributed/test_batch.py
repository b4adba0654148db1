"""Many libraries on one pool of workers: fairly, within limits, each for itself."""

import os
import threading
from dataclasses import replace

import pytest

from album.cli import batch as command
from album.distributed import pool as pools
from album.distributed.batch import Begun, Ended, Limited, Said, choice_of, run_batch
from album.distributed.batch_config import BadConfig, Batch, Job, Limits, read_config
from album.distributed.hands import Held
from album.distributed.pool import Pool
from db.library import Library
from db.people.people import people
from db.photos.status import status
from db.settings import set_setting
from nets.engine import DEFAULT_HEAD
from tests.album.albums import ANNA, BERT, CLEO, Drawn, album, photo
from tests.album.distributed.carrier import Carrier, Dies, Worker

FAKE = {"profile": "fake"}
GOOD = """
at-once = 2
[cluster]
workers = 2
[defaults]
profile = "fake"
max-photos = 10
[[library]]
name = "smith"
library = "smith.db"
photos = ["smith", "s3://bucket/smith"]
weight = 2
[[library]]
name = "jones"
library = "postgresql+psycopg://host/jones"
photos = "jones"
max-photos = 5
max-seconds = 1.5
max-in-flight = 3
max-faces = 9
clips = false
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(pools, "LOOK_S", 0.0)
    monkeypatch.setattr(pools, "PUMP_S", 0.01)
    monkeypatch.setattr(pools, "JOIN_S", 0.5)
    monkeypatch.setattr(pools, "UNFIT_S", 0.1)


@pytest.fixture
def albums(tmp_path):
    """Three families of twelve photos, all on one shelf."""
    for number, who in enumerate((ANNA, BERT, CLEO)):
        for i in range(12):
            folder = tmp_path / f"family{number}"
            photo(folder / f"{i:02}.jpg", Drawn(who), shade=40 + 20 * number + i, year=2000 + i)
    return tmp_path


def job(albums, number, **more):
    limits = Limits(**more.pop("limits", {}))
    photos = (albums / f"family{number}",)
    return Job(f"f{number}", albums / f"f{number}.db", photos, limits=limits, options=FAKE, **more)


def carrier():
    return Carrier({"a": Worker("first"), "b": Worker("second")})


def run(jobs, transport=None, at_once=4):
    events = list(run_batch(Batch(tuple(jobs), at_once), Pool(transport or carrier())))
    return events, {event.job.name: event for event in events if isinstance(event, Ended)}


def read_of(path):
    with Library.open(path) as library:
        return status(library).photos, sum(not one.hidden for one in people(library))


def test_every_library_is_indexed_and_grouped(albums):
    events, ended = run([job(albums, number) for number in range(3)])
    assert list(ended) and all(one.error is None and not one.limit for one in ended.values())
    assert {read_of(albums / f"f{number}.db") for number in range(3)} == {(12, 1)}
    assert sum(isinstance(event, Begun) for event in events) == 3
    assert any(isinstance(event, Said) for event in events)


def test_one_that_fails_does_not_end_the_others(albums):
    broken = albums / "f1.db"
    broken.write_text("no library " * 100)
    missing = Job("f9", albums / "f9.db", (albums / "nothing",), options=FAKE)
    _, ended = run([*(job(albums, number) for number in range(3)), missing])
    assert "is not a library" in str(ended["f1"].error)
    assert "does not exist" in str(ended["f9"].error)
    assert ended["f0"].error is None and ended["f2"].error is None
    assert read_of(albums / "f2.db") == (12, 1)


def test_a_library_keeps_the_head_and_the_detector_that_it_began_with(albums):
    """As with `album index`: another default of a later version reads nothing again."""
    one = replace(job(albums, 0), options={})
    with Library.open(one.library) as library:
        assert choice_of(library, one).attributes == DEFAULT_HEAD
        set_setting(library, "attributes", "faceres-deep")
        kept = choice_of(library, one)
        assert (kept.detector, kept.attributes) == ("mtcnn", "faceres-deep")
        asked = replace(one, options={"attributes": "coral"})
        assert choice_of(library, asked).attributes == "coral"
        assert choice_of(library, one).attributes == "coral"


def test_limits_end_a_library_and_the_next_run_goes_on(albums, monkeypatch):
    monkeypatch.setattr("album.distributed.chunks.FILES", 2)
    limited = job(albums, 0, limits={"photos": 5})
    for limit, photos in (("max-photos", 5), ("max-photos", 10), ("", 12)):
        _, ended = run([limited])
        assert ended["f0"].limit == limit
        assert read_of(albums / "f0.db") == (photos, 1)
    _, ended = run([job(albums, 1, limits={"faces": 1})])
    assert ended["f1"].limit == "max-faces"
    assert 1 <= read_of(albums / "f1.db")[0] < 12
    _, ended = run([job(albums, 2, limits={"seconds": 1e-9})])
    assert ended["f2"].limit == "max-seconds"
    assert read_of(albums / "f2.db")[0] == 0


def test_workers_that_are_all_gone_end_the_batch_and_nothing_else_is_begun(albums):
    class Dying(Worker):
        pass

    def dies(args):
        raise Dies

    last = Carrier({"a": Dying("only", run=dies)}, respawns=False)
    _, ended = run([job(albums, number) for number in range(3)], last, at_once=1)
    assert "No worker has joined" in str(ended["f0"].error)
    assert not ended["f1"].is_begun and not ended["f2"].is_begun
    assert command._state(ended["f1"]) == "not begun, since the workers are gone"


def test_a_stop_is_seen_by_every_library():
    stop = threading.Event()
    stop.set()

    class Plain:
        at_once = 1
        spread = None

        def start(self, wanted):
            return lambda tasks: iter(list(tasks))

    limited = Limited(Plain(), Limits(), stop)

    class Nothing:
        pass

    assert list(limited.start(Nothing())([1, 2, 3])) == []
    assert limited.reached == "stopped"


def deal(pool, name, times):
    given = 0
    for _ in range(times):
        given += pool.deal(print, held=Held(name, None)) is not None
    return given


def test_shares_are_by_weight():
    transport = Carrier({name: Worker(name, threads=3) for name in "abc"})
    pool = Pool(transport)
    with pool.owner("small"), pool.owner("large", weight=2), pool.owner("few", most=1):
        for _ in range(10):
            pool.gather("small")  # workers are greeted
        # Everybody asks before anybody is served, so that all are known to be hungry.
        for name in ("small", "large", "few"):
            deal(pool, name, 1)
        shares = {name: 1 + deal(pool, name, 20) for name in ("small", "large", "few")}
        # Twelve may be in flight: a quarter, half, a quarter, of which one wants no more than one.
        assert shares == {"small": 3, "large": 6, "few": 1}
    # Whoever is gone leaves everything to the others.
    with pool.owner("small"):
        assert deal(pool, "small", 20) >= 11


def test_a_config_is_read_as_a_whole(tmp_path):
    path = tmp_path / "batch.toml"
    path.write_text(GOOD)
    batch = read_config(path)
    smith, jones = batch.jobs
    assert (batch.at_once, batch.cluster) == (2, {"workers": 2})
    assert smith.photos == (tmp_path / "smith", "s3://bucket/smith")
    assert (smith.library, smith.weight, smith.limits) == (tmp_path / "smith.db", 2, Limits(10))
    assert jones.library == "postgresql+psycopg://host/jones"
    assert jones.limits == Limits(5, 9, 1.5, 3)
    assert jones.options == {"profile": "fake", "clips": False}


LIBRARY = '[[library]]\nname = "a"\nlibrary = "a.db"\nphotos = "p"\n'
WRONG = {
    "[": "is no TOML",
    "": "has no [[library]]",
    "library = 1": "has no [[library]]",
    "what = 1\n" + LIBRARY: "a key 'what' in it that is not known",
    LIBRARY
    + "wieght = 2": "a key 'wieght' in [[library]] number 1 that is not known; known are na",
    LIBRARY + "weight = 0": "wants a number above 0 for 'weight' in [[library]] number 1, not 0",
    LIBRARY + "weight = true": "wants a number above 0",
    LIBRARY + "max-photos = 1.5": "wants a whole number of 1 or more for 'max-photos'",
    LIBRARY + "max-photos = 0": "wants a whole number of 1 or more for 'max-photos'",
    LIBRARY + "max-seconds = nan": "wants a number above 0 for 'max-seconds'",
    LIBRARY + "clips = 1": "wants true or false for 'clips'",
    LIBRARY + 'profile = "best"': "has a profile 'best' in [[library]] number 1 that is not known",
    LIBRARY + LIBRARY: "has two libraries with the name a",
    LIBRARY + LIBRARY.replace('"a"', '"b"'): "has two libraries with the library",
    LIBRARY.replace("photos", "photo"): "a key 'photo' in [[library]]",
    '[[library]]\nname = "a"\nlibrary = "a.db"': "has no 'photos' in [[library]] number 1",
    LIBRARY.replace('"p"', "[]"): "wants a list of folders for 'photos'",
    LIBRARY.replace('"p"', "[1]"): "wants a list of folders for 'photos'",
    LIBRARY.replace('"a"', '""'): "wants a text for 'name'",
    "cluster = 1\n" + LIBRARY: "wants a table [cluster]",
    "[cluster]\nhost = 1\n" + LIBRARY: "a key 'host' in [cluster]",
    "at-once = 0\n" + LIBRARY: "wants a whole number of 1 or more for 'at-once' in it",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_with_a_config_is_one_sentence(tmp_path, text):
    path = tmp_path / "batch.toml"
    path.write_text(text)
    with pytest.raises(BadConfig) as error:
        read_config(path)
    assert str(error.value).startswith(f"{path} ")
    assert WRONG[text] in str(error.value)
    ran = album("batch", path)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_a_config_that_is_not_there(tmp_path):
    ran = album("batch", tmp_path / "no.toml")
    assert ran.code == 2
    assert "can't be read (No such file or directory)" in ran.err


def test_the_command_tells_of_every_library(albums, monkeypatch):
    from contextlib import contextmanager

    @contextmanager
    def pool_of(options):
        assert options["workers"] == 2
        yield Pool(carrier())

    monkeypatch.setattr(command, "pool_of", pool_of)
    (albums / "family2" / "empty.jpg").touch()
    lines = ["[cluster]", "workers = 2", "[defaults]", 'profile = "fake"']
    for number in range(3):
        name = f'name = "f{number}"\nlibrary = "f{number}.db"'
        photos = f'photos = "{"nothing" if number == 1 else f"family{number}"}"'
        lines += ["[[library]]", name, photos]
    (albums / "batch.toml").write_text("\n".join(lines))
    ran = album("batch", albums / "batch.toml")
    assert ran.code == 1
    assert [line.split()[0] for line in ran.out.splitlines()[1:4]] == ["f0", "f1", "f2"]
    assert "3 libraries: 2 done, 1 failed." in ran.out
    assert f"f1: {albums / 'nothing'} does not exist" in ran.out
    again = album("batch", albums / "batch.toml", "--json", "--only", "f0", "--only", "f2")
    assert again.code == 0
    records = again.json["libraries"]
    assert [(one["name"], one["state"], one["photos"]) for one in records] == [
        ("f0", "done", 0),
        ("f2", "done", 0),
    ]
    wrong = album("batch", albums / "batch.toml", "--only", "f7")
    assert wrong.code == 2 and "has no library 'f7'" in wrong.err
    (albums / "f2.db").unlink()
    partly = album("batch", albums / "batch.toml", "--only", "f2")
    assert partly.code == 3
    assert os.fspath(albums / "nothing") not in partly.out
