"""What was found in a photo, as the files beside its copy say it (``docs/analyze.md``)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from album.analysis.drawing import Label
from clustering.fusion import expected_ages
from nets.api import EMOTIONS, Detections
from nets.engine import Description

MADE_BY = "album analyze"
POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
"""As seen by who looks at the picture."""
FEMALE, MALE = "female", "male"
SURE = 0.5
"""An emotion less probable is not drawn."""


@dataclass(frozen=True, slots=True)
class Named:
    """A face that the library knows: where, and whose."""

    box: tuple[float, float, float, float]
    person_id: int
    name: str | None


def face_records(
    faces: Detections, said: Description, who: Sequence[Named | None]
) -> list[dict[str, Any]]:
    """Return a record of each face, those on the left first."""
    ages = expected_ages(said.ages) if len(faces) else np.zeros(0)
    order = np.argsort(faces.boxes[:, 0], kind="stable").tolist()
    return [_record(faces, said, row, float(ages[row]), who[row]) for row in order]


def _record(
    faces: Detections, said: Description, row: int, age: float, who: Named | None
) -> dict[str, Any]:
    male = float(said.male[row])
    landmarks = [[round(float(v), 1) for v in point] for point in faces.landmarks[row]]
    record: dict[str, Any] = {
        "box": [round(float(edge), 1) for edge in faces.boxes[row]],
        "landmarks": dict(zip(POINTS, landmarks, strict=True)),
        "score": round(float(faces.scores[row]), 4),
        "age": round(age, 1),
        "gender": MALE if male >= 0.5 else FEMALE,
        "gender_probability": round(max(male, 1 - male), 4),
        "person_id": who.person_id if who else None,
        "person": who.name if who else None,
    }
    if said.emotions is not None:
        told = said.emotions[row]
        record["emotion"] = EMOTIONS[int(told.argmax())]
        pairs = zip(EMOTIONS, told.tolist(), strict=True)
        record["emotions"] = {name: round(value, 4) for name, value in pairs}
    return record


def label(face: dict[str, Any]) -> Label:
    """Return what is written beside a face."""
    first = f"{face['age']:.0f} {face['gender']}"
    emotion = face.get("emotion", "")
    sure = bool(emotion) and face["emotions"][emotion] >= SURE
    return Label(tuple(face["box"]), (face["person"] or "", first, emotion if sure else ""))


def text_lines(photo: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the text: the picture, then a face a line, with tabs between."""
    yield f"# {photo['width']} x {photo['height']} pixels, {len(photo['faces'])} faces"
    yield "\t".join(("face", "left", "top", "right", "bottom", "score", "age", "gender",
                     "probability", "emotion", "probability", "person"))  # fmt: skip
    for number, face in enumerate(photo["faces"], 1):
        emotion = face.get("emotion", "")
        sure = f"{face['emotions'][emotion]:.2f}" if emotion else ""
        person = " ".join((face["person"] or "").split())
        edges = (f"{edge:.0f}" for edge in face["box"])
        gender = face["gender"], f"{face['gender_probability']:.2f}"
        score = f"{face['score']:.3f}"
        columns = str(number), *edges, score, f"{face['age']:.1f}", *gender, emotion, sure, person
        yield "\t".join(columns)
