"""The rule that nobody is twice in a photo, unless the user has exempted it."""

from collections.abc import Iterable, Sequence

from album.edits.wording import listed
from album.errors import Refused, shown
from db.journal import edits
from db.journal.edits import Placed
from db.journal.journal import Edit

NAMED_AT_MOST = 5


def twice_in(edit: Edit, faces: Iterable[Placed]) -> set[int]:
    """Return the photos that hold two of these faces and are not exempt from that rule."""
    seen: set[int] = set()
    twice: set[int] = set()
    for face in faces:
        (twice if face.photo_id in seen else seen).add(face.photo_id)
    return twice - edits.exempted(edit, twice)


def check_photos(edit: Edit, faces: Sequence[Placed], who: str, *, force: bool) -> None:
    """Refuse to give a person faces of which two would be in one photo.

    Parameters
    ----------
    edit : Edit
    faces : sequence of Placed
        All that the person would have.
    who : str
        The people, for the sentence.
    force : bool
        Exempt these photos from the rule instead.

    Raises
    ------
    Refused
        With the paths of the photos.
    """
    photos = twice_in(edit, faces)
    if not photos:
        return
    if force:
        edits.exempt(edit, photos)
        return
    raise Refused(
        f"{who[:1].upper()}{who[1:]} would be twice in {paths_text(edit, photos)}.",
        forced="allow that, as in a mirror or a collage",
    )


def paths_text(edit: Edit, photos: Iterable[int]) -> str:
    """Name photos by their paths, a few at most."""
    ids = sorted(photos)
    paths = [shown(path) for path in edits.paths(edit, ids)]
    named = paths[:NAMED_AT_MOST] or [f"photo {ids[0]}"]
    more = len(ids) - len(named)
    return listed([*named, *([f"{more} more photos" if more > 1 else "1 more photo"] * (more > 0))])
