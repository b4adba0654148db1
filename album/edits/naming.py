"""Giving names: to people, and to faces whoever they were of."""

import unicodedata
from collections.abc import Sequence

from album.edits.corrections import move_within
from album.edits.wording import label
from album.errors import NameTaken, Refused
from album.plain_text import plain_text
from db.journal import edits
from db.journal.journal import Change, Edit, changing
from db.library import Library
from db.people.people import folded
from db.rows import PersonRow

RESERVED = "new"
LONGEST = 200


def name_person(
    library: Library, person_id: int, name: str | None, *, force: bool = False
) -> Change:
    """Give a person a name.

    Parameters
    ----------
    library : Library
    person_id : int
    name : str or None
        None or an empty one takes the name back. It is stored in Unicode's composed form, with
        single spaces.
    force : bool
        Also if somebody else has that name, upper and lower case being the same.

    Raises
    ------
    UnknownPersonError
    Refused
        Somebody else has that name, or it can't be a name.
    """
    wanted = checked_name(name)
    with changing(library, "name") as edit:
        row = edits.person_of(edit, person_id)
        edit.person_ids = [person_id]
        if wanted is None:
            edit.summary = f"Took the name of {label(row)} back."
        else:
            _check_free(edit, row, wanted, force=force)
            what = f"Renamed {label(row)} to" if row.name else f"Named {label(row)}"
            edit.summary = f"{what} {wanted}."
        edits.set_person(edit, person_id, name=wanted)
    return edit.change


def checked_name(name: str | None) -> str | None:
    """Return a name as it is stored, None for an empty one, or refuse it."""
    text = " ".join(unicodedata.normalize("NFC", name or "").split())
    if not text:
        return None
    if text.isdecimal() or folded(text) == RESERVED:
        raise Refused(f"Commands take {text} for something else than a name; choose another name.")
    if len(text) > LONGEST or text != plain_text(text):
        raise Refused(
            f"A name has at most {LONGEST} characters, all of which can be printed; choose another."
        )
    return text


def _check_free(edit: Edit, row: PersonRow, name: str, *, force: bool) -> None:
    same = [
        other
        for other, called in edits.named(edit).items()
        if other != row.person_id and folded(called) == folded(name)
    ]
    if same and not force:
        raise NameTaken(name, holder_id=same[0], person_id=row.person_id)


def name_faces(
    library: Library, face_ids: Sequence[int], name: str, *, force: bool = False
) -> Change:
    """Say whose some faces are by name: of whoever is called so, else of somebody new.

    Parameters
    ----------
    library : Library
    face_ids : sequence of int
    name : str
    force : bool
        Although that person is then twice in a photo, in which this is allowed from then on.

    Raises
    ------
    UnknownFaceError
    Refused
        It can't be a name, several people are called so, or the person would be twice in a photo.
    """
    if checked_name(name) is None:
        raise Refused("No name was given; say who it is.")
    with changing(library, "move") as edit:
        to = face_owner(edit, name=name)
        what = move_within(edit, library, face_ids, to, force=force)
        edit.summary = f"Moved {what} to {label(edits.person_of(edit, to))}."
    return edit.change


def face_owner(edit: Edit, *, person_id: int | None = None, name: str | None = None) -> int:
    """Return whose faces are: a person by id, whoever is called so, else somebody new.

    Raises
    ------
    UnknownPersonError
    Refused
        It can't be a name, or several people are called so.
    """
    if person_id is not None:
        return edits.person_of(edit, person_id).person_id
    wanted = checked_name(name)
    if wanted is None:
        return edits.new_person(edit)
    called = edits.named(edit).items()
    same = [one for one, other in called if folded(other) == folded(wanted)]
    if len(same) > 1:
        ids = ", ".join(map(str, same))
        raise Refused(f"{len(same)} people are called {wanted}; choose one of {ids}.")
    if same:
        return same[0]
    new = edits.new_person(edit)
    edits.set_person(edit, new, name=wanted)
    return new
