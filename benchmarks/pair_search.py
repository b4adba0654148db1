"""The search for near pairs on workers, beside the same in one process: overhead and bytes moved.

    python benchmarks/pair_search.py 100000 [--workers 1,2] [--hosts 1,2] [--write]

Synthetic identities as in benchmarks/out_of_core.py, one thread for each process. Workers are those
that `album regroup --workers` starts. Hosts are network namespaces behind a bridge (as root, with
ip from iproute2; left out where that is not allowed), a worker process on each; their bytes are
counted by the network. Processor time is that of the coordinator and of all workers. `--write`
writes benchmarks/pair_search.md.
"""

import argparse
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

# Before NumPy is there: one thread for each process, or nothing could be compared.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from cluster import namespaces  # noqa: E402
from synthetic import faces, model_for  # noqa: E402

from album.distributed import dask  # noqa: E402
from album.distributed.addresses import Tls  # noqa: E402
from album.distributed.pairs import PairSearch  # noqa: E402
from album.distributed.pool import Pool  # noqa: E402
from album.grouping.memory import CHUNKS, LEAST_CHUNK  # noqa: E402
from clustering.linkage import linkage as room  # noqa: E402
from clustering.linkage.constraints import Constraints  # noqa: E402
from clustering.linkage.graph import Resources  # noqa: E402
from tests.album.distributed.processes import end, free_port, scheduler, started  # noqa: E402

THRESHOLD = 1.1
HEAD = """\
| faces | searched by | s | search, s | coordinator, CPU s | workers, CPU s | \
all CPU beside one process | MB moved | partition |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"""


def clustered(vectors, photo, spread, searches):
    """Cluster and return what it took; `searches` gets the seconds of each search."""
    whole = room._graph

    def timed(*given, **more):
        start = time.perf_counter()
        found = whole(*given, **more)
        searches.append(time.perf_counter() - start)
        return found

    room._graph = timed
    try:
        chunk = None if spread is None else max(LEAST_CHUNK, -(-len(vectors) // CHUNKS))
        using = Resources(chunk=chunk, tile_search=spread)
        start, cpu = time.perf_counter(), time.process_time()
        labels = room.cluster(
            vectors, THRESHOLD, constraints=Constraints(groups=photo), resources=using
        )
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    finally:
        room._graph = whole
    return seconds, cpu, hashlib.sha256(labels.astype("<i8").tobytes()).hexdigest()[:16]


def moved():
    """Return the bytes that came to hosts so far, as their side of the bridge counts them."""
    counters = Path("/sys/class/net").glob("albumv*/statistics/tx_bytes")
    return sum(int(one.read_text()) for one in counters)


def worked(cluster):
    """Return the processor seconds of all workers so far."""
    asked = [cluster.submit([address], time.process_time) for address in cluster.workers()]
    return sum(one.result().value for one in asked)


def on_workers(vectors, photo, cluster, expected):
    until = time.monotonic() + 120
    while len(cluster.workers()) < expected and time.monotonic() < until:
        time.sleep(0.1)
    before, bytes_before = worked(cluster), moved()
    searches = []
    took = clustered(vectors, photo, PairSearch(Pool(cluster)), searches)
    return *took, sum(searches), worked(cluster) - before, moved() - bytes_before


@contextmanager
def hosts(count):
    """Have a worker on each of some hosts; yield who talks to their scheduler."""
    with namespaces(count) as net:
        address = f"tcp://{net.ours}:{(port := free_port())}"
        first = scheduler(port, host=net.ours)
        inside = [
            started("worker", "--insecure", address, "--workers", 1, before=net.inside(i))
            for i in range(count)
        ]
        time.sleep(10)
        cluster = dask.connect(address, Tls(insecure=True))
        try:
            yield cluster
        finally:
            cluster.close()
            end(*inside, first)


def rows(n, given):
    """Yield the lines of the table for one size."""
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "vectors.npy"
        made = faces(n, model_for(128))
        np.save(stored, made.vectors)
        photo = made.photo
        del made
        vectors = np.load(stored, mmap_mode="r")
        searches = []
        seconds, alone, digest = clustered(vectors, photo, None, searches)
        yield line(n, "one process", seconds, sum(searches), (alone, 0.0), alone, None, digest)
        for name, count, opened in ways(given):
            try:
                with ExitStack() as stack:
                    found = on_workers(vectors, photo, opened(stack), count)
            except (OSError, subprocess.CalledProcessError) as error:
                yield f"| {n:,} | {name} | can't be made here ({error}) | | | | | | |"
                continue
            seconds, cpu, got, search, busy, sent = found
            assert got == digest, "the partitions differ"
            bytes_moved = sent if "host" in name else None
            yield line(n, name, seconds, search, (cpu, busy), alone, bytes_moved, got)


def ways(given):
    def here(count):
        def opened(stack):
            cluster = dask.start(count)
            stack.callback(cluster.close)
            return cluster

        return opened

    for count in given.workers:
        yield f"{count} worker{'s' * (count > 1)}", count, here(count)
    for count in given.hosts:
        yield (
            f"{count} host{'s' * (count > 1)}",
            count,
            lambda stack, count=count: stack.enter_context(hosts(count)),
        )


def line(n, name, seconds, search, cpus, alone, sent, digest):
    more = "" if not cpus[1] else f"{sum(cpus) / alone:.2f}"
    return (
        f"| {n:,} | {name} | {seconds:.1f} | {search:.1f} | {cpus[0]:.1f} | {cpus[1]:.1f} | "
        f"{more} | {'' if sent is None else f'{sent / 1e6:,.0f}'} | {digest} |"
    )


def numbers(text):
    return [int(part) for part in text.split(",") if part]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="+", type=int)
    parser.add_argument("--workers", type=numbers, default=[1, 2])
    parser.add_argument("--hosts", type=numbers, default=[1, 2])
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    lines = [HEAD]
    print(HEAD, flush=True)
    for n in given.sizes:
        for text in rows(n, given):
            print(text, flush=True)
            lines.append(text)
    if given.write:
        (HERE / "pair_search.md").write_text(
            f"""# The search for near pairs on workers

Written by `benchmarks/pair_search.py`: 128 numbers a face, float32, synthetic identities, threshold
{THRESHOLD}, same-photo rule, one thread a process, {os.cpu_count()} cores ({platform.machine()})
shared with other work, so processor time counts. "Search" is the part that is spread; the rest
(merging) is the coordinator's. Hosts are network namespaces behind a bridge, a worker on each; what
came to them through the network is "moved". The same partition everywhere.

"""
            + "\n".join(lines)
            + "\n"
        )


if __name__ == "__main__":
    main()
