"""RetinaFace beside MTCNN on WIDER FACE: average precision, thresholds fitted and judged, time.

    python benchmarks/retinaface.py [--data FOLDER] [--model FILE] [--reference PYTHON]

`--reference` names a Python that has facenet-pytorch, whose MTCNN is then timed, too. Writes
benchmarks/retinaface.md. Faces count as easy from 50 pixels of height on, as medium from 30 and as
hard from 10, since the organisers' own lists are not in the labels.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from album.evaluation.detection import (
    LabelledPicture,
    average_precision,
    judge,
    open_end,
    read_wider,
)
from nets.core.api import Detections, Detector
from nets.detectors.mtcnn import Mtcnn
from nets.detectors.retinaface import CLOSER, FIRST, Pass, RetinaFace
from nets.runtime.addable import ADDABLE

PUBLISHED = {50: 0.873, 30: 0.836, 10: 0.638}
DRAWS = 400
Image = np.ndarray

FACENET = """
import sys, time, json, numpy as np, torch
from PIL import Image
from facenet_pytorch import MTCNN
torch.set_num_threads(1)
net = MTCNN(keep_all=True, min_face_size=40)
pictures = [Image.open(path).convert("RGB") for path in json.load(sys.stdin)]
net.detect(pictures[0])
started = time.process_time()
for picture in pictures: net.detect(picture)
print((time.process_time() - started) / len(pictures) * 1000)
"""


def timed(
    images: Sequence[Image], look: Callable[[Image], Detections]
) -> tuple[list[Detections], float]:
    look(images[0])
    started = time.process_time()
    found = [look(image) for image in images]
    return found, (time.process_time() - started) / len(images) * 1000


def score(
    pictures: Sequence[LabelledPicture], found: Sequence[Detections], height: float
) -> tuple[np.ndarray, np.ndarray, int]:
    judged = [
        judge(f, p.boxes, p.valid & (p.boxes[:, 3] - p.boxes[:, 1] >= height))
        for p, f in zip(pictures, found, strict=True)
    ]
    return (
        np.concatenate([j.scores for j in judged]),
        np.concatenate([j.right for j in judged]),
        sum(j.wanted for j in judged),
    )


def precision_row(pictures: list[LabelledPicture], found: list[Detections]) -> list[str]:
    """Average precisions, each with the interval that redrawn photos give."""
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(pictures), (DRAWS, len(pictures)))
    cells = []
    for height in PUBLISHED:
        middle = average_precision(*score(pictures, found, height))
        drawn = [
            average_precision(*score([pictures[i] for i in d], [found[i] for i in d], height))
            for d in draws
        ]
        low, high = np.quantile(drawn, [0.025, 0.975])
        cells.append(f"{middle:.3f} ({low:.3f}–{high:.3f})")
    return cells


def threshold_at(
    pictures: Sequence[LabelledPicture], found: Sequence[Detections], wanted: float
) -> float:
    """Lowest threshold that keeps the precision wanted."""
    scores, right, _ = score(pictures, found, 0)
    order = np.argsort(-scores)
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= wanted)
    return float(scores[order][enough[-1]]) if len(enough) else 1.0


def default_row(pictures: list[LabelledPicture], found: list[Detections]) -> list[str]:
    _, right, _ = score(pictures, found, 0)
    cells = [f"{right.mean():.3f}"]
    for height in (20, 30, 40, 80):
        _, hit, wanted = score(pictures, found, height)
        cells.append(f"{hit.sum() / wanted:.3f}")
    return cells


def thresholds(pictures: list[LabelledPicture], images: list[Image], net: RetinaFace) -> list[str]:
    rows = [
        "| pass | fitted on | threshold for precision .93 | precision there on the other half |",
        "| --- | --- | --- | --- |",
    ]
    for name, how in (("first, 640", FIRST), ("closer, 960, faces under 128 pixels", CLOSER)):
        open_pass = Pass(how.side, 0.05, how.largest)
        found = [net.look(image, open_pass) for image in images]
        for half in (0, 1):
            fit, other = slice(half, None, 2), slice(1 - half, None, 2)
            at = threshold_at(pictures[fit], found[fit], 0.93)
            judged = [one.take(one.scores >= at) for one in found[other]]
            _, right, _ = score(pictures[other], judged, 0)
            rows.append(
                f"| {name} | {('even', 'odd')[half]} photos | {at:.2f} | {right.mean():.3f} |"
            )
        rows.append(f"| {name} | ships | {how.threshold:.2f} | |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("ALBUM_DATA", "../shared/data"))
    )
    parser.add_argument("--model", type=Path)
    parser.add_argument("--reference", help="a Python with facenet-pytorch")
    args = parser.parse_args()
    from PIL import Image as Pixels

    model = args.model or args.data / "weights" / "mobilenet0.25_Final.pth"
    pictures = read_wider(args.data / "wider_dev")
    images = [np.asarray(Pixels.open(one.path).convert("RGB")) for one in pictures]
    net = RetinaFace(model, sha256=ADDABLE["retinaface"].sha256)
    small = RetinaFace(model, sha256=ADDABLE["retinaface"].sha256, min_face=20)
    default, ours = default_rows(pictures, images, net, small)
    _, once = timed(images, lambda image: net.look(image, FIRST))
    lines = [
        "# RetinaFace beside MTCNN",
        "",
        f"{len(pictures)} photos of WIDER FACE val, most 1,024 pixels long. Written by "
        "`benchmarks/retinaface.py`.",
        "",
        "Average precision, with the interval of 95 % over redrawn photos:",
        "",
        "| | easy | medium | hard |",
        "| --- | --- | --- | --- |",
        *precision_rows(pictures, images, net),
        "",
        "What comes out at the thresholds that ship: precision, recall of faces at least so many "
        "pixels high, and processor time on one thread.",
        "",
        "| | precision | 20 | 30 | 40 | 80 | ms a photo |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *default,
        f"| RetinaFace, one pass at 640 alone | | | | | | {once:.1f} |",
        "",
        f"One pass takes 1/{ours / once:.1f} of the time of our MTCNN.",
        *_reference(args.reference, pictures, once),
        "",
        "Thresholds, each fitted on half of the photos and judged on the other:",
        "",
        *thresholds(pictures, images, net),
        "",
    ]
    text = "\n".join(lines)
    print(text)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


def precision_rows(
    pictures: list[LabelledPicture], images: list[Image], net: RetinaFace
) -> list[str]:
    wide, _ = open_end(Mtcnn(min_face=40))
    everything = Pass(FIRST.side, 0.05)
    rows = []
    for name, look in (
        ("RetinaFace, one pass at 640", lambda image: net.look(image, everything)),
        ("MTCNN, smallest face 40", wide.detect),
    ):
        found, _ = timed(images, look)
        rows.append(f"| {name} | {' | '.join(precision_row(pictures, found))} |")
    rows.append("| the checkpoint on all of WIDER val, by its authors | .873 | .836 | .638 |")
    return rows


def default_rows(
    pictures: list[LabelledPicture], images: list[Image], net: RetinaFace, small: RetinaFace
) -> tuple[list[str], float]:
    """Return a row for each detector, and the milliseconds that MTCNN takes for a photo."""
    detectors: dict[str, Detector] = {
        "MTCNN, smallest face 40": Mtcnn(min_face=40),
        "RetinaFace as `album index` uses it, smallest face 40": net,
        "MTCNN, smallest face 20": Mtcnn(min_face=20),
        "RetinaFace, smallest face 20": small,
    }
    rows, times = [], []
    for name, detector in detectors.items():
        found, took = timed(images, detector.detect)
        times.append(took)
        cells = " | ".join(default_row(pictures, found))
        rows.append(f"| {name} | {cells} | {took:.1f} |")
    return rows, times[0]


def _reference(python: str | None, pictures: list[LabelledPicture], once: float) -> list[str]:
    if not python:
        return []
    paths = json.dumps([str(one.path) for one in pictures[::5]])
    answer = subprocess.run(
        [python, "-c", FACENET], input=paths, capture_output=True, text=True, check=True
    )
    ms = float(answer.stdout.split()[-1])
    return [
        f"facenet-pytorch's MTCNN with the same weights and settings takes {ms:.0f} ms on one "
        f"thread in the same run (every fifth photo): {ms / once:.1f} times that of one pass."
    ]


if __name__ == "__main__":
    sys.exit(main())
