"""Storing what was found in photos and clips: translated into what the library speaks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from album.analysis.analyse import Failed, Known, LiveClip, Prepared, ReadClip, Skipped, Task
from album.analysis.clips import record as clip_record
from album.dates.photo_date import claim_records
from album.events import ClipDone, Event, FileSkipped, PhotoDone, PhotoFailed
from album.files.scan import display_path
from db.library import Library
from db.photos.analyses import save_analyses
from db.photos.files import save_failure, save_files
from db.photos.forgotten import remember_digest
from db.photos.turning import shown_by
from db.records import Analysis, Attributes, Faces, Identity, PhotoFacts, ScannedFile
from nets.core.api import Batch
from nets.engine import Description, Engine, join
from nets.runtime.models import digest

BATCH = 32
"""Faces that are gathered, across photos, before the nets run."""


def like_its_copy(
    outcome: Known | LiveClip | Skipped | Failed, failed: Mapping[str | None, Failed]
) -> Known | LiveClip | Skipped | Failed:
    """Return the failure of a file whose content could not be read from its copy, either."""
    if isinstance(outcome, Known) and outcome.content_hash in failed:
        return replace(failed[outcome.content_hash], task=outcome.task)
    return outcome


def settle(
    library: Library,
    outcome: Known | LiveClip | Skipped | Failed,
    forgotten: frozenset[str] = frozenset(),
) -> Event:
    """Record a file that needs no analysis: known content, no photo, or not to be read.

    Of forgotten content nothing is recorded, not even its path.
    """
    path = display_path(outcome.task.found.path)
    match outcome:
        case LiveClip(_, content_hash) if content_hash in forgotten:
            return FileSkipped(path, "forgotten")
        case Known(_, content_hash, picture) if {content_hash, picture} & forgotten:
            if picture not in forgotten:  # forgotten by an earlier version, which knew no pictures
                remember_digest(library, picture)
            return FileSkipped(path, "forgotten")
        case Known(task):
            held = save_files(library, [seen_again(outcome)])[task.found.path]
            return PhotoDone(path, 0, known=True, change=held.change)
        case LiveClip(task, content_hash):
            save_files(library, [seen(task, content_hash, "live")])
            return FileSkipped(path, "live")
        case Skipped(task, kind):
            save_files(library, [seen(task, None, kind)])
            return FileSkipped(path, kind)
        case Failed(task, stage, reason, content_hash, kind, trace):
            save_failure(library, seen(task, content_hash, kind), stage=stage, reason=reason)
            return PhotoFailed(path, reason, trace)


def seen(task: Task, content_hash: str | None, kind: str = "image") -> ScannedFile:
    """Translate a file of the scan into what the library stores of it."""
    found = task.found
    return ScannedFile(found.path, found.size, found.mtime_ns, content_hash, kind)


def seen_again(known: Known) -> ScannedFile:
    """Translate a file with a picture that is known into what the library stores of it."""
    return replace(
        seen(known.task, known.content_hash, known.kind),
        picture=known.picture,
        orientation=known.orientation,
        date_claims=None if known.taken is None else claim_records(known.taken.claims),
        people=() if known.taken is None else known.taken.people,
    )


def seen_first(photo: Prepared) -> ScannedFile:
    """Translate a photo that was read into what the library stores of its file."""
    return replace(
        seen(photo.task, photo.content_hash),
        picture=photo.picture,
        orientation=photo.header.orientation,
        date_claims=claim_records(photo.taken.claims),
        people=photo.taken.people,
        hashes=photo.hashes,
        upright=photo.header.upright_size,
    )


def save(
    library: Library, engine: Engine, ready: Sequence[Prepared], contract: str
) -> Iterator[Event]:
    """Describe the faces of some photos in one batch, where that is still to be done; save them."""
    if not ready:
        return
    ready = described(engine, ready)
    held = save_files(library, [seen_first(photo) for photo in ready])
    chosen = shown_by(library, {one.task.found.path: one.header.orientation for one in ready})
    save_analyses(
        library, [record(one, engine, contract) for one in ready if one.task.found.path in chosen]
    )
    for photo in ready:
        path = photo.task.found.path
        # A known picture that lies elsewhere now, and another way up, is no new photo. What was to
        # be read again, by other nets for example, counts as read.
        known = held[path].photo_id is not None and photo.task.content_hash is None
        yield PhotoDone(
            display_path(path),
            len(photo.detections) if path in chosen and not known else 0,
            known=known or path not in chosen,
            change=held[path].change,
        )


def described(engine: Engine, ready: Sequence[Prepared]) -> list[Prepared]:
    """Run the nets on the faces of some photos in one batch; return the photos without chips."""
    left = [photo for photo in ready if photo.said is None]
    if not left:
        return list(ready)
    said = engine.describe(join([photo.batch for photo in left]))
    end, by_path = 0, {}
    for photo in left:
        end += len(photo.detections)
        rows = slice(end - len(photo.detections), end)
        by_path[photo.task.found.path] = replace(photo, said=part(said, rows), batch=Batch({}))
    return [by_path.get(photo.task.found.path, photo) for photo in ready]


def part(said: Description, rows: slice) -> Description:
    """Return what was said of some of the faces."""
    emotions = None if said.emotions is None else said.emotions[rows]
    return Description(said.vectors[rows], said.ages[rows], said.male[rows], emotions)


def save_clip(library: Library, engine: Engine, read: ReadClip, contract: str | None) -> Event:
    """Save a clip. What one that breaks off held is kept, and it counts as failed all the same."""
    assert contract is not None
    if read.clip.problem:
        contract = digest(contract, "incomplete")  # not done, so that it can be tried again
    file = replace(
        seen(read.task, read.content_hash, "clip"),
        picture=read.picture,
        date_claims=claim_records(read.taken.claims),
        people=read.taken.people,
    )
    save_files(library, [file])
    save_analyses(library, [clip_record.record(read, engine, contract)])
    problem = read.clip.problem
    if problem:
        problem = f"was read in part ({problem}); copy it again from where it came from."
        save_failure(library, file, stage="incomplete", reason=problem)
    return ClipDone(
        display_path(read.task.found.path), len(read.clip.faces), read.clip.frames, problem
    )


def record(photo: Prepared, engine: Engine, contract: str) -> Analysis:
    """Translate what was found in a photo, and described, into what the library stores."""
    detections, said = photo.detections, photo.said
    assert said is not None
    size, sharpness, frontal = photo.quality.T
    return Analysis(
        photo=facts(photo),
        faces=Faces(
            engine.detector.contract,
            *(detections.boxes, detections.landmarks, detections.scores),
            size=size,
            sharpness=sharpness,
            frontal=frontal,
        ),
        contract=contract,
        identity=(Identity(engine.embedder.contract, said.vectors),),
        attributes=(Attributes(engine.attributes.contract, said.ages, said.male),),
        emotions=clip_record.expressed(engine, said.emotions),
        seconds=photo.seconds,
        hints=photo.taken.people,
    )


def facts(photo: Prepared) -> PhotoFacts:
    """Translate header and date of a photo into what the library stores."""
    (width, height), (stored_width, stored_height) = (
        photo.header.upright_size,
        photo.header.stored_size,
    )
    return PhotoFacts(
        photo.content_hash,
        width,
        height,
        orientation=photo.header.orientation,
        stored_width=stored_width,
        stored_height=stored_height,
        taken_at=photo.taken.when,
        utc_offset_min=photo.taken.offset_minutes,
        date_source=photo.taken.source,
        date_precision=photo.taken.precision,
        date_claims=claim_records(photo.taken.claims),
        phash=photo.hashes[0],
        moving="motion" if photo.header.motion else None,
        picture=photo.picture,
    )
