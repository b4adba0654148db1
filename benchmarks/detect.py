"""Our MTCNN beside facenet-pytorch's, on WIDER FACE, and on reduced photos; writes `detect.md`.

    python benchmarks/detect.py --reference OTHER/bin/python [--data DATA] [--write]

OTHER is an environment with the extra ``[reference]``. Both detectors see each photo in turn, in
one run; the time is that of the detector on decoded pixels, by the clock and of the processor.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from nets.core.api import Detections  # noqa: E402
from nets.core.boxes import overlaps  # noqa: E402
from nets.detectors import mtcnn as ours  # noqa: E402
from nets.detectors.mtcnn import FIRST_PIXEL, Mtcnn  # noqa: E402
from nets.detectors.mtcnn_pixels import Pixels  # noqa: E402

ALIKE = 0.7
"""Overlap (IoU) at which two detectors are taken to mean the same face."""
FOUND = 0.5
"""Overlap at which a labelled face of WIDER counts as found, as usual there."""
BUSY = (
    "On a busy machine believe the processor times of one thread: threads of PyTorch that wait for "
    "each other do so by spinning, which makes its row of two threads look worse than it is when "
    "nothing else runs."
)
VIEW = 1600
"""Longer side in pixels of a reduced photo."""


def decode(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))


def pairs(a, b, least: float) -> list[tuple[int, int]]:
    """Match boxes one to one, the best overlap first."""
    matrix = overlaps(np.asarray(a, np.float32), np.asarray(b, np.float32))
    matched = []
    while matrix.size and matrix.max() >= least:
        row, column = np.unravel_index(matrix.argmax(), matrix.shape)
        matched.append((int(row), int(column)))
        matrix[row], matrix[:, column] = -1, -1
    return matched


class Reference:
    """facenet-pytorch in a process of its own, asked one photo at a time."""

    def __init__(self, python: str, threads: int) -> None:
        command = [python, str(HERE / "golden_mtcnn.py"), "--serve", "--threads", str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, path: Path) -> tuple[list[float], np.ndarray]:
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        boxes = np.reshape(said["boxes"], (-1, 4)).astype(np.float32)
        return said["seconds"], boxes - FIRST_PIXEL

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def clocks() -> np.ndarray:
    """Seconds by the clock and of the processor; the latter suffers less from a busy machine."""
    return np.array([time.perf_counter(), time.process_time()])


def timed(detector: Mtcnn, image: np.ndarray) -> tuple[np.ndarray, Detections]:
    start = clocks()
    found = detector.detect(image)
    return clocks() - start, found


def side_by_side(folder: Path, python: str, threads: list[int], rounds: int) -> str:
    """Both on every photo in turn, `rounds` times; the time of a photo is its fastest."""
    paths = sorted(folder.glob("*.jpg"))
    both = {n: (Reference(python, n), Mtcnn(threads=n)) for n in threads}
    for reference, detector in both.values():
        reference(paths[0])
        detector.detect(decode(paths[0]))
    seconds = {n: np.full((2, rounds, len(paths), 2), np.inf) for n in threads}
    faces = {n: Counter() for n in threads}
    for turn in range(rounds):
        for number, path in enumerate(paths):
            image = decode(path)
            for n, (reference, detector) in both.items():
                seconds[n][0, turn, number], theirs = reference(path)
                seconds[n][1, turn, number], found = timed(detector, image)
                same = len(pairs(theirs, found.boxes, ALIKE))
                faces[n].update(theirs=len(theirs), ours=len(found), same=same)
    for reference, _ in both.values():
        reference.close()
    rows = [row_of_sides(n, seconds[n], faces[n], rounds) for n in threads]
    head = ["threads", "facenet-pytorch, ms a photo", "ours", "times as fast"]
    head += ["facenet-pytorch, processor ms", "ours", "times as little"]
    return table([*head, "its faces", "of them matched", "extra"], rows)


def row_of_sides(threads: int, seconds: np.ndarray, faces: Counter, rounds: int) -> list:
    row: list = [threads]
    for reference, own in 1000 * seconds.min(axis=1).mean(axis=1).T:
        row += [f"{reference:.0f}", f"{own:.0f}", f"{reference / own:.1f}"]
    matched, extra = faces["same"], faces["ours"] - faces["same"]
    shares = [f"{count / faces['theirs']:.1%}" for count in (matched, extra)]
    return [*row, faces["theirs"] // rounds, *shares]


def profile(folder: Path) -> str:
    """Where our time goes, one thread, in ms of the processor a photo."""
    spent: Counter = Counter()
    detector = Mtcnn(threads=1)
    images = [decode(path) for path in sorted(folder.glob("*.jpg"))]
    detector.detect(images[0])
    with stopwatch(detector, spent):
        start = time.process_time()
        for image in images:
            detector.detect(image)
        total = time.process_time() - start
    spent["rest"] = total - sum(spent.values())
    rows = [[name, f"{1000 * value / len(images):.1f}"] for name, value in spent.most_common()]
    return table(["stage", "processor ms"], [*rows, ["all", f"{1000 * total / len(images):.1f}"]])


@contextmanager
def stopwatch(detector: Mtcnn, spent: Counter):
    """Count the time in the nets, in Pillow and in suppression."""

    def watched(name, function):
        def call(*arguments, **options):
            start = time.process_time()
            result = function(*arguments, **options)
            spent[name] += time.process_time() - start
            return result

        return call

    def levels(pixels, wanted):
        made = plain[1](pixels, wanted)
        while True:
            start = time.process_time()
            level = next(made, None)
            spent["pyramid (Pillow)"] += time.process_time() - start
            if level is None:
                return
            yield level

    plain = Pixels.__init__, Pixels.levels, Pixels.chips, ours.suppress, detector._sessions
    Pixels.__init__ = watched("pyramid (Pillow)", plain[0])
    Pixels.levels = levels
    Pixels.chips = watched("chips (Pillow)", plain[2])
    ours.suppress = watched("suppression (NumPy)", plain[3])
    detector._sessions = {
        name: Watched(session, watched(f"{name} (ONNX Runtime)", session.run))
        for name, session in plain[4].items()
    }
    yield
    Pixels.__init__, Pixels.levels, Pixels.chips, ours.suppress, detector._sessions = plain


class Watched:
    """A session whose `run` is timed."""

    def __init__(self, session, run) -> None:
        self.get_inputs, self.run = session.get_inputs, run


def wider(folder: Path) -> str:
    """Recall and precision on WIDER FACE by smallest face and last threshold."""
    labels = json.loads((folder / "boxes.json").read_text())
    images = {name: decode(folder / Path(name).name) for name in labels}
    rows = []
    for min_face in (20, 30, 40, 60):
        detector = Mtcnn(min_face=min_face)
        results = {name: timed(detector, image) for name, image in images.items()}
        milliseconds = 1000 * np.mean([seconds[1] for seconds, _ in results.values()])
        for threshold in (0.7, 0.8, 0.9, 0.95):
            counts: Counter = Counter()
            for name, (_, found) in results.items():
                counts += score(labels[name], found.take(found.scores > threshold))
            recall = [f"{counts[f'found{s}'] / counts[f'faces{s}']:.3f}" for s in (20, 40, 80)]
            precision = f"{counts['right'] / (counts['right'] + counts['wrong']):.3f}"
            rows.append([min_face, threshold, *recall, precision, f"{milliseconds:.0f}"])
    sizes = [f"recall of faces >= {size} px" for size in (20, 40, 80)]
    return table(["min_face", "last threshold", *sizes, "precision", "processor ms"], rows)


def score(labels: list, found: Detections) -> Counter:
    """Count labelled faces by height and found boxes; invalid labels and their boxes don't count.

    A found box is right if it meets a labelled face of any size.
    """
    boxes = np.array([label[:4] for label in labels], np.float32).reshape(-1, 4)
    valid = np.array([not label[7] for label in labels], bool)
    boxes[:, 2:] += boxes[:, :2]
    matched = pairs(boxes, found.boxes, FOUND)
    hit = np.zeros(len(boxes), bool)
    hit[[row for row, _ in matched]] = True
    counts = Counter(right=int(hit[valid].sum()), wrong=len(found) - len(matched))
    height = boxes[:, 3] - boxes[:, 1]
    for size in (20, 40, 80):
        large = valid & (height >= size)
        counts[f"faces{size}"], counts[f"found{size}"] = int(large.sum()), int((hit & large).sum())
    return counts


def reduced(folders: list[Path]) -> str:
    """What is lost when photos are decoded at a longer side of `VIEW` pixels."""
    paths = [path for folder in folders for path in sorted(folder.glob("*.jp*g"))]
    large = [(path, image) for path in paths if max((image := decode(path)).shape) > VIEW]
    views = [view(path) for path, _ in large]
    scales = [
        max(small.shape) / max(image.shape) for (_, image), small in zip(large, views, strict=True)
    ]
    alike = [
        timed(Mtcnn(min_face=40 / scale), image)
        for (_, image), scale in zip(large, scales, strict=True)
    ]
    usual = Mtcnn()
    found = [len(usual.detect(image)) for _, image in large]
    rows = [row_of_views("full size, min_face 40 px of the view", alike, alike, scales, own=True)]
    for min_face in (40, 30, 20):
        detector = Mtcnn(min_face=min_face)
        small = [timed(detector, image) for image in views]
        rows.append(row_of_views(f"view, min_face {min_face}", small, alike, scales))
    head = ["detection on", "faces >= 40 px of the view", "found again", "new", "processor ms"]
    return (
        f"{len(large)} photos larger than that, JPEG decoded at the reduced scale next above it. "
        f"At full size with min_face 40 they have {sum(found)} faces, small ones included. Below, "
        "faces are those found at full size that are 40 pixels high or more in the view; new ones "
        f"are as large, and are found in the view alone.\n\n{table(head, rows)}"
    )


def view(path: Path) -> np.ndarray:
    """Decode a JPEG at the reduced scale next above `VIEW`, then shrink it."""
    with Image.open(path) as opened:
        share = VIEW / max(opened.size)
        opened.draft("RGB", tuple(round(side * share) for side in opened.size))
        upright = ImageOps.exif_transpose(opened).convert("RGB")
        upright.thumbnail((VIEW, VIEW), Image.Resampling.BILINEAR, reducing_gap=2)
        return np.asarray(upright)


def row_of_views(name: str, found: list, full: list, scales: list, *, own: bool = False) -> list:
    faces = again = extra = 0
    for (_, there), (_, here), scale in zip(full, found, scales, strict=True):
        boxes = there.boxes * np.float32(scale)
        large = boxes[:, 3] - boxes[:, 1] >= 40
        mine = boxes if own else here.boxes
        matched = pairs(boxes, mine, FOUND)
        faces += int(large.sum())
        again += sum(bool(large[row]) for row, _ in matched)
        new = np.ones(len(mine), bool)
        new[[column for _, column in matched]] = False
        extra += int((new & (mine[:, 3] - mine[:, 1] >= 40)).sum())
    milliseconds = 1000 * np.mean([seconds[1] for seconds, _ in found])
    return [name, faces, f"{again} ({again / faces:.1%})", extra, f"{milliseconds:.0f}"]


def table(head: list, rows: list[list]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", metavar="PYTHON")
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    data = Path(os.environ.get("ALBUM_DATA", options.data))
    group = data / "album_g20"
    load = (
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start."
    )
    parts = ["# The detector", f"Written by `benchmarks/detect.py`. {load}"]
    if options.reference:
        measured = side_by_side(group, options.reference, options.threads, options.rounds)
        parts += ["## Beside facenet-pytorch: `album_g20`, min_face 40", measured, BUSY]
    parts += ["## Where our time goes: `album_g20`, one thread", profile(group)]
    parts += ["## WIDER FACE, 200 photos", wider(data / "wider_dev")]
    parts += [
        f"## Photos reduced to a longer side of {VIEW} pixels",
        reduced([group, data / "album_cameras"]),
    ]
    text = "\n\n".join(parts) + "\n"
    print(text)
    if options.write:
        (HERE / "detect.md").write_text(text)


if __name__ == "__main__":
    main()
