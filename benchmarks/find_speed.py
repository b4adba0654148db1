"""Times `album find` as whole processes, on a library of 100,000 faces in 20,000 photos.

    python benchmarks/find_speed.py [--faces 100000] [--runs 5]

Writes benchmarks/find_speed.md.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from people_speed import make, times

QUERIES = (
    "",
    "--person 1",
    "--person 1 --json",
    "--person 1 --without 2 --year 2005..2010 --age 25..",
    "--any-of 1 --any-of 2 --any-of 3 --only",
    "--age 20..22 --gender m",
    "--faces 5.. --year 2010",
    "--unnamed --count",
    "--without 1 --json",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    rows = [
        "# Finding photos",
        "",
        f"Whole processes on a library of {args.faces:,} faces, {args.faces // 5:,} photos and "
        f"{args.faces // 25:,} people; {args.runs} runs after one that is not counted, "
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.0f} before the first. "
        "Written by `benchmarks/find_speed.py`.",
        "",
        "| command | photos found | seconds, median | least | most | of a processor, mean |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "library.db"
        make(path, args.faces)
        command = [sys.executable, "-m", "album", "find", "--library", str(path)]
        for query in QUERIES:
            words = query.split()
            filters = [word for word in words if word not in ("--json", "--count")]
            found = count([*command, *filters, "--count"])
            before = processor()
            taken = times([*command, *words], args.runs)
            busy = (processor() - before) / (args.runs + 1)
            middle = statistics.median(taken)
            told = f"`album find {query}`".replace(" `", "`")
            rows.append(
                f"| {told} | {found:,} | {middle:.2f} | {min(taken):.2f} | {max(taken):.2f} | "
                f"{busy:.2f} |"
            )
    text = "\n".join([*rows, ""])
    print(text)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


def processor() -> float:
    """Seconds of processor time of the processes so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def count(command: list[str]) -> int:

    said = subprocess.run(command, check=True, capture_output=True)
    return int(said.stdout)


if __name__ == "__main__":
    main()
