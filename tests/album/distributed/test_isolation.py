"""Files are read in a child process, which never outlives a hang or its parent."""

import os
import pickle
import signal
import sys
import time
from datetime import datetime

import psutil
import pytest

from album.analysis.analyse import Failed, Prepared, Task
from album.distributed.isolation import read_isolated
from album.distributed.work import Recipe, contracts
from album.files.scan import Found
from album.models.engines import Choice
from nets.engine import load_engine
from tests.album.albums import pairs
from tests.album.distributed.processes import started

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")

SLOW = """
import sys
if "--multiprocessing-fork" in sys.argv:
    import re, time
    from album.analysis.analyse import Analyser
    from album.distributed import isolation
    isolation.SILENT_S = 4.0
    read = Analyser._read
    def slow(self, task, place):
        if task.found.path.endswith("001.jpg"):
            HANG
        return read(self, task, place)
    Analyser._read = slow
"""
"""Stands for a decoder that hangs: in processes that read, and only there."""


@pytest.fixture
def request_of_three(tmp_path):
    photos = pairs(tmp_path / "photos", 8)
    contract, emotions = contracts(load_engine(profile="fake"))
    choice = Choice("fake", emotions=False)
    recipe = Recipe(choice, contract, emotions, 1600, None, 120.0, datetime(2026, 1, 1))
    paths = [photos / f"00{number}.jpg" for number in range(3)]
    tasks = [Task(Found(str(p), p.stat().st_size, p.stat().st_mtime_ns)) for p in paths]
    return recipe, tasks, frozenset()


def test_a_file_that_holds_the_lock_forever_is_the_only_one_to_fail(
    request_of_three, tmp_path, monkeypatch
):
    hang = "re.match(r'(a+)+$', 'a' * 64 + 'b')"  # of an interpreter that runs nothing else
    (tmp_path / "sitecustomize.py").write_text(SLOW.replace("HANG", hang))
    monkeypatch.setenv("PYTHONPATH", os.fspath(tmp_path), prepend=os.pathsep)
    before, hung, after = read_isolated(*request_of_three)
    assert isinstance(before, Prepared) and isinstance(after, Prepared)
    assert isinstance(hung, Failed) and hung.stage == "ends-workers"


def test_a_child_ends_with_its_parent(request_of_three, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SLOW.replace("HANG", "time.sleep(600)"))
    (tmp_path / "request").write_bytes(pickle.dumps(request_of_three))
    code = (
        "import pickle, sys; from pathlib import Path; "
        "from album.distributed.isolation import read_isolated; "
        "read_isolated(*pickle.loads(Path(sys.argv[1]).read_bytes()))"
    )
    parent = started(tmp_path / "request", code=code, also=tmp_path)
    until = time.monotonic() + 60
    children: list[psutil.Process] = []
    while not children and time.monotonic() < until:
        below = psutil.Process(parent.pid).children()
        children = [one for one in below if "spawn_main" in " ".join(one.cmdline())]
        time.sleep(0.1)
    time.sleep(3)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    gone, alive = psutil.wait_procs(children, timeout=60)
    for child in alive:
        child.kill()
    parent.communicate()
    assert gone and not alive
