"""The library in numbers."""

from typing import Any

from sqlalchemy import Connection, FromClause, func, select

from db.engine.schema import (
    analysis,
    contract,
    face,
    failure,
    file,
    observation,
    person,
    photo,
    schema_version,
)
from db.library import Library
from db.rows import ContractCount, Status


def _count(conn: Connection, table: FromClause, *conditions: Any) -> int:
    return conn.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def _contracts(conn: Connection) -> tuple[ContractCount, ...]:
    uses = {
        "analysis": analysis.c.contract_id,
        "detector": face.c.detector_id,
        "identity": observation.c.contract_id,
        "attributes": observation.c.contract_id,
    }
    counts: dict[int, int] = {}
    for column in dict.fromkeys(uses.values()):
        counts.update(
            (row[0], row[1]) for row in conn.execute(select(column, func.count()).group_by(column))
        )
    known = select(contract.c.kind, contract.c.key, contract.c.id).order_by(contract.c.id)
    return tuple(
        ContractCount(kind, key, counts.get(number, 0)) for kind, key, number in conn.execute(known)
    )


def status(library: Library, *, contracts: bool = True) -> Status:
    """Count what is in the library.

    Parameters
    ----------
    library : Library
    contracts : bool
        Count by contract, too, for which every observation is looked at.

    Returns
    -------
    Status
        ``people`` and the like count everybody, hidden or not; ``faces`` those of photos that are
        gone, too.
    """
    with library.read() as conn:
        gone = file.c.gone_at.is_not(None)
        failed = file.join(failure, failure.c.file_id == file.c.id)
        unnamed = person.c.name.is_(None)
        return Status(
            path=library.path,
            size=library.size(conn),
            schema_version=conn.scalar(select(func.max(schema_version.c.version))) or 0,
            photos=_count(conn, photo, photo.c.kind == "image"),
            clips=_count(conn, photo, photo.c.kind == "clip"),
            live_photos=_count(conn, photo, photo.c.moving == "live"),
            motion_photos=_count(conn, photo, photo.c.moving == "motion"),
            duplicates=_count(conn, photo, photo.c.duplicate_of.is_not(None)),
            present_files=_count(conn, file, ~gone, file.c.kind != "other"),
            gone_files=_count(conn, file, gone, file.c.kind != "other"),
            faces=_count(conn, face),
            people=_count(conn, person),
            named=_count(conn, person, ~unnamed),
            passers_by=_count(conn, person, person.c.passer_by, unnamed),
            failures=_count(conn, failed, ~gone),
            contracts=_contracts(conn) if contracts else (),
        )


def date_counts(library: Library) -> list[tuple[str, str, int]]:
    """Count the photos and clips by source and precision of their date, most frequent first."""
    columns = (photo.c.date_source, photo.c.date_precision)
    query = select(*columns, func.count()).group_by(*columns).order_by(func.count().desc())
    with library.read() as conn:
        return [(source, precision, n) for source, precision, n in conn.execute(query)]
