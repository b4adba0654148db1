"""Clustering of vectors in a file within a bound on memory, beside the same in memory.

    python benchmarks/out_of_core.py 100000 1000000 [--memory 4000] [--compare 100000] [--write]

Synthetic identities (benchmarks/synthetic.py), stored as float16, with the same-photo rule. Every
run is a process of its own. Up to `--compare` faces are also clustered in memory, and with the
search for pairs done by `--workers` Dask processes where that is given; all partitions must be the
same. "Peak" is that of the whole process (VmHWM), mapped pages included. What is done is told
on stderr as it goes; finished rows are kept in `--folder`, so that a run that is broken off
goes on. `--write` writes benchmarks/out_of_core.md from all rows there.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from linkage import memory  # noqa: E402
from synthetic import faces, model_for  # noqa: E402

from clustering.evaluation.metrics import evaluate  # noqa: E402
from clustering.linkage import linkage as room  # noqa: E402
from clustering.linkage.constraints import Constraints  # noqa: E402
from clustering.linkage.graph import Resources, within_memory  # noqa: E402
from clustering.linkage.storage import OnDisk  # noqa: E402

THRESHOLD = 1.1


def make(n, d, folder):
    """Store the vectors, photos and people of n faces; vectors as float16."""
    made = faces(n, model_for(d))
    np.save(folder / "photo.npy", made.photo)
    np.save(folder / "person.npy", made.person)
    np.save(folder / "vectors.npy", made.vectors.astype(np.float16))


def told(name, step):
    """Say what a step of the clustering took, and how much memory there is."""

    def run(clusters, *rest, **more):
        start, cpu = time.perf_counter(), time.process_time()
        out = step(clusters, *rest, **more)
        took = f"{time.perf_counter() - start:.0f} s, {time.process_time() - cpu:.0f} s CPU"
        found = f"{len(out.a):,} pairs up to {out.threshold:.4f}" if name == "search" else ""
        now = f"{len(clusters.alive):,} clusters, {memory('VmRSS'):,.0f} MB"
        print(f"{time.strftime('%H:%M:%S')} {name}: {took}; {found} {now}", file=sys.stderr)
        return out

    return run


def child(how, folder, megabytes):
    """Cluster in one way and print what it took."""
    photo = np.load(folder / "photo.npy")
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    room._graph, room.merge_all = told("search", room._graph), told("merge", room.merge_all)
    with ExitStack() as stack:
        using = Resources()
        if how == "memory":
            vectors = vectors.astype(np.float32)
        else:
            disk = stack.enter_context(OnDisk(folder))
            using = within_memory(disk, megabytes << 20, vectors.shape)
        start, cpu = time.perf_counter(), time.process_time()
        labels = room.cluster(
            vectors, THRESHOLD, constraints=Constraints(groups=photo), resources=using
        )
    took = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    took |= {"peak": memory("VmHWM"), "people": int(labels.max()) + 1}
    took["digest"] = hashlib.sha256(labels.astype("<i8").tobytes()).hexdigest()[:16]
    scores = evaluate(np.load(folder / "person.npy"), labels, photos=photo)
    print(json.dumps(took | {"f": scores.bcubed_f, "violations": scores.violations}))


def own(*arguments):
    """Run a part of this script in a process of its own and return what it prints."""
    command = [sys.executable, __file__, *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def measured(n, d, how, given):
    """Return the row of one run, from the file where it was kept, if there is one."""
    folder = Path(given.folder) / f"{n}x{d}"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{how}-{given.memory if how != 'memory' else 0}.json"
    if not kept.is_file():
        if not (folder / "vectors.npy").is_file():
            own("--make", n, d, folder)
        row = {"n": n, "d": d, "how": how, "memory": given.memory if how != "memory" else None}
        row |= json.loads(own("--child", how, folder, given.memory))
        row["threads"] = os.environ.get("OPENBLAS_NUM_THREADS", "all")
        kept.write_text(json.dumps(row))
    return json.loads(kept.read_text())


HEAD = """\
| faces | vectors | bound | s | CPU s | peak MB | people | BCubed F | broken rules | partition |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"""


def line(row):
    bound = f"{row['memory']:,} MB" if row["memory"] else ""
    where = {"memory": "in memory", "disk": "in a file"}[row["how"]]
    return (
        f"| {row['n']:,} x {row['d']} | {where} | {bound} | {row['seconds']:,.0f} | "
        f"{row['cpu']:,.0f} | {row['peak']:,.0f} | {row['people']:,} | {row['f']:.4f} | "
        f"{row['violations']} | {row['digest']} |"
    )


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--memory", type=int, default=4000, help="MB")
    parser.add_argument("--compare", type=int, default=100_000)
    parser.add_argument("--folder", default="out_of_core.tmp")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--make", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    given = arguments()
    if given.make:
        n, d, folder = given.make
        make(int(n), int(d), Path(folder))
    elif given.child:
        how, folder, megabytes = given.child
        child(how, Path(folder), int(megabytes))
    else:
        compare(given)


def compare(given):
    print(HEAD)
    for n in given.sizes:
        ways = ["memory", "disk"] if n <= given.compare else ["disk"]
        rows = [measured(n, given.length, how, given) for how in ways]
        print(*map(line, rows), sep="\n", flush=True)
        assert len({row["digest"] for row in rows}) == 1, "the partitions differ"
    if given.write:
        write(Path(given.folder))


def write(folder):
    rows = [json.loads(path.read_text()) for path in folder.glob("*/*.json")]
    rows.sort(key=lambda row: (row["n"], row["d"], row["how"] == "disk", -(row["memory"] or 0)))
    threads = " and ".join(sorted({row["threads"] for row in rows}))
    text = f"""# Clustering out of core

Written by `benchmarks/out_of_core.py`: synthetic identities (Gaussian model, sizes by a power law,
photos of 1 to 8 faces), float16 vectors in a file, threshold {THRESHOLD}, same-photo rule.
{os.cpu_count()} cores ({platform.machine()}) shared with much other work: CPU seconds count. BLAS
threads: {threads}. "Bound" is what was asked for; about 300 bytes a face come besides. "Peak" is
the whole process, mapped pages and the interpreter included. "Partition" is a digest of the labels:
the same digest, the same partition.

"""
    (HERE / "out_of_core.md").write_text("\n".join([text + HEAD, *map(line, rows)]) + "\n")


if __name__ == "__main__":
    main()
