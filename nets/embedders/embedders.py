"""Embedders and attribute heads made of the nets in `nets/weights`."""

from collections.abc import Sequence

import numpy as np

from nets.core.api import AgeGender, Batch, Embedder, Floats, Net
from nets.runtime.models import digest


class MobileNetIdentity:
    """The identity feature of the multi-output MobileNet: with power 1, S1 as published.

    Parameters
    ----------
    net : Net
        ``faceres``, or ``faceres-deep``, which lost most of its identity by fine-tuning.
    power : float
        Applied to every element before the vector is scaled back to unit length. Below 1 a few
        strong features have less of a say (Perronnin et al. 2010 do so with 0.5); the elements
        come out of rectified units, so none is negative.
    """

    dim = 1024

    def __init__(self, net: Net, *, power: float = 1.0) -> None:
        self.name = net.name
        self.contract = digest("identity", net.contract, *([] if power == 1 else [power]))
        self.crops: tuple[str, ...] = (net.crop,)
        self._net, self._power = net, power

    def embed(self, batch: Batch) -> Floats:
        """Return unit vectors, float32, shape (n, 1024)."""
        vectors = batch.outputs(self._net)["identity"]
        if self._power != 1:
            vectors = np.maximum(vectors, 0) ** np.float32(self._power)
            length = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors = np.asarray(vectors / np.maximum(length, np.float32(1e-9)), np.float32)
        return _never_zero(np.asarray(vectors))


class ResNet29:
    """The face descriptor of dlib, scaled to unit length.

    Parameters
    ----------
    net : Net
        ``resnet29``.
    """

    dim = 128

    def __init__(self, net: Net) -> None:
        self.name = net.name
        self.contract = digest("identity", net.contract)
        self.crops: tuple[str, ...] = (net.crop,)
        self._net = net

    def embed(self, batch: Batch) -> Floats:
        """Return unit vectors, float32, shape (n, 128)."""
        return _never_zero(batch.outputs(self._net)["identity"])


def _never_zero(vectors: Floats) -> Floats:
    """Give a face that excites no feature at all, a black one, a direction away from the others.

    The nets end in rectified units, so that no other vector of the MobileNet points there.
    """
    silent = ~vectors.any(axis=1)
    if not silent.any():
        return vectors
    vectors = vectors.copy()
    vectors[silent, 0] = -1.0
    return vectors


class Fused:
    """Several embedders side by side.

    The squared distance of two fused vectors is the weighted mean of the squared distances that
    the parts give.

    Parameters
    ----------
    parts : tuple of Embedder
        Each gives unit vectors.
    weights : tuple of float
        One for each part, positive; only their proportion matters.
    """

    name = "fused"

    def __init__(self, parts: tuple[Embedder, ...], *, weights: tuple[float, ...]) -> None:
        if len(parts) != len(weights) or min(weights) <= 0:
            raise ValueError("each part needs one positive weight")
        self.contract = digest("fused", *(part.contract for part in parts), *weights)
        self.dim = sum(part.dim for part in parts)
        self.crops: tuple[str, ...] = tuple(
            dict.fromkeys(crop for part in parts for crop in part.crops)
        )
        self._parts = parts
        self._factors = np.sqrt(np.asarray(weights, np.float32) / sum(weights))

    def embed(self, batch: Batch) -> Floats:
        """Return unit vectors, float32, shape (n, dim): the parts' vectors, one after the other."""
        vectors = [part.embed(batch) for part in self._parts]
        scaled = [v * factor for v, factor in zip(vectors, self._factors, strict=True)]
        return np.concatenate(scaled, axis=1)


class MobileNetAttributes:
    """Age and gender of the multi-output MobileNet.

    Parameters
    ----------
    net : Net
        ``faceres`` or ``faceres-deep``.
    """

    def __init__(self, net: Net) -> None:
        self.name = net.name
        self.contract = digest("age and gender", net.contract)
        self.crops: tuple[str, ...] = (net.crop,)
        self._net = net

    def predict(self, batch: Batch) -> AgeGender:
        """Return age probabilities (n, 100) and the probability of being male (n,)."""
        outputs = batch.outputs(self._net)
        return AgeGender(outputs["age"], outputs["male"])


class MeanEmotions:
    """The mean of what nets of emotion say of a face and of its mirror image.

    Parameters
    ----------
    nets : sequence of Net
        Each with an output ``emotion``.
    thorough : bool
        Every net looks at both. Else the first looks at the face, the second at its mirror image
        and so on, which takes half the time.
    """

    name = "emotion"

    def __init__(self, nets: Sequence[Net], *, thorough: bool = True) -> None:
        how = "mirrored" if thorough else "mirrored in turn"
        self.contract = digest(f"emotion, {how}", *(net.contract for net in nets))
        self.crops: tuple[str, ...] = tuple(dict.fromkeys(net.crop for net in nets))
        self._looks = tuple(
            (net, mirrored)
            for number, net in enumerate(nets)
            for mirrored in ((False, True) if thorough else (bool(number % 2),))
        )

    def express(self, batch: Batch) -> Floats:
        """Return the probability of each of `nets.core.api.EMOTIONS`, float32, shape (n, 7)."""
        said = [self._look(batch, net, mirrored) for net, mirrored in self._looks]
        return np.asarray(sum(said) / np.float32(len(said)), np.float32)

    @staticmethod
    def _look(batch: Batch, net: Net, mirrored: bool) -> Floats:
        if not mirrored:
            return batch.outputs(net)["emotion"]
        return net.run(np.ascontiguousarray(batch.chips[net.crop][:, :, ::-1]))["emotion"]
