"""What an export is going to do, worked out before anything is touched, and then done.

Files come from three places: texts that were written to a temporary file, photos that are linked or
copied, and pages and pictures that are drawn only when they are needed. Whether a drawn
file is out of date follows from its recipe, a digest of all that it shows, so that an export which
has nothing to do opens no photo.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from album.errors import ExportError, NoLinks, shown
from album.export.manifest import PURPOSE, Made, sha256, write_manifest
from album.files.temporary import delete_strays, several_temporary, temporary

FOLDERS, PAGES, STRIPS, JSON = "people", "html", "strips", "album.json"
"""Where the folders, pages and strips of people lie, and the JSON document."""
AT_ONCE = 16
"""Files drawn between two writes of the manifest."""

Draw = Callable[[Path], Sequence[str]]
"""Writes a file; returns the photos that could not be read for it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that an export does, or would do.

    Attributes
    ----------
    action : {'write', 'link', 'copy', 'remove', 'missing', 'unreadable', 'changed'}
        'missing': the photo is not there to be linked or shown. 'unreadable': it is there, and
        can't be shown. 'changed': the file is out of date and stays, because somebody has changed
        it since it was made.
    path : str
        Below the folder of the export, with ``/`` between.
    source : str or None
        The photo.
    """

    action: str
    path: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """Something to be made at a path: from a text, from a photo, or by drawing it."""

    path: str
    made: Made
    text: BinaryIO | None = None
    draw: Draw | None = None


@dataclass(slots=True)
class Plan:
    """What lies in the folder, what shall lie there, and what has to be done for it.

    Attributes
    ----------
    out : Path
        Absolute.
    before, after : dict of str to Made
        By path below `out`.
    make : list of Item
    remove : list of str
    notes : list of Step
        Raised before anything is done.
    """

    out: Path
    before: dict[str, Made]
    after: dict[str, Made] = field(default_factory=dict)
    make: list[Item] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    notes: list[Step] = field(default_factory=list)


def plan_text(plan: Plan, item: Item) -> None:
    """Plan to write a text, unless it lies there.

    Raises
    ------
    ExportError
        Somebody else's file is in the way.
    """
    before = plan.before.get(item.path)
    plan.after[item.path] = item.made
    if before is not None and item.made.is_at(plan.out / item.path):
        return
    _check_free(plan, item.path)
    plan.make.append(item)


def plan_drawn(plan: Plan, path: str, recipe: str, draw: Draw) -> None:
    """Plan to draw a file, unless one of the same recipe lies there.

    Parameters
    ----------
    plan : Plan
    path : str
    recipe : str
        A digest of all that decides what the file looks like.
    draw : callable

    Raises
    ------
    ExportError
        Somebody else's file is in the way.
    """
    before = plan.before.get(path)
    if before is not None and before.recipe == recipe and before.is_at(plan.out / path):
        plan.after[path] = before
        return
    _check_free(plan, path)
    plan.after[path] = Made("text", recipe=recipe)
    plan.make.append(Item(path, plan.after[path], draw=draw))


def _check_free(plan: Plan, path: str) -> None:
    target, before = plan.out / path, plan.before.get(path)
    if os.path.lexists(target) and not (before and before.is_at(target)):
        how = "was changed since it was exported" if before else "was not made by an export"
        raise ExportError(f"{shown(target)} {how}; move it away, or export into another folder.")


def plan_photo(plan: Plan, path: str, source: str, made: Made | None) -> None:
    """Plan to link or copy a photo; `made` is None where it is not there."""
    before = plan.before.get(path)
    if made is None:
        plan.notes.append(Step("missing", path, source))
        if before is not None and before.source == source:
            plan.after[path] = before
        return
    plan.after[path] = made
    if before is None or before.kind != made.kind or not made.is_at(plan.out / path):
        plan.make.append(Item(path, made))


def plan_removals(plan: Plan, formats: tuple[str, ...]) -> None:
    """Plan to remove what is no longer part of the export; of `formats` only."""
    for path, made in plan.before.items():
        if path in plan.after:
            continue
        if _format(path) not in formats:
            plan.after[path] = made
        elif made.is_at(plan.out / path):
            plan.remove.append(path)
        elif os.path.lexists(plan.out / path):
            plan.notes.append(Step("changed", path))


def _format(path: str) -> str:
    folder, below, _ = path.partition("/")
    if below:
        return {PAGES: "html", STRIPS: "strip"}.get(folder, "folders")
    return "json" if path == JSON else "csv"


def steps_of(plan: Plan) -> Iterator[Step]:
    """Yield what would be done."""
    for item in plan.make:
        yield _step(item)
    for path in plan.remove:
        yield Step("remove", path)


def _step(item: Item) -> Step:
    if item.made.kind == "text":
        return Step("write", item.path)
    return Step("copy" if item.made.kind == "copy" else "link", item.path, item.made.source)


def carry_out(plan: Plan) -> Iterator[Step]:
    """Do what was planned; the manifest knows of it before and after.

    Yields
    ------
    Step
        After it was done.

    Raises
    ------
    ExportError, OSError
    """
    delete_strays(plan.out, PURPOSE)
    if not plan.make and not plan.remove and plan.after == plan.before:
        return
    plan.out.mkdir(parents=True, exist_ok=True)
    write_manifest(plan.out, _either(plan))
    for item in plan.make:
        if item.draw is None:
            _make(plan.out, item)
            yield _step(item)
    yield from _draw_all(plan)
    for path in plan.remove:
        (plan.out / path).unlink()
        with suppress(OSError):  # not empty
            (plan.out / path).parent.rmdir()
        yield Step("remove", path)
    write_manifest(plan.out, plan.after)


def _either(plan: Plan) -> dict[str, Made]:
    """Return what may lie in the folder while the plan is carried out."""
    both = plan.before | plan.after
    for path in plan.before.keys() & plan.after.keys():
        if plan.after[path].kind == "text":
            both[path] = plan.before[path] | plan.after[path]
    return both


def _draw_all(plan: Plan) -> Iterator[Step]:
    """Draw some files side by side, note what they are, and put them in their places."""
    items = (item for item in plan.make if item.draw is not None)
    with ThreadPoolExecutor(max(1, os.cpu_count() or 1)) as pool:
        while batch := list(islice(items, AT_ONCE)):
            with several_temporary(plan.out, PURPOSE, len(batch)) as partials:
                drawing = [
                    pool.submit(_drawn, plan.out, item, new)
                    for item, new in zip(batch, partials, strict=True)
                ]
                wait(drawing)  # after an error, too: none may write a file that is deleted already
                drawn = [one.result() for one in drawing]
                plan.after.update(
                    (item.path, made) for item, (made, _) in zip(batch, drawn, strict=True)
                )
                write_manifest(plan.out, _either(plan))
                for item, (made, unread), new in zip(batch, drawn, partials, strict=True):
                    if _put(plan, item.path, made, new):
                        yield _step(item)
                    yield from (Step("unreadable", item.path, source) for source in unread)


def _drawn(out: Path, item: Item, new: Path) -> tuple[Made, Sequence[str]]:
    """Draw a file; one that lacks something has no recipe, so that it is tried again."""
    assert item.draw is not None
    try:
        unread = item.draw(new)
    except OSError as error:
        if error.filename is None or _is_full(error):
            error.filename = os.fspath(out / item.path)
        raise
    made = replace(item.made, digests=(sha256(new),))
    return (replace(made, recipe="") if unread else made), unread


def _put(plan: Plan, path: str, made: Made, new: Path) -> bool:
    """Move a file that was drawn to its place, unless the very same lies there."""
    target = plan.out / path
    if made.is_at(target):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    new.replace(target)
    return True


def _make(out: Path, item: Item) -> None:
    """Make one file, complete or not at all."""
    target = out / item.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary(out, PURPOSE) as new:
            if item.made.kind == "symbolic":
                new.symlink_to(item.made.source)
            elif item.made.kind == "hard":
                new.hardlink_to(os.path.realpath(item.made.source))
            else:
                _copy(item, new)
            new.replace(target)
    except OSError as error:
        # Otherwise the sentence would be about the photo, or about nothing.
        if error.filename is None or _is_full(error):
            error.filename = os.fspath(target)
        if _is_link_refused(error, item):
            raise NoLinks(item.made.source, out, item.made.kind) from error
        raise


def _copy(item: Item, new: Path) -> None:
    if item.text is not None:
        item.text.seek(0)
        with new.open("wb") as file:
            shutil.copyfileobj(item.text, file)
        return
    shutil.copyfile(item.made.source, new)
    os.utime(new, ns=(item.made.mtime_ns, item.made.mtime_ns))


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


NO_LINKS = frozenset(
    {
        *(errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOSYS),
        *(errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL),
    }
)
"""What file systems answer that have no such links, or no more of them."""
NO_LINKS_ON_WINDOWS = frozenset({1, 1142, 1314})
"""ERROR_INVALID_FUNCTION, ERROR_TOO_MANY_LINKS, ERROR_PRIVILEGE_NOT_HELD."""


def _is_link_refused(error: OSError, item: Item) -> bool:
    if item.made.kind not in ("symbolic", "hard"):
        return False
    return error.errno in NO_LINKS or getattr(error, "winerror", None) in NO_LINKS_ON_WINDOWS
