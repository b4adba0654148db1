"""What notebook 05 does with clips: every face of every frame, and made-up clips of stills."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from features import CACHE, unit, vectors

from album.analysis.clips.people import ClipPerson, Described, Seen, find_people
from album.evaluation.datasets import Faces
from album.grouping.features import Dated
from album.grouping.features import Faces as Comparable
from album.grouping.grouping import by_linkage
from album.media.clips.frames import DEFAULT, VIEW, Reader
from album.models.calibration import IdentityCalibration
from album.training.heads import read
from clustering.attributes.fusion import expected_ages
from clustering.identity.tracks import Tracker
from clustering.linkage.constraints import Constraints
from clustering.linkage.linkage import cluster
from nets.core.api import AgeGender
from nets.core.quality import CROP, clarity, quality
from nets.embedders.heads import HeadNet
from nets.engine import Engine, join
from nets.runtime.models import digest, load_manifest
from nets.train.features import Features, load_nets
from nets.train.frames import Frames, extract, joined, kept

FRAMES = 10
"""Of a made-up clip: as many as a person must be seen in."""
PART = 25
"""Pictures whose clips are computed, and kept, together."""


@dataclass(frozen=True)
class Looked:
    """Every face of the frames of a clip that are looked at: m faces, t frames."""

    times: np.ndarray
    frame: np.ndarray
    track: np.ndarray
    chips: np.ndarray
    vectors: np.ndarray
    ages: np.ndarray
    male: np.ndarray
    shown: np.ndarray
    scores: np.ndarray


def look(path: Path, engine: Engine) -> Looked:
    """Find, follow and describe the faces of a clip, frame by frame, every fifth as published."""
    tracker, times, frames, tracks, batches, shown, scores = Tracker(), [], [], [], [], [], []
    with Reader(path, DEFAULT, max_side=VIEW, threads=2) as reader:
        while window := reader.window(faces_seen=True):
            for one in window:
                faces = engine.detect(one.view)
                tracks.append(tracker.step(faces.boxes))
                frames.append(np.full(len(faces), len(times)))
                times.append(one.time_ms / 1000)
                batch = engine.crop(one.view, faces)
                batches.append(batch)
                shown.append(quality(batch.chips[CROP], faces))
                scores.append(faces.scores)
    whole = join(batches)
    said = engine.describe(whole)
    columns = (np.concatenate(part) for part in (frames, tracks))
    return Looked(
        np.array(times),
        *columns,
        whole.chips[CROP],
        said.vectors,
        said.ages,
        said.male,
        np.concatenate(shown),
        np.concatenate(scores),
    )


def people_of(seen: Looked, threshold: float) -> list[ClipPerson]:
    """Group the faces of a clip as the program does; `rows` of each person are faces of `seen`.

    The program describes a track once in nine frames; here every frame is described.
    """
    weight = np.maximum(clarity(*seen.shown.astype(np.float64).T), 1e-6)
    said = seen.vectors, seen.ages, seen.male, weight, seen.scores
    return find_people(
        Seen(seen.track, seen.frame, seen.frame),
        Described(seen.track, seen.frame, *said),
        threshold=threshold,
        frames=len(seen.times),
    )


def clips_of(faces: Faces, *, choose: str, seed: int = 0) -> Frames:
    """A made-up clip of each picture, and what the frozen nets say of its frames."""
    nets, parts = load_nets(), []
    for start in range(0, len(faces.paths), PART):
        paths = faces.paths[start : start + PART]
        names = "/".join(path.name for path in paths)
        file = CACHE / "clips" / f"{digest(nets.contract, choose, FRAMES, seed, names)}.npz"

        def compute(paths: Sequence[Path] = paths) -> Frames:
            return extract(paths, read, nets, choose=choose, frames=FRAMES, seed=seed)

        found = kept(file, compute)
        parts.append(Frames(found.rows + start, *_columns(found)))
    return joined(parts)


def _columns(found: Frames) -> list[np.ndarray]:
    return [found.identity, found.descriptor, found.ages, found.male]


def frame_vectors(made: Frames) -> dict[str, np.ndarray]:
    """Unit vectors of every frame by both identity nets, and fused: (n, t, d)."""
    n, t = made.male.shape
    flat = Features(*(column.reshape(n * t, *column.shape[2:]) for column in _said(made)))
    return {name: rows.reshape(n, t, -1) for name, rows in vectors(flat).items()}


def _said(made: Frames) -> list[np.ndarray]:
    """The columns of `Features`; a teacher was not asked."""
    rows = np.broadcast_to(made.rows[:, None], made.male.shape)
    return [rows, rows, made.identity, made.ages, made.male, made.descriptor, made.ages, made.male]


def one_photo_each(who: np.ndarray, *, people: int, least: int, seed: int = 0) -> np.ndarray:
    """Rows of one photo of each of some people with at least `least` photos."""
    _, first, count = np.unique(who, return_index=True, return_counts=True)
    enough = np.random.default_rng(seed).permutation(np.flatnonzero(count >= least))[:people]
    return np.sort(first[enough])


def pooled(frames: np.ndarray) -> np.ndarray:
    """The normalised average of the frames of each clip: (n, t, d) to (n, d)."""
    return unit(frames.mean(axis=1))


def nearest_is_right(
    probes: np.ndarray, owners: np.ndarray, photos: np.ndarray, people: np.ndarray
) -> float:
    """Share of probes whose nearest photo is of the same person."""
    best = np.argmax(probes @ photos.T, axis=1)
    return float(np.mean(people[best] == owners))


def margins(
    probes: np.ndarray, owners: np.ndarray, photos: np.ndarray, people: np.ndarray
) -> tuple[float, float]:
    """Mean squared distance to the same person's photos, and to the nearest stranger's."""
    far = 2 - 2 * probes @ photos.T
    same = owners[:, None] == people
    return float(far[same].mean()), float(np.where(same, np.inf, far).min(axis=1).mean())


def joined_album(
    photos: np.ndarray,
    people: np.ndarray,
    added: np.ndarray,
    owners: np.ndarray,
    use: IdentityCalibration,
) -> tuple[np.ndarray, float, float]:
    """Group photos and added vectors (n clips, m each); labels, and shares of the added.

    The shares are of those in the group with most of their person's photos, and in groups that
    hold no photo.
    """
    rows = np.vstack([photos, added.reshape(-1, photos.shape[1])])
    nan = np.full(len(rows), np.nan)
    faces = Comparable(rows, np.full((len(rows), 100), np.nan, np.float32), np.arange(len(rows)))
    labels = by_linkage(faces, Dated(nan, nan, np.full(len(rows), np.inf)), use)
    mine, theirs = labels[: len(photos)], labels[len(photos) :]
    largest = [np.bincount(mine[people == owner]).argmax() for owner in owners]
    right = theirs == np.repeat(largest, added.shape[1])
    alone = ~np.isin(theirs, mine)
    return labels, *((float(share.mean()) if len(share) else None) for share in (right, alone))


Grouping = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""From vectors, track and frame of each face of a clip to its person."""


def within_clip(threshold: float) -> Mapping[str, Grouping]:
    """Ways of grouping the faces of one clip."""

    def alone(rows: np.ndarray, track: np.ndarray, frame: np.ndarray) -> np.ndarray:
        return cluster(rows, threshold)

    def apart(rows: np.ndarray, track: np.ndarray, frame: np.ndarray) -> np.ndarray:
        return cluster(rows, threshold, constraints=Constraints(groups=frame))

    def followed(rows: np.ndarray, track: np.ndarray, frame: np.ndarray) -> np.ndarray:
        order = np.argsort(track, kind="stable")
        same = np.diff(track[order]) == 0
        links = np.stack([order[:-1][same], order[1:][same]], axis=1)
        rules = Constraints(must_link=links, groups=frame)
        return cluster(rows, threshold, constraints=rules)

    return {
        "every face by itself": alone,
        "those of one frame are different people": apart,
        "and followed from frame to frame": followed,
    }


def several_in_one(
    frames: np.ndarray, *, together: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Vectors, tracks, frames and people of clips with several people, each seen in two shots."""
    clips, length, dim = frames.shape
    for start in range(0, clips - together + 1, together):
        person, frame = np.divmod(np.arange(together * length), length)
        track = 2 * person + (frame >= length // 2)
        yield frames[start : start + together].reshape(-1, dim), track, frame, person


def by_frame(made: Frames) -> dict[str, AgeGender]:
    """Ages (n, t, 100) and genders (n, t) of every frame, by ``faceres`` and by ``onepass``."""
    n, t = made.male.shape
    out = HeadNet(load_manifest()["onepass"]).run(made.inputs().reshape(n * t, -1))
    return {
        "faceres": AgeGender(made.ages.astype(np.float32), made.male.astype(np.float32)),
        "onepass": AgeGender(out["age"].reshape(n, t, -1), out["male"].reshape(n, t)),
    }


Rule = Callable[[np.ndarray], np.ndarray]


def age_rules() -> Mapping[str, Rule]:
    """From the probabilities of the ages in each frame, (n, t, 100), to ages, (n, 1) or (n, t)."""

    def each(ages: np.ndarray) -> np.ndarray:
        n, t, count = ages.shape
        return expected_ages(ages.reshape(n * t, count)).reshape(n, t)

    def product(ages: np.ndarray) -> np.ndarray:
        logs = np.log(np.maximum(ages, 1e-6)).mean(axis=1)
        return expected_ages(np.exp(logs))[:, None]

    return {
        "one frame": each,
        "mean of the ages": lambda ages: each(ages).mean(axis=1, keepdims=True),
        "median of the ages": lambda ages: np.median(each(ages), axis=1, keepdims=True),
        "mean of the probabilities (the program)": lambda ages: expected_ages(ages.mean(axis=1))[
            :, None
        ],
        "product of the probabilities": product,
    }


def gender_rules() -> Mapping[str, Rule]:
    """From P(male) in each frame, (n, t), to who is a man, (n, 1) or (n, t)."""

    def odds(male: np.ndarray) -> np.ndarray:
        p = np.clip(male, 1e-3, 1 - 1e-3)
        return np.log(p / (1 - p))

    return {
        "one frame": lambda male: male >= 0.5,
        "voting": lambda male: (male >= 0.5).mean(axis=1, keepdims=True) > 0.5,
        "mean of P(male)": lambda male: male.mean(axis=1, keepdims=True) >= 0.5,
        "product rule (the program)": lambda male: odds(male).mean(axis=1, keepdims=True) >= 0,
    }
