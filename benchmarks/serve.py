"""Times the pages of `album serve` on a library of 100,000 photos and 300,000 faces.

    python benchmarks/serve.py [--photos 100000] [--keep DIR] [--clients 50] [--seconds 20]

The library is made by bulk inserts, with vectors and ages of the real sizes; its files are links to
one drawn photo, so that pictures are decoded as they are in an album. The server is a process of
its own. Where Chromium and the extra `browser` are installed, pages are opened and scrolled in it,
too. Writes benchmarks/serve.md; says at the end, and by its exit code, whether all targets are met.
"""

import argparse
import http.client
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from serve_album import HUGE, LARGEST, make

ROOT = Path(__file__).parents[1]
PEOPLE_MS, PERSON_MS, MEMORY_MB, FRAME_MS = 300, 500, 400, 20


# A server, and clients.


@contextmanager
def serving(path: Path) -> Iterator[tuple[int, subprocess.Popen]]:
    """Run a server; give its port and process."""
    command = [sys.executable, "-m", "album", "--library", str(path), "serve", "--port", "0"]
    cache = path.parent / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    own = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=own)
    try:
        said = process.stdout.readline()
        yield int(re.search(r":(\d+)/", said)[1]), process
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stdout.close()


def memory_mb(process: subprocess.Popen, what: str = "VmHWM") -> float:
    """Return the memory of a process at its highest (VmHWM) or now (VmRSS)."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+) kB", status)[1]) / 1024


@dataclass
class Asked:
    """What came of a request: status, seconds to the first and to the last byte, bytes."""

    status: int
    first_s: float
    whole_s: float
    body: bytes = field(repr=False)


def ask(connection: http.client.HTTPConnection, path: str) -> Asked:
    started = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    first = time.perf_counter() - started
    body = answer.read()
    return Asked(answer.status, first, time.perf_counter() - started, body)


def processor_s(process: subprocess.Popen) -> float:
    """Return the processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def times_ms(port: int, process: subprocess.Popen, path: str, runs: int) -> list[float]:
    """Return milliseconds to the last byte of some requests, the first of them not counted.

    The last number is the mean of the milliseconds of processor time, which other programs on the
    machine don't change.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    found = [ask(connection, path)]
    before = processor_s(process)
    found += [ask(connection, path) for _ in range(runs)]
    used = (processor_s(process) - before) / runs
    connection.close()
    bad = [one.status for one in found if one.status != 200]
    if bad:
        raise SystemExit(f"{path} answered with {bad[0]}")
    return [*(1000 * one.whole_s for one in found[1:]), 1000 * used]


PAGES = (
    ("People", "/people"),
    ("People with all passers-by, by name", "/people?group=all&sort=name"),
    ("People, the 3000th on", "/api/v1/people?group=all&offset=3000&limit=120"),
    (f"Person with {LARGEST:,} faces", "/people/1"),
    ("the last faces of the same", f"/api/v1/people/1/faces?offset={LARGEST - 120}&limit=120"),
    (f"Person with {HUGE:,} faces", "/people/2"),
    ("Photo", "/photos/777"),
    ("Library", "/library"),
    ("Search: a person", "/search?q=%231"),
    ("Search: a year", "/search?q=2010"),
    ("Search: everything unnamed", "/search?q=unnamed"),
    ("Search: a person at an age", "/search?q=%231+age+25..30"),
    ("Search: a name in the picker", "/api/v1/people?group=all&limit=8&name=person%20of"),
    ("Map of faces", "/api/v1/map"),
)


def what_clients_ask(people: int, photos: int, rng: random.Random) -> str:
    """Return what somebody may ask for next."""
    return rng.choice((
        *("/people", "/people?group=all&sort=born", "/people/1", "/library", "/search?q=2010"),
        f"/people?offset={120 * rng.randrange(5)}",
        f"/people/{rng.randrange(1, people)}",
        f"/photos/{rng.randrange(1, photos)}",
        *[f"/faces/{rng.randrange(1, 3 * photos)}/176.jpg" for _ in range(6)],
        *[f"/photos/{rng.randrange(1, photos)}/320.jpg" for _ in range(3)],
        f"/search?q=%23{rng.randrange(1, people)}",
        "/api/v1/status",
    ))  # fmt: skip


@dataclass
class Crowd:
    """What many clients at once have met."""

    seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def crowd(port: int, clients: int, seconds: float, photos: int) -> Crowd:
    """Have many clients ask as fast as they can."""
    met, end = Crowd(), time.monotonic() + seconds

    def client(number: int) -> None:
        rng = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while time.monotonic() < end:
            path = what_clients_ask(5000, photos, rng)
            try:
                answer = ask(connection, path)
            except OSError as error:
                met.problems.append(f"{path}: {error!r}")
                connection.close()
                continue
            met.seconds.append(answer.whole_s)
            if answer.status not in (200, 304):
                met.problems.append(f"{path}: {answer.status} {answer.body[:200]!r}")
        connection.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return met


# A browser.

SCROLL = """async () => {
  const gaps = [], nodes = [];
  let last = performance.now(), y = 0, on = true;
  const tick = (now) => { gaps.push(now - last); last = now; if (on) requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
  const step = document.body.scrollHeight / STEPS;
  for (let n = 0; n < STEPS; n++) {
    window.scrollTo(0, y += step);
    await new Promise((done) => setTimeout(done, 40));
    nodes.push(document.querySelectorAll("*").length);
  }
  on = false;
  gaps.sort((a, b) => a - b);
  return { median: gaps[gaps.length >> 1], high: gaps[Math.floor(gaps.length * .99)],
           nodes: Math.max(...nodes), total: document.body.scrollHeight };
}"""


def in_browser(port: int) -> list[tuple[str, float, float, float, int]]:
    """Open and scroll the two long pages in Chromium; empty where there is none.

    Returns
    -------
    list of tuple
        Page; milliseconds to the first content; frame time while scrolling, median and 99th of a
        hundred; elements in the page at most.
    """
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return []
    if program is None:
        return []
    rows = []
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        for name, path in (
            ("People, all of them", "/people?group=all"),
            (f"Person with {LARGEST:,} faces", "/people/1"),
            (f"Person with {HUGE:,} faces", "/people/2"),
        ):
            paints = []
            for _ in range(4):
                page.goto(f"http://127.0.0.1:{port}{path}", wait_until="load")
                paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
                while page.evaluate(paint) is None:  # the page lets nobody wait in a script
                    page.wait_for_timeout(20)
                paints.append(page.evaluate(paint))
            moved = page.evaluate(SCROLL.replace("STEPS", "150"))
            first = statistics.median(paints[1:])
            rows.append((name, first, moved["median"], moved["high"], moved["nodes"]))
        browser.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--keep", type=Path, help="A folder for the library, used again.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        folder = args.keep or Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "library.db"
        started = time.perf_counter()
        if not path.exists():
            make(folder, args.photos)
        made_s = time.perf_counter() - started
        with serving(path) as (port, process):
            text, met = report(port, process, args, made_s, path)
    print(text)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    sys.exit(0 if met else 1)


def report(port: int, process, args, made_s: float, path: Path) -> tuple[str, bool]:
    middle, rows = {}, []
    load = os.getloadavg()[0]
    for name, address in PAGES:
        *taken, used = times_ms(port, process, address, args.runs)
        middle[name] = statistics.median(taken)
        told = (middle[name], min(taken), max(taken), used)
        rows.append(f"| {name} | {' | '.join(f'{one:.0f}' for one in told)} |")
        print(rows[-1], f"{memory_mb(process):.0f} MB", flush=True)
    alone = memory_mb(process)
    met = crowd(port, args.clients, args.seconds, args.photos)
    together = memory_mb(process)
    for problem in met.problems[:10]:
        print(problem)
    seen = in_browser(port)
    targets = targets_met(middle, together, args.clients, met, seen)
    text = [
        *library_told(port, path, load),
        "", "| target | measured | met |", "| --- | --- | --- |",
        *(f"| {name} | {told} | {'yes' if good else '**no**'} |" for name, told, good in targets),
        "", f"Milliseconds from the request to the last byte, {args.runs} requests after one that "
        "is not counted, and of processor time:", "",
        "| page | median | least | most | processor, mean |", "| --- | --- | --- | --- | --- |",
        *rows, "", *crowd_told(met, args), "",
        f"Memory of the server at its highest: {alone:.0f} MB after each page has been asked for "
        f"by one client, {together:.0f} MB after the {args.clients}.", "",
        *browser_told(seen),
    ]  # fmt: skip
    if not args.keep:
        text += [f"Making the library took {made_s:.0f} s.", ""]
    return "\n".join(text), all(good for _, _, good in targets)


def targets_met(
    middle: dict[str, float], together: float, clients: int, met, seen
) -> list[tuple[str, str, bool]]:
    person = middle[PAGES[3][0]]
    return [
        (f"People page < {PEOPLE_MS} ms", f"{middle['People']:.0f} ms",
         middle["People"] < PEOPLE_MS),
        (f"Person page with {LARGEST:,} faces < {PERSON_MS} ms",
         f"{person:.0f} ms to the last byte", person < PERSON_MS),
        (f"memory of the server < {MEMORY_MB} MB", f"{together:.0f} MB at its highest",
         together < MEMORY_MB),
        (f"{clients} clients without an error",
         f"{len(met.problems)} errors in {len(met.seconds):,} answers", not met.problems),
        *((f"first content of {row[0]} in Chromium < {PERSON_MS} ms", f"{row[1]:.0f} ms",
           row[1] < PERSON_MS) for row in seen[1:2]),
        *((f"scrolling of {row[0]} in Chromium: a frame within {FRAME_MS} ms",
           f"{row[2]:.0f} ms, median", row[2] < FRAME_MS) for row in seen),
    ]  # fmt: skip


def library_told(port: int, path: Path, load: float) -> list[str]:
    status = json.loads(urlopen(port, "/api/v1/status"))
    return [
        "# The album in a browser", "",
        f"A library of {status['photos']:,} photos, {status['faces']:,} faces, "
        f"{status['people']:,} people and {status['passers_by']:,} passers-by, a file of "
        f"{path.stat().st_size / 1e6:,.0f} MB; one server process, {os.cpu_count()} cores, which "
        f"the clients share; load average of the machine {load:.0f} before. Written by "
        "`benchmarks/serve.py`.",
    ]  # fmt: skip


def crowd_told(met, args) -> list[str]:
    seconds = sorted(met.seconds)
    half, most = (1000 * seconds[int(len(seconds) * part)] for part in (0.5, 0.99))
    return [
        f"{args.clients} clients that ask for pages and pictures as fast as they can, for "
        f"{args.seconds:.0f} s: {len(seconds) / args.seconds:,.0f} answers a second, half of them "
        f"within {half:.0f} ms, 99 % within {most:.0f} ms; {len(met.problems)} errors."
    ]


def browser_told(seen) -> list[str]:
    if not seen:
        return []
    return [
        "In Chromium, scrolling from the first to the last in 150 steps:", "",
        "| page | first content, ms | a frame, median, ms | 99 % within, ms "
        "| elements in the page at most |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {name} | {first:.0f} | {usual:.0f} | {high:.0f} | {nodes:,} |"
          for name, first, usual, high, nodes in seen), "",
    ]  # fmt: skip


def urlopen(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    return ask(connection, path).body


if __name__ == "__main__":
    main()
