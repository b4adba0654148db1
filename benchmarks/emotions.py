"""How often emotions are told right: FER2013's own chips, and what a face costs.

Run as ``python -m benchmarks.emotions``; needs the faces in ``$ALBUM_DATA``.
"""

import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nets.core.api import EMOTIONS, Batch
from nets.core.crops import CROPS
from nets.embedders.embedders import MeanEmotions
from nets.engine import EMOTION_NETS
from nets.runtime.models import OnnxNet, load_manifest

ROUNDS = 2000


def load(folder: Path) -> tuple[list[Image.Image], NDArray[np.int64]]:
    """Return the chips and what each expresses."""
    files = [
        (one, i) for i, name in enumerate(EMOTIONS) for one in sorted((folder / name).iterdir())
    ]
    return [Image.open(path).convert("RGB") for path, _ in files], np.array([i for _, i in files])


def resized(chips: list[Image.Image], size: int) -> NDArray[np.uint8]:
    """Return the chips as a net wants them, uint8 (n, size, size, 3)."""
    return np.stack(
        [np.asarray(one.resize((size, size), Image.Resampling.BILINEAR)) for one in chips]
    )


def main() -> None:
    """Print the table."""
    images, labels = load(Path(os.environ["ALBUM_DATA"]) / "fer_dev")
    nets = {name: OnnxNet(load_manifest()[name]) for name in EMOTION_NETS}
    crops = {net.crop: resized(images, CROPS[net.crop].size) for net in nets.values()}
    said = {}
    for name, net in nets.items():
        started = time.process_time()
        said[f"`{name}` as published"] = net.run(crops[net.crop])["emotion"]
        cost = 1000 * (time.process_time() - started) / len(labels)
        print(f"{name}: {cost:.2f} ms of processor time a look; two looks a face")
    for name, net in nets.items():
        said[f"`{name}`, mean with the mirror image"] = MeanEmotions([net]).express(Batch(crops))
    both = MeanEmotions(list(nets.values())).express(Batch(crops))
    said["mean of the two, each twice (`album analyze`)"] = both
    once = MeanEmotions(list(nets.values()), thorough=False).express(Batch(crops))
    said["mean of the two, one at the mirror image (`album index`)"] = once
    print("\n| | all |", " | ".join(EMOTIONS), "|")
    print("| --- " * (len(EMOTIONS) + 2) + "|")
    for name, one in said.items():
        right = one.argmax(axis=1) == labels
        shares = [right.mean(), *(right[labels == i].mean() for i in range(len(EMOTIONS)))]
        print(f"| {name} |", " | ".join(f"{100 * share:.1f} %" for share in shares), "|")
    first = said[f"`{EMOTION_NETS[0]}`, mean with the mirror image"]
    print(gain(first, both, labels))
    for name, one in (("analyze", both), ("index", once)):
        happy = one[:, EMOTIONS.index("happy")] >= 0.5
        smiles = labels == EMOTIONS.index("happy")
        print(
            f"\n`happy` from one half on, album {name}: {100 * happy[smiles].mean():.0f} % of the "
            f"smiles; {100 * smiles[happy].mean():.0f} % of what is found are smiles."
        )


def gain(before: NDArray[np.float32], after: NDArray[np.float32], labels: NDArray[np.int64]) -> str:
    """Say by how many points the second is better, with a bootstrap interval of 95 %."""
    better = (after.argmax(axis=1) == labels) * 1.0 - (before.argmax(axis=1) == labels)
    rng = np.random.default_rng(0)
    drawn = [better[rng.integers(0, len(better), len(better))].mean() for _ in range(ROUNDS)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"\nGain: {100 * better.mean():.1f} points ({100 * low:.1f} to {100 * high:.1f})."


if __name__ == "__main__":
    main()
