"""Storing what an import has decided, as one change that `album undo` takes back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from album.analysis.region_faces import Described
from album.edits.refresh import decide_again, refresh
from album.events import ImportReport, TagConflict
from album.models.contracts import nets_used
from album.tags.importing.decide import Claim, Decision, Known, Standing, decide
from album.tags.importing.read import TaggedFace
from album.tags.marks import digest
from db.journal import edits
from db.journal.edits import Placed
from db.journal.imports import add_faces, new_conflicts, verdicts_on
from db.journal.journal import Change, Edit, changing, named_by
from db.library import Library
from db.people.people import folded


@dataclass(frozen=True, slots=True)
class Found:
    """Faces of a photo that only its tags know of; not described where nothing is to be stored."""

    photo_id: int
    faces: Sequence[TaggedFace]
    described: Described | None


class _NothingStored(Exception):  # noqa: N818 - never leaves this module
    """Ends the transaction of a dry run without a trace."""


def store(
    library: Library,
    claims: Sequence[Claim],
    found: Sequence[Found],
    report: ImportReport,
    *,
    dry_run: bool = False,
) -> Change | None:
    """Decide and store in one transaction; count in `report` what was done.

    Returns
    -------
    Change or None
        None after a dry run.
    """
    try:
        with changing(library, "import") as edit:
            new = _add(edit, found) if not dry_run else _pretend(found)
            report.founded += len(new)
            every = [*claims, *(claim for claim in new if claim.name)]
            every, known = gather(edit, every, new if dry_run else ())
            decision = decide(every, known)
            _tell(decision, known, report)
            report.conflicts = _new_conflicts(edit, every, decision, known)
            report.overruled = len(report.conflicts)
            if dry_run:
                raise _NothingStored
            _apply(edit, library, decision, known)
            edit.summary = summary(report)
        return edit.change
    except _NothingStored:
        return None


def _add(edit: Edit, found: Iterable[Found]) -> list[Claim]:
    """Store faces that only tags know of: all with a name, of the others those that are faces."""
    claims = []
    for one in found:
        assert one.described is not None
        there = one.described.found
        named = np.array([bool(face.name) for face in one.faces])
        rows = np.flatnonzero(named | there)
        if not len(rows):
            continue
        said = one.described
        kept = replace(
            said.faces,
            **{name: getattr(said.faces, name)[rows] for name in _COLUMNS},
        )
        identity = replace(said.identity, vectors=said.identity.vectors[rows])
        attributes = replace(
            said.attributes, ages=said.attributes.ages[rows], p_male=said.attributes.p_male[rows]
        )
        ids = add_faces(edit, one.photo_id, kept, identity, attributes)
        claims += [
            Claim(face_id, one.photo_id, one.faces[int(row)].name, seen=bool(there[row]))
            for face_id, row in zip(ids, rows, strict=True)
        ]
    return claims


_COLUMNS = ("boxes", "landmarks", "scores", "size", "sharpness", "frontal")


def _pretend(found: Iterable[Found]) -> list[Claim]:
    """Return what may be found, under numbers that no face has."""
    named = [(one.photo_id, face.name) for one in found for face in one.faces if face.name]
    return [Claim(-1 - i, photo_id, name) for i, (photo_id, name) in enumerate(named)]


def gather(
    edit: Edit, claims: Sequence[Claim], pretended: Sequence[Claim] = ()
) -> tuple[list[Claim], Known]:
    """Read what the library says of the faces and people that claims are about.

    Faces that are gone since they were matched are left out.
    """
    ids = sorted({claim.face_id for claim in claims if claim.face_id > 0})
    there = set(edits.existing_faces(edit, ids))
    claims = [claim for claim in claims if claim.face_id in there or claim.face_id < 0]
    names = edits.named(edit)
    wanted = {claim.key for claim in claims}
    meant = {who for who, name in names.items() if folded(name) in wanted}
    mine = edits.placed(edit, faces=sorted(there))
    people = sorted(meant | {one.person_id for one in mine if one.person_id})
    faces = {one.face_id: _standing(one) for one in (*mine, *edits.placed(edit, people=people))}
    faces |= {one.face_id: Standing(one.face_id, one.photo_id) for one in pretended}
    said = verdicts_on(edit, people)
    return claims, Known(
        faces,
        names,
        named_by_user=_named_by_user(
            edit, claims, faces, {p: names[p] for p in people if p in names}
        ),
        touched=said.touched,
        rejected=said.rejected,
        different=said.different,
        exempt=edits.exempted(edit, {one.photo_id for one in faces.values()}),
    )


def _named_by_user(
    edit: Edit,
    claims: Sequence[Claim],
    faces: Mapping[int, Standing],
    names: Mapping[int, str],
) -> set[int]:
    """Return those of some people with a name whose name is the user's word.

    Where all tags say what is known, nobody: the journal, in which imports of many photos make for
    large events, need not be read then.
    """
    is_news = any(
        folded(names.get(faces[claim.face_id].person_id, "")) != claim.key for claim in claims
    )
    return set(names) - named_by(edit, "import") if is_news else set()


def _standing(one: Placed) -> Standing:
    return Standing(one.face_id, one.photo_id, one.person_id, one.source)


def _tell(decision: Decision, known: Known, report: ImportReport) -> None:
    report.named, report.twice = len(decision.named), len(decision.exempt)
    report.known += decision.known
    report.doubled = len(decision.doubled)
    for target in decision.targets:
        report.new += not target.person_id
        report.names += len(target.faces)
        report.followed += len(target.followers)
        if target.person_id in decision.named:
            mine = (one for one in known.faces.values() if one.person_id == target.person_id)
            report.followed += sum(one.face_id not in target.faces for one in mine)
        if target.faces:
            report.people[target.name] = len(target.faces)


def _new_conflicts(
    edit: Edit, claims: Sequence[Claim], decision: Decision, known: Known
) -> list[TagConflict]:
    """Return the tags that contradict the user, but for those that were reported before.

    Only digests of their names are remembered, so that nobody who is forgotten is named there.
    """
    names: dict[int, set[str]] = {claim.photo_id: set() for claim in claims}
    for claim in decision.overruled:
        names[claim.photo_id].add(digest(claim.key))
    new = new_conflicts(edit, names)
    faces = ((claim, known.faces[claim.face_id].person_id) for claim in decision.overruled)
    return [
        TagConflict(
            photo_id=claim.photo_id,
            face_id=claim.face_id,
            tag=claim.name,
            person_id=whose,
            name=known.names.get(whose),
        )
        for claim, whose in faces
        if digest(claim.key) in new[claim.photo_id]
    ]


def _apply(edit: Edit, library: Library, decision: Decision, known: Known) -> None:
    moved = {f for target in decision.targets for f in (*target.faces, *target.followers)}
    before = {known.faces[face_id].person_id for face_id in moved | decision.freed} - {0}
    if decision.exempt:
        edits.exempt(edit, decision.exempt)
    edits.free(edit, decision.freed)
    after = set()
    for target in decision.targets:
        person_id = target.person_id or edits.new_person(edit)
        if not target.person_id or person_id in decision.named:
            edits.set_person(edit, person_id, name=target.name)
        edits.place(edit, target.faces, person_id, source="imported")
        edits.follow(edit, target.followers, person_id)
        after.add(person_id)
    gone = edits.remove_empty(edit, before - after)
    if before or after:
        refresh(edit, nets_used(library), (before | after) - gone)
    if decision.changes or edit.found:
        decide_again(edit)
    edit.person_ids = sorted(after) + sorted(before - after)


def summary(report: ImportReport) -> str:
    """Say in one sentence what an import did."""
    parts = []
    if report.names:
        who = len(report.people)
        parts.append(
            f"{_count(report.names, 'face')} of {_count(who, 'person', 'people')} by their names"
        )
    if report.founded:
        parts.append(f"{_count(report.founded, 'face')} that had not been found")
    if not parts and report.twice:
        parts.append("what is said of who is in a photo twice")
    if not parts:
        return "Read tags in which nothing was new."
    return f"Imported from tags: {' and '.join(parts)}."


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
