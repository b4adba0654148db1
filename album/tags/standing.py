"""Which names stay in a file although no face in it bears them: only a decision takes a name out.

A photo may have changed, a net may find a face no more, another grouping may give it to nobody:
none of these says that the name was wrong.
"""

from collections.abc import Iterator
from dataclasses import replace

from album.tags.edit import DesiredTags
from album.tags.marks import Written, digest
from album.tags.regions import from_upright, same_place
from db.library import Library
from db.tags.tagged import Corrections, corrections_in, visible_names


class Standing:
    """The names that people have now, against which names in files are held.

    Parameters
    ----------
    library : Library
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._names: dict[str, str] | None = None

    def with_kept(self, path: str, wanted: DesiredTags, before: Written) -> DesiredTags:
        """Return what a file should say, with what has to stay, and why the rest goes.

        Parameters
        ----------
        path : str
            A sidecar, or the photo itself.
        wanted : DesiredTags
            What is known of its faces now.
        before : Written
            What this program wrote into it.
        """
        written = before.names()
        why = dict.fromkeys(written - self.names.keys(), "nobody has that name now")
        missing = {self.names[one] for one in written if one in self.names} - set(wanted.names)
        if not missing:
            return replace(wanted, why=why)
        decided = corrections_in(self._library, path)
        keep = set(missing)
        for name in missing:
            if reason := next(_reasons(name, before, wanted, decided), ""):
                keep.discard(name)
                why[digest(name)] = reason
        return replace(wanted, keep=frozenset(keep), why=why)

    @property
    def names(self) -> dict[str, str]:
        """The names of all people who are not hidden, by their digests."""
        if self._names is None:
            self._names = {digest(name): name for name in visible_names(self._library)}
        return self._names


def _reasons(
    name: str, before: Written, wanted: DesiredTags, decided: Corrections
) -> Iterator[str]:
    """Yield why a name leaves a file."""
    if name in decided.rejected:
        yield "you said that it is not them"
    here = [
        mark.box for marks in before.regions.values() for mark in marks if mark.name == digest(name)
    ]
    for box, size, orientation, whose in decided.placed:
        place = from_upright(box, size, orientation)
        if whose != name and any(same_place(place, one) for one in here):
            yield f"you gave the face to {whose}" if whose else "you gave the face to somebody else"
    for region in wanted.faces:
        if region.name != name and any(same_place(region.box, one) for one in here):
            yield f"the face is {region.name}'s"
