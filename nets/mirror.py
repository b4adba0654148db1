"""Looking at a face twice, as it is and mirrored, and taking the mean: surer, at twice the cost."""

from collections.abc import Mapping

import numpy as np

from nets.api import Floats, Image, Net
from nets.models import digest


class Mirrored:
    """A net that is run on every chip and on its mirror image; implements `nets.api.Net`.

    Probabilities are averaged; of identity vectors the mean is scaled back to unit length.

    Parameters
    ----------
    net : Net
        Run twice for every chip.
    """

    def __init__(self, net: Net) -> None:
        self.name = f"{net.name}-mirrored"
        self.contract = digest("mirrored", net.contract)
        self.crop = net.crop
        self._net = net

    def run(self, chips: Image) -> Mapping[str, Floats]:
        """Run the net on chips of shape (n, size, size, 3), any n >= 0."""
        plain = self._net.run(chips)
        mirrored = self._net.run(np.ascontiguousarray(chips[:, :, ::-1]))
        mean: dict[str, Floats] = {
            name: np.asarray((plain[name] + mirrored[name]) / 2, np.float32) for name in plain
        }
        if "identity" in mean:
            length = np.linalg.norm(mean["identity"], axis=1, keepdims=True)
            mean["identity"] = np.asarray(mean["identity"] / np.maximum(length, 1e-9))
        return mean
