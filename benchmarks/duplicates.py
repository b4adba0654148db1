"""How alike the hashes of one picture saved anew are, and those of different pictures.

    python benchmarks/duplicates.py [--data FOLDER]

Thresholds are looked for on every second photo and judged on the others. Writes
benchmarks/duplicates.md.
"""

import argparse
import io
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from album.indexing.duplicates import BURST_BITS, SAME_BITS
from album.media.perceptual_hash import bits_apart, perceptual_hash

FOLDERS = ("album_g20", "album_cameras", "wider_dev", "lfw_dev")
Pixels = Image.Image


def jpeg(image: Pixels, quality: int) -> Pixels:
    held = io.BytesIO()
    image.save(held, "JPEG", quality=quality)
    return Image.open(held).convert("RGB")


def brighter(image: Pixels) -> Pixels:
    return Image.fromarray((np.asarray(image) * 1.12).clip(0, 255).astype(np.uint8))


def moved(image: Pixels) -> Pixels:
    """The same scene a moment later: the camera has moved by two hundredths, and light flickers."""
    width, height = image.size
    dx, dy = width // 50, height // 50
    return brighter(image.crop((dx, dy, width, height)))


VARIANTS = {
    "saved at quality 60": lambda image: jpeg(image, 60),
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "a quarter of the size, quality 75": lambda image: jpeg(
        image.resize((image.width // 4, image.height // 4)), 75
    ),
    "12 % brighter": brighter,
    "moved by 2 % and brighter": moved,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("ALBUM_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=default)
    args = parser.parse_args()
    paths = [p for f in FOLDERS for p in sorted((args.data / f).rglob("*.jpg"))[:400]]
    hashes, variants = [], {name: [] for name in VARIANTS}
    for path in paths:
        image = Image.open(path).convert("RGB")
        hashes.append(perceptual_hash(image))
        for name, change in VARIANTS.items():
            variants[name].append(perceptual_hash(change(image)))
    own = np.array(hashes, np.int64)
    a, b = np.triu_indices(len(own), 1)
    halves = {"even": (a % 2 == 0) & (b % 2 == 0), "odd": (a % 2 == 1) & (b % 2 == 1)}
    apart = bits_apart(own[a], own[b])
    lines = [
        "# Near-duplicates",
        "",
        f"{len(own)} photos of groups, cameras, WIDER FACE and LFW. Written by "
        "`benchmarks/duplicates.py`. Bits in which perceptual hashes differ, of 64.",
        "",
        f"| one picture, | median | 90 % | 99 % | at most {SAME_BITS} | at most {BURST_BITS} |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, found in variants.items():
        far = bits_apart(own, np.array(found, np.int64))
        share = " | ".join(f"{(far <= bits).mean():.1%}" for bits in (SAME_BITS, BURST_BITS))
        middle = " | ".join(f"{np.quantile(far, q):.0f}" for q in (0.5, 0.9, 0.99))
        lines.append(f"| {name} | {middle} | {share} |")
    lines += [
        "",
        f"| pairs of different photos | pairs | at most {SAME_BITS} | at most {BURST_BITS} |",
        "| --- | --- | --- | --- |",
    ]
    for name, half in halves.items():
        counts = [int((apart[half] <= bits).sum()) for bits in (SAME_BITS, BURST_BITS)]
        lines.append(f"| {name} photos | {int(half.sum()):,} | {counts[0]} | {counts[1]} |")
    lines += [
        "",
        f"{BURST_BITS} bits count for photos taken within seconds only; {SAME_BITS} always.",
        "",
    ]
    text = "\n".join(lines)
    print(text)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
