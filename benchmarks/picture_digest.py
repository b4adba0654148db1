"""What the digest of a photo's picture costs `album index`, beside the content hash, in one run.

    python benchmarks/picture_digest.py [--data FOLDER] [--photos 40] [--rounds 5]

Indexes photos of 12 megapixels into new libraries, in turn with and without the digest, and counts
the processor time of the process and of its threads. Writes benchmarks/picture_digest.md.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from album.files.scan import content_hash
from album.metadata.picture_digest import digests

ROOT = Path(__file__).parents[1]
WITHOUT = """
import album.analysis.analyse as analyse
from album.files.scan import content_hash
from album.metadata.picture_digest import Digests
def only_content(path):
    found = content_hash(path)
    return Digests(found, found)
analyse.digests = only_content
"""
RUN = """
import resource, sys
{change}
from album.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
used = resource.getrusage(resource.RUSAGE_SELF)
print("cpu", used.ru_utime + used.ru_stime)
"""


def index(photos: Path, change: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", RUN.format(change=change), "index", "--jobs", "1"]
        command += ["--library", f"{folder}/library.db", str(photos)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def per_file(function, paths: list[Path], rounds: int) -> float:
    """Return the least seconds that a function takes for a file, on average over the files."""
    best = []
    for _ in range(rounds):
        started = time.process_time()
        for path in paths:
            function(path)
        best.append((time.process_time() - started) / len(paths))
    return min(best)


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        maker = [sys.executable, ROOT / "benchmarks" / "large_photos.py", folder]
        what = ["--data", options.data, "--photos", options.photos]
        subprocess.run([str(word) for word in (*maker, *what)], check=True)
        paths = sorted(Path(folder).glob("*.jpg"))
        megabytes = sum(path.stat().st_size for path in paths) / len(paths) / 1e6
        alone = per_file(content_hash, paths, options.rounds)
        both = per_file(digests, paths, options.rounds)
        used: dict[str, list[float]] = {"": [], WITHOUT: []}
        for number in range(options.rounds):
            for change in (("", WITHOUT), (WITHOUT, ""))[number % 2]:
                used[change].append(index(Path(folder), change))
    with_it, without = min(used[""]), min(used[WITHOUT])
    median = statistics.median(used[""]) / statistics.median(used[WITHOUT])
    share = (both - alone) * len(paths) / without
    table = [
        "# The digest of pictures",
        "",
        f"{len(paths)} photos of 12 megapixels, {megabytes:.1f} MB each, indexed into new",
        "libraries in turn with and without the digest; processor time.",
        "",
        "| | milliseconds a photo |",
        "| --- | --- |",
        f"| content hash alone | {1000 * alone:.2f} |",
        f"| content hash and digest of the picture, one pass | {1000 * both:.2f} |",
        f"| `album index` without the digest | {1000 * without / len(paths):.1f} |",
        f"| `album index` with it | {1000 * with_it / len(paths):.1f} |",
        "",
        f"By the first two rows the digest is {100 * share:.1f} % of an index; whole runs",
        f"take {with_it / without:.3f} times as long by the best of {options.rounds} rounds, "
        f"{median:.3f} by the medians.",
    ]
    (ROOT / "benchmarks" / "picture_digest.md").write_text("\n".join(table) + "\n")
    print("\n".join(table))


if __name__ == "__main__":
    main()
