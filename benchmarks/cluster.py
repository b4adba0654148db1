"""Reading on workers beside reading in threads: overhead, hosts, and what killing does.

    ALBUM_DATA=... python benchmarks/cluster.py [--parts overhead,kills,hosts] [--photos 2000]

Needs the extra `test`, and LFW in $ALBUM_DATA/lfw_dev. The part `hosts` makes network namespaces
(as root, with ip from iproute2) and ends with a sentence where that is not allowed. Each part
writes its own section of benchmarks/cluster.md.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from db.library import Library  # noqa: E402
from tests.album.albums import pairs  # noqa: E402
from tests.album.distributed.processes import (  # noqa: E402
    end,
    free_port,
    kill_a_worker,
    scheduler,
    started,
    until_listening,
    wait_for,
)
from tests.album.indexing.test_sharing import content  # noqa: E402

REPORT = Path(__file__).with_suffix(".md")
HEAD = """# Reading on many workers

`python benchmarks/cluster.py`: `album index --workers` and `--scheduler` beside `--jobs`.
"""


@dataclass
class Ran:
    """Seconds, processor seconds, peak memory of the first process in MB, and the output."""

    seconds: float
    cpu: float
    memory: float
    out: str


def lfw(count: int, folder: Path) -> Path:
    """Copy photos of LFW into one folder, all of different contents."""
    source = sorted((Path(os.environ["ALBUM_DATA"]) / "lfw_dev").rglob("*.jpg"))
    folder.mkdir(parents=True)
    for i, path in enumerate(source[:count]):
        shutil.copyfile(path, folder / f"{i:05}.jpg")
    return folder


def watched(process: subprocess.Popen) -> Ran:
    """Wait for a process; add up what it and all below it have used."""
    began, used, memory = time.perf_counter(), {}, 0.0
    root = psutil.Process(process.pid)
    out: list[str] = []
    reader = threading.Thread(target=lambda: out.extend(process.communicate()))
    reader.start()
    while reader.is_alive():
        try:
            memory = max(memory, root.memory_info().rss / 1e6)
            for one in (root, *root.children(recursive=True)):
                times = one.cpu_times()
                used[one.pid] = times.user + times.system
        except psutil.Error:
            pass
        reader.join(0.25)
    return Ran(time.perf_counter() - began, sum(used.values()), memory, "".join(out))


def index(library: Path, photos: Path, *words: object, profile: str = "default", before=()):
    return started(
        *("index", "--library", library, "--profile", profile, "--no-clips", photos, *words),
        before=before,
    )


def held(path: Path):
    with Library.open(path) as library:
        return content(library)


def overhead(folder: Path, count: int, rounds: int) -> str:
    photos = lfw(count, folder / "photos")
    ran: dict[str, list[Ran]] = {"--jobs 2": [], "--workers 2": []}
    for i in range(rounds):
        for how, runs in ran.items():
            library = folder / f"{how[2:3]}{i}.db"
            runs.append(watched(index(library, photos, *how.split(), "--no-group")))
            print(how, runs[-1].seconds, runs[-1].cpu, flush=True)
    best = {how: min(runs, key=lambda one: one.seconds) for how, runs in ran.items()}
    jobs, workers = best["--jobs 2"], best["--workers 2"]
    lines = [
        f"{count} photos of LFW, the default nets and emotions, without grouping; the better of "
        f"{rounds} runs of each, in turn. Start-up is included.\n",
        "| | seconds | photos/s | processor seconds | memory of the first process |",
        "| --- | --- | --- | --- | --- |",
    ]
    for how, one in best.items():
        lines.append(
            f"| `{how}` | {one.seconds:.0f} | {count / one.seconds:.1f} | {one.cpu:.0f} | "
            f"{one.memory:.0f} MB |"
        )
    lines += [
        "",
        f"Overhead: **{workers.seconds / jobs.seconds - 1:+.0%}** of the time, "
        f"{workers.cpu / jobs.cpu - 1:+.0%} of the processor time.",
        same(held(folder / "j0.db"), held(folder / "w0.db")),
    ]
    return "\n".join(lines)


def same(one, other) -> str:
    """Say how equal two libraries are: `content` of each."""
    if one == other:
        return "Both libraries are equal, every number in every bit."
    import numpy as np

    pairs = list(zip(one[1], other[1], strict=True))
    plain = all(a[:9] == b[:9] for a, b in pairs)
    vectors = [
        (np.frombuffer(a[9], np.float16), np.frombuffer(b[9], np.float16))
        for a, b in pairs
        if a[9] is not None
    ]
    different = [(a, b) for a, b in vectors if (a != b).any()]
    worst = max((float(np.abs(a - b).max()) for a, b in different), default=0.0)
    files = "are" if one[0] == other[0] else "are NOT"
    boxes = "are" if plain else "are NOT"
    return (
        f"Files {files} equal; photos, boxes and scores {boxes}; of {len(vectors)} vectors "
        f"{len(different)} differ, by {worst:.2g} at most."
    )


def kills(folder: Path, count: int) -> str:
    lines = [
        "A worker killed (SIGKILL) when a random number of photos was stored, or the scheduler "
        "killed then and started again up to three seconds later; "
        "equal: files, faces, vectors and people are those of an undisturbed run.\n",
        "| nets | killed | runs | of them while photos were read | equal to an undisturbed run |",
        "| --- | --- | --- | --- | --- |",
    ]
    sets = (
        ("fake", pairs(folder / "drawn", 300), 300, 20, 5),
        ("default", lfw(count, folder / "photos"), count, 4, 2),
    )
    for profile, photos, files, workers, schedulers in sets:
        reference = folder / f"{profile}.db"
        index(reference, photos, "--workers", 2, profile=profile).communicate()
        wanted = held(reference)
        for what, runs in (("worker", workers), ("scheduler", schedulers)):
            hit = equal = 0
            for seed in range(runs):
                path = folder / f"{profile}-{what}-{seed}.db"
                run = a_worker if what == "worker" else the_scheduler
                met = run(path, photos, profile, random.Random(seed), files)
                hit += met
                equal += held(path) == wanted
                print(profile, what, seed, met, held(path) == wanted, flush=True)
            lines.append(f"| {profile} | {what} | {runs} | {hit} | {equal} |")
    return "\n".join(lines)


def a_worker(path: Path, photos: Path, profile: str, chance: random.Random, files: int) -> bool:
    process = index(path, photos, "--workers", 2, profile=profile)
    wait_for(process, path, chance.randrange(1, files * 3 // 4))
    kill_a_worker(process, chance, within=0.5)
    _, err = process.communicate()
    told(process, err)
    return "what it had goes to others" in err


def told(process: subprocess.Popen, err: str) -> None:
    """Show what a run says that did not end as it should: 0, or 3 with files that can't be read."""
    if process.returncode not in (0, 3):
        print(process.returncode, err, flush=True)


def the_scheduler(
    path: Path, photos: Path, profile: str, chance: random.Random, files: int
) -> bool:
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    first = scheduler(port)
    until_listening(port)
    workers = started("worker", address, "--workers", 2)
    process = index(path, photos, "--scheduler", address, profile=profile)
    wait_for(process, path, chance.randrange(1, files * 3 // 4))
    first.kill()
    first.communicate()
    time.sleep(chance.uniform(0, 3))
    second = scheduler(port)
    _, err = process.communicate()
    end(workers, second)
    told(process, err)
    return "The scheduler is gone" in err


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass(frozen=True)
class Hosts:
    """Hosts behind one bridge: our own address, and the names of their namespaces."""

    ours: str
    names: list[str]

    def inside(self, i: int) -> tuple[str, ...]:
        """Return what comes before a command to run it on a host."""
        return ("ip", "netns", "exec", self.names[i])


@contextmanager
def namespaces(count: int) -> Iterator[Hosts]:
    """Make hosts in network namespaces; names and addresses are this process's alone."""
    own = os.getpid()
    bridge, net = f"alb{own}", f"10.{77 + own // 200 % 100}.{own % 200}"
    names = [f"alb{own}h{i}" for i in range(count)]
    ip("link", "add", bridge, "type", "bridge")
    made: list[str] = []
    try:
        ip("addr", "add", f"{net}.1/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        for i, name in enumerate(names):
            ip("netns", "add", name)
            made.append(name)
            veth = f"alb{own}v{i}"
            ip("link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", veth, "master", bridge, "up")
            ip("-n", name, "addr", "add", f"{net}.{10 + i}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield Hosts(f"{net}.1", names)
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", bridge], check=False, capture_output=True)


def hosts(folder: Path, count: int) -> str:
    photos = lfw(count, folder / "photos")
    lines = [
        f"{count} photos of LFW; scheduler and coordinator on one host, a worker process of one "
        "thread on each other host; hosts are network namespaces behind a bridge, on 2 cores in "
        "all. Workers had joined before.\n",
        "| hosts that read | seconds | photos/s | processor seconds, scheduler and all |",
        "| --- | --- | --- | --- |",
    ]
    took: dict[int, Ran] = {}
    try:
        with namespaces(2) as net:
            for n in (1, 2):
                took[n] = on_hosts(folder / f"h{n}.db", photos, net, n)
                lines.append(row(f"{n}", took[n], count))
    except (OSError, subprocess.CalledProcessError) as error:
        return f"Network namespaces can't be made here ({error})."
    threads = watched(index(folder / "t.db", photos, "--jobs", 2, "--no-group"))
    lines += [
        row("none: `--jobs 2`", threads, count),
        "",
        f"Two hosts beside one: {took[1].cpu / took[2].cpu:.0%} of the work done for the same "
        f"processor time. Two hosts beside two threads: {took[2].cpu / threads.cpu - 1:+.0%} of "
        f"the processor time, {took[2].seconds / threads.seconds - 1:+.0%} of the time, in which "
        "scheduler and coordinator share the two cores with the workers.",
        same(held(folder / "t.db"), held(folder / "h2.db")),
    ]
    return "\n".join(lines)


def row(what: str, ran: Ran, count: int) -> str:
    return f"| {what} | {ran.seconds:.0f} | {count / ran.seconds:.1f} | {ran.cpu:.0f} |"


def used(*processes: subprocess.Popen) -> float:
    """Return the processor seconds of processes and all below them, until now."""
    total = 0.0
    for process in processes:
        root = psutil.Process(process.pid)
        for one in (root, *root.children(recursive=True)):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def on_hosts(library: Path, photos: Path, net: Hosts, n: int) -> Ran:
    port = free_port()
    address = f"tcp://{net.ours}:{port}"
    first = scheduler(port, host=net.ours)
    inside = [
        started("worker", "--insecure", address, "--workers", 1, before=net.inside(i))
        for i in range(n)
    ]
    time.sleep(15)
    try:
        before = used(first, *inside)
        ran = watched(index(library, photos, "--insecure", "--scheduler", address, "--no-group"))
        print(ran.out, flush=True)
        return replace(ran, cpu=ran.cpu + used(first, *inside) - before)
    finally:
        end(*inside, first)


def write(title: str, text: str) -> None:
    """Put a section into the report, in the place of the one of the same title."""
    before = REPORT.read_text() if REPORT.exists() else HEAD
    section = f"\n## {title}\n\n{text}\n"
    there = re.compile(rf"\n## {re.escape(title)}\n.*?(?=\n## |\Z)", re.S)
    after = there.sub(lambda _: section, before) if there.search(before) else None
    REPORT.write_text((after or before.rstrip("\n") + "\n" + section).rstrip("\n") + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default="overhead,kills,hosts")
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    few = min(args.photos, 400)
    parts = {
        "overhead": ("Overhead", lambda at: overhead(at, args.photos, args.rounds)),
        "kills": ("Killed workers and schedulers", lambda at: kills(at, few)),
        "hosts": ("Hosts", lambda at: hosts(at, args.photos)),
    }
    for name in args.parts.split(","):
        title, run = parts[name]
        with tempfile.TemporaryDirectory() as folder:
            write(title, run(Path(folder)))


if __name__ == "__main__":
    main()
