"""One clip: its faces found and followed, drawn on a copy and written down frame by frame."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from album.analysis.clips.people import moments
from album.errors import Unreadable
from album.export.annotated.film import copy_size, write_film
from album.export.annotated.overlay import Overlay
from album.export.annotated.photos import match
from album.export.annotated.places import Place, write
from album.export.annotated.record import (
    COLUMNS,
    Named,
    columns,
    emotion_record,
    first_line,
    gender_record,
    place_record,
    sure_emotion,
)
from album.export.annotated.tracks import Watched, watch
from album.media.clips.frames import Sampling
from clustering.attributes.fusion import expected_ages
from nets.engine import Engine

NEAR_MS = 400
"""A frame this near to the one that the library knows a face of shows the same."""


@dataclass(frozen=True, slots=True)
class ClipTask:
    """A clip to be analysed.

    Attributes
    ----------
    place : Place
    sampling : Sampling
        Which frames are looked at; the copy has all of them.
    threads : int
        Cores to use.
    stopped : callable
        Asked now and then whether the result is still needed.
    """

    place: Place
    sampling: Sampling
    threads: int = 1
    stopped: Callable[[], bool] = lambda: False


def make_clip(
    engine: Engine, task: ClipTask, known: Sequence[Named], head: dict[str, Any]
) -> dict[str, Any]:
    """Analyse a clip, write the copy, the text and the record, and return the record.

    Parameters
    ----------
    engine : Engine
    task : ClipTask
    known : sequence of Named
        Faces that the library knows.
    head : dict
        With what the record begins.

    Raises
    ------
    MediaError
        Nothing of the clip can be read, or nobody wants it any more.
    """
    path = Path(task.place.found.path)
    how: Any = {"threads": task.threads, "stopped": task.stopped}
    seen = watch(path, engine, task.sampling, **how)
    people = _people(seen, _whose(seen, known))
    frames = list(_frames(seen))
    record = head | {
        "width": seen.size[0],
        "height": seen.size[1],
        "duration_ms": seen.duration_ms,
        "detector": engine.detector.name,
        "sound": False,
        "problem": seen.problem,
        "people": people,
        "frames": frames,
    }
    faces = [_whole(face, people) for frame in frames for face in frame["faces"]]
    overlay = Overlay(seen, [_lines(face) for face in faces], copy_size(seen.size))

    def copy(target: Path) -> None:
        made = write_film(path, target, overlay, **how)
        if task.stopped():
            raise Unreadable(path, "stopped")
        record["sound"] = made.sound

    write(task.place, record, text_lines(record), copy)
    return record


def _whose(seen: Watched, known: Sequence[Named]) -> dict[int, Named]:
    """Return whom the library knows among the people of a clip, by row of `Watched.people`."""
    votes: dict[int, Counter[Named]] = {}
    for one in known:
        if one.time_ms is None or not len(seen.times):
            continue
        frame = int(np.abs(seen.times - one.time_ms).argmin())
        if abs(int(seen.times[frame]) - one.time_ms) > NEAR_MS:
            continue
        rows = np.flatnonzero(seen.frame == frame)
        for row, found in zip(rows, match(seen.faces.boxes[rows], [one]), strict=True):
            if found:
                votes.setdefault(int(seen.person[row]), Counter())[found] += 1
    return {person: counted.most_common(1)[0][0] for person, counted in votes.items()}


def _people(seen: Watched, whose: dict[int, Named]) -> list[dict[str, Any]]:
    people = []
    for row, person in enumerate(seen.people):
        who, ages = whose.get(row), seen.ages[seen.person == row]
        known = ages[np.isfinite(ages)]
        if not len(known):  # Seen in too few frames for an age from a sequence of them.
            known = expected_ages(person.ages[None])
        people.append(
            {
                "number": row + 1,
                "age": round(float(np.median(known)), 1),
                **gender_record(person.male),
                "person_id": who.person_id if who else None,
                "person": who.name if who else None,
                **emotion_record(_mean(seen, row)),
                "frames": len(person.frames),
                "moments": [[low, high] for low, high, _ in moments(seen.times[person.frames])],
            }
        )
    return people


def _mean(seen: Watched, row: int) -> Any:
    return None if seen.emotions is None else seen.emotions[seen.person == row].mean(axis=0)


def _frames(seen: Watched) -> Iterator[dict[str, Any]]:
    for frame, time in enumerate(seen.times.tolist()):
        rows = np.flatnonzero(seen.frame == frame).tolist()
        yield {"time_ms": time, "faces": [_face(seen, row) for row in rows]}


def _face(seen: Watched, row: int) -> dict[str, Any]:
    age = float(seen.ages[row])
    return {
        "number": int(seen.person[row]) + 1,
        **place_record(seen.faces, row),
        "age": round(age, 1) if np.isfinite(age) else None,
        **emotion_record(None if seen.emotions is None else seen.emotions[row]),
    }


def _whole(face: dict[str, Any], people: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a face of a frame with what is only said of its person."""
    person = people[face["number"] - 1]
    names = ("gender", "gender_probability", "person_id", "person")
    return face | {name: person[name] for name in names}


def _lines(face: dict[str, Any]) -> tuple[str, ...]:
    name = face["person"] or f"#{face['number']}"
    return tuple(filter(None, (name, first_line(face), sure_emotion(face))))


def text_lines(record: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the text: the clip, then a face of a frame a line, with tabs between."""
    length = record["duration_ms"]
    long = "" if length is None else f"{length / 1000:.1f} seconds, "
    size = f"{record['width']} x {record['height']} pixels"
    count, frames = len(record["people"]), len(record["frames"])
    people = "1 person" if count == 1 else f"{count} people"
    yield f"# {size}, {long}{people}, {frames} frames looked at"
    yield "\t".join(("ms", "number", *COLUMNS))
    for frame in record["frames"]:
        for face in frame["faces"]:
            whole = _whole(face, record["people"])
            yield "\t".join((str(frame["time_ms"]), str(face["number"]), *columns(whole)))
