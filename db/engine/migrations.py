"""Making a library and bringing older ones up to date.

Each step and the row that records it commit together, and a copy of the file is kept before the
first step. Steps are SQL text, never the tables of `db.engine.schema`: those are what the library
looks like today, while a step has to do the same for ever.
"""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from db.engine.columns import now
from db.engine.schema import metadata
from db.errors import (
    CorruptLibraryError,
    NewerLibraryError,
    ReadOnlyLibraryError,
    damaged,
    printable,
)

APPLICATION_ID = 0x416C426D
"""Marks an SQLite file as a library of this program ("AlBm"), see PRAGMA application_id."""


@dataclass(frozen=True, slots=True)
class Step:
    """From the version before to `version`, by SQL statements for SQLite and for PostgreSQL.

    Libraries on PostgreSQL began with version 3; steps up to it have no statements for it.
    """

    version: int
    name: str
    statements: tuple[str, ...]
    postgresql: tuple[str, ...] = ()


FIRST = Step(1, "photos, files, faces, people", ())
"""The version that libraries began with; its tables are those that `create` makes."""
STEPS: tuple[Step, ...] = (
    Step(
        2,
        "exemptions, comparisons, forgotten faces, sightings in clips",
        (
            "CREATE TABLE exemption (photo_id INTEGER NOT NULL, PRIMARY KEY (photo_id),"
            " FOREIGN KEY(photo_id) REFERENCES photo (id) ON DELETE CASCADE)",
            "CREATE TABLE comparison (person_a INTEGER NOT NULL, person_b INTEGER NOT NULL,"
            " verdict VARCHAR(12) NOT NULL, PRIMARY KEY (person_a, person_b),"
            " CONSTRAINT ck_comparison_verdict CHECK (verdict IN ('different', 'skipped')),"
            " CONSTRAINT ck_comparison_order CHECK (person_a < person_b),"
            " FOREIGN KEY(person_a) REFERENCES person (id) ON DELETE CASCADE,"
            " FOREIGN KEY(person_b) REFERENCES person (id) ON DELETE CASCADE)",
            "CREATE INDEX ix_comparison_person_b ON comparison (person_b)",
            "CREATE TABLE forgotten (id INTEGER NOT NULL, photo_id INTEGER NOT NULL,"
            " x0 DOUBLE NOT NULL, y0 DOUBLE NOT NULL, x1 DOUBLE NOT NULL, y1 DOUBLE NOT NULL,"
            " PRIMARY KEY (id), FOREIGN KEY(photo_id) REFERENCES photo (id) ON DELETE CASCADE)",
            "CREATE INDEX ix_forgotten_photo_id ON forgotten (photo_id)",
            "CREATE TABLE sighting (face_id INTEGER NOT NULL, start_ms BIGINT NOT NULL,"
            " end_ms BIGINT NOT NULL, frames INTEGER NOT NULL, PRIMARY KEY (face_id, start_ms),"
            " FOREIGN KEY(face_id) REFERENCES face (id) ON DELETE CASCADE)",
        ),
    ),
    Step(
        3,
        "reasons for dates, near-duplicates, hints, written tags, emotions",
        (
            "ALTER TABLE photo ADD COLUMN date_claims JSON",
            "ALTER TABLE photo ADD COLUMN phash BIGINT",
            "ALTER TABLE photo ADD COLUMN duplicate_of INTEGER"
            " REFERENCES photo (id) ON DELETE SET NULL",
            "ALTER TABLE photo ADD COLUMN moving VARCHAR(8)",
            "CREATE INDEX ix_photo_duplicate_of ON photo (duplicate_of)",
            "ALTER TABLE observation ADD COLUMN emotions BLOB",
            # SQLite can't change a CHECK, so tables are made anew.
            "CREATE TABLE contract_3 (id INTEGER NOT NULL, kind VARCHAR(12) NOT NULL,"
            " key TEXT NOT NULL, PRIMARY KEY (id), CONSTRAINT uq_contract_kind_key UNIQUE"
            " (kind, key), CONSTRAINT ck_contract_kind CHECK (kind IN ('analysis', 'detector',"
            " 'identity', 'attributes', 'emotion')))",
            "INSERT INTO contract_3 SELECT id, kind, key FROM contract",
            "DROP TABLE contract",
            "ALTER TABLE contract_3 RENAME TO contract",
            "CREATE TABLE file_3 (id INTEGER NOT NULL, path BLOB NOT NULL, photo_id INTEGER,"
            " kind VARCHAR(8) NOT NULL, size BIGINT NOT NULL, mtime_ns BIGINT NOT NULL,"
            " content_hash TEXT, seen_at DATETIME NOT NULL, gone_at DATETIME, PRIMARY KEY (id),"
            " CONSTRAINT ck_file_kind CHECK (kind IN ('image', 'clip', 'live', 'other')),"
            " FOREIGN KEY(photo_id) REFERENCES photo (id) ON DELETE SET NULL,"
            " CONSTRAINT uq_file_path UNIQUE (path))",
            "INSERT INTO file_3 SELECT id, path, photo_id, kind, size, mtime_ns, content_hash,"
            " seen_at, gone_at FROM file",
            "DROP TABLE file",
            "ALTER TABLE file_3 RENAME TO file",
            "CREATE INDEX ix_file_content_hash ON file (content_hash)",
            "CREATE INDEX ix_file_photo_id ON file (photo_id)",
            "CREATE TABLE date_override (photo_id INTEGER NOT NULL, taken_at DATETIME NOT NULL,"
            " utc_offset_min INTEGER, date_precision VARCHAR(12) NOT NULL, PRIMARY KEY (photo_id),"
            " FOREIGN KEY(photo_id) REFERENCES photo (id) ON DELETE CASCADE)",
            "INSERT INTO date_override SELECT id, taken_at, utc_offset_min, date_precision"
            " FROM photo WHERE date_source = 'user' AND taken_at IS NOT NULL",
            "CREATE TABLE hint (photo_id INTEGER NOT NULL, source VARCHAR(24) NOT NULL,"
            " name TEXT NOT NULL, PRIMARY KEY (photo_id, source, name),"
            " FOREIGN KEY(photo_id) REFERENCES photo (id) ON DELETE CASCADE)",
            "CREATE TABLE tagged (path BLOB NOT NULL, content_hash TEXT NOT NULL,"
            " written JSON NOT NULL, at DATETIME NOT NULL, PRIMARY KEY (path))",
            "CREATE INDEX ix_tagged_content_hash ON tagged (content_hash)",
        ),
    ),
    Step(
        4,
        "tables for suggestions, forgotten photos and the progress of an index",
        (
            "CREATE TABLE forgotten_photo (content_hash TEXT NOT NULL, PRIMARY KEY (content_hash))",
            "INSERT INTO forgotten_photo SELECT substr(key, 17) FROM setting"
            " WHERE substr(key, 1, 16) = 'forgotten-photo:'",
            "CREATE TABLE candidates (version TEXT NOT NULL, packed BLOB NOT NULL,"
            " PRIMARY KEY (version))",
            "CREATE TABLE question (number INTEGER NOT NULL, kind VARCHAR(12) NOT NULL,"
            " people JSON NOT NULL, anchors JSON NOT NULL, faces JSON NOT NULL,"
            " PRIMARY KEY (number))",
            "CREATE TABLE skipped_question (person_id INTEGER NOT NULL, face_id INTEGER NOT NULL,"
            " PRIMARY KEY (person_id, face_id))",
            # '12:4711 13' was: of person 12 the part with face 4711, and the name of person 13.
            "WITH RECURSIVE part (word, rest) AS (SELECT '', value || ' ' FROM setting"
            " WHERE key = 'suggest.skipped' UNION ALL SELECT substr(rest, 1, instr(rest, ' ') - 1),"
            " substr(rest, instr(rest, ' ') + 1) FROM part WHERE rest <> '')"
            " INSERT OR IGNORE INTO skipped_question SELECT CAST(word AS INTEGER),"
            " CASE instr(word, ':') WHEN 0 THEN 0"
            " ELSE CAST(substr(word, instr(word, ':') + 1) AS INTEGER) END"
            " FROM part WHERE word <> ''",
            "CREATE TABLE index_progress (id INTEGER NOT NULL, pid BIGINT NOT NULL,"
            " started DOUBLE NOT NULL, at DOUBLE NOT NULL, total BIGINT NOT NULL,"
            " done BIGINT NOT NULL, faces BIGINT NOT NULL, failed BIGINT NOT NULL,"
            " phase VARCHAR(12) NOT NULL, PRIMARY KEY (id),"
            " CONSTRAINT ck_index_progress_single CHECK (id = 1))",
            # Candidates are measured again, and the next list of questions has new numbers.
            "DELETE FROM setting WHERE substr(key, 1, 16) = 'forgotten-photo:' OR key IN"
            " ('suggest.skipped', 'suggest.candidates', 'suggest.asked', 'index.progress')",
        ),
        (
            'CREATE TABLE forgotten_photo (content_hash TEXT COLLATE "C" NOT NULL,'
            " PRIMARY KEY (content_hash))",
            "INSERT INTO forgotten_photo SELECT substr(key, 17) FROM setting"
            " WHERE substr(key, 1, 16) = 'forgotten-photo:'",
            'CREATE TABLE candidates (version TEXT COLLATE "C" NOT NULL, packed BYTEA NOT NULL,'
            " PRIMARY KEY (version))",
            'CREATE TABLE question (number INTEGER NOT NULL, kind TEXT COLLATE "C" NOT NULL,'
            " people JSON NOT NULL, anchors JSON NOT NULL, faces JSON NOT NULL,"
            " PRIMARY KEY (number))",
            "CREATE TABLE skipped_question (person_id BIGINT NOT NULL, face_id BIGINT NOT NULL,"
            " PRIMARY KEY (person_id, face_id))",
            "INSERT INTO skipped_question SELECT CAST(split_part(word, ':', 1) AS BIGINT),"
            " CAST(coalesce(nullif(split_part(word, ':', 2), ''), '0') AS BIGINT)"
            " FROM setting, unnest(string_to_array(value, ' ')) AS word"
            " WHERE key = 'suggest.skipped' AND word <> '' ON CONFLICT DO NOTHING",
            "CREATE TABLE index_progress (id INTEGER NOT NULL, pid BIGINT NOT NULL,"
            " started DOUBLE PRECISION NOT NULL, at DOUBLE PRECISION NOT NULL,"
            " total BIGINT NOT NULL, done BIGINT NOT NULL, faces BIGINT NOT NULL,"
            ' failed BIGINT NOT NULL, phase TEXT COLLATE "C" NOT NULL, PRIMARY KEY (id),'
            " CONSTRAINT ck_index_progress_single CHECK (id = 1))",
            "DELETE FROM setting WHERE substr(key, 1, 16) = 'forgotten-photo:' OR key IN"
            " ('suggest.skipped', 'suggest.candidates', 'suggest.asked', 'index.progress')",
        ),
    ),
    Step(
        5,
        "digests of pictures, and what each copy of a photo says",
        (
            "ALTER TABLE photo ADD COLUMN picture TEXT",
            "CREATE INDEX ix_photo_picture ON photo (picture)",
            "ALTER TABLE file ADD COLUMN picture TEXT",
            "ALTER TABLE file ADD COLUMN orientation INTEGER",
            "ALTER TABLE file ADD COLUMN date_claims JSON",
            "ALTER TABLE file ADD COLUMN people JSON",
            "CREATE INDEX ix_file_picture ON file (picture)",
            "ALTER TABLE forgotten_photo RENAME COLUMN content_hash TO digest",
        ),
        (
            'ALTER TABLE photo ADD COLUMN picture TEXT COLLATE "C"',
            "CREATE INDEX ix_photo_picture ON photo (picture)",
            'ALTER TABLE file ADD COLUMN picture TEXT COLLATE "C"',
            "ALTER TABLE file ADD COLUMN orientation INTEGER",
            "ALTER TABLE file ADD COLUMN date_claims JSON",
            "ALTER TABLE file ADD COLUMN people JSON",
            "CREATE INDEX ix_file_picture ON file (picture)",
            "ALTER TABLE forgotten_photo RENAME COLUMN content_hash TO digest",
        ),
    ),
)
"""The steps after the first version, in order. Published ones are never changed."""


def newest() -> Step:
    """Return the step to the version that this program writes."""
    return STEPS[-1] if STEPS else FIRST


def _in_one_transaction(raw: sqlite3.Connection, statements: Iterable[str], step: Step) -> None:
    for statement in statements:
        raw.execute(statement)
    raw.execute(
        "INSERT INTO schema_version (version, name, applied_at) VALUES (?, ?, ?)",
        (step.version, step.name, now().strftime("%Y-%m-%d %H:%M:%S.%f")),
    )


def _is_empty(raw: sqlite3.Connection) -> bool:
    return not raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()


def _version(raw: sqlite3.Connection, path: str) -> int:
    """Return the schema version of a library that is not empty."""
    if raw.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise CorruptLibraryError(
            f"{printable(path)} is a database of another program; choose another path."
        )
    recorded = "SELECT coalesce(max(version), 0) FROM schema_version"
    try:
        version = raw.execute(recorded).fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        raise damaged(path) from error
    check_known(version, path)
    return int(version)


def check_known(version: int, path: str) -> None:
    """Refuse a library of a newer version.

    Raises
    ------
    NewerLibraryError
    """
    if version > newest().version:
        raise NewerLibraryError(
            f"The library {printable(path)} has format {version} and this version of the program "
            f"knows formats up to {newest().version}; update the program."
        )


def schema_sql(dialect: Dialect) -> list[str]:
    """Return the statements that make all tables and indexes of `db.engine.schema`."""
    tables = metadata.sorted_tables
    indexes = sorted((i for t in tables for i in t.indexes), key=lambda index: str(index.name))
    made: Sequence[CreateTable | CreateIndex] = [
        *(CreateTable(table) for table in tables),
        *(CreateIndex(index) for index in indexes),
    ]
    return [str(element.compile(dialect=dialect)) for element in made]


def create(raw: sqlite3.Connection, dialect: Dialect) -> None:
    """Make the tables in an empty database; does nothing when another process was faster."""
    with raw:
        raw.execute("BEGIN IMMEDIATE")
        if _is_empty(raw):
            mark = f"PRAGMA application_id = {APPLICATION_ID}"
            _in_one_transaction(raw, [mark, *schema_sql(dialect)], newest())


def back_up(raw: sqlite3.Connection, path: str, version: int) -> str:
    """Copy the library to ``<path>.backup-v<version>`` and return that path.

    The copy is complete or not there at all: it is written under another name first.
    """
    target = f"{path}.backup-v{version}"
    partial = f"{target}.partial"
    with suppress(FileNotFoundError):
        Path(partial).unlink()
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        with closing(sqlite3.connect(partial)) as copy:
            raw.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        Path(partial).replace(target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return target


def _apply(raw: sqlite3.Connection, step: Step, path: str) -> None:
    with raw:
        raw.execute("BEGIN IMMEDIATE")
        if _version(raw, path) >= step.version:
            return  # another process did it while this one waited
        _in_one_transaction(raw, step.statements, step)
        if raw.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise sqlite3.IntegrityError(f"step {step.version} breaks references")


def migrate(raw: sqlite3.Connection, path: str) -> None:
    """Bring an existing library up to date, after a copy of it has been made.

    Raises
    ------
    CorruptLibraryError
        The file belongs to another program.
    NewerLibraryError
        The library has a version that this program does not know.
    """
    version = _version(raw, path)
    missing = [step for step in STEPS if step.version > version]
    if not missing:
        return
    back_up(raw, path, version)
    raw.execute("PRAGMA foreign_keys = OFF")  # a step may have to make a table anew
    for step in missing:
        _apply(raw, step, path)
    raw.execute("PRAGMA foreign_keys = ON")


def check_version(raw: sqlite3.Connection, path: str) -> None:
    """Refuse a library that could only be used after changing it.

    Raises
    ------
    ReadOnlyLibraryError
        The library is of an older version.
    """
    if _is_empty(raw):
        raise CorruptLibraryError(
            f"The library {printable(path)} is empty; index some photos into it first."
        )
    if _version(raw, path) < newest().version:
        raise ReadOnlyLibraryError(
            f"The library {printable(path)} has an older format, and a read-only library can't be "
            "brought up to date; open it once for writing."
        )


def prepare(raw: sqlite3.Connection, path: str, dialect: Dialect) -> None:
    """Make the tables of a new library, or bring an existing one up to date."""
    if _is_empty(raw):
        create(raw, dialect)
    migrate(raw, path)
