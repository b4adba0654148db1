"""What the commands that change people share: opening the library, finding people, the answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from album.cli import text
from album.cli.common import F, Session, echo_json, everywhere

if TYPE_CHECKING:
    from db.journal.journal import Change
    from db.library import Library


def changes(command: F) -> F:
    """Add the options of every command that makes a change."""
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document.")
    return as_json(everywhere(command))


@contextmanager
def writable(session: Session) -> "Iterator[Library]":
    """Open an existing library to change it."""
    from db.library import Library

    with Library.open(session.path, create=False) as library:
        yield library


def person_id(library: "Library", who: str) -> int:
    """Return the id of a person given by id or name."""
    from db.people.people import find_person

    return find_person(library, who).person_id


def photo_id(library: "Library", path: str) -> int:
    """Return the photo that a file holds.

    Raises
    ------
    Refused
        The file was never indexed.
    """
    from pathlib import Path

    from album.errors import Refused, shown
    from db.photos.photos import photo_at

    for place in (Path(path).absolute(), Path(path).resolve()):
        found = photo_at(library, str(place))
        if found is not None:
            return found.photo_id
    raise Refused(f"{shown(path)} is not in the library; give the path of a photo that is indexed.")


def tell(change: "Change", *, as_json: bool) -> None:
    """Print what was done, and how to take it back."""
    if as_json:
        echo_json(change_record(change))
        return
    if not change.event_id:
        click.echo("Nothing was changed: the library says so already.")
        return
    back = {"undo": "album redo does it again", "redo": "album undo takes it back"}
    hint = back.get(change.kind, "album undo takes it back")
    click.echo(f"{text.safe(change.summary)} ({hint})")


def change_record(change: "Change") -> dict[str, Any]:
    """Return a change as JSON has it; ``changed`` is false where all was so already."""
    return {
        "format": 1,
        "changed": bool(change.event_id),
        "event": change.event_id or None,
        "kind": change.kind,
        "summary": change.summary,
        "people": list(change.person_ids),
    }
