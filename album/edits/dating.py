"""Dates of photos set by hand, shifted, taken back, and found anew; the twin of `album dates`."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from album.dates import photo_date
from album.dates.calendar import DAYS_PER_YEAR
from album.dates.photo_date import FIRST_PHOTO, FUTURE
from album.dates.text import parse
from album.edits.refresh import refresh
from album.errors import MediaError, Refused, one_file, shown
from album.media import headers
from album.models.contracts import nets_used
from db.journal import edits
from db.journal.journal import Change, changing, deriving
from db.library import Library
from db.photos.dates import DatedPhoto, UserDate, dated_photos, present_copies

BATCH = 500


@dataclass(frozen=True, slots=True)
class Reread:
    """A file whose date was read again.

    Attributes
    ----------
    path : str
    changed : bool
        It says another date than before.
    problem : str
        Why it could not be read; empty where it could.
    """

    path: str
    changed: bool = False
    problem: str = ""


def find_dated(library: Library, paths: Sequence[str | os.PathLike[str]]) -> list[DatedPhoto]:
    """Return the photos at some paths, and below those that are folders.

    Raises
    ------
    Refused
        A path holds no photo of the library.
    """
    roots = [os.path.normpath(os.path.abspath(os.fspath(path))) for path in paths]  # noqa: PTH100
    found = dated_photos(library, roots)
    held = [one.path for one in found if one.path]
    for root in roots:
        inside = root.rstrip(os.sep) + os.sep
        there = any(path == root or path.startswith(inside) for path in held)
        # A copy may be listed under its other path.
        if not there and not dated_photos(library, [root]):
            raise Refused(f"{shown(root)} holds no photo of the library; index it first.")
    return found


def parse_date(text: str) -> UserDate:
    """Read a date as people write it: 1984, 1984-05, 1984-05-17, or with a time.

    Raises
    ------
    Refused
        It is no date, or lies in the future or before photography.
    """
    moment = parse(text)
    if moment is None:
        raise Refused(
            f"{text or 'Nothing'} is no date; write 1984, 1984-05, 1984-05-17 or "
            "'1984-05-17 12:30'."
        )
    return _checked(UserDate(moment.when, str(moment.precision), moment.offset_minutes))


def _checked(given: UserDate) -> UserDate:
    if given.taken_at > datetime.now() + FUTURE:
        raise Refused(f"{given.taken_at:%Y-%m-%d} is in the future; check the date.")
    if given.taken_at.year < FIRST_PHOTO:
        raise Refused(f"There were no photos in {given.taken_at.year}; check the date.")
    return given


def set_dates(library: Library, photos: Sequence[DatedPhoto], given: UserDate) -> Change:
    """Set the date of photos by hand; it overrides the files."""
    text = _text(given)
    return _change(library, {one.photo_id: given for one in photos}, f"to {text}", photos)


def shift_dates(library: Library, photos: Sequence[DatedPhoto], by: timedelta) -> Change:
    """Shift the date of photos, as after a holiday with a camera whose clock was wrong.

    Raises
    ------
    Refused
        A photo has no date.
    """
    given = {}
    for one in photos:
        if one.taken_at is None:
            raise Refused(f"{shown(one.path or '')} has no date that could be shifted.")
        moved = UserDate(one.taken_at + by, one.date_precision, one.utc_offset_min)
        given[one.photo_id] = _checked(moved)
    return _change(library, given, f"by {by}", photos)


def unset_dates(library: Library, photos: Sequence[DatedPhoto]) -> Change:
    """Take back what was set by hand: what the files say counts again."""
    return _change(library, dict.fromkeys((one.photo_id for one in photos), None), None, photos)


def _change(
    library: Library,
    given: Mapping[int, UserDate | None],
    what: str | None,
    photos: Sequence[DatedPhoto],
) -> Change:
    if not photos:
        raise Refused("No photo was given; give the paths of photos or folders.")
    name = shown(photos[0].path or f"photo {photos[0].photo_id}")
    which = name if len(photos) == 1 else f"{len(photos)} photos"
    with changing(library, "date") as edit:
        people = edits.set_dates(edit, given)
        refresh(edit, nets_used(library), people)
        edit.summary = (
            f"Set the date of {which} {what}."
            if what
            else f"Took back the date that was set for {which}."
        )
    return edit.change


def _text(given: UserDate) -> str:
    form = {"year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d"}.get(
        given.precision, "%Y-%m-%d %H:%M"
    )
    return given.taken_at.strftime(form)


def parse_shift(text: str) -> timedelta:
    """Read by how much to shift: +1h, -30m, +2d, +1y, or several: +1d2h.

    Raises
    ------
    Refused
        It is nothing of the kind.
    """
    units = {"y": DAYS_PER_YEAR * 86400, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
    found = re.fullmatch(r"([+-])((?:\d{1,6}[ydhms])+)", text.strip())
    if found is None:
        raise Refused(f"{text} says no shift; write +1h, -30m, +2d or +1y.")
    seconds = sum(
        int(number) * units[unit] for number, unit in re.findall(r"(\d+)([ydhms])", found[2])
    )
    return timedelta(seconds=round(seconds) * (1 if found[1] == "+" else -1))


def refresh_dates(
    library: Library,
    photos: Sequence[DatedPhoto],
    *,
    progress: Callable[[int], object] = lambda done: None,
) -> Iterator[Reread]:
    """Read the dates of photos again, without their pixels: sidecars may have come since.

    Dates that the user has set stay; what follows for people is derived anew.

    Yields
    ------
    Reread
        For each photo of which a file is there; all present copies are read.
    """
    there = [one for one in photos if one.present and one.path]
    for start in range(0, len(there), BATCH):
        part = there[start : start + BATCH]
        copies = present_copies(library, [one.photo_id for one in part])
        found: dict[str, tuple[Sequence[Mapping[str, Any]], Sequence[str]]] = {}
        problems: dict[int, str] = {}
        for one in part:
            for path in copies.get(one.photo_id, ()):
                try:
                    with one_file(path):
                        taken = photo_date.read_date(path, headers.read_header(path))
                    found[path] = photo_date.claim_records(taken.claims), taken.people
                except MediaError as error:
                    problems[one.photo_id] = error.reason
        with deriving(library) as edit:
            changed = edits.set_date_claims(edit, found)
            refresh(edit, nets_used(library), edits.people_in_photos(edit, changed))
        progress(start + len(part))
        for one in part:
            unread = found.keys().isdisjoint(copies.get(one.photo_id, ()))
            problem = problems.get(one.photo_id, "") if unread else ""
            yield Reread(str(one.path), changed=one.photo_id in changed, problem=problem)
