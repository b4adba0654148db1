"""Approximate searches for the pairs within the threshold, beside the exact one.

    python benchmarks/approximate.py --real LENGTH=FILE:THRESHOLD --only 30000x128 [--methods ...]

Every run is a process of its own, on one thread, on the same vectors with the same-photo rule. All
searches go through `clustering.linkage.approximate`, which checks what they find with the full
vectors; only who proposes the pairs differs: faiss by an inverted file (range search), usearch and
hnswlib by a graph (HNSW), which gives the k nearest of each row. "Recall" is of the pairs that the
first search should have found. Prints a table; benchmarks/approximate.md is made of several runs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from linkage import memory  # noqa: E402
from synthetic import faces, model_for  # noqa: E402

from clustering.evaluation.metrics import evaluate  # noqa: E402
from clustering.linkage import approximate  # noqa: E402
from clustering.linkage import linkage as room  # noqa: E402
from clustering.linkage.constraints import Constraints  # noqa: E402

METHODS = ["exact", "faiss 8", "faiss 16", "faiss 32", "usearch 64", "hnswlib 64"]


def usearch_pairs(nearest):
    def neighbours(rows, radius):
        from usearch.index import Index

        index = Index(ndim=rows.shape[1], metric="l2sq", dtype="f32")
        index.add(np.arange(len(rows)), rows, threads=1)
        for at in range(0, len(rows), 2048):
            found = index.search(rows[at : at + 2048], nearest, threads=1)
            yield near(at, found.keys.astype(np.int64), found.distances, radius)

    return neighbours


def hnswlib_pairs(nearest):
    def neighbours(rows, radius):
        import hnswlib

        index = hnswlib.Index("l2", rows.shape[1])
        index.init_index(len(rows), ef_construction=128, M=16, random_seed=1)
        index.add_items(rows, num_threads=1)
        index.set_ef(nearest)
        for at in range(0, len(rows), 2048):
            keys, far = index.knn_query(rows[at : at + 2048], nearest, num_threads=1)
            yield near(at, keys.astype(np.int64), far, radius)

    return neighbours


def near(at, keys, far, radius):
    rows = np.repeat(np.arange(at, at + len(keys)), keys.shape[1])
    within = far.ravel() <= radius
    return rows[within], keys.ravel()[within]


def set_up(method):
    """Make `clustering.linkage.approximate` use a method; return what to pass as `pairs`."""
    if method == "exact":
        return "exact"
    name, number = method.split()
    if name == "faiss":
        import faiss

        faiss.omp_set_num_threads(1)
        approximate._PROBES = int(number)
    else:
        makers = {"usearch": usearch_pairs, "hnswlib": hnswlib_pairs}
        approximate._neighbours = makers[name](int(number))
    return "approximate"


def child(method, folder, threshold):
    vectors, photo = np.load(folder / "vectors.npy"), np.load(folder / "photo.npy")
    pairs = set_up(method)
    first = []

    def watch(search):
        def watched(*args, **kwargs):
            start = time.process_time()
            graph = search(*args, **kwargs)
            if not first:
                first.append(time.process_time() - start)
                np.savez(folder / f"{method}.npz", a=graph.a, b=graph.b)
            return graph

        return watched

    room.pairs_within = watch(room.pairs_within)
    room.approximate_pairs = watch(room.approximate_pairs)
    room.APPROXIMATE_FROM = 20_000
    before = memory("VmRSS")
    start = time.process_time()
    labels = room.cluster(vectors, threshold, constraints=Constraints(groups=photo), pairs=pairs)
    took = time.process_time() - start
    added = memory("VmHWM") - before
    np.save(folder / f"{method}.npy", labels)
    scores = evaluate(np.load(folder / "person.npy"), labels, photos=photo)
    said = {"cpu": took, "added": added, "search": first[0], "f": scores.bcubed_f}
    print(json.dumps(said | {"violations": scores.violations}))


def recall(folder, method):
    """Share of the pairs of the exact first search that the other found."""
    n = len(np.load(folder / "photo.npy"))
    with np.load(folder / "exact.npz") as want, np.load(folder / f"{method}.npz") as found:
        keys = want["a"].astype(np.int64) * n + want["b"]
        return float(np.isin(keys, found["a"].astype(np.int64) * n + found["b"]).mean())


def row(n, d, method, folder, threshold):
    command = [sys.executable, __file__, "--child", method, str(folder), str(threshold)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"| {n:,} x {d} | {method} | {done.stderr.strip().splitlines()[-1][:60]} |"
    took = json.loads(done.stdout)
    exact, labels = np.load(folder / "exact.npy"), np.load(folder / f"{method}.npy")
    same = evaluate(exact, labels)
    return (
        f"| {n:,} x {d} | {method} | {took['search']:.1f} | {took['cpu']:.1f} | "
        f"{took['added']:,.0f} | {recall(folder, method):.3f} | {same.bcubed_f:.4f} | "
        f"{same.ari:.4f} | {took['f']:.4f} | {took['violations']} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", metavar="LENGTH=FILE:THRESHOLD")
    parser.add_argument("--only", default="30000x128")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    if given.child:
        method, folder, threshold = given.child
        child(method, Path(folder), float(threshold))
        return
    path, threshold = given.real.split("=", 1)[1].rsplit(":", 1) if given.real else (None, 1.1)
    print(
        "| faces | pairs by | first search, CPU s | all, CPU s | added MB | recall of pairs "
        "| B3 F, exact | ARI, exact | B3 F, people | rule broken |"
    )
    n, d = map(int, given.only.split("x"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = faces(n, model_for(d, path))
        for key in ("vectors", "photo", "person"):
            np.save(folder / f"{key}.npy", getattr(made, key))
        del made
        for method in given.methods.split(","):
            print(row(n, d, method, folder, float(threshold)), flush=True)


if __name__ == "__main__":
    main()
