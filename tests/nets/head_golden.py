"""Inputs of heads made by a rule, and what Keras said of them when the heads were trained.

    python -m tests.nets.head_golden HEADS

HEADS is where ``album train`` has written them; what they say goes into ``golden_heads.npz``.
"""

import json
import sys
from pathlib import Path

import numpy as np

from nets.embedders.heads import MAP_CHANNELS, MAP_SIDE, head_inputs

FILE = Path(__file__).with_name("golden_heads.npz")


def inputs() -> np.ndarray:
    """Return features as faces have them, of six made-up faces, float32 (6, 1253)."""
    random = np.random.default_rng(7)
    identity = np.maximum(random.normal(0, 1, (6, 1024)), 0)
    descriptor = random.normal(0, 1, (6, 128))
    ages = random.dirichlet(np.full(100, 0.1), 6)
    male = random.random(6)
    unit = [values / np.linalg.norm(values, axis=1)[:, None] for values in (identity, descriptor)]
    return head_inputs(*unit, ages, male)


def maps() -> np.ndarray:
    """Return maps such as ``faceres`` gives, of the same six faces, float32 (6, 512, 14, 14)."""
    random = np.random.default_rng(8)
    coarse = np.clip(random.normal(0, 1.5, (6, MAP_CHANNELS, MAP_SIDE, MAP_SIDE)), 0, 6)
    return coarse.astype(np.float32)


def main(folder: Path) -> None:
    from nets.arch.heads import age_gender_head
    from nets.train.export import probabilities

    with np.load(FILE) as before:
        golden = dict(before)
    for path in sorted(folder.glob("*.weights.h5")):
        name = path.name.split(".")[0]
        known = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        how = known["source"]["metrics"]["settings"]
        kind = "coral" if name == "coral" else "softmax"
        model = age_gender_head(ages=kind, hidden=how["hidden"], blocks=how["blocks"])
        model.load_weights(path)
        said = probabilities(model, inputs(), maps() if how["blocks"] else None)
        golden |= {f"{name}/{output}": values for output, values in said.items()}
    np.savez_compressed(FILE, **golden)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
