"""Genders by first names, for LFW, which has no labels of gender.

`first_names.txt` holds women's names, an empty line, and men's. Names that go with both (Chris,
Jean, Joan, Kim), and those of which it is not clear which part is the first name, are left out, and
with them the people who have them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

LIST = Path(__file__).with_suffix(".txt")


def male_by_name(names: Sequence[str]) -> np.ndarray:
    """1 for a man, 0 for a woman, NaN where the name does not say; names as ``First_Last``."""
    women, men = (part.split() for part in LIST.read_text(encoding="utf-8").split("\n\n"))
    known = dict.fromkeys(women, 0.0) | dict.fromkeys(men, 1.0)
    return np.array([known.get(name.split("_")[0], np.nan) for name in names])
