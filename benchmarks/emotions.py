"""How often emotions are told right: FER2013's own chips, and what a face costs.

Run as ``python -m benchmarks.emotions``; needs the faces in ``$ALBUM_DATA``.
"""

import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nets.api import EMOTIONS, Batch
from nets.embedders import MiniXceptionEmotions
from nets.models import OnnxNet, load_manifest

SIZE = 64


def load(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the chips, uint8 (n, 64, 64, 3), and what each expresses."""
    files = [
        (one, i) for i, name in enumerate(EMOTIONS) for one in sorted((folder / name).iterdir())
    ]
    chips = [_chip(path) for path, _ in files]
    return np.stack(chips), np.array([label for _, label in files])


def _chip(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        grey = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    return np.asarray(grey)


def main() -> None:
    """Print the table."""
    chips, labels = load(Path(os.environ["ALBUM_DATA"]) / "fer_dev")
    net = OnnxNet(load_manifest()["emotion"])
    started = time.process_time()
    plain = net.run(chips)["emotion"]
    cost = 1000 * (time.process_time() - started) / len(chips)
    mean = MiniXceptionEmotions(net).express(Batch({"face64": chips}))
    print(f"{len(chips)} faces, {cost:.2f} ms of processor time a look\n")
    print("| | all |", " | ".join(EMOTIONS), "|")
    print("| --- " * (len(EMOTIONS) + 2) + "|")
    for name, said in (("as published", plain), ("mean with the mirror image", mean)):
        right = said.argmax(axis=1) == labels
        shares = [right.mean(), *(right[labels == i].mean() for i in range(len(EMOTIONS)))]
        print(f"| {name} |", " | ".join(f"{100 * share:.1f} %" for share in shares), "|")


if __name__ == "__main__":
    main()
