"""What facenet-pytorch's MTCNN says of some photos: golden figures, or a server for `detect.py`.

Runs in an environment with facenet-pytorch (the extra ``[reference]``) and needs nothing else:

    python benchmarks/golden_mtcnn.py PHOTOS tests/nets/golden/mtcnn_album_g20.json
    python benchmarks/golden_mtcnn.py --serve --threads 2

The server reads one file name a line and answers each with one line of JSON.
"""

import argparse
import hashlib
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from facenet_pytorch import MTCNN
from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.nets.golden import images

MIN_FACE = 40
THRESHOLDS = [0.6, 0.7, 0.7]
FACTOR = 0.709
PACKAGES = ("facenet-pytorch", "torch", "numpy", "pillow")


def detector() -> MTCNN:
    return MTCNN(
        keep_all=True,
        min_face_size=MIN_FACE,
        thresholds=THRESHOLDS,
        factor=FACTOR,
        device="cpu",
    )


def detect(mtcnn: MTCNN, path: Path) -> dict:
    """Boxes, scores and landmarks as facenet-pytorch gives them, best first, and the time taken:
    by the clock and of the processor."""
    with Image.open(path) as opened:
        image = np.array(ImageOps.exif_transpose(opened).convert("RGB"))
    start = np.array([time.perf_counter(), time.process_time()])
    boxes, scores, landmarks = mtcnn.detect(image, landmarks=True)
    seconds = (np.array([time.perf_counter(), time.process_time()]) - start).tolist()
    if boxes is None:
        return {"seconds": seconds, "scores": [], "boxes": [], "landmarks": []}
    best = np.argsort(-np.asarray(scores, float), kind="stable")
    found = {"scores": (scores, 4), "boxes": (boxes, 1), "landmarks": (landmarks, 1)}
    rounded = {
        name: np.asarray(values.tolist(), float)[best].round(digits).tolist()
        for name, (values, digits) in found.items()
    }
    return {"seconds": seconds, **rounded}


def photo(mtcnn: MTCNN, path: Path) -> dict:
    said = detect(mtcnn, path)
    del said["seconds"]
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **said}


NETS = {"pnet": 15, "rnet": 24, "onet": 48}
"""Side of the images on which the outputs of each net are noted."""


def nets(mtcnn: MTCNN) -> dict:
    """What each net says of `tests.nets.golden.images`: offsets, landmarks, probabilities."""
    said = {}
    for name, side in NETS.items():
        pixels = torch.from_numpy(images(side)).permute(0, 3, 1, 2).float()
        with torch.no_grad():
            outputs = getattr(mtcnn, name)((pixels - 127.5) * 0.0078125)
        said[name] = [output.numpy().astype(float).round(6).tolist() for output in outputs]
    return said


def write(mtcnn: MTCNN, folder: Path, target: Path) -> None:
    head = {
        "what": "facenet-pytorch's MTCNN; its own pixels, which count from 1; keep_all, CPU",
        "settings": {"min_face": MIN_FACE, "thresholds": THRESHOLDS, "factor": FACTOR},
        "versions": {name: version(name) for name in PACKAGES},
    }
    photos = [photo(mtcnn, path) for path in sorted(folder.glob("*.jpg"))]
    # One photo a line: small, and a change shows which photo changed.
    lines = ",\n".join(json.dumps(p, ensure_ascii=False, separators=(",", ":")) for p in photos)
    text = json.dumps(head, indent=1)[:-2] + ',\n "nets": ' + json.dumps(nets(mtcnn))
    text += ',\n "photos": [\n' + lines + "\n]}\n"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def serve(mtcnn: MTCNN) -> None:
    for line in sys.stdin:
        print(json.dumps(detect(mtcnn, Path(line.rstrip("\n")))), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("target", type=Path, nargs="?")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--threads", type=int, default=0, help="0: as PyTorch likes")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.serve:
        serve(detector())
    elif options.folder and options.target:
        write(detector(), options.folder, options.target)
    else:
        parser.error("give a folder of photos and the file to write, or --serve")


if __name__ == "__main__":
    main()
