"""Maps of many faces: too much for the memory, so they stay on disk until a batch wants them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nets.core.api import Floats

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """What ``faceres`` sees half way of n faces, in one or several arrays, mostly files.

    Attributes
    ----------
    arrays : tuple of ndarray of float16, shape (m, 512, 14, 14)
    index : ndarray of int64, shape (n,)
        Which rows of the arrays, one after the other, these faces are.
    """

    arrays: tuple[Array, ...]
    index: Array

    @staticmethod
    def of(array: Array) -> "Maps":
        """Return all rows of one array."""
        return Maps((array,), np.arange(len(array)))

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, chosen: Array) -> "Maps":
        return Maps(self.arrays, self.index[chosen])

    def load(self, rows: Array | slice = slice(None)) -> Floats:
        """Return some of the maps, or all of them, as float32."""
        index = self.index[rows]
        ends = np.cumsum([len(array) for array in self.arrays])
        shape = (len(index), *self.arrays[0].shape[1:])
        found = np.empty(shape, np.float32)
        which = np.searchsorted(ends, index, side="right")
        for at, (array, row) in enumerate(zip(which, index, strict=True)):
            found[at] = self.arrays[array][row - ends[array] + len(self.arrays[array])]
        return found


def joined_maps(parts: Sequence[Maps]) -> Maps:
    """Return several sets of maps as one, without reading them."""
    arrays = tuple(array for part in parts for array in part.arrays)
    starts = np.cumsum([0, *(sum(map(len, part.arrays)) for part in parts)])
    index = [part.index + start for part, start in zip(parts, starts[:-1], strict=True)]
    return Maps(arrays, np.concatenate(index))
