"""Broken files of every format end neither the program nor its patience, and get a reason."""

import pytest

pytest.importorskip("resource", reason="the bound on memory is one of Unix")

from tests.album.mutations import cases, originals, run

MEGABYTES = 600
"""Peak of the reader's memory; the files are small, and none may unfold to much."""


def check(folder, files, seed):
    names = originals(folder)
    outcomes = set()
    for result in run(cases(names, files, seed)):
        told = f"{result.case}: {result.outcome} ({result.reason}), {result.seconds:.1f} s"
        outcomes.add(result.outcome)
        assert result.outcome not in ("crash", "hang", "memory", "unexpected"), told
        assert result.outcome in ("read", "skipped") or result.reason.endswith("."), told
        assert result.megabytes < MEGABYTES, told
    assert outcomes >= {"read", "damaged", "truncated", "not-a-photo"}


def test_a_few_of_every_format(tmp_path):
    check(tmp_path, 130, seed=1)


@pytest.mark.slow
def test_many_of_every_format(tmp_path):
    check(tmp_path, 2000, seed=2)


def test_what_is_not_broken_is_read(tmp_path):
    from album.analysis.analyse import Analyser, Prepared, ReadClip, Task
    from album.files.scan import walk
    from album.media.clips.frames import DEFAULT
    from nets.engine import load_engine

    rawpy = pytest.importorskip("rawpy")
    assert rawpy
    for name, data in originals(tmp_path).items():
        (tmp_path / name).write_bytes(data)
    engine = load_engine(profile="fake")
    for file in walk([tmp_path]).files:
        analyser = Analyser(engine, clips=DEFAULT)  # some hold the same picture
        assert isinstance(analyser(Task(file)), Prepared | ReadClip), file.path
