"""Inputs of heads made by a rule, and what Keras said of them when the heads were trained."""

from pathlib import Path

import numpy as np

from nets.heads import head_inputs

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
