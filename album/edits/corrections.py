"""Corrections of single faces and photos, one journalled change each."""

from collections.abc import Iterable, Sequence

from album.edits.refresh import decide_again, refresh
from album.edits.same_photo import check_photos, twice_in
from album.edits.wording import label, labels, listed
from album.errors import NoFaceGiven, NotComparable, NotTheirFace, OneGroup, Refused, shown
from album.models.contracts import nets_used
from album.people.labels import person_label
from db.journal import edits
from db.journal.edits import Placed
from db.journal.journal import Change, Edit, changing
from db.library import Library
from db.rows import PersonRow


def _faces_text(face_ids: Sequence[int]) -> str:
    if len(face_ids) > 5:
        return f"{len(face_ids)} faces"
    return f"face{'s' if len(face_ids) > 1 else ''} {listed(map(str, face_ids))}"


def split_person(library: Library, person_id: int, face_ids: Sequence[int]) -> Change:
    """Make faces of a person somebody new, known to be different from the person.

    Parameters
    ----------
    library : Library
    person_id : int
        Keeps the id, the name and the other faces.
    face_ids : sequence of int
        Some faces of that person, not all.

    Returns
    -------
    Change
        The last of its people is the new one.

    Raises
    ------
    UnknownPersonError, UnknownFaceError
    Refused
        A face is not that person's, or none would be left.
    """
    with changing(library, "split") as edit:
        row = edits.person_of(edit, person_id)
        faces = edits.placed(edit, faces=face_ids)
        if not faces:
            raise Refused("No face was given; name those that are somebody else's.")
        for face in faces:
            if face.person_id != person_id:
                raise NotTheirFace(face.face_id, person_id, label(row))
        if len(faces) == len(edits.placed(edit, people=[person_id])):
            raise Refused(f"No face of {label(row)} would be left; leave at least one.")
        (new,) = _split_off(edit, person_id, [[face.face_id for face in faces]])
        refresh(edit, nets_used(library), [person_id, new])
        edit.person_ids = [person_id, new]
        what = _faces_text([face.face_id for face in faces])
        edit.summary = f"Split {what} off {label(row)} as {person_label(new)}."
    return edit.change


def _split_off(edit: Edit, person_id: int, groups: Iterable[Sequence[int]]) -> list[int]:
    made = []
    for faces in groups:
        new = edits.new_person(edit)
        edits.place(edit, faces, new)
        edits.compare(edit, person_id, new, "different")
        made.append(new)
    return made


def split_auto(library: Library, person_id: int) -> Change:
    """Split a person into the groups that their faces fall into at a stricter threshold.

    The largest group stays, and so does a single face that was placed by hand.

    Returns
    -------
    Change
        Its people: the person, then the new ones.

    Raises
    ------
    UnknownPersonError
    Refused
        The faces do not fall into groups, or can't be compared.
    """
    from album.grouping.subclusters import subclusters

    with changing(library, "split") as edit:
        row = edits.person_of(edit, person_id)
        nets = nets_used(library)
        if nets is None:
            raise NotComparable()
        table = edits.faces_of(
            edit,
            [person_id],
            identity=nets.identity_contract,
            attributes=nets.attributes_contract,
        )
        groups = subclusters(table, nets)
        if not groups:
            raise OneGroup(person_id, label(row))
        made = _split_off(edit, person_id, groups)
        refresh(edit, nets, [person_id, *made])
        edit.person_ids = [person_id, *made]
        news = listed(person_label(new) for new in made)
        edit.summary = f"Split {label(row)}: {news} became somebody else."
    return edit.change


def move_faces(
    library: Library, face_ids: Sequence[int], person_id: int | None, *, force: bool = False
) -> Change:
    """Assign faces to a person.

    Parameters
    ----------
    library : Library
    face_ids : sequence of int
    person_id : int or None
        None makes a new person of them, who comes last in the result.
    force : bool
        Although that person is then twice in a photo, in which this is allowed from then on.

    Raises
    ------
    UnknownPersonError, UnknownFaceError
    Refused
    """
    with changing(library, "move") as edit:
        to = edits.new_person(edit) if person_id is None else person_id
        row = edits.person_of(edit, to)
        what = move_within(edit, library, face_ids, to, force=force)
        who = f"a new person, {label(row)}" if person_id is None else label(row)
        edit.summary = f"Moved {what} to {who}."
    return edit.change


def move_within(
    edit: Edit, library: Library, face_ids: Sequence[int], to: int, *, force: bool
) -> str:
    """Move faces to a person inside a change; return what was moved, in words."""
    faces = _some(edit, face_ids)
    before = sorted({face.person_id for face in faces} - {0})
    row = edits.person_of(edit, to)
    staying = edits.placed(edit, people=[to])
    moving = [face for face in faces if face.person_id != to]
    check_photos(edit, [*staying, *moving], label(row), force=force)
    edits.place(edit, (face.face_id for face in faces), to)
    _leave(edit, library, before, to)
    return _faces_text([face.face_id for face in faces])


def _some(edit: Edit, face_ids: Sequence[int]) -> list[Placed]:
    faces = edits.placed(edit, faces=face_ids)
    if not faces:
        raise NoFaceGiven()
    return faces


def _leave(edit: Edit, library: Library, before: Sequence[int], to: int | None) -> None:
    """Refresh the people that faces have left, and the one they went to."""
    gone = edits.remove_empty(edit, [person_id for person_id in before if person_id != to])
    there = [person_id for person_id in before if person_id not in gone]
    refresh(edit, nets_used(library), [*there, *([] if to is None else [to])])
    others = [person_id for person_id in before if person_id != to]
    edit.person_ids = [*others, *([] if to is None else [to])]


def reject_faces(library: Library, face_ids: Sequence[int]) -> Change:
    """Take faces from the people who have them; nobody has them until the next index.

    Raises
    ------
    UnknownFaceError
    Refused
        A face is nobody's.
    """
    with changing(library, "reject") as edit:
        faces = _some(edit, face_ids)
        for face in faces:
            if not face.person_id:
                raise Refused(f"Face {face.face_id} is nobody's, so there is nothing to reject.")
        people = sorted({face.person_id for face in faces})
        rows: list[PersonRow] = [edits.person_of(edit, person_id) for person_id in people]
        for person_id in people:
            theirs = [face.face_id for face in faces if face.person_id == person_id]
            edits.reject(edit, theirs, person_id)
            edits.free(edit, theirs)
        _leave(edit, library, people, None)
        decide_again(edit)
        what = _faces_text([face.face_id for face in faces])
        verb = "is" if len(faces) == 1 else "are"
        edit.summary = f"Noted that {what} {verb} not of {labels(rows)}."
    return edit.change


def exempt_photo(library: Library, photo_id: int, exempt: bool = True) -> Change:
    """Allow that a person is twice in a photo, or no longer.

    Parameters
    ----------
    library : Library
    photo_id : int
        As `db.photos.photos.photo_at` finds it by its path.
    exempt : bool
        False takes it back.

    Raises
    ------
    UnknownPhotoError
        There is no such photo.
    Refused
        Somebody is twice in it.
    """
    with changing(library, "twice") as edit:
        faces = edits.faces_in(edit, photo_id)
        path = edits.photo_of(edit, photo_id)
        name = f"photo {photo_id}" if path is None else shown(path)
        edits.exempt(edit, [photo_id], take_back=not exempt)
        if not exempt:
            _check_once(edit, faces, name)
        decide_again(edit)
        edit.summary = (
            f"Allowed a person to be twice in {name}."
            if exempt
            else f"Took back that a person may be twice in {name}."
        )
    return edit.change


def _check_once(edit: Edit, faces: Sequence[Placed], name: str) -> None:
    for person_id in sorted({face.person_id for face in faces} - {0}):
        theirs = [face for face in faces if face.person_id == person_id]
        if twice_in(edit, theirs):
            row = edits.person_of(edit, person_id)
            what = _faces_text([face.face_id for face in theirs])
            raise Refused(
                f"{label(row)} is twice in {name}, as {what}; move or reject one of them first."
            )
