"""What was found in a photo, as the files beside its copy say it (``docs/analyze.md``)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from album.export.annotated.drawing import Label
from clustering.attributes.fusion import expected_ages
from nets.core.api import EMOTIONS, Detections, Floats
from nets.engine import Description

MADE_BY = "album analyze"
POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
"""As the viewer sees them."""
COLUMNS = (
    *("left", "top", "right", "bottom", "score", "age", "gender", "probability"),
    *("emotion", "probability", "person"),
)
"""What the text says of a face, after its number."""
FEMALE, MALE = "female", "male"
SURE = 0.5
"""An emotion less probable is not drawn."""


@dataclass(frozen=True, slots=True)
class Named:
    """A face that the library knows: where, in a clip when, and whose."""

    box: tuple[float, float, float, float]
    person_id: int
    name: str | None
    time_ms: int | None = None


def face_records(
    faces: Detections, description: Description, who: Sequence[Named | None]
) -> list[dict[str, Any]]:
    """Return a record of each face, those on the left first."""
    ages = expected_ages(description.ages) if len(faces) else np.zeros(0)
    order = np.argsort(faces.boxes[:, 0], kind="stable").tolist()
    return [_record(faces, description, row, float(ages[row]), who[row]) for row in order]


def _record(
    faces: Detections, description: Description, row: int, age: float, who: Named | None
) -> dict[str, Any]:
    return {
        **place_record(faces, row),
        "age": round(age, 1),
        **gender_record(float(description.male[row])),
        "person_id": who.person_id if who else None,
        "person": who.name if who else None,
        **emotion_record(None if description.emotions is None else description.emotions[row]),
    }


def place_record(faces: Detections, row: int) -> dict[str, Any]:
    """Return where a face is, and how certain it is one."""
    landmarks = [[round(float(v), 1) for v in point] for point in faces.landmarks[row]]
    return {
        "box": [round(float(edge), 1) for edge in faces.boxes[row]],
        "landmarks": dict(zip(POINTS, landmarks, strict=True)),
        "score": round(float(faces.scores[row]), 4),
    }


def gender_record(male: float) -> dict[str, Any]:
    """Return a gender with its probability, from the probability of being male."""
    gender = MALE if male >= 0.5 else FEMALE
    return {"gender": gender, "gender_probability": round(max(male, 1 - male), 4)}


def emotion_record(probabilities: Floats | None) -> dict[str, Any]:
    """Return the likeliest emotion and the probability of each; nothing where none are known."""
    if probabilities is None:
        return {}
    pairs = zip(EMOTIONS, probabilities.tolist(), strict=True)
    emotions = {name: round(value, 4) for name, value in pairs}
    return {"emotion": EMOTIONS[int(probabilities.argmax())], "emotions": emotions}


def label(face: dict[str, Any]) -> Label:
    """Return what is written beside a face."""
    return Label(tuple(face["box"]), (face["person"] or "", first_line(face), sure_emotion(face)))


def first_line(face: dict[str, Any]) -> str:
    """Return age and gender, as far as they are known."""
    age = "" if face["age"] is None else f"{face['age']:.0f} "
    return f"{age}{face['gender']}"


def sure_emotion(face: dict[str, Any]) -> str:
    """Return the emotion of a face where it is likely enough to be drawn, else nothing."""
    emotion = str(face.get("emotion", ""))
    return emotion if emotion and face["emotions"][emotion] >= SURE else ""


def text_lines(photo: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the text: the picture, then a face a line, with tabs between."""
    yield f"# {photo['width']} x {photo['height']} pixels, {len(photo['faces'])} faces"
    yield "\t".join(("face", *COLUMNS))
    for number, face in enumerate(photo["faces"], 1):
        yield "\t".join((str(number), *columns(face)))


def columns(face: dict[str, Any]) -> Iterator[str]:
    """Yield what the text says of a face, from its box to its person."""
    yield from (f"{edge:.0f}" for edge in face["box"])
    yield f"{face['score']:.3f}"
    yield "" if face["age"] is None else f"{face['age']:.1f}"
    yield from (face["gender"], f"{face['gender_probability']:.2f}")
    emotion = face.get("emotion", "")
    yield from (emotion, f"{face['emotions'][emotion]:.2f}" if emotion else "")
    yield " ".join((face["person"] or "").split())
