"""What RetinaFace sees large: true where a smaller look sees it too, and wrong where not.

    python benchmarks/retinaface_large.py [--data FOLDER] [--model FILE]

`SEEN` and the threshold of `FARTHER` (nets/detectors/retinaface.py) were read off the first half of
each row, the pictures with even numbers; the second half judges. Writes
benchmarks/retinaface_large.md.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from album.evaluation.detection import read_wider
from nets.core.api import Detections
from nets.core.boxes import overlaps
from nets.detectors.retinaface import FARTHER, FIRST, LARGE, SAME, SEEN, RetinaFace
from nets.runtime.addable import ADDABLE

BLUR = 1024 / 24
"""Longest side of a blurred picture in units of the radius."""


@dataclass(slots=True)
class Row:
    """What was found in one kind of pictures: per half, finds and whether they were confirmed."""

    pictures: int = 0
    first: list[int] = field(default_factory=lambda: [0, 0])
    seen: list[int] = field(default_factory=lambda: [0, 0])
    alone: list[int] = field(default_factory=lambda: [0, 0])
    faces: int = 0


def kinds(data: Path) -> Iterator[tuple[str, int, Image.Image, np.ndarray | None]]:
    """Yield a kind, a number, a picture and, of WIDER FACE, the boxes that are labelled."""
    for number, path in enumerate(sorted((data / "fgnet_dev").rglob("*.[jJ][pP][gG]"))):
        yield "FG-NET, portraits", number, Image.open(path), None
    for number, path in enumerate(sorted((data / "lfw_dev").rglob("*.jpg"))[::15]):
        yield "LFW, enlarged to 640", number, Image.open(path).resize((640, 640)), None
    for number, path in enumerate(sorted((data / "utkface_dev").rglob("*.jpg"))[::40]):
        yield "UTKFace at 640: a face fills the picture", number, _enlarged(path), None
    for number, picture in enumerate(read_wider(data / "wider_dev")):
        image = Image.open(picture.path).convert("RGB")
        yield "WIDER FACE", number, image, picture.boxes
        blurred = image.filter(ImageFilter.GaussianBlur(max(image.size) / BLUR))
        yield "WIDER FACE, out of focus", number, blurred, picture.boxes


def _enlarged(path: Path) -> Image.Image:
    return Image.open(path).resize((640, 640))


def large(net: RetinaFace, image: Image.Image) -> tuple[Detections, Detections, Detections]:
    """Return large finds of the first look, all of the smaller one, and what comes out."""
    scale = max(max(image.size) / FIRST.side, 1.0)
    first = net.look(image, FIRST)
    smaller = net.look(image, replace(FARTHER, threshold=SEEN))
    return first.take(_sides(first) > LARGE * scale), smaller, net.detect(image)


def _sides(faces: Detections) -> np.ndarray:
    return (faces.boxes[:, 2:] - faces.boxes[:, :2]).max(axis=1, initial=0)


def add(
    rows: dict[str, Row], kind: str, number: int, net: RetinaFace, image: Image.Image, boxes
) -> None:
    found, smaller, all_faces = large(net, image)
    seen = overlaps(found.boxes, smaller.boxes).max(axis=1, initial=0) >= SAME
    sure = smaller.take((smaller.scores >= FARTHER.threshold) & (_sides(smaller) > _least(image)))
    alone = overlaps(sure.boxes, found.boxes).max(axis=1, initial=0) < SAME
    if boxes is None:
        _count(rows.setdefault(kind, Row()), number, seen, alone, len(all_faces))
        return
    for name, right in (("a face is labelled", True), ("no face is labelled", False)):
        chosen = (overlaps(found.boxes, boxes).max(axis=1, initial=0) >= SAME) == right
        by_itself = (overlaps(sure.boxes, boxes).max(axis=1, initial=0) >= SAME) == right
        row = rows.setdefault(f"{kind}, where {name}", Row())
        _count(row, number, seen[chosen], alone[by_itself], 0)


def _least(image: Image.Image) -> float:
    return LARGE * max(max(image.size) / FIRST.side, 1.0)


def _count(row: Row, number: int, seen: np.ndarray, alone: np.ndarray, faces: int) -> None:
    half = number % 2
    row.pictures += 1
    row.first[half] += len(seen)
    row.seen[half] += int(seen.sum())
    row.alone[half] += int(alone.sum())
    row.faces += faces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("ALBUM_DATA", "../shared/data"))
    )
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    model = args.model or args.data / "weights" / "mobilenet0.25_Final.pth"
    net = RetinaFace(model, sha256=ADDABLE["retinaface"].sha256)
    rows: dict[str, Row] = {}
    for kind, number, image, boxes in kinds(args.data):
        add(rows, kind, number, net, image.convert("RGB"), boxes)
    text = report(rows)
    print(text)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


def report(rows: dict[str, Row]) -> str:
    lines = [
        "# Large faces, looked at twice",
        "",
        f"Finds of the first look (640 pixels, score {FIRST.threshold:g}) that are larger than "
        f"{LARGE:g} of its pixels; how many of them a look at {FARTHER.side} pixels sees, too, with"
        f" a score of {SEEN:g} or more; and what that look alone finds so large with "
        f"{FARTHER.threshold:g} or more. Each number is that of the pictures by which the two "
        "scores were chosen, and of the others. Written by `benchmarks/retinaface_large.py`.",
        "",
        "| pictures | finds of the first look | seen smaller, too | seen smaller only "
        "| faces a picture in the end |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind, row in rows.items():
        pairs = (row.first, row.seen, row.alone)
        cells = " | ".join(f"{one}, {other}" for one, other in pairs)
        faces = f"{row.faces / row.pictures:.2f}" if row.faces else ""
        lines.append(f"| {kind} | {cells} | {faces} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
