"""Heads for age and gender on what the identity nets have computed already.

A head is a small net of its own: it takes what ``faceres`` and ``resnet29`` say of a face, and may
go on, with blocks of its own, from what ``faceres`` sees two thirds of the way. So one pass of each
gives identity, age and gender.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from nets.core.api import AgeGender, Batch, Floats, Net
from nets.runtime.models import Entry, digest, load_manifest, open_session

INPUTS = 1024 + 128 + 100 + 1
IDENTITY_SCALE, DESCRIPTOR_SCALE, AGE_SCALE, ODDS_SCALE = 16.0, 8.0, 2.0, 0.25
"""Bring the parts of the input to about the same spread; part of every head's contract."""
MAP_BLOCK, MAP_CHANNELS, MAP_SIDE = 9, 512, 14
"""The block of ``faceres`` from whose output, 512 maps of 14 x 14, the heads' own blocks go on."""
BATCH = 8
"""Faces in one call of the runtime, which bounds the memory."""
EDGE = 1e-3
"""Probabilities of a gender are taken to lie this far from 0 and 1."""

GENDER_TOO: Mapping[str, tuple[str, ...]] = {"onepass-deep": ("coral",)}
"""Whose genders count beside a head's own; chosen on the part of UTKFace for choosing. A head that
learned ages in another way errs about other faces, and costs next to nothing."""


def head_inputs(identity: Floats, descriptor: Floats, ages: Floats, male: Floats) -> Floats:
    """Return what a head takes of n faces.

    Parameters
    ----------
    identity : ndarray, shape (n, 1024)
        Unit vectors of ``faceres``.
    descriptor : ndarray, shape (n, 128)
        Unit vectors of ``resnet29``.
    ages, male : ndarray, shapes (n, 100) and (n,)
        What the heads of the same pass of ``faceres`` say.

    Returns
    -------
    ndarray of float32, shape (n, 1253)
    """
    parts = (
        identity.astype(np.float32) * IDENTITY_SCALE,
        descriptor.astype(np.float32) * DESCRIPTOR_SCALE,
        np.sqrt(ages.astype(np.float32)) * AGE_SCALE,
        (log_odds(male) * ODDS_SCALE)[:, None],
    )
    return np.concatenate(parts, axis=1, dtype=np.float32)


def rank_ages(older: Floats) -> Floats:
    """Return ages from ranks as CORAL has it: one more than the ranks that are passed (eq. 5, 10).

    Parameters
    ----------
    older : ndarray, shape (n, 99)
        P(age > k) for k = 1 to 99.

    Returns
    -------
    ndarray of float32, shape (n,)
        1 + the number of probabilities above one half.
    """
    return np.asarray(1 + (older > 0.5).sum(axis=1), np.float32)


def expected_rank_ages(older: Floats) -> Floats:
    """Return 1 + the sum of P(age > k): the expectation, which needs no probability near one half.

    Parameters
    ----------
    older : ndarray, shape (n, 99)
        See `rank_ages`.
    """
    return np.asarray(1 + older.sum(axis=1), np.float32)


def age_probabilities(older: Floats) -> Floats:
    """Return P(age = k) = P(age > k - 1) - P(age > k), shape (n, 100).

    Parameters
    ----------
    older : ndarray, shape (n, 99)
        See `rank_ages`; falling from left to right, as one shared weight vector makes them.
    """
    edges = np.ones((len(older), 1), np.float32), np.zeros((len(older), 1), np.float32)
    steps = -np.diff(np.concatenate([edges[0], older, edges[1]], axis=1), axis=1)
    steps = np.clip(steps, 0, None)
    total = np.maximum(steps.sum(axis=1, keepdims=True), np.float32(1e-12))
    return np.asarray(steps / total, np.float32)


class HeadNet:
    """One head on ONNX Runtime.

    Parameters
    ----------
    entry : Entry
        The head in the manifest.
    threads : int
        Cores that one call may use; 0 means all.
    device : str
        One of `nets.runtime.devices.DEVICES`.
    """

    def __init__(self, entry: Entry, *, threads: int = 1, device: str = "cpu") -> None:
        self.name = entry.name
        self.contract = digest("head", entry.sha256, entry.preprocessing)
        self._entry, self._threads, self._device = entry, threads, device

    @cached_property
    def _session(self) -> Any:
        return open_session(self._entry, threads=self._threads, device=self._device)

    def run(self, features: Floats, maps: Floats | None = None) -> Mapping[str, Floats]:
        """Return the outputs by name, as the manifest describes them; any n >= 0.

        Parameters
        ----------
        features : ndarray of float32, shape (n, 1253)
            See `head_inputs`.
        maps : ndarray of float32, shape (n, 512, 14, 14), optional
            What ``faceres`` has as ``map`` inside; heads with blocks of their own want it.
        """
        wanted = {one.name for one in self._session.get_inputs()}
        names = [output.name for output in self._session.get_outputs()]
        parts = []
        for start in range(0, max(len(features), 1), BATCH):
            rows = slice(start, start + BATCH)
            given = {"features": features[rows]}
            if "map" in wanted and maps is not None:
                given["map"] = maps[rows]
            parts.append(self._session.run(names, given))
        return {name: np.concatenate([part[i] for part in parts]) for i, name in enumerate(names)}


def head_nets(name: str, *, threads: int = 1, device: str = "cpu") -> list["HeadNet"]:
    """Return a head of the manifest, and behind it those whose genders count beside its own.

    Parameters
    ----------
    name : str
        One of `nets.engine.HEADS`.
    threads, device
        As of `HeadNet`.
    """
    known, names = load_manifest(), (name, *GENDER_TOO.get(name, ()))
    return [HeadNet(known[one], threads=threads, device=device) for one in names]


def age_and_gender(
    heads: Sequence["HeadNet"], features: Floats, maps: Floats | None = None
) -> AgeGender:
    """Return the ages of the first head, and the mean of the genders of all in log odds.

    Parameters
    ----------
    heads : sequence of HeadNet
        With outputs ``male`` and either ``age`` or ``older``.
    features, maps
        See `HeadNet.run`.
    """
    first, *others = (head.run(features, maps) for head in heads)
    ages = first["age"] if "age" in first else age_probabilities(first["older"])
    if not others:
        return AgeGender(ages, first["male"])
    odds = [log_odds(said["male"]) for said in (first, *others)]
    male = 1 / (1 + np.exp(-np.mean(odds, axis=0)))
    return AgeGender(ages, male.astype(np.float32))


def log_odds(p: Floats) -> Floats:
    """Return the log odds of probabilities of a gender, those near 0 and 1 taken as `EDGE`."""
    p = np.clip(p.astype(np.float32), EDGE, 1 - EDGE)
    return np.asarray(np.log(p / (1 - p)), np.float32)


class HeadAttributes:
    """Age and gender by heads on the features of the identity nets; implements `Attributes`.

    Parameters
    ----------
    faceres, resnet29 : Net
        The nets whose outputs it takes; each runs once on a batch, whoever else asks.
    head : HeadNet
        Gives the name and the ages.
    *more : HeadNet
        Whose genders count, too; see `age_and_gender`.
    """

    def __init__(self, faceres: Net, resnet29: Net, head: HeadNet, *more: HeadNet) -> None:
        self.name = head.name
        self._heads = (head, *more)
        contracts = [one.contract for one in self._heads]
        self.contract = digest("age and gender", faceres.contract, resnet29.contract, *contracts)
        self.crops: tuple[str, ...] = (faceres.crop, resnet29.crop)
        self._faceres, self._resnet29 = faceres, resnet29

    def predict(self, batch: Batch) -> AgeGender:
        """Return age probabilities (n, 100) and the probability of being male (n,)."""
        one, two = batch.outputs(self._faceres), batch.outputs(self._resnet29)
        features = head_inputs(one["identity"], two["identity"], one["age"], one["male"])
        return age_and_gender(self._heads, features, one.get("map"))
