"""Many rows at once, by the way that is fastest on each engine.

On SQLite that is a prepared statement for all rows. On PostgreSQL it is COPY, which pays from some
hundred rows on: a statement for each row would wait for the server, or at least be planned, each
time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, Table, delete, insert

COPY_FROM = 500
"""Rows from which on COPY is worth a temporary table."""
_CHUNK = 5000
"""Values bound in one statement at most."""

Row = Mapping[str, Any]


def is_postgresql(conn: Connection) -> bool:
    """Tell which engine a connection is of."""
    return conn.dialect.name == "postgresql"


def insert_rows(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, all with the same columns."""
    if not rows:
        return
    if is_postgresql(conn) and len(rows) >= COPY_FROM:
        copy_rows(conn, table, table.name, rows)
    else:
        conn.execute(insert(table), list(rows))


def copy_rows(conn: Connection, table: Table, into: str, rows: Sequence[Row]) -> None:
    """Write rows by COPY into a table of PostgreSQL that has the columns of `table`.

    Source: "COPY" in the manual of PostgreSQL.
    """
    names = list(rows[0])
    convert = [_to_driver(conn, table, name) for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    driver = conn.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(f'COPY "{into}" ({columns}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(
                [
                    value if change is None else change(value)
                    for change, value in zip(convert, (row[name] for name in names), strict=True)
                ]
            )


def read_rows(conn: Connection, query: Select[Any], size: int) -> Iterator[list[Any]]:
    """Yield the rows of a query, `size` of them at a time.

    On PostgreSQL by COPY in its binary form: bytes come as they are, where a cursor has them sent
    as hexadecimal digits. For columns whose values the driver gives unchanged: numbers,
    texts, bytes, dates.
    """
    if is_postgresql(conn):
        yield from _copied(conn, query, size)
        return
    with closing(conn.execute(query.execution_options(yield_per=size))) as result:
        yield from map(list, result.partitions())


def _copied(conn: Connection, query: Select[Any], size: int) -> Iterator[list[Any]]:
    compiled = query.compile(dialect=conn.dialect, compile_kwargs={"literal_binds": True})
    sql = str(compiled).replace("%%", "%")  # doubled for statements with parameters
    driver = conn.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({sql}) AS rows LIMIT 0")
        kinds = [column.type_code for column in cursor.description]
        with cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT BINARY)") as copy:
            copy.set_types(kinds)
            rows = copy.rows()
            while part := list(islice(rows, size)):
                yield part


def _to_driver(conn: Connection, table: Table, name: str) -> Any:
    """Return what turns a value of a column into what psycopg takes; None for nothing to do."""
    kind = table.c[name].type
    return kind.dialect_impl(conn.dialect).bind_processor(conn.dialect)


def staged(conn: Connection, table: Table, rows: Sequence[Row]) -> Table:
    """Write rows into a temporary table of PostgreSQL, from which they may be merged into `table`.

    It is gone at the end of the transaction.
    """
    columns = ", ".join(f'"{name}"' for name in rows[0])
    stage = f"staged_{table.name}"
    conn.exec_driver_sql(f"DROP TABLE IF EXISTS pg_temp.{stage}")
    conn.exec_driver_sql(
        f'CREATE TEMPORARY TABLE {stage} ON COMMIT DROP AS SELECT {columns} FROM "{table.name}" '
        "WITH NO DATA"
    )
    copy_rows(conn, table, stage, rows)
    return table.to_metadata(type(table.metadata)(), name=stage, schema="pg_temp")


def delete_where(conn: Connection, condition: Any, column: Any, among: Iterable[Any]) -> None:
    """Delete the rows of `column`'s table that meet a condition and whose column is one of many."""
    found = list(among)
    for start in range(0, len(found), _CHUNK):
        part = found[start : start + _CHUNK]
        conn.execute(delete(column.table).where(condition, column.in_(part)))
