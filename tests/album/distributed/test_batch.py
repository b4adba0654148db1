"""Many libraries on one pool of workers: fairly, within limits, each for itself."""

import os
import threading
from concurrent.futures import Future

import pytest

from album.cli import batch as command
from album.distributed import pool as pools
from album.distributed.batch import Advanced, Begun, Ended, Limited, choice_of, run_batch
from album.distributed.batch_config import BadConfig, Batch, Job, read_config
from album.distributed.pool import Pool
from db.library import Library
from db.people.people import people
from db.photos.status import status
from db.settings import set_setting
from nets.engine import DEFAULT_HEAD
from tests.album.albums import ANNA, BERT, CLEO, Drawn, album, photo
from tests.album.distributed.fake_cluster import Dies, FakeCluster, FakeWorker

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
    monkeypatch.setattr(pools, "REFRESH_S", 0.0)
    monkeypatch.setattr(pools, "WAIT_S", 0.01)
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
    name = f"f{number}"
    where = {"name": name, "library": f"{name}.db", "photos": f"family{number}", "profile": "fake"}
    return Job.model_validate(where | more, context=albums)


def fresh_cluster():
    return FakeCluster({"a": FakeWorker("first"), "b": FakeWorker("second")})


def run(jobs, cluster=None, at_once=4):
    batch = Batch.model_construct(jobs=list(jobs), at_once=at_once)
    events = list(run_batch(batch, Pool(cluster or fresh_cluster())))
    return events, {event.job.name: event for event in events if isinstance(event, Ended)}


def read_of(path):
    with Library.open(path) as library:
        return status(library).photos, sum(not one.hidden for one in people(library))


def test_every_library_is_indexed_and_grouped(albums):
    events, ended = run([job(albums, number) for number in range(3)])
    assert list(ended) and all(one.error is None and not one.limit for one in ended.values())
    assert {read_of(albums / f"f{number}.db") for number in range(3)} == {(12, 1)}
    assert sum(isinstance(event, Begun) for event in events) == 3
    assert any(isinstance(event, Advanced) for event in events)


def test_one_that_fails_does_not_end_the_others(albums):
    broken = albums / "f1.db"
    broken.write_text("no library " * 100)
    missing = job(albums, 9, photos="nothing")
    _, ended = run([*(job(albums, number) for number in range(3)), missing])
    assert "is not a library" in str(ended["f1"].error)
    assert "does not exist" in str(ended["f9"].error)
    assert ended["f0"].error is None and ended["f2"].error is None
    assert read_of(albums / "f2.db") == (12, 1)


def test_a_library_keeps_the_head_and_the_detector_that_it_began_with(albums):
    """As with `album index`: another default of a later version reads nothing again."""
    one = job(albums, 0, profile="default")
    with Library.open(one.library) as library:
        assert choice_of(library, one).attributes == DEFAULT_HEAD
        set_setting(library, "attributes", "faceres-deep")
        kept = choice_of(library, one)
        assert (kept.detector, kept.attributes) == ("mtcnn", "faceres-deep")
        asked = one.model_copy(update={"attributes": "coral"})
        assert choice_of(library, asked).attributes == "coral"
        assert choice_of(library, one).attributes == "coral"


def test_limits_end_a_library_and_the_next_run_goes_on(albums, monkeypatch):
    monkeypatch.setattr("album.distributed.chunks.FILES", 2)
    limited = job(albums, 0, **{"max-photos": 5})
    for limit, photos in (("max-photos", 5), ("max-photos", 10), ("", 12)):
        _, ended = run([limited])
        assert ended["f0"].limit == limit
        assert read_of(albums / "f0.db") == (photos, 1)
    _, ended = run([job(albums, 1, **{"max-faces": 1})])
    assert ended["f1"].limit == "max-faces"
    assert 1 <= read_of(albums / "f1.db")[0] < 12
    _, ended = run([job(albums, 2, **{"max-seconds": 1e-9})])
    assert ended["f2"].limit == "max-seconds"
    assert read_of(albums / "f2.db")[0] == 0


def test_workers_that_are_all_gone_end_the_batch_and_nothing_else_is_begun(albums):
    class Dying(FakeWorker):
        pass

    def dies(args):
        raise Dies

    last = FakeCluster({"a": Dying("only", before=dies)}, respawns=False)
    _, ended = run([job(albums, number) for number in range(3)], last, at_once=1)
    assert "No worker has joined" in str(ended["f0"].error)
    assert not ended["f1"].is_begun and not ended["f2"].is_begun
    assert command._state(ended["f1"]) == "not begun, since the workers are gone"


def test_a_stop_is_seen_by_every_library(tmp_path):
    stop = threading.Event()
    stop.set()

    class Plain:
        at_once = 1
        spread = None

        def start(self, wanted):
            return lambda tasks: iter(list(tasks))

    limited = Limited(Plain(), job(tmp_path, 0), stop)

    class Nothing:
        pass

    assert list(limited.start(Nothing())([1, 2, 3])) == []
    assert limited.reached == "stopped"


def test_shares_are_by_weight():
    cluster = FakeCluster({name: FakeWorker(name, threads=3) for name in "abc"})
    cluster.submit = lambda *_: Future()  # nothing is ever done
    pool = Pool(cluster)

    def submit(share, times):
        return sum(share.submit((), print) is not None for _ in range(times))

    with pool.share() as small, pool.share(weight=2) as large, pool.share(limit=1) as few:
        while not small.workers:
            pool.refresh()
        # Everybody asks before anybody gets more, so that none is idle.
        for share in (small, large, few):
            submit(share, 1)
        shares = [1 + submit(share, 20) for share in (small, large, few)]
        # Twelve may be in flight: a quarter, half, and a quarter of which one is used.
        assert shares == [3, 6, 1]
    # What others leave is free.
    with pool.share() as small:
        assert submit(small, 20) == 12


def test_a_config_is_read_as_a_whole(tmp_path):
    path = tmp_path / "batch.toml"
    path.write_text(GOOD)
    batch = read_config(path)
    smith, jones = batch.jobs
    assert (batch.at_once, batch.cluster.workers) == (2, 2)
    assert smith.photos == [tmp_path / "smith", "s3://bucket/smith"]
    assert (smith.library, smith.weight) == (tmp_path / "smith.db", 2)
    assert (smith.max_photos, smith.max_faces) == (10, None)
    assert jones.library == "postgresql+psycopg://host/jones"
    assert (jones.max_photos, jones.max_faces, jones.max_seconds) == (5, 9, 1.5)
    assert (jones.max_in_flight, jones.profile, jones.clips) == (3, "fake", False)


LIBRARY = '[[library]]\nname = "a"\nlibrary = "a.db"\nphotos = "p"\n'
FIRST = "in [[library]] number 1"
WRONG = {
    "[": "is no TOML",
    "": "[[library]] is missing; each has name, library and photos.",
    "library = 1": "[[library]] is missing",
    "library = [1]": "[[library]] number 1 should be a table, not 1.",
    "what = 1\n" + LIBRARY: "'what' is not a known key; known are at-once, cluster, defaults",
    LIBRARY + "wieght = 2": f"'wieght' {FIRST} is not a known key; known are profile, ",
    LIBRARY + "max_photos = 2": f"'max_photos' {FIRST} is not a known key",
    LIBRARY + "weight = 0": f"'weight' {FIRST} should be greater than 0, not 0.",
    LIBRARY + "weight = inf": f"'weight' {FIRST} should be a finite number, not inf.",
    LIBRARY + "weight = true": f"'weight' {FIRST} should be a number, not True.",
    LIBRARY + "max-photos = 1.5": f"'max-photos' {FIRST} should be a whole number, not 1.5.",
    LIBRARY + "max-photos = 0": f"'max-photos' {FIRST} should be greater than or equal to 1",
    LIBRARY + 'clips = "no"': f"'clips' {FIRST} should be true or false, not 'no'.",
    LIBRARY + 'profile = "best"': f"'profile' {FIRST} should be one of default, paper, fake, not",
    LIBRARY + LIBRARY: "two libraries have the name a.",
    LIBRARY + LIBRARY.replace('"a"', '"b"'): "two libraries have the library ",
    LIBRARY.replace("photos", "photo"): f"'photos' {FIRST} is missing.",
    '[[library]]\nname = "a"\nlibrary = "a.db"': f"'photos' {FIRST} is missing.",
    LIBRARY.replace('"p"', "[]"): f"'photos' {FIRST} should not be empty.",
    LIBRARY.replace('"p"', "[1]"): f"'photos' {FIRST} should be a path or an address, not 1.",
    LIBRARY.replace('"a"', '""'): f"'name' {FIRST} should not be empty",
    LIBRARY.replace('"a.db"', "1"): f"'library' {FIRST} should be a path or an address, not 1.",
    "cluster = 1\n" + LIBRARY: "'cluster' should be a table, not 1.",
    "[cluster]\nhost = 1\n" + LIBRARY: "'host' in [cluster] is not a known key; known are workers",
    "[cluster]\ntls-ca = 1\n" + LIBRARY: "'tls-ca' in [cluster] should be a path, not 1.",
    "[defaults]\nweight = 0\n" + LIBRARY: "'weight' in [defaults] should be greater than 0, not 0.",
    "at-once = 0\n" + LIBRARY: "'at-once' should be greater than or equal to 1, not 0.",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_with_a_config_is_one_sentence(tmp_path, text):
    path = tmp_path / "batch.toml"
    path.write_text(text)
    with pytest.raises(BadConfig) as error:
        read_config(path)
    assert str(error.value).startswith(str(path))
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
        yield Pool(fresh_cluster())

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
