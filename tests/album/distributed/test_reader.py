"""Chunks go out, outcomes come back in order; whatever happens to workers, nothing is lost."""

import datetime
import os
import time
from pathlib import Path

import pytest

from album.analysis.analyse import Failed, Known, Prepared, Task
from album.cli.remedies import sentence
from album.distributed import chunks, pool, reader, work
from album.distributed.chunks import Chunk, after_death, after_error, in_chunks
from album.distributed.pool import Pool
from album.distributed.source import ClusterSource
from album.errors import ClusterError, NoWorkers
from album.events import PhotoDone, PhotoFailed, WorkersChanged
from album.files.scan import Found
from album.indexing import storing
from album.indexing.index import IndexOptions, index
from album.models.engines import Choice
from db.errors import FullDiskError
from db.library import Library
from db.photos.files import failures
from nets.engine import load_engine
from tests.album.albums import ANNA, CLEO, Drawn, pairs, photo
from tests.album.distributed.fake_cluster import Dies, FakeCluster, FakeWorker, Later
from tests.album.distributed.test_kills import POISON
from tests.album.drawn_clips import Placed, still, write
from tests.album.indexing.test_sharing import content

PHOTOS = 50
FAKE = Choice("fake", emotions=False)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(pool, "REFRESH_S", 0.0)
    monkeypatch.setattr(pool, "WAIT_S", 0.01)
    monkeypatch.setattr(pool, "JOIN_S", 0.3)
    monkeypatch.setattr(pool, "UNFIT_S", 0.1)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = pairs(tmp_path_factory.mktemp("photos"), PHOTOS)
    (folder / "copy.jpg").unlink()
    (folder / "000copy.jpg").write_bytes((folder / "040.jpg").read_bytes())
    return folder


def run(path, photos, cluster=None, **options):
    """Index; return the events."""
    engine, how = load_engine(profile="fake"), IndexOptions(jobs=0, **options)
    with Library.open(path) as library:
        source = None if cluster is None else ClusterSource(Pool(cluster), FAKE)
        return list(index(library, engine, [photos], how, source))


def held(path):
    with Library.open(path) as library:
        return content(library)


@pytest.fixture(scope="module")
def alone(photos, tmp_path_factory):
    path = tmp_path_factory.mktemp("alone") / "library.db"
    run(path, photos)
    return held(path)


def two(**of_first):
    return FakeCluster({"a": FakeWorker("first", **of_first), "b": FakeWorker("second")})


def problems(events):
    return [e.problem for e in events if isinstance(e, WorkersChanged) and e.problem]


def test_two_workers_end_with_what_one_process_ends_with(photos, alone, tmp_path):
    cluster = two()
    events = run(tmp_path / "library.db", photos, cluster)
    assert held(tmp_path / "library.db") == alone
    files = [e.path.name for e in events if isinstance(e, PhotoDone | PhotoFailed)]
    wanted = sorted(p.name for p in photos.iterdir() if p.name != "note.txt")
    assert sorted(files) == wanted
    # Copies and failures are told at once, photos when their faces are saved; each in order.
    plain = [e.path.name for e in events if isinstance(e, PhotoDone) and not e.known]
    assert plain == sorted(plain)
    assert all(worker.calls for worker in cluster.there.values())
    assert not problems(events)
    assert cluster.most <= 4, "a chunk for each thread and one more"


def test_known_contents_are_not_read_again(photos, tmp_path):
    path = tmp_path / "library.db"
    run(path, photos)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for file in photos.glob("*.jpg"):
        (moved / file.name).write_bytes(file.read_bytes())
    cluster = two()
    events = run(path, moved, cluster)
    assert {e.known for e in events if isinstance(e, PhotoDone)} == {True}
    told = [args[2] for worker in cluster.there.values() for args in worker.calls]
    assert sum(map(len, told)) > PHOTOS - 1


def test_what_a_worker_had_that_died_goes_to_others(photos, alone, tmp_path):
    deaths = iter([False, True])

    def dies_once(args):
        if next(deaths, False):
            raise Dies

    cluster = two(before=dies_once)
    events = run(tmp_path / "library.db", photos, cluster)
    assert held(tmp_path / "library.db") == alone
    assert "a'" in cluster.there
    assert "what it had goes to others" in problems(events)[0]


def poison(name, error=Dies):
    def run(args):
        if any(task.found.path.endswith(name) for task in args[1]):
            raise error("boom")

    return run


@pytest.mark.long
def test_only_the_photo_that_ends_workers_is_set_aside(photos, alone, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(POISON.replace("123.jpg", "017.jpg"))
    path, deadly = tmp_path / "library.db", poison("017.jpg")
    cluster = FakeCluster(
        {"a": FakeWorker("first", before=deadly), "b": FakeWorker("second", before=deadly)}
    )
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", os.fspath(tmp_path), prepend=os.pathsep)
        events = run(path, photos, cluster)
    assert [e.path.name for e in events if isinstance(e, PhotoFailed)] == ["017.jpg", "empty.jpg"]
    with Library.open(path) as library:
        reasons = {Path(row.path).name: row.reason for row in failures(library)}
    assert reasons["017.jpg"].startswith(
        "ended the processes that were reading it (the last one on "
    )
    assert sum(map(len, cluster.there)) == 2 + 2, "two deaths, no more"
    healed = two()
    run(path, photos, healed)
    assert not any(worker.calls for worker in healed.there.values())
    run(path, photos, healed, retry=True)
    assert held(path) == alone


def test_an_error_of_the_program_is_told_with_the_photo(photos, tmp_path):
    path = tmp_path / "library.db"
    wrong = poison("017.jpg", RuntimeError)
    run(path, photos, FakeCluster({"a": FakeWorker(before=wrong), "b": FakeWorker(before=wrong)}))
    with Library.open(path) as library:
        reasons = {Path(row.path).name: row.reason for row in failures(library)}
    assert "(RuntimeError: boom)" in reasons["017.jpg"]


def test_a_worker_whose_nets_can_not_be_loaded_is_not_used(photos, tmp_path, monkeypatch):
    def broken(choice):
        raise OSError("no such library")

    monkeypatch.setattr(work, "_engine", broken)
    work.prepare.cache_clear()
    with pytest.raises(ClusterError, match=r"cannot use the nets: no such library"):
        run(tmp_path / "library.db", photos, two())
    work.prepare.cache_clear()


def test_a_file_under_suspicion_goes_to_another_worker_where_there_is_one(photos, tmp_path):
    wrong = FakeCluster(
        {"a": FakeWorker("first", before=poison(".jpg", RuntimeError)), "b": FakeWorker("second")}
    )
    path = tmp_path / "library.db"
    run(path, photos, wrong)
    with Library.open(path) as library:
        assert [Path(row.path).name for row in failures(library)] == ["empty.jpg"]


def test_a_worker_of_another_version_gets_nothing(photos, alone, tmp_path):
    cluster = FakeCluster({"a": FakeWorker("old", version="0.0.9.1"), "b": FakeWorker("new")})
    events = run(tmp_path / "library.db", photos, cluster)
    assert not cluster.there["a"].calls
    assert "Worker old (a) has version 0.0.9.1 instead of" in problems(events)[0]
    assert held(tmp_path / "library.db") == alone


def test_other_weights_are_noticed(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "contracts", lambda engine: ("other", ""))
    work.prepare.cache_clear()
    with pytest.raises(ClusterError, match=r"No worker can be used\. Worker .* has other weights"):
        run(tmp_path / "library.db", photos, two())
    work.prepare.cache_clear()


def blind(recipe, tasks, known):
    return [Failed(task, "unreadable", "cannot be read") for task in tasks]


def test_a_worker_without_the_photos_is_named_with_what_to_mount(photos, alone, tmp_path):
    cluster = two(read=blind)
    events = run(tmp_path / "library.db", photos, cluster)
    assert len(cluster.there["a"].calls) <= 4, "what was in flight, and nothing after that"
    problem = problems(events)[0]
    assert problem.startswith("Worker first (a) does not see ")
    assert f"mount {photos} there at the same path" in problem
    assert held(tmp_path / "library.db") == alone


def test_photos_that_nobody_sees_end_the_run_and_keep_what_was_done(photos, tmp_path):
    with pytest.raises(ClusterError, match=r"No worker can be used\. Worker host .* mount"):
        run(tmp_path / "library.db", photos, FakeCluster({"a": FakeWorker(read=blind)}))
    with Library.open(tmp_path / "library.db") as library:
        assert not failures(library)


def test_a_full_disk_of_a_worker_is_named(photos, alone, tmp_path):
    def full(recipe, tasks, known):
        return work.Unfit("has a full disk; free some space there.")

    events = run(tmp_path / "library.db", photos, two(read=full))
    assert problems(events) == ["Worker first (a) has a full disk; free some space there."]
    assert held(tmp_path / "library.db") == alone


def test_a_scheduler_that_comes_back_gets_what_was_in_flight_again(photos, alone, tmp_path):
    cluster = two()
    looks = iter(range(1000))
    workers = cluster.workers

    def gone_twice():
        if next(looks) in (3, 6):
            cluster.gone = 1
        return workers()

    cluster.workers = gone_twice
    events = run(tmp_path / "library.db", photos, cluster)
    told = "The scheduler is gone; waiting for it to come back."
    assert problems(events) == [told, told]
    assert held(tmp_path / "library.db") == alone


def test_a_scheduler_that_stays_away_ends_the_run_and_keeps_what_was_done(
    photos, alone, tmp_path, monkeypatch
):
    monkeypatch.setattr(chunks, "FILES", 4)
    cluster = two()
    cluster.comes_back = False
    calls = iter(range(1000))

    def later(args):
        cluster.gone += next(calls) == 5

    cluster.there["a"].before = cluster.there["b"].before = later
    path = tmp_path / "library.db"
    with pytest.raises(ClusterError, match="did not come back"):
        run(path, photos, cluster)
    with Library.open(path) as library, library.read() as conn:
        done = conn.exec_driver_sql("SELECT count(*) FROM analysis").scalar()
    assert 0 < done < PHOTOS
    run(path, photos, two())
    assert held(path) == alone


def test_nobody_comes(photos, tmp_path):
    with pytest.raises(NoWorkers, match=r"No worker has joined tcp://test:8786") as error:
        run(tmp_path / "library.db", photos, FakeCluster())
    assert sentence(error.value).endswith("; start one with: album worker tcp://test:8786.")


def test_the_clock_of_a_worker_decides_nothing(photos, tmp_path, monkeypatch):
    """A worker whose clock is thirty years back, where every date seems to be in the future."""

    class Back(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(1995, 1, 1)

    path = tmp_path / "library.db"
    real = work.read_chunk

    def skewed(*args):
        with monkeypatch.context() as patch:
            patch.setattr("album.dates.photo_date.datetime", Back)
            patch.setattr(time, "time", lambda: 0.0)
            return real(*args)

    cluster = two()
    cluster.there["a"].read = cluster.there["b"].read = skewed
    run(path, photos, cluster)
    with Library.open(path) as library, library.read() as conn:
        years = conn.exec_driver_sql("SELECT DISTINCT substr(taken_at, 1, 4) FROM photo").all()
        first = conn.exec_driver_sql("SELECT min(at) FROM analysis").scalar()
    assert {row[0] for row in years} == {str(year) for year in range(2000, 2010)}
    assert str(first) > "2020", "the time is the coordinator's"


def test_clips_and_live_photos_are_read_as_on_one_machine(tmp_path):
    folder = tmp_path / "album"
    frames = [still(Placed(CLEO))] * 40
    write(folder / "party.mp4", frames, rate=10, created="2004-08-06T07:08:09Z")
    photo(folder / "IMG_1.jpg", Drawn(ANNA))
    write(folder / "IMG_1.mov", frames[:20], rate=10)
    run(tmp_path / "alone.db", folder)
    cluster = two()
    run(tmp_path / "workers.db", folder, cluster)
    assert held(tmp_path / "workers.db") == held(tmp_path / "alone.db")
    kinds = [row[1] for row in held(tmp_path / "workers.db")[0]]
    assert kinds == ["image", "live", "clip"]
    sizes = sorted(len(args[1]) for worker in cluster.there.values() for args in worker.calls)
    assert sizes == [1, 1, 1], "each clip is a chunk of its own"


def test_several_indexes_of_one_library_on_a_server(photos, alone, server):
    with server.connect() as raw:
        raw.execute("CREATE DATABASE worked ENCODING 'UTF8' TEMPLATE template0")
    run(server.url("worked"), photos, two())
    assert held(server.url("worked")) == alone


def test_a_full_disk_of_the_library_ends_the_run_and_nothing_is_half_written(
    photos, alone, tmp_path, monkeypatch
):
    real, calls = storing.save_analyses, iter(range(100))

    def full(library, analyses):
        if next(calls) == 1:
            raise FullDiskError("The disk that holds the library is full; free some space.")
        real(library, analyses)

    path = tmp_path / "library.db"
    with monkeypatch.context() as patch:
        patch.setattr(storing, "save_analyses", full)
        with pytest.raises(FullDiskError):
            run(path, photos, two())
    run(path, photos, two())
    assert held(path) == alone


def task(name, size=10):
    return Task(Found(os.fspath(name), size, 1))


def test_chunks_hold_few_files_and_clips_are_alone(monkeypatch):
    monkeypatch.setattr(chunks, "FILES", 3)
    names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.mp4", "f.jpg"]
    made = list(in_chunks(map(task, names), 10))
    assert [[Path(t.found.path).name for t in c.tasks] for c in made] == [
        ["a.jpg", "b.jpg", "c.jpg"],
        ["d.jpg"],
        ["e.mp4"],
        ["f.jpg"],
    ]
    assert [c.numbers for c in made] == [(10, 11, 12), (13,), (14,), (15,)]
    large = [task(name, chunks.BYTES) for name in names[:2]]
    assert [len(c.tasks) for c in in_chunks(large)] == [1, 1]


def test_a_chunk_whose_workers_died_is_isolated_and_then_divided():
    both = Chunk((4, 5), (task("/a.jpg"), task("/b.jpg")))
    (isolated,) = after_death(both)
    assert isolated.is_isolated and isolated.tasks == both.tasks
    first, second = after_death(isolated)
    assert (first.numbers, second.numbers) == ((4,), (5,))
    failed = after_death(second)
    assert isinstance(failed, Failed) and failed.stage == "ends-workers"


def test_an_error_is_that_of_a_file_when_it_comes_again_elsewhere():
    both = Chunk((4, 5), (task("/a.jpg"), task("/b.jpg")))
    first, second = after_error(both, "KeyError: 1", "x")
    assert (first.numbers, first.avoid, second.avoid) == ((4,), {"x"}, {"x"})
    failed = after_error(first, "KeyError: 1", "y")
    assert isinstance(failed, Failed) and "KeyError: 1" in failed.reason


@pytest.mark.parametrize(("bound", "value"), [("AHEAD", 6), ("AHEAD_FACES", 8)])
def test_no_more_is_submitted_than_may_wait(photos, tmp_path, monkeypatch, bound, value):
    """While the first file takes long, the others go on only so far."""
    monkeypatch.setattr(chunks, "FILES", 1)
    monkeypatch.setattr(reader, bound, value)
    cluster, first = two(), []

    def late(args):
        first[:] = first or [args]
        if args is first[0] and (len(cluster.waiting) > 1 or not waited):
            waited.append(time.sleep(0.1))
            raise Later

    waited: list[None] = []
    cluster.there["a"].before = cluster.there["b"].before = late
    seen = []
    receive = reader.Reader._receive

    def counted(self, *args):
        receive(self, *args)
        seen.append(len(self._outcomes))

    monkeypatch.setattr(reader.Reader, "_receive", counted)
    run(tmp_path / "library.db", photos, cluster)
    assert 3 <= max(seen) <= 8


def test_outcomes_hold_no_pixels(photos):
    engine = load_engine(profile="fake")
    recipe = work.Recipe(
        *(FAKE, *work.contracts(engine), 1600, None, 120.0, datetime.datetime(2026, 1, 1))
    )
    paths = sorted(photos.glob("00*.jpg"))
    tasks = [Task(Found(str(p), p.stat().st_size, p.stat().st_mtime_ns)) for p in paths]
    outcomes = work.read_chunk(recipe, tasks, frozenset())
    assert {type(one) for one in outcomes} == {Prepared}
    assert all(len(one.batch) == 0 and len(one.said.vectors) == 2 for one in outcomes)
    other = [Task(Found(str(paths[0]), 1, 1))]
    assert work.read_chunk(recipe, other, frozenset())[0].stage == "changing"
    known = frozenset(one.content_hash for one in outcomes)
    assert {type(one) for one in work.read_chunk(recipe, tasks, known)} == {Known}
