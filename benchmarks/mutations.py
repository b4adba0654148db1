"""Reads 10,000 broken files as `album index` does, and counts what became of them.

    python benchmarks/mutations.py [--files 10000] [--seed 0]

Made from one small file of each format by flipped bits, cuts, swapped headers, pieces left out,
repeated or exchanged, and sizes that lie. Each is read, with everything up to the crops of faces,
by a process with a bound on its memory; a crash or a hang counts against its file. Writes
benchmarks/mutations.md, and names the cases that ended badly.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.album.mutations import ADDRESS_SPACE, HANG_S, Result, cases, originals, run  # noqa: E402

BAD = ("crash", "hang", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        names = list(originals(Path(folder)))
    started = time.monotonic()
    found: dict[str, list[Result]] = defaultdict(list)
    for number, result in enumerate(run(cases(names, options.files, options.seed)), 1):
        found[result.case.name].append(result)
        if result.outcome in BAD or result.seconds > 10:
            print(result)
        if number % 500 == 0:
            print(f"{number} of {options.files}, {time.monotonic() - started:.0f} s", flush=True)
    text = report(found, options.files, time.monotonic() - started)
    (ROOT / "benchmarks" / "mutations.md").write_text(text)
    print(text)


def report(found: dict[str, list[Result]], files: int, seconds: float) -> str:
    every = [result for results in found.values() for result in results]
    total = Counter(result.outcome for result in every)
    unexplained = [r for r in every if r.outcome not in ("read", "skipped") and not r.reason]
    lines = [
        "# Broken files",
        "",
        f"Written by `benchmarks/mutations.py`: {files:,} files in {seconds:.0f} seconds, one",
        f"after the other. Each is read by a process that may map {ADDRESS_SPACE >> 30} GB",
        f"and must answer within {HANG_S:.0f} seconds.",
        "",
        "| | |",
        "| --- | --- |",
        f"| crashes; hangs; out of memory | **{'; '.join(str(total[bad]) for bad in BAD)}** |",
        f"| refused without a reason | **{len(unexplained)}** |",
        f"| slowest file | {max(r.seconds for r in every):.2f} s |",
        f"| peak memory of a reader | {max(r.megabytes for r in every):.0f} MB |",
        f"| read all the same; refused; no picture any more | {total['read']}; "
        f"{len(every) - total['read'] - total['skipped']}; {total['skipped']} |",
        "",
    ]
    stages = sorted({r.outcome for r in every} - {"read", "skipped", *BAD})
    header = ["made from", "files", "read", *stages, "no picture", "crash, hang", "slowest, s"]
    lines += [f"| {' | '.join(header)} |", f"| {' | '.join(['---'] * len(header))} |"]
    for name, results in sorted(found.items()):
        counts = Counter(result.outcome for result in results)
        row = [name, len(results), counts["read"], *(counts[stage] for stage in stages)]
        row += [counts["skipped"], sum(counts[bad] for bad in BAD)]
        row.append(f"{max(result.seconds for result in results):.2f}")
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
