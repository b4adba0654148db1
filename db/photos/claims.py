"""Which process works at what, where several share a library: PostgreSQL only.

Each process offers what it has to do (`offer`), claims some of it at a time (`take`) and says when
that is stored (`Claimed.finish`). A claim is a row lock held by an open transaction, so it ends
with the process or the machine that holds it, and what was claimed is then free for others. What
another has claimed is skipped, never waited for ("SKIP LOCKED" in the manual of PostgreSQL).

A file of SQLite has one writer, and an index that finds another at work waits for it or leaves.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, text

from db.engine.bulk import COPY_FROM
from db.engine.sql import chunks
from db.library import Library

_OFFER = text(
    "INSERT INTO claim (key) SELECT unnest(CAST(:keys AS bytea[])) ON CONFLICT DO NOTHING"
)
_TAKE = text("SELECT key FROM claim WHERE key = ANY(CAST(:keys AS bytea[])) FOR UPDATE SKIP LOCKED")
_THERE = text("SELECT key FROM claim WHERE key = ANY(CAST(:keys AS bytea[]))")
_FINISH = text("DELETE FROM claim WHERE key = ANY(CAST(:keys AS bytea[]))")
_ALONE = text("SELECT pg_advisory_xact_lock(CAST('claim'::regclass::oid AS bigint))")
"""Of that table, and so of this library alone."""
_PATIENT = (
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)


def key_of(path: str, contract: str) -> bytes:
    """Return the key of a file to be read under a contract: a digest, since paths are private."""
    content = os.fsencode(path) + b"\0" + contract.encode()
    return hashlib.blake2b(content, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one call of `take` has found.

    Attributes
    ----------
    mine : frozenset of bytes
        Keys that are this process's until `finish` or `release`.
    others : frozenset of bytes
        Keys that another process is at. All other keys were finished by somebody.
    """

    mine: frozenset[bytes]
    others: frozenset[bytes]
    _conn: Connection

    def finish(self) -> None:
        """Say that all of `mine` is stored."""
        if self.mine:
            self._conn.execute(_FINISH, {"keys": list(self.mine)})
        self._conn.commit()
        self._conn.close()

    def release(self) -> None:
        """Leave `mine` to others."""
        self._conn.close()


def offer(library: Library, keys: Sequence[bytes]) -> None:
    """Publish what has to be done; other processes may publish the same."""
    for part in chunks(keys, 10 * COPY_FROM):
        with library.plain() as conn:
            conn.execute(_OFFER, {"keys": part})
            conn.commit()


def take(library: Library, keys: Sequence[bytes]) -> Claimed:
    """Claim those of some keys that nobody holds."""
    conn = library.plain()
    try:
        for statement in _PATIENT:
            conn.exec_driver_sql(statement)
        mine = frozenset(map(bytes, conn.scalars(_TAKE, {"keys": list(keys)})))
        there = frozenset(map(bytes, conn.scalars(_THERE, {"keys": list(keys)})))
    except BaseException:
        conn.close()
        raise
    return Claimed(mine, there - mine, conn)


@contextmanager
def alone(library: Library) -> Iterator[None]:
    """Be the only process that groups a library; waits for others as long as it takes."""
    if not library.is_shared:
        yield
        return
    with library.plain() as conn:
        for statement in _PATIENT:
            conn.exec_driver_sql(statement)
        conn.execute(_ALONE)
        yield
