"""``album set``: say what is known of a person."""

from typing import Any

import click

from album.cli.changes import changes, person_id, tell, writable
from album.cli.common import Session

NONE = "none"
GENDERS = {"f": "f", "female": "f", "m": "m", "male": "m", NONE: None}


@click.command(epilog="For example:  album set Anna --born 1984-05 --gender f")
@click.argument("person", metavar="PERSON")
@click.option("--born", metavar="DATE", help="1984, 1984-05 or 1984-05-17; 'none' takes it back.")
@click.option(
    "--gender",
    type=click.Choice(list(GENDERS), case_sensitive=False),
    help="What is known; 'none' takes it back.",
)
@click.option("--cover", metavar="FACE", help="The face to show; 'none' takes it back.")
@changes
@click.pass_obj
def command(
    session: Session,
    person: str,
    born: str | None,
    gender: str | None,
    cover: str | None,
    as_json: bool,
) -> None:
    """Say what is known of PERSON; it goes before what was estimated.

    A birth date corrects the ages that are shown.
    """
    from album.edits.decisions import set_person

    values: dict[str, Any] = {}
    if born is not None:
        values["born"] = None if born.lower() == NONE else born
    if gender is not None:
        values["gender"] = GENDERS[gender.lower()]
    if cover is not None:
        values["cover"] = None if cover.lower() == NONE else _face(cover)
    if not values:
        raise click.UsageError("Give --born, --gender or --cover.")
    with writable(session) as library:
        change = set_person(library, person_id(library, person), **values)
    tell(change, as_json=as_json)


def _face(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise click.UsageError(f"--cover takes the id of a face or 'none', not {text!r}.")
    return int(text)
