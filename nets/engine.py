"""Everything that looks at pixels, as one object: detector, embedder and attribute head."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from nets.core.api import (
    Attributes,
    Batch,
    Detections,
    Detector,
    Embedder,
    Emotions,
    Floats,
    Net,
    SequenceAges,
)
from nets.core.crops import CROPS
from nets.core.pictures import Picture
from nets.core.quality import CROP as QUALITY_CROP
from nets.embedders.embedders import (
    Fused,
    MeanEmotions,
    MobileNetAttributes,
    MobileNetIdentity,
    ResNet29,
)
from nets.embedders.heads import HeadAttributes, head_nets
from nets.embedders.sequence_ages import CoralLstm
from nets.fake import FakeAttributes, FakeDetector, FakeEmbedder, FakeEmotions
from nets.runtime.addable import ADDABLE, find
from nets.runtime.devices import providers
from nets.runtime.models import OnnxNet, digest, load_manifest


@dataclass(frozen=True, slots=True)
class Description:
    """What an engine says of n faces.

    Attributes
    ----------
    vectors : ndarray of float32, shape (n, dim)
        Unit vectors of identity.
    ages : ndarray of float32, shape (n, 100)
        Probability of each age in `nets.core.api.AGES`.
    male : ndarray of float32, shape (n,)
        Probability of being male.
    emotions : ndarray of float32, shape (n, 7), or None
        Probability of each of `nets.core.api.EMOTIONS`; None where the engine has no head for them.
    """

    vectors: Floats
    ages: Floats
    male: Floats
    emotions: Floats | None = None


@dataclass(frozen=True, slots=True)
class Engine:
    """A detector, an embedder and an attribute head that work together.

    Attributes
    ----------
    detector, embedder, attributes
        See the Protocols in `nets.core.api`.
    emotions : Emotions or None
        What tells emotions, where that is wanted.
    sequence : SequenceAges or None
        What tells ages from frames of a clip that follow each other, where that is wanted.
    """

    detector: Detector
    embedder: Embedder
    attributes: Attributes
    emotions: Emotions | None = None
    sequence: SequenceAges | None = None

    @property
    def crops(self) -> tuple[str, ...]:
        """The names of the chips to be cut for each face, each once."""
        more = self.emotions.crops if self.emotions else ()
        wanted = (QUALITY_CROP, *self.embedder.crops, *self.attributes.crops, *more)
        return tuple(dict.fromkeys(wanted))

    @property
    def contract(self) -> str:
        """Digest of everything that decides what is found and said of a photo."""
        return digest(self.detector.contract, self.embedder.contract, self.attributes.contract)

    def detect(self, image: Picture, *, zoom: float = 1.0) -> Detections:
        """Find the faces of an upright RGB image, see `nets.core.api.Detector`."""
        return self.detector.detect(image, zoom=zoom)

    def crop(self, image: Picture, faces: Detections) -> Batch:
        """Cut the chips that the nets want of each face of an image."""
        return cut(image, faces, self.crops)

    def describe(self, batch: Batch) -> Description:
        """Run the nets on the chips of n >= 0 faces; each net runs once."""
        said = self.attributes.predict(batch)
        emotions = self.emotions.express(batch) if self.emotions else None
        return Description(self.embedder.embed(batch), said.ages, said.male, emotions)


def cut(image: Picture, faces: Detections, crops: Sequence[str]) -> Batch:
    """Cut each face out of an image in some ways; names are those of `nets.core.crops.CROPS`."""
    return Batch({name: CROPS[name](image, faces) for name in crops})


def join(batches: Sequence[Batch]) -> Batch:
    """Return one batch of the faces of several, in order, as batches may cross photo borders.

    Parameters
    ----------
    batches : sequence of Batch
        At least one; all with the same crops.

    Raises
    ------
    ValueError
        If there is none.
    """
    if not batches:
        raise ValueError("no batch to join")
    names = batches[0].chips
    return Batch({name: np.concatenate([batch.chips[name] for batch in batches]) for name in names})


@dataclass(frozen=True, slots=True)
class Profile:
    """Names of the parts that make an engine."""

    detector: str
    embedder: str
    attributes: str


DEFAULT_HEAD = "onepass-deep"
"""What tells age and gender in the default profile."""

PROFILES: Mapping[str, Profile] = {
    "default": Profile("mtcnn", "fused", DEFAULT_HEAD),
    "paper": Profile("mtcnn", "faceres", "faceres"),
    "fake": Profile("fake", "fake", "fake"),
}
"""``paper`` is S1 as published; ``fake`` finds the drawings of `nets.fake`, for tests."""

DETECTORS = ("mtcnn", "retinaface", "facenet-pytorch", "fake")
EMBEDDERS = ("faceres", "resnet29", "fused", "fake")
HEADS = ("onepass", "onepass-deep", "coral")
"""Trained by this project on the features of ``faceres`` and ``resnet29``; see docs/training.md."""
SEQUENCES = ("coral-lstm",)
"""Likewise, for frames of clips that follow each other."""
ATTRIBUTES = ("faceres", "faceres-deep", *HEADS, "fake")

EMOTION_NETS = ("emotion", "expression")
"""Asked together: trained on different pictures, they are wrong about different faces."""

FUSED_WEIGHTS = (1.0, 4.0)
"""Of the squared distances by ``faceres`` and by ``resnet29``, whose vectors spread much less."""
FUSED_POWER = 0.5
"""Applied to the elements of ``faceres``."""


def load_engine(
    *,
    profile: str = "default",
    detector: str | None = None,
    embedder: str | None = None,
    attributes: str | None = None,
    min_face: float = 40,
    threads: int = 1,
    models: Path | None = None,
    device: str = "cpu",
) -> Engine:
    """Put an engine together.

    Nets are read when they are first run.

    Parameters
    ----------
    profile : str
        A key of `PROFILES`, which decides what the other names leave open.
    detector : str, optional
        One of `DETECTORS`.
    embedder : str, optional
        One of `EMBEDDERS`.
    attributes : str, optional
        One of `ATTRIBUTES`.
    min_face : float
        Smallest side of a face to be found, in pixels of the image.
    threads : int
        Cores that one call of an embedder or head may use; 0 means all. A detector uses one, since
        several photos are looked at side by side.
    models : Path, optional
        Folder of the models that the user has added (`nets.runtime.addable`).
    device : str
        One of `nets.runtime.devices.DEVICES`.

    Returns
    -------
    Engine

    Raises
    ------
    ValueError
        If a name is not known.
    WeightsError
        If the manifest of the weights is absent or damaged.
    ModelMissing
        If a model is asked for that the user has not added, or a package is not installed.
    """
    providers(device)
    base = PROFILES[_known("profile", profile, tuple(PROFILES))]
    wanted = _known("detector", detector or base.detector, DETECTORS)

    head = _known("attributes", attributes or base.attributes, ATTRIBUTES)

    inner = head in HEADS and "map" in load_manifest()[head].facts["input"]

    @cache
    def net(name: str) -> Net:
        return OnnxNet(load_manifest()[name], threads=threads, device=device, inner=inner)

    return Engine(
        _detector(wanted, min_face=min_face, models=models, device=device),
        _embedder(_known("embedder", embedder or base.embedder, EMBEDDERS), net),
        _attributes(head, net, threads=threads, device=device),
    )


def with_emotions(
    engine: Engine, *, threads: int = 1, device: str = "cpu", thorough: bool = True
) -> Engine:
    """Return an engine that tells emotions, too; the contract stays.

    Parameters
    ----------
    engine : Engine
    threads, device
        As of `load_engine`.
    thorough : bool
        Take twice the time to be right a little more often
        (`nets.embedders.embedders.MeanEmotions`).
    """
    if engine.detector.name == "fake":
        return replace(engine, emotions=FakeEmotions())
    manifest = load_manifest()
    nets = [OnnxNet(manifest[name], threads=threads, device=device) for name in EMOTION_NETS]
    return replace(engine, emotions=MeanEmotions(nets, thorough=thorough))


def with_sequence_ages(engine: Engine, *, threads: int = 1, device: str = "cpu") -> Engine:
    """Return an engine that tells ages in clips from 20 frames of a face; the contract stays.

    Parameters
    ----------
    engine : Engine
    threads, device
        As of `load_engine`.
    """
    known = load_manifest()
    faceres, resnet29 = (
        OnnxNet(known[name], threads=threads, device=device) for name in ("faceres", "resnet29")
    )
    head = CoralLstm(faceres, resnet29, known["coral-lstm"], threads=threads, device=device)
    return replace(engine, sequence=head)


def _known(kind: str, name: str, names: tuple[str, ...]) -> str:
    if name not in names:
        raise ValueError(f"There is no {kind} {name!r}; choose one of {', '.join(names)}.")
    return name


def _detector(name: str, *, min_face: float, models: Path | None, device: str) -> Detector:
    if name == "fake":
        return FakeDetector(min_face=min_face)
    if name == "mtcnn":
        from nets.detectors.mtcnn import Mtcnn

        return Mtcnn(min_face=min_face, device=device)
    if name == "retinaface":
        from nets.detectors.retinaface import RetinaFace

        checkpoint = find(name, models or Path())
        sha256 = ADDABLE[name].sha256
        return RetinaFace(checkpoint, sha256=sha256, min_face=min_face, device=device)
    from nets.detectors.facenet import FacenetMtcnn

    return FacenetMtcnn(min_face=min_face, threads=1)


def _embedder(name: str, net: Callable[[str], Net]) -> Embedder:
    if name == "fake":
        return FakeEmbedder()
    if name == "faceres":
        return MobileNetIdentity(net(name))
    if name == "resnet29":
        return ResNet29(net(name))
    parts = (
        MobileNetIdentity(net("faceres"), power=FUSED_POWER),
        ResNet29(net("resnet29")),
    )
    return Fused(parts, weights=FUSED_WEIGHTS)


def _attributes(name: str, net: Callable[[str], Net], *, threads: int, device: str) -> Attributes:
    if name == "fake":
        return FakeAttributes()
    if name in HEADS:
        heads = head_nets(name, threads=threads, device=device)
        return HeadAttributes(net("faceres"), net("resnet29"), *heads)
    return MobileNetAttributes(net(name))
