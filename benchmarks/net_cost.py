"""Times the nets: milliseconds of processor time a face, one thread, batches of 32 chips.

    python benchmarks/net_cost.py [--rounds 5]

Writes benchmarks/net_cost.md. The choices are measured in turn, round by round, so that a change of
the machine's speed meets all of them.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from nets.core.api import Batch
from nets.core.crops import CROPS
from nets.engine import DEFAULT_HEAD, load_engine

CHOICES = (
    ("paper profile: `faceres` for everything", "faceres", "faceres"),
    ("`faceres`, ages by `faceres-deep`", "faceres", "faceres-deep"),
    ("`resnet29`, ages by `faceres-deep`", "resnet29", "faceres-deep"),
    ("`fused`, ages by `faceres-deep`", "fused", "faceres-deep"),
    (f"default: `fused`, ages by `{DEFAULT_HEAD}`", "fused", DEFAULT_HEAD),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    chips = {
        name: rng.integers(0, 255, (32, crop.size, crop.size, 3)).astype(np.uint8)
        for name, crop in CROPS.items()
    }
    engines = [load_engine(embedder=e, attributes=a) for _, e, a in CHOICES]
    taken: list[list[float]] = [[] for _ in CHOICES]
    for number in range(args.rounds + 1):
        for row, engine in enumerate(engines):
            started = time.process_time()
            engine.describe(Batch(chips))
            if number:
                taken[row].append((time.process_time() - started) / 32 * 1000)
    base = statistics.median(taken[0])
    lines = [
        "# What a face costs",
        "",
        f"Processor time, one thread, batches of 32, median of {args.rounds} rounds. "
        "Written by `benchmarks/net_cost.py`.",
        "",
        "| choice | ms a face | times the paper's |",
        "| --- | --- | --- |",
    ]
    for (name, _, _), times in zip(CHOICES, taken, strict=True):
        middle = statistics.median(times)
        lines.append(f"| {name} | {middle:.1f} | {middle / base:.1f} |")
    text = "\n".join([*lines, ""])
    print(text)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
