"""``album show``: one person, photo by photo."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import click

from album.cli import text
from album.cli.common import Session, echo_json, everywhere, opened
from album.people.faces import Face, moment_texts, person_faces
from album.people.labels import person_label
from album.people.people import Person, to_person, whole_age
from album.people.records import face_record, person_record

LIMIT = 50
MOMENTS = 3
"""Of a clip that are listed; --json has all."""
FACE = text.Column("Face id", right=True)
LOOKS = text.Column("Looks")
COLUMNS: tuple[text.Column, ...] = (
    text.Column("Date"),
    text.Column("Age", right=True),
    text.Column("Fits", right=True),
    text.Column("Face"),
    text.Column("Photo", stretch=True),
)


@click.command(epilog="For example:  album show 12  or  album show Anna --limit 0")
@click.argument("person", metavar="PERSON")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with every photo.")
@click.option("--faces", "with_ids", is_flag=True, help="With the ids of the faces.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    help=f"List that many photos; 0 means all.  [default: {LIMIT}, with --json all]",
)
@everywhere
@click.pass_obj
def command(
    session: Session, person: str, as_json: bool, with_ids: bool, limit: int | None
) -> None:
    """Show one person, by id or by name: every photo, with the age at that time.

    Ages are given where the date of the photo is to be trusted. Fits tells how well the face fits
    the person; Face is the place of the face in pixels of the upright photo: left, top, width and
    height. The id of a face is what `album move`, `split` and `reject` take.
    """
    from db.people.people import find_person

    with opened(session) as library:
        who = to_person(find_person(library, person))
        faces = sorted(person_faces(library, [who]), key=_order)
    if as_json:
        chosen = faces[:limit] if limit else faces
        echo_json(
            {"format": 1, **person_record(who), "seen_in": [face_record(face) for face in chosen]}
        )
        return
    click.echo(click.style(who.label, bold=True))
    for fact in _facts(who):
        click.echo(f"  {fact}")
    for line in _listing(faces, LIMIT if limit is None else limit, who, with_ids=with_ids):
        click.echo(line)


def _order(face: Face) -> tuple[bool, bool, str, int]:
    """Present photos before those that are gone, trusted dates before others, then by date."""
    when = face.date.isoformat() if face.date else "9999"
    return not face.present, not face.date_trusted, when, face.face_id


def _facts(person: Person) -> Iterator[str]:
    """Say in short lines what is known of a person."""
    named = [person_label(person.id)] if person.name else []
    marks = [
        *(["seen too little to be listed unasked"] if person.passer_by else []),
        *(["hidden"] if person.hidden else []),
    ]
    gender = text.gender_text(person) if person.gender else "gender unknown"
    born = f"born {text.born_text(person)}" if person.born is not None else "birth year unknown"
    yield ", ".join((*named, gender, born, *marks))
    photos, faces = text.count(person.photos, "photo"), text.count(person.faces, "face")
    dates = f", {text.day(person.first)} – {text.day(person.last)}" if person.first else ""
    yield f"{photos}{'' if person.faces == person.photos else f' ({faces})'}{dates}"


def _listing(faces: Sequence[Face], limit: int, who: Person, *, with_ids: bool) -> Iterator[str]:
    """List photos under headings: the years, then those without a date, then those gone."""
    there = [face for face in faces if face.present]
    chosen = there[:limit] if limit else there
    columns, rows = COLUMNS, [_row(face, who) for face in chosen]
    if any(face.emotion for face in chosen):
        columns = (*columns[:2], LOOKS, *columns[2:])
        rows = [
            (*row[:2], _emotion(face), *row[2:]) for face, row in zip(chosen, rows, strict=True)
        ]
    if with_ids:
        columns = (FACE, *columns)
        rows = [(str(face.face_id), *row) for face, row in zip(chosen, rows, strict=True)]
    title, *lines = text.table(columns, rows)
    if chosen:
        yield ""
        yield f"  {title}"
    for heading, members in groupby(zip(chosen, lines, strict=True), key=lambda m: _heading(m[0])):
        shown = [f"  {line}" for _, line in members]
        yield click.style(f"{heading} · {text.count(len(shown), 'photo')}", bold=True)
        yield from shown
    if len(chosen) < len(there):
        yield ""
        yield f"… and {text.number(len(there) - len(chosen))} more (--limit 0 lists all)."
    if len(there) < len(faces):
        yield ""
        gone = text.count(len(faces) - len(there), "more photo is", "more photos are")
        yield f"{gone} not on the disk at present."


def _emotion(face: Face) -> str:
    """Write what a face expresses, where that is likely enough."""
    from album.people.expressions import SURE

    sure = face.emotion is not None and (face.emotion_probability or 0) >= SURE
    return face.emotion if face.emotion and sure else text.NOTHING


def _heading(face: Face) -> str:
    if not face.date_trusted:
        return "Date not to be trusted" if face.date else "No date"
    assert face.date is not None
    return str(face.date.year)


def _row(face: Face, who: Person) -> tuple[str, ...]:
    """Write a face."""
    left, top, right, bottom = (round(value) for value in face.box)
    when = text.day(face.date, face.date_precision)
    if face.date and not face.date_trusted:
        when = f"{when} ({face.date_source})"
    moments = moment_texts(face)
    if moments:
        more = ", …" if len(moments) > MOMENTS else ""
        when = f"{when} at {', '.join(moments[:MOMENTS])}{more}"
    return (
        when,
        text.NOTHING if face.age is None else str(whole_age(face.age, who)),
        text.NOTHING if face.confidence is None else f"{face.confidence:.2f}",
        f"{left},{top} {right - left}×{bottom - top}",
        text.path_text(face.path),
    )
