"""`album index` on 300 photos of 12 megapixels beside the straightforward pipeline, in one run.

    python benchmarks/throughput.py --reference PYTHON [--data FOLDER] [--photos 300] [--sample 24]

`--reference` names a Python with facenet-pytorch and tensorflow. The straightforward pipeline
decodes in full with Pillow, runs facenet-pytorch's MTCNN at its defaults and the MobileNet in Keras
on one face at a time; it takes seconds a photo, so it sees `--sample` of the photos. Our index runs
whole, start-up, storing and grouping included, in turn with it. Writes benchmarks/throughput.md.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
VIEW = 1600
CORES = os.cpu_count() or 1

STRAIGHTFORWARD = """
import json, os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
from PIL import Image, ImageOps
from facenet_pytorch import MTCNN
from nets.arch.mobilenet import multi_output_mobilenet, preprocess

paths = json.load(sys.stdin)
detector = MTCNN(keep_all=True, device="cpu")
net = multi_output_mobilenet()  # its weights do not matter for the time
chip = np.zeros((1, 224, 224, 3), np.uint8)
net.predict_on_batch(preprocess(chip))
found = {}
started = time.perf_counter()
for path in paths:
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    boxes, scores = detector.detect(image)
    found[path] = []
    for box in [] if boxes is None else boxes:
        face = image.crop([int(edge) for edge in box]).resize((224, 224))
        net.predict_on_batch(preprocess(np.asarray(face)[None]))
        found[path].append([float(edge) for edge in box])
print(json.dumps({"seconds": time.perf_counter() - started, "found": found}))
"""


def straightforward(python: str, paths: list[Path]) -> dict:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    listed = json.dumps([str(path) for path in paths])
    done = subprocess.run([python, "-c", STRAIGHTFORWARD], input=listed, text=True,
                          capture_output=True, check=True, env=environment)  # fmt: skip
    return json.loads(done.stdout.strip().splitlines()[-1])


class Peak(threading.Thread):
    """Watches the resident memory of a process."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.cpu = pid, 0.0, 0.0

    def run(self) -> None:
        while True:
            try:
                status = Path(f"/proc/{self.pid}/status").read_text()
                times = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                return
            for line in status.splitlines():
                if line.startswith("VmHWM"):
                    self.peak = max(self.peak, int(line.split()[1]) / 1024)
            self.cpu = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
            time.sleep(0.05)


def index(photos: Path, library: Path, *options: str) -> dict:
    command = [
        sys.executable,
        "-m",
        "album",
        "--library",
        str(library),
        "index",
        "--json",
        *options,
    ]
    started = time.perf_counter()
    process = subprocess.Popen([*command, str(photos)], stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.DEVNULL, cwd=ROOT)  # fmt: skip
    watch = Peak(process.pid)
    watch.start()
    said = json.loads(process.communicate()[0])
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "faces": said["faces"], "photos": said["photos"],
            "peak": watch.peak, "cpu": watch.cpu}  # fmt: skip


def decode_only(paths: list[Path]) -> float:
    """Seconds for decoding every file at the scale that the index decodes it at."""
    from album.media import decoding, headers

    def one(path: Path) -> None:
        decoding.read_image(path, headers.read_header(path), max_side=VIEW)

    started = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(one, paths))
    return time.perf_counter() - started


def boxes_of(library: Path) -> dict[str, np.ndarray]:
    from db.library import Library
    from db.people.faces import face_rows

    found: dict[str, list] = {}
    with Library.open(library, read_only=True) as opened:
        for face in face_rows(opened):
            found.setdefault(Path(face.path).name, []).append(face.box)
    return {name: np.array(boxes, np.float32) for name, boxes in found.items()}


def recall(
    truth: dict[str, list], found: dict[str, np.ndarray], names: list[str]
) -> tuple[int, int]:
    """How many of the pasted faces of 40 pixels and more, in a view of 1600, were found."""
    from nets.core.boxes import overlaps

    hit = wanted = 0
    for name in names:
        boxes = np.array(truth[name], np.float32).reshape(-1, 4)
        wanted += len(boxes)
        if len(boxes) and len(found.get(name, ())):
            hit += int((overlaps(boxes, found[name]).max(axis=1) > 0.3).sum())
    return hit, wanted


def profile(paths: list[Path], detector: str, model: Path) -> list[tuple[str, float]]:
    """Processor time of each part, one photo after the other in one thread."""
    from album.analysis.analyse import Analyser
    from album.dates import photo_date
    from album.files import scan
    from album.media import decoding, headers
    from nets.engine import load_engine

    engine = load_engine(detector=detector, models=model)
    analyser = Analyser(engine)
    spent: dict[str, float] = {}

    def timed(name: str, function):
        def call(*args, **kwargs):
            started = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent[name] = spent.get(name, 0.0) + time.thread_time() - started

        return call

    read = timed("decode", decoding.read_upright)
    real, decoding.read_upright = decoding.read_upright, read
    try:
        for path in paths:
            header = timed("header", headers.read_header)(path)
            timed("hash", scan.content_hash)(path)
            timed("date", photo_date.read_date)(path, header)
            before = spent.get("decode", 0.0)
            _, batch, *_ = timed("detect and crop", analyser.faces)(path, header)
            spent["detect and crop"] -= spent["decode"] - before
            timed("nets", engine.describe)(batch)
    finally:
        decoding.read_upright = real
    return sorted(spent.items(), key=lambda item: -item[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", required=True)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("ALBUM_DATA", "../shared/data"))
    )
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--sample", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="photos that large_photos.py has made")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        photos = args.folder or Path(work) / "photos"
        if not (photos / "truth.json").is_file():
            maker = Path(__file__).with_name("large_photos.py")
            subprocess.run([sys.executable, maker, photos, "--data", args.data, "--photos",
                            str(args.photos)], check=True)  # fmt: skip
        models = Path(work) / "models"
        models.mkdir()
        shutil.copy(args.data / "weights" / "mobilenet0.25_Final.pth", models / "retinaface.pth")
        os.environ["ALBUM_MODELS"] = str(models)
        text = measured(args, photos, models, Path(work))
    print(text)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


def measured(args: argparse.Namespace, photos: Path, models: Path, work: Path) -> str:
    truth = json.loads((photos / "truth.json").read_text())
    paths = sorted(photos.glob("*.jpg"))
    sample = paths[:: max(1, len(paths) // args.sample)][: args.sample]
    runs: dict[str, list[dict]] = {"mtcnn": [], "retinaface": []}
    decode, plain = [], []
    boxes = {}
    for number in range(args.rounds):
        for detector, told in runs.items():
            library = work / f"{detector}{number}.db"
            told.append(index(photos, library, "--detector", detector))
            boxes[detector] = boxes_of(library)
            print(detector, told[-1], flush=True)
        decode.append(decode_only(paths))
        part = sample[number :: args.rounds]
        said = straightforward(args.reference, part)
        plain.append(said["seconds"] / len(part))
        boxes["plain"] = boxes.get("plain", {}) | {
            Path(path).name: np.array(found, np.float32) for path, found in said["found"].items()
        }
        print("decode", decode[-1], "straightforward", plain[-1], flush=True)
    faces = sum(map(len, truth.values()))
    lines = [
        "# 12-megapixel photos",
        "",
        f"{len(paths)} JPEGs of 4000 x 3000 pixels with 0 to 5 faces (`large_photos.py`), "
        f"{faces} faces of 40 to 400 pixels where the photo is 1,600 long; "
        f"{CORES} cores; medians of {args.rounds} rounds in turn, of the whole command with "
        f"start-up, storing and grouping. The straightforward pipeline saw {len(sample)} of the "
        "photos. "
        "Written by `benchmarks/throughput.py`.",
        "",
        *speeds(runs, decode, plain, truth, boxes, paths),
        "",
        "On the photos that all saw, pasted faces found: "
        + "; ".join(
            "{} {} of {}".format(name, *recall(truth, boxes[name], [path.name for path in sample]))
            for name in ("mtcnn", "retinaface", "plain")
        )
        + ".",
        "",
        *profiles(paths[::10], tuple(runs), models),
    ]
    return "\n".join([*lines, ""])


def speeds(
    runs: dict[str, list[dict]],
    decode: list[float],
    plain: list[float],
    truth: dict,
    boxes: dict[str, dict[str, np.ndarray]],
    paths: list[Path],
) -> list[str]:
    rates = {name: len(paths) / statistics.median(r["seconds"] for r in told)
             for name, told in runs.items()}  # fmt: skip
    decoding = len(paths) / statistics.median(decode)
    straight = 1 / statistics.median(plain)
    lines = [
        "| | photos/s | faces/s | peak memory | of the pasted faces it finds |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, told in runs.items():
        hit, wanted = recall(truth, boxes[name], [path.name for path in paths])
        faces = statistics.median(r["faces"] / r["seconds"] for r in told)
        peak = max(r["peak"] for r in told)
        lines.append(f"| `album index`, {name} | {rates[name]:.2f} | {faces:.1f} | {peak:.0f} MB | "
                     f"{hit} of {wanted} ({hit / wanted:.1%}) |")  # fmt: skip
    return [
        *lines,
        f"| straightforward: Pillow, facenet-pytorch, Keras | {straight:.3f} | | | |",
        f"| only decoding at the reduced scale, {CORES} threads | {decoding:.2f} | | | |",
        "",
        f"With MTCNN **{rates['mtcnn'] / straight:.1f} times** the straightforward pipeline; with "
        f"RetinaFace {rates['retinaface'] / straight:.1f} times, and "
        f"**{rates['retinaface'] / decoding:.2f}** of the speed of only decoding.",
    ]


def profiles(paths: list[Path], detectors: tuple[str, ...], models: Path) -> list[str]:
    lines = [
        "Where the time goes, processor time a photo in one thread:",
        "",
        "| | MTCNN, ms | RetinaFace, ms |",
        "| --- | --- | --- |",
    ]
    parts = {name: dict(profile(paths, name, models)) for name in detectors}
    for part in parts["mtcnn"]:
        cells = (f"{parts[name][part] / len(paths) * 1000:.1f}" for name in detectors)
        lines.append(f"| {part} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
