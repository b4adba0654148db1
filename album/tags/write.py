"""Writing names into the tags of photos and clips: into sidecars, or into the photos themselves."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from album.errors import BadTags, MediaError, Untagged, Vanished, one_file, reading
from album.files.kinds import Kind, read_kind
from album.metadata import xmp
from album.metadata.picture_digest import digests
from album.metadata.regular_files import open_regular
from album.tags import replacing
from album.tags.edit import DesiredTags
from album.tags.marks import Written, read_written
from album.tags.packets import Edited, edited, split
from album.tags.places import embedded_packets
from album.tags.plan import TagOptions, Target, targets
from album.tags.standing import Standing
from db.library import Library
from db.tags.tagged import (
    TaggedRow,
    drop_tagged,
    follow_embed,
    remember_picture,
    save_tagged,
    tagged_rows,
)

CHANGED = "it has changed since it was indexed; index it first"
_BATCH = 100
"""Sidecars that are worked out before they are written: their marks are one transaction."""


@dataclass(frozen=True, slots=True)
class Planned:
    """How many files there are to look at; comes first."""

    files: int


@dataclass(frozen=True, slots=True)
class Tagged:
    """One file was looked at.

    Attributes
    ----------
    path : str
        A sidecar, or the photo itself.
    action : str
        ``write`` (a sidecar), ``embed``, ``remove`` (a sidecar with nothing left in it), ``same``
        or ``failed``.
    changes : tuple of str
        As `album.tags.edit.edit` tells them.
    reason : str
        A sentence where it failed.
    """

    path: str
    action: str
    changes: tuple[str, ...] = ()
    reason: str = ""


@dataclass(slots=True)
class _Work:
    """One file that has to change."""

    target: Target
    edit: Edited
    before: Written
    made: bool = False


class _Rows:
    """What was written: by path, and by content for files that have moved since."""

    def __init__(self, rows: Mapping[str, TaggedRow]) -> None:
        self.by_path = rows
        self.by_content = {row.content_hash: row for row in rows.values()}


def write_tags(
    library: Library, roots: Sequence[str], options: TagOptions
) -> Iterator[Planned | Tagged]:
    """Bring the tags of files up to date with what the library says.

    Parameters
    ----------
    library : Library
        Open for writing, unless nothing but a dry run is asked for.
    roots : sequence of str
        Only photos and clips in and below these; without any, all.
    options : TagOptions

    Yields
    ------
    Planned
        Once, first.
    Tagged
        For each file, after it was done. One file that fails never ends the run.
    """
    rows = _Rows(tagged_rows(library))
    standing = None if options.remove else Standing(library)
    plan = targets(library, roots, options, rows.by_path)
    yield Planned(len(plan))
    pending: list[_Work] = []
    for target in plan:
        try:
            with one_file(target.path):
                work = _worked_out(target, rows, standing)
        except MediaError as error:
            yield Tagged(target.path, "failed", reason=error.reason)
            continue
        if work is None:
            yield Tagged(target.path, "same")
        elif options.dry_run:
            yield Tagged(target.path, _action(work), work.edit.changes)
        elif target.embedded:
            yield _embed(library, work)
        else:
            pending.append(work)
        if len(pending) >= _BATCH:
            yield from _write_sidecars(library, pending)
            pending = []
    yield from _write_sidecars(library, pending)


def _action(work: _Work) -> str:
    if work.target.embedded:
        return "embed"
    return "write" if work.edit.packets else "remove"


def _worked_out(target: Target, rows: _Rows, standing: Standing | None) -> _Work | None:
    """Read a file and say what has to change; None where everything is right."""
    wanted = target.wanted
    there = Path(target.path).exists()
    if not there and (target.embedded or not target.wanted.names):
        if target.embedded and target.photo:
            raise Vanished(target.path)
        return None
    packets = _read(target, there)
    before = _before(target, packets, rows)
    if standing is not None:
        wanted = standing.with_kept(target.path, wanted, before)
    try:
        edit = edited(packets, wanted, before)
    except xmp.BadPacket as error:
        raise BadTags(target.path, str(error)) from error
    if not edit.changes:
        return None
    if not edit.packets and not target.embedded and not before.made:
        # Somebody else's sidecar stays, even if there is nothing in it any more.
        edit = replace(edit, packets=(_emptied(packets, before),))
    return _Work(target, edit, before, made=before.made or not there)


def _before(target: Target, packets: Sequence[bytes], rows: _Rows) -> Written:
    """Return what this program wrote into a file, also where it lay elsewhere then."""
    row = rows.by_path.get(target.path)
    if row is None and packets:
        content = target.content_hash if target.embedded else _hash(packets[0])
        row = rows.by_content.get(content)
    return read_written(row.written) if row else Written()


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=20).hexdigest()


def _emptied(packets: Sequence[bytes], before: Written) -> bytes:
    from album.tags.edit import edit

    rdf = xmp.parse(packets[0])
    edit([rdf], DesiredTags(), before)
    return xmp.serialise(rdf)


def _read(target: Target, there: bool) -> list[bytes]:
    if target.embedded:
        return embedded_packets(target.path)
    if not there:
        return []
    with reading(target.path), open_regular(target.path) as file:
        packet = file.read(xmp.MAX_PACKET + 1)
    return [packet] if packet.strip() else []


def _write_sidecars(library: Library, works: Sequence[_Work]) -> Iterator[Tagged]:
    """Write sidecars; what is in them is remembered first, so that no crash can lose it."""
    if not works:
        return
    save_tagged(library, [_row(work) for work in works])
    gone = []
    for work in works:
        path, edit = work.target.path, work.edit
        try:
            if edit.packets:
                replacing.write_sidecar(path, edit.packets[0])
            else:
                with replacing.writing(path):
                    Path(path).unlink(missing_ok=True)
                gone.append(path)
            yield Tagged(path, _action(work), edit.changes)
        except Untagged as error:
            yield Tagged(path, "failed", reason=error.reason)
    drop_tagged(library, gone)


def _row(work: _Work, content: str = "") -> TaggedRow:
    """Return what to remember: what is written, and what may be left if it could not be."""
    data = work.edit.packets[0] if work.edit.packets else b""
    both = work.edit.written.with_all_of(work.before)
    both.made = work.made
    content = content or _hash(data)
    return TaggedRow(work.target.path, content, both.record())


def _embed(library: Library, work: _Work) -> Tagged:
    """Replace a photo by one with other tags, and let the library follow.

    What is written is remembered before it takes its place. A crash in between leaves a photo with
    a picture that the library knows, and tags that it may take away again.
    """
    target = work.target
    path = os.path.realpath(target.path)
    try:
        found = _found(target, path)
        packets = work.edit.packets
        if read_kind(path) is Kind.JPEG:
            packets = tuple(split(packets)) if packets else ()
        with replacing.writing(target.path), replacing.replacement(path) as new:
            replacing.check_replaceable(path)
            content = replacing.fill_photo(new, path, packets)
            status, there = new.stat(), Path(path).stat()
            if (there.st_size, there.st_mtime_ns) != (found.st_size, found.st_mtime_ns):
                raise Untagged(target.path, CHANGED)
            row = _row(work, content)
            save_tagged(library, [row])
            if target.picture is None:
                remember_picture(library, target.path, digests(path).picture)
            replacing.put(new, path)
            follow_embed(library, row, status.st_size, status.st_mtime_ns)
    except MediaError as error:
        return Tagged(target.path, "failed", reason=error.reason)
    return Tagged(target.path, "embed", work.edit.changes)


def _found(target: Target, path: str) -> os.stat_result:
    """Return the state of a photo's file; refuse a photo that is not the one in the library."""
    with reading(target.path):
        status = Path(path).stat()
    as_known = (status.st_size, status.st_mtime_ns) == (target.size, target.mtime_ns)
    # Another program may have edited its metadata meanwhile.
    if not as_known and (target.picture is None or digests(path).picture != target.picture):
        raise Untagged(target.path, CHANGED)
    return status
