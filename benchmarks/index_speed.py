"""Times `album index` beside the straightforward pipeline, in turn, on the same folders.

    python benchmarks/index_speed.py FOLDER... --reference /path/to/python [--rounds 3]

The straightforward pipeline decodes each photo in full with Pillow, finds faces with
facenet-pytorch's MTCNN at the same smallest face, and runs the same nets (ONNX Runtime, all cores)
one face at a time. It runs in an environment of its own, which has
the `[reference]` extra and onnxruntime. Writes benchmarks/index_speed.md.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]

STRAIGHTFORWARD = """
import json, sys, time
from pathlib import Path
import numpy as np
from PIL import Image, ImageOps
from facenet_pytorch import MTCNN
from nets.core.api import Detections
from nets.engine import load_engine

folders = sys.argv[1:]
nets = load_engine(detector="fake", threads=0)  # the default but for the detector
detector = MTCNN(keep_all=True, min_face_size=40, device="cpu")
paths = sorted(p for f in folders for p in Path(f).rglob("*") if p.is_file())
started, faces, photos = time.perf_counter(), 0, 0
for path in paths:
    try:
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    except Exception:
        continue
    photos += 1
    boxes, scores, points = detector.detect(image, landmarks=True)
    if boxes is None:
        continue
    pixels = np.asarray(image)
    found = Detections(*(np.asarray(a, np.float32) for a in (boxes, points, scores)))
    for row in range(len(found)):
        one = found.take(np.array([row]))
        nets.describe(nets.crop(pixels, one))
        faces += 1
print(json.dumps({"seconds": time.perf_counter() - started, "faces": faces, "photos": photos}))
"""


def straightforward(python: str, folders: list[str]) -> dict:
    command = [python, "-c", STRAIGHTFORWARD, *folders]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.strip().splitlines()[-1])


def peak_of(pid: int) -> float:
    """Largest resident size of a finished or running process so far, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def ours(folders: list[str]) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        library = str(Path(folder) / "library.db")
        command = [sys.executable, "-m", "album", "--library", library, "index", "--json", *folders]
        started = time.perf_counter()
        peak = 0.0
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
        ) as process:
            while process.poll() is None:
                with contextlib.suppress(OSError):
                    peak = max(peak, peak_of(process.pid))
                time.sleep(0.1)
            said = json.loads(process.stdout.read())
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "faces": said["faces"], "photos": said["photos"], "peak": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--reference", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    folders = [str(Path(folder).absolute()) for folder in args.folders]
    rounds = []
    for number in range(args.rounds):
        rounds.append((ours(folders), straightforward(args.reference, folders)))
        print(number, rounds[-1], flush=True)
    peak = max(own["peak"] for own, _ in rounds)
    (Path(__file__).with_suffix(".md")).write_text(table(rounds, peak), encoding="utf-8")


def table(rounds: list[tuple[dict, dict]], peak: float) -> str:
    lines = [
        "# `album index` beside the straightforward pipeline",
        "",
        f"{os.cpu_count()} cores, medians of {len(rounds)} rounds, taken in turn. "
        "Written by `benchmarks/index_speed.py`.",
        "",
        "| | photos | faces | seconds, all included | faces a second |",
        "| --- | --- | --- | --- | --- |",
    ]
    names = ("`album index`, start-up, storing and grouping included", "straightforward")
    speeds = []
    for name, runs in zip(names, zip(*rounds, strict=True), strict=True):
        seconds = statistics.median(run["seconds"] for run in runs)
        faces, photos = runs[0]["faces"], runs[0]["photos"]
        speeds.append([run["faces"] / run["seconds"] for run in runs])
        speed = statistics.median(speeds[-1])
        lines.append(f"| {name} | {photos} | {faces} | {seconds:.1f} | {speed:.1f} |")
    ratios = [a / b for a, b in zip(*speeds, strict=True)]
    lines += [
        "",
        f"Faces a second, ratio by round: median **{statistics.median(ratios):.2f}** "
        f"({min(ratios):.2f} to {max(ratios):.2f}). Peak memory of `album index`: {peak:.0f} MB.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
