"""Translating what was found in a clip into what the library stores."""

from album.analysis.analyse import ReadClip
from album.dates.photo_date import claim_records
from db.records import Analysis, Attributes, Emotions, Faces, Identity, PhotoFacts
from nets.core.api import Floats
from nets.engine import Engine


def record(read: ReadClip, engine: Engine, contract: str) -> Analysis:
    """Return the analysis of a clip: one face for each person, with the moments it stands for."""
    clip = read.clip
    size, sharpness, frontal = clip.quality.T
    return Analysis(
        photo=facts(read),
        faces=Faces(
            engine.detector.contract,
            *(clip.faces.boxes, clip.faces.landmarks, clip.faces.scores),
            size=size,
            sharpness=sharpness,
            frontal=frontal,
            time_ms=clip.time_ms,
        ),
        contract=contract,
        identity=(Identity(engine.embedder.contract, clip.said.vectors),),
        attributes=(Attributes(engine.attributes.contract, clip.said.ages, clip.said.male),),
        emotions=expressed(engine, clip.said.emotions),
        seconds=read.seconds,
        sightings=clip.sightings,
        hints=read.taken.people,
    )


def expressed(engine: Engine, emotions: Floats | None) -> tuple[Emotions, ...]:
    """Translate what faces express into what the library stores; nothing where nobody asked."""
    if engine.emotions is None or emotions is None:
        return ()
    return (Emotions(engine.emotions.contract, emotions),)


def facts(read: ReadClip) -> PhotoFacts:
    """Translate size, length and date of a clip."""
    clip, taken = read.clip, read.taken
    return PhotoFacts(
        read.content_hash,
        *clip.size,
        kind="clip",
        orientation=clip.orientation,
        stored_width=clip.stored_size[0],
        stored_height=clip.stored_size[1],
        duration_ms=clip.duration_ms,
        taken_at=taken.when,
        utc_offset_min=taken.offset_minutes,
        date_source=taken.source,
        date_precision=taken.precision,
        date_claims=claim_records(taken.claims),
        picture=read.picture,
    )
