"""What lies on the disk: files seen, moved, gone and come back, and those that failed."""

from collections.abc import Iterable, Mapping, Sequence
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
from db.photos.copies import Held, held_photos
from db.photos.dates import combine_claims
from db.photos.turning import follow_orientation
from db.records import ScannedFile
from db.rows import FailureRow, KnownFile

NEVER_READ = -1
"""Size of what is known only because it could not be read: a folder, mostly."""
_SAID = ("picture", "orientation", "date_claims", "people")
_CHANGING = ("photo_id", "kind", "size", "mtime_ns", "content_hash", *_SAID, "seen_at", "gone_at")


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
            file.c.path,
            file.c.size,
            file.c.mtime_ns,
            file.c.content_hash,
            file.c.kind,
            file.c.photo_id,
            file.c.gone_at.is_not(None),
            analysis.c.photo_id.is_not(None),
            failure.c.stage,
            failure.c.at,
            file.c.picture,
            file.c.orientation,
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
    query = select(file.c.content_hash).distinct().join(face, face.c.photo_id == file.c.photo_id)
    return set(conn.scalars(query.where(lacking, file.c.content_hash.is_not(None))))


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


def _file_row(seen: ScannedFile, photo_id: int | None, at: datetime) -> dict[str, Any]:
    return {
        "path": seen.path,
        "photo_id": None if seen.kind == "live" else photo_id,
        "kind": seen.kind,
        "size": seen.size,
        "mtime_ns": seen.mtime_ns,
        "content_hash": seen.content_hash,
        "picture": seen.picture,
        "orientation": seen.orientation,
        "date_claims": seen.date_claims,
        "people": list(seen.people),
        "seen_at": at,
        "gone_at": None,
    }


def save_files(library: Library, files: Iterable[ScannedFile]) -> dict[str, Held]:
    """Store files that are new, changed or back again.

    A file whose picture is known already belongs to that photo at once: this is how a moved file,
    and one whose metadata another program has edited, keeps its faces, and how copies share one
    analysis. What all copies say decides when the photo was taken and which way up it is. A failure
    of a file that has changed is forgotten. Each `db.engine.sql.CHUNK` files are one transaction.

    Parameters
    ----------
    library : Library
    files : iterable of ScannedFile
        Each path once.

    Returns
    -------
    dict of str to Held
        The photo of each file, by path, as far as it was known before.
    """
    at = now()
    found: dict[str, Held] = {}
    for part in chunks(files):
        with library.write() as conn:
            held = held_photos(conn, part)
            left = _photos_of(conn, [seen.path for seen in part])
            rows = [_file_row(seen, held[seen.path].photo_id, at) for seen in part]
            upsert(conn, file, rows, keys=["path"], update=_CHANGING)
            _forget_failures_of_changed(conn, [seen.path for seen in part])
            photos = {one.photo_id for one in held.values() if one.photo_id is not None}
            turned = _follow_files(conn, left | photos)
            read = {held[seen.path].photo_id for seen in part if seen.hashes}
            # Until what is found in it this way up is stored, it counts as not read.
            for again in chunks(turned & read):
                conn.execute(delete(analysis).where(analysis.c.photo_id.in_(again)))
            for seen in part:
                if seen.picture and (photo_id := held[seen.path].photo_id) is not None:
                    same = photo.c.content_hash == seen.content_hash
                    own = update(photo).where(photo.c.id == photo_id, photo.c.picture.is_(None))
                    conn.execute(own.where(same).values(picture=seen.picture))
            found |= held
    return found


def _photos_of(conn: Connection, paths: Iterable[str]) -> set[int]:
    """Return the photos of some files."""
    query = select(file.c.photo_id).where(file.c.photo_id.is_not(None)).distinct()
    return {
        int(photo_id)
        for part in chunks(paths)
        for photo_id in conn.scalars(query.where(file.c.path.in_(part)))
    }


def _follow_files(conn: Connection, photo_ids: Iterable[int]) -> set[int]:
    """Have the present files of photos say when these were taken, and which way up they are.

    Returns
    -------
    set of int
        Photos that were turned.
    """
    ids = set(photo_ids)
    if not ids:
        return set()
    combine_claims(conn, ids)
    return follow_orientation(conn, ids)


def save_pictures(library: Library, found: Mapping[str, tuple[str, str]]) -> None:
    """Store the digests of pictures in files whose content has not changed, and of their photos.

    Parameters
    ----------
    library : Library
    found : mapping of str to tuple of str
        Content hash and digest of the picture, by path.
    """
    rows = [
        {"at": path, "content": content, "digest": picture}
        for path, (content, picture) in found.items()
    ]
    here = (file.c.path == bindparam("at")) & (file.c.content_hash == bindparam("content"))
    holder = select(file.c.photo_id).where(here).scalar_subquery()
    way_up = select(photo.c.orientation).where(
        photo.c.id == file.c.photo_id, photo.c.kind == "image"
    )
    said = {"picture": bindparam("digest"), "orientation": way_up.scalar_subquery()}
    with library.write() as conn:
        if rows:
            conn.execute(update(file).where(here).values(**said), rows)
            own = update(photo).where(photo.c.id == holder, photo.c.picture.is_(None))
            conn.execute(own.values(picture=bindparam("digest")), rows)


def _set_gone(library: Library, paths: Iterable[str], at: datetime | None) -> int:
    done = 0
    with library.write() as conn:
        for part in chunks(paths):
            change = update(file).where(file.c.path.in_(part)).values(gone_at=at)
            other = file.c.gone_at.is_not(None) if at is None else file.c.gone_at.is_(None)
            done += conn.execute(change.where(other)).rowcount
            _follow_files(conn, _photos_of(conn, part))
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
    """Count those of the files `paths` that are gone but whose photo is present elsewhere."""
    here = file.alias("here")
    elsewhere = (
        select(here.c.id)
        .where(here.c.photo_id == file.c.photo_id, here.c.gone_at.is_(None))
        .exists()
    )
    moved = select(func.count()).select_from(file).where(file.c.gone_at.is_not(None), elsewhere)
    with library.read() as conn:
        parts = chunks(paths)
        return sum(conn.scalar(moved.where(file.c.path.in_(part))) or 0 for part in parts)


def _store_if_changed(conn: Connection, seen: ScannedFile, at: datetime) -> None:
    """Store a file, unless it is known as it is: what was known of its content then stays.

    What can't be read may be a photo that is just being written, so the path keeps its photo.
    """
    same = select(file.c.id).where(
        file.c.path == seen.path,
        file.c.size == seen.size,
        file.c.mtime_ns == seen.mtime_ns,
        file.c.gone_at.is_(None),
    )
    if seen.content_hash is not None:
        same = same.where(file.c.content_hash == seen.content_hash)
    if conn.scalar(same) is None:
        photo_id = held_photos(conn, [seen])[seen.path].photo_id
        if photo_id is None:
            photo_id = conn.scalar(select(file.c.photo_id).where(file.c.path == seen.path))
        upsert(conn, file, [_file_row(seen, photo_id, at)], keys=["path"], update=_CHANGING)


def _failed_files(conn: Connection, seen: ScannedFile) -> list[Any]:
    """Return the file, and with known content every other present file that holds the same."""
    columns = (file.c.id, file.c.size, file.c.mtime_ns)
    failed = file.c.path == seen.path
    if seen.content_hash is not None:
        copy = file.c.gone_at.is_(None) & (file.c.kind != "live")
        failed |= (file.c.content_hash == seen.content_hash) & copy
    return list(conn.execute(select(*columns).where(failed)))


def save_failure(library: Library, seen: ScannedFile, *, stage: str, reason: str) -> None:
    """Remember that a file could not be read or analysed.

    Parameters
    ----------
    library : Library
    seen : ScannedFile
        As it was found. With a content hash the content is at fault, and every present copy of it
        has failed; without one, only this path has.
    stage : str
        Where it failed, in a word.
    reason : str
        One sentence for the user.
    """
    at = now()
    with library.write() as conn:
        _store_if_changed(conn, seen, at)
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
    """Remember the folders and files that a walk could not read.

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
            conn.execute(delete(file).where(part, file.c.size == NEVER_READ))
        for path, stage, reason in found:
            unknown = _file_row(ScannedFile(path, NEVER_READ, 0, None, "other"), None, at)
            upsert(conn, file, [unknown], keys=["path"])
            columns = (file.c.id, file.c.size, file.c.mtime_ns)
            file_id, size, mtime_ns = conn.execute(
                select(*columns).where(file.c.path == path)
            ).one()
            why = {"content_hash": None, "stage": stage, "reason": reason, "at": at}
            row = {"file_id": file_id, "size": size, "mtime_ns": mtime_ns, **why}
            upsert(conn, failure, [row], keys=["file_id"], update=list(why))
