"""From the faces seen in the frames of one clip to its people, one face and one vector for each."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.identity.tracks import split_by_identity, together
from clustering.linkage.constraints import Constraints
from clustering.linkage.linkage import cluster

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

LEAST_FRAMES = 10
"""Frames that a person must be seen in, as published; in a short clip a third of its frames, or
nobody in a clip of a second could ever count."""
CERTAIN = 0.95
"""Probability of a face that a person must reach in some frame. What many frames show and none
shows clearly is a pattern: the back of a head, a flower on a curtain."""
JOIN_MS = 2000
"""Moments closer than this are one: a head that turns away for a second has not left."""
CLIP = 1e-3
"""No frame is believed more than 1 - CLIP about gender."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Every face that was found in a clip.

    Attributes
    ----------
    track, frame, window : ndarray of int64, shape (n,)
        Which face it goes on from, and the frame and window that it was found in.
    """

    track: Ints
    frame: Ints
    window: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """The best face of each track in each window, as the nets describe it.

    Attributes
    ----------
    track, window : ndarray of int64, shape (m,)
        In the order of time; each pair once, and one for each that occurs in `Seen`.
    vectors : ndarray of float32, shape (m, d)
        Identity, of unit length.
    ages : ndarray of float32, shape (m, 100)
    male : ndarray of float32, shape (m,)
    weight : ndarray of float64, shape (m,)
        How much the face shows, above 0.
    score : ndarray of float32, shape (m,)
        Probability of a face.
    emotions : ndarray of float32, shape (m, 7), or None
        None where nobody asked.
    """

    track: Ints
    window: Ints
    vectors: Floats
    ages: Floats
    male: Floats
    weight: NDArray[np.float64]
    score: Floats
    emotions: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ClipPerson:
    """A person of a clip.

    Attributes
    ----------
    best : int
        Row of `Described` that shows the person best.
    vector : ndarray of float32, shape (d,)
        Mean over frames, of unit length.
    ages : ndarray of float32, shape (100,)
        Mean of the probabilities.
    male : float
        Probability that goes with the mean of the log odds.
    frames : ndarray of int64
        Frames in which the person is seen, rising.
    rows : ndarray of int64
        Rows of `Described` that are of this person, rising.
    score : float
        Largest probability of a face.
    emotions : ndarray of float32, shape (7,), or None
        Mean of the probabilities.
    """

    best: int
    vector: Floats
    ages: Floats
    male: float
    frames: Ints
    rows: Ints
    score: float
    emotions: Floats | None = None


def find_people(
    seen: Seen, described: Described, *, threshold: float, frames: int
) -> list[ClipPerson]:
    """Group the tracks of a clip into people, and drop those who are seen too little.

    Parameters
    ----------
    seen, described, threshold
        See `group_tracks`.
    frames : int
        Frames that were looked at.

    Returns
    -------
    list of ClipPerson
        By the first moment each is seen.
    """
    everybody, _ = group_tracks(seen, described, threshold=threshold)
    least = enough(frames)
    return [one for one in everybody if len(one.frames) >= least and one.score >= CERTAIN]


def group_tracks(
    seen: Seen, described: Described, *, threshold: float
) -> tuple[list[ClipPerson], Ints]:
    """Group the tracks of a clip into people.

    A track is one person unless identity says otherwise; two tracks that share a frame are two.

    Parameters
    ----------
    seen : Seen
    described : Described
    threshold : float
        Largest average squared distance of identity vectors within a person.

    Returns
    -------
    people : list of ClipPerson
        By the first moment each is seen.
    whose : ndarray of int64, shape (n,)
        The person of each face seen.
    """
    if not len(seen.track):
        return [], np.zeros(0, np.int64)
    pieces = split_by_identity(described.track, described.vectors, threshold)
    piece_of_seen = _look_up(pieces, described, seen)
    labels = _cluster(pieces, together(piece_of_seen, seen.frame), described, threshold)
    label_of_piece = np.zeros(int(pieces.max()) + 1, np.int64)
    label_of_piece[pieces] = labels
    whose = label_of_piece[piece_of_seen]
    people = [
        _person(np.flatnonzero(labels == label), described, np.unique(seen.frame[whose == label]))
        for label in range(int(labels.max()) + 1)
    ]
    order = sorted(range(len(people)), key=lambda label: int(people[label].frames[0]))
    return [people[label] for label in order], np.argsort(order)[whose]


def enough(frames: int) -> int:
    """Return how many of the frames looked at a person must be seen in."""
    return min(LEAST_FRAMES, max(1, -(-frames // 3)))


def _look_up(pieces: Ints, described: Described, seen: Seen) -> Ints:
    """Return the piece of a track that each face seen belongs to."""
    windows = int(max(described.window.max(), seen.window.max())) + 1
    keys = described.track * windows + described.window
    order = np.argsort(keys)
    at = np.searchsorted(keys[order], seen.track * windows + seen.window)
    found: Ints = pieces[order[at]]
    return found


def _cluster(pieces: Ints, apart: Ints, described: Described, threshold: float) -> Ints:
    """Cluster described faces: pieces stay whole, and pieces that share a frame stay apart."""
    _, first = np.unique(pieces, return_index=True)
    order = np.argsort(pieces, kind="stable")
    same = np.diff(pieces[order]) == 0
    links = np.stack([order[:-1][same], order[1:][same]], axis=1)
    rules = Constraints(must_link=links, cannot_link=first[apart].reshape(-1, 2))
    return cluster(described.vectors, threshold, constraints=rules)


def _person(rows: Ints, described: Described, frames: Ints) -> ClipPerson:
    weight = described.weight[rows] / described.weight[rows].sum()
    vector = weight @ described.vectors[rows].astype(np.float64)
    ages = weight @ described.ages[rows].astype(np.float64)
    male = np.clip(described.male[rows].astype(np.float64), CLIP, 1 - CLIP)
    odds = float(weight @ np.log(male / (1 - male)))
    told = described.emotions
    return ClipPerson(
        best=int(rows[np.argmax(described.weight[rows])]),
        vector=(vector / max(float(np.linalg.norm(vector)), 1e-9)).astype(np.float32),
        ages=(ages / ages.sum()).astype(np.float32),
        male=float(1 / (1 + np.exp(-odds))),
        frames=frames,
        rows=rows,
        score=float(described.score[rows].max()),
        emotions=None if told is None else (weight @ told[rows]).astype(np.float32),
    )


def moments(times: Ints) -> Iterator[tuple[int, int, int]]:
    """Yield the stretches in which somebody is seen: first and last millisecond, and frames.

    Parameters
    ----------
    times : ndarray of int64, shape (n,)
        Of the frames, in milliseconds, rising.
    """
    gaps = np.flatnonzero(np.diff(times) > JOIN_MS) + 1
    for part in np.split(times, gaps):
        if len(part):
            yield int(part[0]), int(part[-1]), len(part)
