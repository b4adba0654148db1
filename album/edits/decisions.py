"""Decisions of the user about people, one journalled change each; the twin of the commands.

Each function is one transaction that writes the change and the event that can undo it, and derives
anew what follows from the faces of exactly the people concerned. A refused change leaves the
library as it was. What concerns single faces and photos is in `album.edits.corrections`, and can be
imported from here, too.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from album.edits.corrections import exempt_photo, move_faces, reject_faces, split_auto, split_person
from album.edits.naming import name_faces, name_person
from album.edits.refresh import decide_again, refresh
from album.edits.same_photo import check_photos
from album.edits.wording import label, labels
from album.errors import Refused
from album.models.contracts import nets_used
from db.journal import edits
from db.journal.edits import Placed
from db.journal.journal import Change, Edit, EventRow, changing, history, reverting
from db.library import Library
from db.people.people import folded
from db.rows import PersonRow

__all__ = [
    "KEEP",
    "Change",
    "EventRow",
    "exempt_photo",
    "hide_person",
    "history",
    "keep_apart",
    "merge_people",
    "move_faces",
    "name_faces",
    "name_person",
    "redo",
    "reject_faces",
    "set_person",
    "skip_pair",
    "split_auto",
    "split_person",
    "undo",
]


class Keep:
    """The type of `KEEP`."""


KEEP: Final = Keep()
"""Leave it as it is; None means to take it back."""


def hide_person(library: Library, person_id: int, hidden: bool = True) -> Change:
    """Leave a person out of lists, or show them again.

    Raises
    ------
    UnknownPersonError
    """
    with changing(library, "hide" if hidden else "unhide") as edit:
        row = edits.person_of(edit, person_id)
        edit.person_ids = [person_id]
        edit.summary = f"{'Hid' if hidden else 'Showed'} {label(row)}{'' if hidden else ' again'}."
        edits.set_person(edit, person_id, hidden=hidden)
    return edit.change


def set_person(
    library: Library,
    person_id: int,
    *,
    born: str | Keep | None = KEEP,
    gender: str | Keep | None = KEEP,
    cover: int | Keep | None = KEEP,
) -> Change:
    """Set facts of a person, which override what was estimated.

    Parameters
    ----------
    library : Library
    person_id : int
    born : str or None
        ISO date, month or year: 1984-05-17, 1984-05, 1984. None takes it back.
    gender : {'f', 'm'} or None
    cover : int or None
        A face of that person, to be shown for them.

    Raises
    ------
    UnknownPersonError, UnknownFaceError
    Refused
        A value makes no sense, or the face is somebody else's.
    """
    with changing(library, "set") as edit:
        row = edits.person_of(edit, person_id)
        edit.person_ids = [person_id]
        changes = []
        if not isinstance(born, Keep):
            edits.set_person(edit, person_id, born_override=checked_birth(born))
            changes.append(f"born {born}" if born else "birth date as estimated")
        if not isinstance(gender, Keep):
            if gender not in ("f", "m", None):
                raise Refused(f"The gender is f or m, not {gender}.")
            edits.set_person(edit, person_id, gender_override=gender)
            words = {"f": "female", "m": "male", None: "gender as estimated"}
            changes.append(words[gender])
        if not isinstance(cover, Keep):
            _set_cover(edit, row, cover)
            changes.append(
                "cover chosen by the program" if cover is None else f"cover face {cover}"
            )
            refresh(edit, nets_used(library), [person_id])
        if not changes:
            raise Refused("Nothing was given to set; give a birth date, a gender or a cover.")
        edit.summary = f"Set {label(row)}: {', '.join(changes)}."
    return edit.change


def _set_cover(edit: Edit, row: PersonRow, cover: int | None) -> None:
    if cover is not None:
        (face,) = edits.placed(edit, faces=[cover])
        if face.person_id != row.person_id:
            raise Refused(f"Face {cover} is not {label(row)}'s; choose one of their own faces.")
    values = {"cover_face_id": cover} if cover else {}
    edits.set_person(edit, row.person_id, cover_chosen=cover is not None, **values)


def checked_birth(text: str | None) -> str | None:
    """Return an ISO date, month or year as it is stored, or refuse it."""
    if text is None:
        return None
    parts = text.split("-")
    widths = [len(part) for part in parts]
    try:
        if widths not in ([4], [4, 2], [4, 2, 2]) or not text.replace("-", "").isascii():
            raise ValueError(text)
        year, month, day = (*map(int, parts), 1, 1)[:3]
        when = date(year, month, day)
    except ValueError:
        raise Refused(
            f"{text} is no birth date; write it as 1984, 1984-05 or 1984-05-17."
        ) from None
    if not date(1800, 1, 1) <= when <= date.today():
        raise Refused(f"Nobody in a photo can have been born in {text}; check the year.")
    return text


def merge_people(library: Library, person_ids: Sequence[int], *, force: bool = False) -> Change:
    """Make several people one: the first who has a name, or the first.

    All of their faces, also those that the person had before, are the person's by the user's word
    from then on: otherwise a new grouping, which only sees how far apart they are, would part them
    again. The decisions about the others are taken over: comparisons, rejected faces, birth date,
    gender.

    Parameters
    ----------
    library : Library
    person_ids : sequence of int
        Two or more.
    force : bool
        Although they share photos (in which a person may then be twice), have different names (the
        first one stays), or the user said that they are different.

    Raises
    ------
    UnknownPersonError
    Refused
        Something speaks against it; all of it is named.
    """
    ids = list(dict.fromkeys(person_ids))
    if len(ids) < 2:
        raise Refused("A person can't be merged with themselves; give two different people.")
    with changing(library, "merge") as edit:
        rows = [edits.person_of(edit, person_id) for person_id in ids]
        kept = next((row for row in rows if row.name), rows[0])
        others = [row for row in rows if row is not kept]
        faces = edits.placed(edit, people=ids)
        _check_words(edit, rows, faces, force=force)
        check_photos(edit, faces, f"{labels(rows)} as one person", force=force)
        _take_over(edit, kept, others, faces)
        for row in others:
            edits.remove_person(edit, row.person_id)
        refresh(edit, nets_used(library), [kept.person_id])
        edit.person_ids = [kept.person_id, *(row.person_id for row in others)]
        edit.summary = f"Merged {labels(others)} into {label(kept)}."
    return edit.change


def _check_words(
    edit: Edit, rows: Sequence[PersonRow], faces: Sequence[Placed], *, force: bool
) -> None:
    """Refuse a merge that contradicts a decision of the user."""
    if force:
        return
    for what, values in (
        ("names", [row.name for row in rows]),
        ("birth dates", [row.born_override for row in rows]),
        ("genders", [row.gender_override for row in rows]),
    ):
        different = {folded(value): value for value in values if value}
        if len(different) > 1:
            listed = " and ".join(different.values())
            raise Refused(f"They have different {what}, {listed}.", forced="keep the first one's")
    ids = {row.person_id for row in rows}
    by_id = {row.person_id: row for row in rows}
    for row in rows:
        for other, verdict in edits.comparisons_of(edit, row.person_id).items():
            if other in ids and verdict == "different":
                raise Refused(
                    f"You said that {label(row)} and {label(by_id[other])} are different people.",
                    forced="merge them all the same",
                )
    mine = {face.face_id for face in faces}
    for row in rows:
        if not_theirs := sorted(mine & edits.rejected_of(edit, row.person_id)):
            raise Refused(
                f"You said that face {not_theirs[0]} is not {label(row)}'s.",
                forced="merge them all the same",
            )


def _take_over(
    edit: Edit, kept: PersonRow, others: Sequence[PersonRow], faces: Sequence[Placed]
) -> None:
    """Place all faces with one person, who also takes over the decisions about the others."""
    one, gone = kept.person_id, [row.person_id for row in others]
    rejected = {face_id for row in others for face_id in edits.rejected_of(edit, row.person_id)}
    mine = {face.face_id for face in faces}
    theirs = (face for face in faces if face.person_id != one or face.source != "user")
    edits.place(edit, (face.face_id for face in theirs), one)
    edits.accept(edit, mine & edits.rejected_of(edit, one), one)
    edits.reject(edit, rejected - mine, one)
    known = edits.comparisons_of(edit, one)
    for person_id in gone:
        for other, verdict in edits.comparisons_of(edit, person_id).items():
            if other not in (one, *gone) and known.get(other) != "different":
                known[other] = verdict
                edits.compare(edit, one, other, verdict)
    rows = [kept, *others]
    edits.set_person(
        edit,
        one,
        born_override=next((row.born_override for row in rows if row.born_override), None),
        gender_override=next((row.gender_override for row in rows if row.gender_override), None),
    )


def keep_apart(library: Library, a: int, b: int) -> Change:
    """Store that two people are different: they are never merged or asked about again.

    Raises
    ------
    UnknownPersonError
    Refused
        Both are the same.
    """
    return _compare(library, a, b, "different")


def skip_pair(library: Library, a: int, b: int) -> Change:
    """Store that two people were compared without an answer; one that was given before stays.

    Raises
    ------
    UnknownPersonError
    Refused
        Both are the same.
    """
    return _compare(library, a, b, "skipped")


def _compare(library: Library, a: int, b: int, verdict: str) -> Change:
    if a == b:
        raise Refused(f"Person {a} can't be compared with themselves; give two different people.")
    with changing(library, "apart" if verdict == "different" else "skip") as edit:
        rows = [edits.person_of(edit, person_id) for person_id in (a, b)]
        if edits.comparisons_of(edit, a).get(b) != "different":
            edits.compare(edit, a, b, verdict)
        edit.person_ids = [a, b]
        what = "are different people" if verdict == "different" else "were left for later"
        edit.summary = f"Noted that {labels(rows)} {what}."
    return edit.change


def undo(library: Library) -> Change:
    """Take the last change back.

    What an index found in between stays where it can; what it says of the people concerned is
    derived anew.

    Raises
    ------
    EmptyHistoryError
    UndoError
        It contradicts a later decision.
    """
    return _revert(library, again=False)


def redo(library: Library) -> Change:
    """Make the change again that was taken back last.

    Raises
    ------
    EmptyHistoryError, UndoError
    """
    return _revert(library, again=True)


def _revert(library: Library, *, again: bool) -> Change:
    with reverting(library, again=again) as (edit, done):
        edit.summary = f"{'Done again' if again else 'Undone'}: {edit.summary}"
        if done.stale:
            _refresh_stale(edit, library, done.stale)
        if done.left_out:
            decide_again(edit)
            faces = "1 face" if done.left_out == 1 else f"{done.left_out} faces"
            edit.summary += f" The index has changed since, so that {faces} stayed out of it."
    return edit.change


def _refresh_stale(edit: Edit, library: Library, stale: Iterable[int]) -> None:
    there = edits.existing(edit, stale)
    gone = edits.remove_empty(edit, there)
    refresh(edit, nets_used(library), there - gone)
