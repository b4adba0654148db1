"""What lies on the disk: files seen, moved, gone and come back, and those that failed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    exists,
    func,
    select,
    true,
    update,
)

from db.engine.columns import now
from db.engine.schema import analysis, contract, face, failure, file, observation, photo
from db.engine.sql import chunks, contract_id, under, upsert
from db.library import Library
from db.records import SeenFile
from db.rows import FailureRow, KnownFile

NOT_LOOKED_AT = -1
"""Size of what is known only because it could not be looked at: a folder, mostly."""
_CHANGING = ("photo_id", "kind", "size", "mtime_ns", "content_hash", "seen_at", "gone_at")


def known_files(
    library: Library, roots: Sequence[str] | None, *, contract: str | None = None
) -> dict[str, KnownFile]:
    """Return what is known of the files in and below some folders, gone ones included.

    Parameters
    ----------
    library : Library
    roots : sequence of str or None
        Absolute files or folders; None: everything.
    contract : str, optional
        The analysis contract that decides `KnownFile.done`; without it nothing is done.

    Returns
    -------
    dict of str to KnownFile
        By path.
    """
    with library.read() as conn:
        done_under = contract_id(conn, "analysis", contract) if contract else None
        columns = (
            *(file.c.path, file.c.size, file.c.mtime_ns, file.c.content_hash, file.c.kind),
            *(file.c.photo_id, file.c.gone_at.is_not(None)),
            *(analysis.c.photo_id.is_not(None), failure.c.stage, failure.c.at),
        )
        same_photo = analysis.c.photo_id == file.c.photo_id
        known = (
            select(*columns)
            .outerjoin(analysis, same_photo & (analysis.c.contract_id == (done_under or 0)))
            .outerjoin(failure, failure.c.file_id == file.c.id)
        )
        parts = [true()] if roots is None else under(roots)
        rows = (row for part in parts for row in conn.execute(known.where(part)))
        return {row[0]: KnownFile(*row) for row in rows}


def not_described(library: Library, identity: str, attributes: str | None = None) -> set[str]:
    """Return the contents with faces that other nets have described, but not these.

    Parameters
    ----------
    library : Library
    identity : str
        Contract of the identity vectors in use.
    attributes : str, optional
        Contract of the ages and genders in use; those don't matter without it.

    Returns
    -------
    set of str
        Content hashes. Empty, without a look at any face, where there never was another contract.
    """
    with library.read() as conn:
        found = _lacking(conn, "identity", identity, observation.c.vector)
        if attributes is not None:
            found |= _lacking(conn, "attributes", attributes, observation.c.ages)
    return found


def _lacking(conn: Connection, name: str, key: str, column: ColumnElement[Any]) -> set[str]:
    """Return the contents with faces of which a column is known, but not under this contract."""
    kind = contract.c.kind == name
    if not conn.scalar(select(func.count()).where(kind, contract.c.key != key)):
        return set()
    any_ = (observation.c.face_id == face.c.id) & column.is_not(None)
    this = any_ & (observation.c.contract_id == (contract_id(conn, name, key) or 0))
    lacking = exists().where(any_) & ~exists().where(this)
    query = select(photo.c.content_hash).distinct().join(face, face.c.photo_id == photo.c.id)
    return set(conn.scalars(query.where(lacking)))


def _photo_ids(conn: Connection, hashes: Iterable[str | None]) -> dict[str | None, int]:
    wanted = {found for found in hashes if found is not None}
    by_hash: dict[str | None, int] = {}
    for part in chunks(wanted):
        query = select(photo.c.content_hash, photo.c.id).where(photo.c.content_hash.in_(part))
        by_hash.update((row[0], row[1]) for row in conn.execute(query))
    return by_hash


def _forget_failures_of_changed(conn: Connection, paths: Sequence[str]) -> None:
    changed = (
        file.c.size.is_distinct_from(failure.c.size)
        | file.c.mtime_ns.is_distinct_from(failure.c.mtime_ns)
        | file.c.content_hash.is_distinct_from(failure.c.content_hash)
    )
    mended = (
        select(file.c.id)
        .where(file.c.id == failure.c.file_id, file.c.path.in_(paths), changed)
        .exists()
    )
    conn.execute(delete(failure).where(mended))


def _file_row(seen: SeenFile, photo_id: int | None, at: datetime) -> dict[str, Any]:
    return {
        "path": seen.path,
        "photo_id": None if seen.kind == "live" else photo_id,
        "kind": seen.kind,
        "size": seen.size,
        "mtime_ns": seen.mtime_ns,
        "content_hash": seen.content_hash,
        "seen_at": at,
        "gone_at": None,
    }


def save_files(library: Library, files: Iterable[SeenFile]) -> None:
    """Store files that are new, changed or back again.

    A file whose content is known already belongs to that photo at once: this is how a moved file
    keeps its faces, and how two copies share one analysis. A failure of a file that has changed is
    forgotten. Each `db.engine.sql.CHUNK` files are one transaction.

    Parameters
    ----------
    library : Library
    files : iterable of SeenFile
        Each path once.
    """
    at = now()
    for part in chunks(files):
        with library.write() as conn:
            photo_ids = _photo_ids(conn, (seen.content_hash for seen in part))
            rows = [_file_row(seen, photo_ids.get(seen.content_hash), at) for seen in part]
            upsert(conn, file, rows, keys=["path"], update=_CHANGING)
            _forget_failures_of_changed(conn, [seen.path for seen in part])


def _set_gone(library: Library, paths: Iterable[str], at: datetime | None) -> int:
    done = 0
    with library.write() as conn:
        for part in chunks(paths):
            change = update(file).where(file.c.path.in_(part)).values(gone_at=at)
            other = file.c.gone_at.is_not(None) if at is None else file.c.gone_at.is_(None)
            done += conn.execute(change.where(other)).rowcount
    return done


def mark_gone(library: Library, paths: Iterable[str]) -> int:
    """Mark files that have vanished, and return how many were still thought present.

    Faces and people stay in the library; they are left out of counts and clustering while no file
    holds their photo.
    """
    return _set_gone(library, paths, now())


def mark_present(library: Library, paths: Iterable[str]) -> int:
    """Mark files that are back, unchanged, and return how many had been gone."""
    return _set_gone(library, paths, None)


def link_live(library: Library, pairs: Iterable[tuple[str, str]]) -> None:
    """Tie the clips of Live Photos to the photos of their stills, and mark those photos.

    Parameters
    ----------
    library : Library
    pairs : iterable of tuple of str
        Paths of a file of the kind 'live' and of its still. Pairs of earlier runs stay; photos of
        which no such clip is left are no longer marked.
    """
    still = file.alias("still")
    photo_of = select(still.c.photo_id).where(still.c.path == bindparam("still")).scalar_subquery()
    tie = update(file).where(file.c.path == bindparam("clip"), file.c.kind == "live")
    rows = [{"clip": clip, "still": path} for clip, path in pairs]
    tied = (file.c.photo_id == photo.c.id) & (file.c.kind == "live") & file.c.gone_at.is_(None)
    has_clip = select(file.c.id).where(tied).exists()
    live = photo.c.moving == "live"
    with library.write() as conn:
        if rows:
            conn.execute(tie.values(photo_id=photo_of), rows)
        conn.execute(update(photo).where(live, ~has_clip).values(moving=None))
        lives = select(file.c.photo_id).where(file.c.kind == "live", file.c.gone_at.is_(None))
        conn.execute(update(photo).where(photo.c.id.in_(lives)).values(moving="live"))


def count_moved(library: Library, paths: Iterable[str]) -> int:
    """Count those of the files `paths` that are gone but whose content is present elsewhere."""
    here = file.alias("here")
    elsewhere = (
        select(here.c.id)
        .where(here.c.content_hash == file.c.content_hash, here.c.gone_at.is_(None))
        .exists()
    )
    moved = select(func.count()).select_from(file).where(file.c.gone_at.is_not(None), elsewhere)
    with library.read() as conn:
        parts = chunks(paths)
        return sum(conn.scalar(moved.where(file.c.path.in_(part))) or 0 for part in parts)


def _see(conn: Connection, seen: SeenFile, at: datetime) -> None:
    """Store a file, unless it is known as it is: what was known of its content then stays."""
    same = select(file.c.id).where(
        file.c.path == seen.path,
        file.c.size == seen.size,
        file.c.mtime_ns == seen.mtime_ns,
        file.c.gone_at.is_(None),
    )
    if seen.content_hash is not None:
        same = same.where(file.c.content_hash == seen.content_hash)
    if conn.scalar(same) is None:
        photo_id = _photo_ids(conn, [seen.content_hash]).get(seen.content_hash)
        upsert(conn, file, [_file_row(seen, photo_id, at)], keys=["path"], update=_CHANGING)


def _failed_files(conn: Connection, seen: SeenFile) -> list[Any]:
    """Return the file, and with known content every other present file that holds the same."""
    columns = (file.c.id, file.c.size, file.c.mtime_ns)
    failed = file.c.path == seen.path
    if seen.content_hash is not None:
        copy = file.c.gone_at.is_(None) & (file.c.kind != "live")
        failed |= (file.c.content_hash == seen.content_hash) & copy
    return list(conn.execute(select(*columns).where(failed)))


def save_failure(library: Library, seen: SeenFile, *, stage: str, reason: str) -> None:
    """Remember that a file could not be read or analysed.

    Parameters
    ----------
    library : Library
    seen : SeenFile
        As it was found. With a content hash the content is at fault, and every present copy of it
        has failed; without one, only this path has.
    stage : str
        Where it failed, in a word.
    reason : str
        One sentence for the user.
    """
    at = now()
    with library.write() as conn:
        _see(conn, seen, at)
        common = {"content_hash": seen.content_hash, "stage": stage, "reason": reason, "at": at}
        rows = [
            {"file_id": file_id, "size": size, "mtime_ns": mtime_ns, **common}
            for file_id, size, mtime_ns in _failed_files(conn, seen)
        ]
        upsert(conn, failure, rows, keys=["file_id"], update=[*common, "size", "mtime_ns"])


def failures(library: Library) -> list[FailureRow]:
    """Return the present files that failed, by path."""
    columns = (file.c.path, *(c for c in failure.c if c.name != "file_id"))
    query = (
        select(*columns)
        .join(file, file.c.id == failure.c.file_id)
        .where(file.c.gone_at.is_(None))
        .order_by(file.c.path)
    )
    with library.read() as conn:
        return [FailureRow(*row) for row in conn.execute(query)]


def forget_failures(library: Library, paths: Iterable[str]) -> int:
    """Forget the failures of some files, so that these are tried again; return how many."""
    forgotten = 0
    with library.write() as conn:
        for part in chunks(paths):
            failed = select(file.c.id).where(file.c.path.in_(part))
            forgotten += conn.execute(delete(failure).where(failure.c.file_id.in_(failed))).rowcount
    return forgotten


def save_unreadable(
    library: Library, roots: Sequence[str], found: Sequence[tuple[str, str, str]]
) -> None:
    """Remember the folders and files that a walk could not look at.

    They fail until a later walk over the same roots does not name them any more. What is known of
    them stays.

    Parameters
    ----------
    library : Library
    roots : sequence of str
        What was walked.
    found : sequence of tuple of str
        Path, stage and reason of each.
    """
    at = now()
    with library.write() as conn:
        for part in under(roots):
            conn.execute(delete(file).where(part, file.c.size == NOT_LOOKED_AT))
        for path, stage, reason in found:
            unknown = _file_row(SeenFile(path, NOT_LOOKED_AT, 0, None, "other"), None, at)
            upsert(conn, file, [unknown], keys=["path"])
            columns = (file.c.id, file.c.size, file.c.mtime_ns)
            file_id, size, mtime_ns = conn.execute(
                select(*columns).where(file.c.path == path)
            ).one()
            why = {"content_hash": None, "stage": stage, "reason": reason, "at": at}
            row = {"file_id": file_id, "size": size, "mtime_ns": mtime_ns, **why}
            upsert(conn, failure, [row], keys=["file_id"], update=list(why))
