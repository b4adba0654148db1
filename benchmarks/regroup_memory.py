"""`album regroup` of a library whose vectors do not fit, beside the same in memory.

    python benchmarks/regroup_memory.py [30000] [--memory 300] [--write]

Synthetic identities with vectors of the default's length, ages and dates that fit the people. Each
run is a process of its own on a copy of the library; the people must be the same. `--write` writes
benchmarks/regroup_memory.md.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from linkage import memory  # noqa: E402
from synthetic import ages_and_years, faces, gaussian  # noqa: E402

from album.grouping.memory import Workspace  # noqa: E402
from album.grouping.regroup import regroup  # noqa: E402
from album.models.contracts import GROUPED_WITH, NetsUsed  # noqa: E402
from db.library import Library  # noqa: E402
from db.people.faces import load_faces  # noqa: E402
from db.photos.analyses import save_analyses  # noqa: E402
from db.photos.files import save_files  # noqa: E402
from db.records import Analysis, Attributes, Faces, Identity, PhotoFacts, SeenFile  # noqa: E402
from db.settings import set_setting  # noqa: E402

NETS = NetsUsed("fused", "identity", "faceres-deep", "attributes")
DIM, WITHIN = 1152, 0.2
HEAD = """\
| faces | memory | s | CPU s | peak MB | people | people as digest |
| --- | --- | ---: | ---: | ---: | ---: | --- |"""


def photo(number, vectors, ages, year):
    n = len(vectors)
    corner = np.arange(n, dtype=np.float32)[:, None] * 110 + np.zeros((n, 2), np.float32)
    boxes = np.hstack([corner, corner + 100])
    ones = np.ones(n, np.float32)
    taken = datetime(1970, 1, 1) + timedelta(days=float(year - 1970) * 365.2425)
    dated = {"taken_at": taken, "date_source": "exif-original", "date_precision": "second"}
    return Analysis(
        PhotoFacts(f"{number:040}", 1000, 1000, **dated),
        Faces("d", boxes, np.repeat(boxes[:, None, :2], 5, axis=1), ones, *[100 * ones] * 3),
        "analysis",
        (Identity("identity", vectors),),
        (Attributes("attributes", ages, 0.5 * ones),),
    )


def make(path, n):
    made = faces(n, gaussian(DIM, within=WITHIN))
    ages, years, _ = ages_and_years(made)
    order = np.argsort(made.photo, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(made.photo[order])) + 1)
    with Library.open(path) as library:
        set_setting(library, GROUPED_WITH, json.dumps(asdict(NETS)))
        for at in range(0, len(parts), 500):
            some = [
                photo(i, made.vectors[rows], ages[rows], years[rows[0]])
                for i, rows in enumerate(parts[at : at + 500], at)
            ]
            keys = [one.photo.content_hash for one in some]
            save_files(library, [SeenFile(f"/p/{key}.jpg", 1, 1, key) for key in keys])
            save_analyses(library, some)


def child(path, megabytes):
    with Library.open(path) as library:
        workspace = Workspace(Path(path).parent, int(megabytes) << 20)
        start, cpu = time.perf_counter(), time.process_time()
        done = regroup(library, workspace=workspace)
        took = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
        took |= {"peak": memory("VmHWM"), "people": done.after}
        took["files"] = type(workspace.storage).__name__
        took["digest"] = hashlib.sha256(load_faces(library).person_id.tobytes()).hexdigest()[:16]
    print(json.dumps(took))


def rows(n, megabytes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "library.db"
        make(path, n)
        digests = set()
        for name, limit in (("all in memory", 1 << 20), (f"{megabytes:,} MB", megabytes)):
            shutil.copy(path, here := Path(folder) / "copy.db")
            command = [sys.executable, __file__, "--child", str(here), str(limit)]
            said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            found = json.loads(said)
            assert found["files"] == ("InMemory" if limit == 1 << 20 else "OnDisk")
            digests.add(found["digest"])
            yield (
                f"| {n:,} | {name} | {found['seconds']:.1f} | {found['cpu']:.1f} | "
                f"{found['peak']:,.0f} | {found['people']:,} | {found['digest']} |"
            )
        assert len(digests) == 1, "the people differ"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[30_000])
    parser.add_argument("--memory", type=int, default=300, help="MB")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.child)
        return
    lines = [HEAD]
    print(HEAD, flush=True)
    for n in given.sizes:
        for text in rows(n, given.memory):
            print(text, flush=True)
            lines.append(text)
    if given.write:
        (HERE / "regroup_memory.md").write_text(
            f"""# Grouping a library that does not fit into memory

Written by `benchmarks/regroup_memory.py`: `album regroup` of a library, from loading the faces to
the questions for `album suggest`; vectors of {DIM} numbers with birth years beside them, photos and
possible births as rules. {os.cpu_count()} cores ({platform.machine()}) shared with other work: CPU
seconds count. Peak is that of the whole process, mapped pages included.

"""
            + "\n".join(lines)
            + "\n"
        )


if __name__ == "__main__":
    main()
