"""Which faces are trained on, which choose settings and which only judge: a rule, not a list."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TEST, CHECK = 0.2, 0.1
"""Share of names that only judge, and that choose settings."""


def parts(names: Sequence[str]) -> NDArray[np.str_]:
    """Return 'test', 'check' or 'train' for each name of a file (or of a person).

    By the SHA-256 of the name, so that a file is always in the same part, whatever else is there.
    """
    shares = [int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32 for name in names]
    share = np.array(shares)
    return np.where(share < TEST, "test", np.where(share < TEST + CHECK, "check", "train"))
