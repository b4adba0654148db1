"""Telling this library's own tags from those of others: what it has written is no news to it."""

from collections.abc import Iterable

from album.tags.edit import PARENT
from album.tags.importing.read import TaggedFace
from album.tags.marks import Written, digest, near, read_written
from db.library import Library
from db.people.people import folded, people
from db.tags.tagged import written_of


class OwnTags:
    """What this library has written into some photos and beside them.

    Names and people may have changed since, so own tags say nothing about who somebody is. A tag
    that another program has moved or renamed is that program's.

    Another program may also have changed a photo, which then is another photo to the library, with
    faces of which it knows nothing: there, own tags count if somebody still has the name.

    Parameters
    ----------
    library : Library
    photo_ids : iterable of int
    """

    def __init__(self, library: Library, photo_ids: Iterable[int]) -> None:
        self._written: dict[int, Written] = {}
        self._earlier: dict[int, Written] = {}
        for photo_id, rows in written_of(library, photo_ids).items():
            for row in rows:
                part = self._earlier if row.earlier else self._written
                written = read_written(row.written)
                part[photo_id] = written.with_all_of(part.get(photo_id, Written()))
        everybody = people(library, hidden=True, passers_by=True) if self._earlier else []
        self._names = {folded(one.name) for one in everybody if one.name}

    def has_region(self, photo_id: int, face: TaggedFace) -> bool:
        """Tell whether the name of a face is this library's own, and nothing new."""
        if _has_region(self._written.get(photo_id), face):
            return True
        out_of_use = folded(face.name) not in self._names
        return out_of_use and _has_region(self._earlier.get(photo_id), face)

    def lists(self, photo_id: int, name: str) -> bool:
        """Tell whether this library has written a name into one of the lists of a photo."""
        forms = {digest(name), *(digest(f"{PARENT}{separator}{name}") for separator in "/|")}
        return any(
            not forms.isdisjoint(texts)
            for written in (self._written.get(photo_id), self._earlier.get(photo_id))
            if written is not None
            for texts in written.texts.values()
        )


def _has_region(written: Written | None, face: TaggedFace) -> bool:
    if written is None or not face.name:
        return False
    name = digest(face.name)
    return any(
        mark.name == name and near(mark.box, face.drawn)
        for part in (written.regions, written.named)
        for marks in part.values()
        for mark in marks
    )
