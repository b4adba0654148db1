"""``album people``: the table of people."""

import io

import click

from album.cli import text
from album.cli.common import Session, echo_json, everywhere, opened
from album.people.people import People, Person, list_people
from album.people.records import person_record

COLUMNS = (
    text.Column("Id", right=True),
    text.Column("Name", stretch=True),
    text.Column("Gender"),
    text.Column("Born"),
    text.Column("Photos", right=True),
    text.Column("First"),
    text.Column("Last"),
)


@click.command(
    epilog="For example:  album people --csv > people.csv",
)
@click.option("--all", "everyone", is_flag=True, help="With passers-by and hidden people.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values, with a header.")
@everywhere
@click.pass_obj
def command(session: Session, everyone: bool, as_json: bool, as_csv: bool) -> None:
    """List the people that were found, those with most photos first.

    Born is the most likely year, and between brackets the years between which the truth lies
    with a probability of 80 %. Passers-by are people seen in fewer than three photos, or only
    within two days.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    with opened(session) as library:
        found = list_people(library, everyone=everyone)
        empty = "" if found.shown else _why_nobody(library)
    if as_json:
        echo_json({"format": 1, "people": [person_record(person) for person in found.shown]})
    elif as_csv:
        click.echo(as_table(found.shown), nl=False)
    else:
        _print(found, empty)


def as_table(people: tuple[Person, ...]) -> str:
    """Return people as CSV; the columns are the keys of the JSON."""
    from album.export.tables import write_people

    buffer = io.StringIO(newline="")
    write_people(buffer, people)
    return buffer.getvalue()


def _print(found: People, empty: str) -> None:
    if empty:
        click.echo(empty)
        return
    click.echo("\n".join(text.table(COLUMNS, map(_row, found.shown))))
    for line in _left_out(found):
        click.echo(line)


def _row(person: Person) -> tuple[str, ...]:
    return (
        str(person.id),
        person.name or text.NOTHING,
        text.gender_text(person),
        text.born_text(person),
        text.number(person.photos),
        text.day(person.first),
        text.day(person.last),
    )


def _left_out(found: People) -> list[str]:
    """Say who is not in the table, or why everybody is."""
    if found.only_passers_by:
        return [
            "",
            "All of them are passers-by (in fewer than three photos, or only within two days), so "
            "they are shown.",
        ]
    parts = []
    if found.passers_by:
        parts.append(text.count(found.passers_by, "passer-by", "passers-by"))
    if found.hidden:
        parts.append(text.count(found.hidden, "hidden person", "hidden people"))
    return ["", f"Not shown: {' and '.join(parts)} (album people --all)."] if parts else []


def _why_nobody(library: object) -> str:
    from db.library import Library
    from db.photos.status import status

    assert isinstance(library, Library)
    counts = status(library)
    if counts.people:
        return "Everybody is hidden; `album people --all` shows them."
    if counts.faces:
        faces = text.count(counts.faces, "face was", "faces were")
        return f"{faces} found and not grouped yet; run `album index` on the same folder once more."
    if counts.photos:
        photos = text.count(counts.photos, "photo")
        return f"No faces were found in {photos}; `album status` shows which files failed."
    return "The library is empty; start with `album index` and a folder of photos."
