"""The tables of the current schema version; ``docs/library.md`` tells their history.

A change here needs a step in `db.engine.migrations` that turns existing libraries into the same.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    false,
)

from db.engine.columns import BigId, Instant, PathBytes, Real, Words, short_text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _to(target: str, *, on_delete: str = "CASCADE") -> ForeignKey:
    return ForeignKey(target, ondelete=on_delete)


schema_version = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("name", Words, nullable=False),
    Column("applied_at", Instant, nullable=False),
)

setting = Table(
    "setting",
    metadata,
    Column("key", short_text(100), primary_key=True),
    Column("value", Words, nullable=False),
)

counter = Table(
    "counter",
    metadata,
    Column("name", short_text(24), primary_key=True),
    Column("next_id", BigInteger, nullable=False),
)

contract = Table(
    "contract",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("kind", short_text(12), nullable=False),
    Column("key", Words, nullable=False),
    UniqueConstraint("kind", "key"),
    CheckConstraint(
        "kind IN ('analysis', 'detector', 'identity', 'attributes', 'emotion')", name="kind"
    ),
)

photo = Table(
    "photo",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("content_hash", Words, nullable=False, unique=True),
    Column("picture", Words, index=True),
    Column("kind", short_text(8), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("orientation", Integer, nullable=False),
    Column("stored_width", Integer, nullable=False),
    Column("stored_height", Integer, nullable=False),
    Column("duration_ms", BigInteger),
    Column("taken_at", DateTime),
    Column("utc_offset_min", Integer),
    Column("date_source", short_text(24), nullable=False),
    Column("date_precision", short_text(12), nullable=False),
    Column("camera_make", Words),
    Column("camera_model", Words),
    Column("date_claims", JSON),
    Column("phash", BigInteger),
    Column("duplicate_of", BigId, _to("photo.id", on_delete="SET NULL"), index=True),
    Column("moving", short_text(8)),
    CheckConstraint("kind IN ('image', 'clip')", name="kind"),
    CheckConstraint("orientation BETWEEN 1 AND 8", name="orientation"),
    sqlite_autoincrement=True,
)

file = Table(
    "file",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("path", PathBytes, nullable=False, unique=True),
    Column("photo_id", BigId, _to("photo.id", on_delete="SET NULL"), index=True),
    Column("kind", short_text(8), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("content_hash", Words, index=True),
    Column("picture", Words, index=True),
    Column("orientation", Integer),
    Column("date_claims", JSON),
    Column("people", JSON),
    Column("seen_at", Instant, nullable=False),
    Column("gone_at", Instant),
    CheckConstraint("kind IN ('image', 'clip', 'live', 'other')", name="kind"),
)

analysis = Table(
    "analysis",
    metadata,
    Column("photo_id", BigId, _to("photo.id"), primary_key=True),
    Column("contract_id", BigId, _to("contract.id"), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("seconds", Real, nullable=False),
)

failure = Table(
    "failure",
    metadata,
    Column("file_id", BigId, _to("file.id"), primary_key=True, autoincrement=False),
    Column("content_hash", Words, index=True),
    Column("stage", short_text(24), nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
)

face = Table(
    "face",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("photo_id", BigId, _to("photo.id"), nullable=False, index=True),
    Column("time_ms", BigInteger),
    Column("x0", Real, nullable=False),
    Column("y0", Real, nullable=False),
    Column("x1", Real, nullable=False),
    Column("y1", Real, nullable=False),
    Column("landmarks", LargeBinary),
    Column("score", Real, nullable=False),
    Column("size", Real, nullable=False),
    Column("sharpness", Real),
    Column("frontal", Real),
    Column("detector_id", BigId, _to("contract.id"), nullable=False),
)

observation = Table(
    "observation",
    metadata,
    Column("face_id", BigId, _to("face.id"), primary_key=True),
    Column("contract_id", BigId, _to("contract.id"), primary_key=True),
    Column("vector", LargeBinary),
    Column("ages", LargeBinary),
    Column("p_male", Real),
    Column("emotions", LargeBinary),
    # No index by contract: SQLite would then start there when it loads all faces, and sort them,
    # vectors and all, afterwards.
)

person = Table(
    "person",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("name", Words),
    Column("hidden", Boolean, nullable=False, server_default=false()),
    Column("born_override", short_text(10)),
    Column("gender_override", short_text(1)),
    Column("cover_face_id", BigId, _to("face.id", on_delete="SET NULL"), index=True),
    Column("cover_chosen", Boolean, nullable=False, server_default=false()),
    Column("passer_by", Boolean, nullable=False, server_default=false()),
    Column("p_male", Real),
    Column("born", Real),
    Column("born_low", Real),
    Column("born_high", Real),
    Column("photos", Integer, nullable=False, server_default="0"),
    Column("faces", Integer, nullable=False, server_default="0"),
    Column("first_at", DateTime),
    Column("last_at", DateTime),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("gender_override IN ('f', 'm')", name="gender_override"),
)

assignment = Table(
    "assignment",
    metadata,
    Column("face_id", BigId, _to("face.id"), primary_key=True, autoincrement=False),
    Column("person_id", BigId, _to("person.id"), nullable=False, index=True),
    Column("source", short_text(8), nullable=False),
    Column("confidence", Real),
    CheckConstraint("source IN ('user', 'auto', 'imported')", name="source"),
)

rejection = Table(
    "rejection",
    metadata,
    Column("face_id", BigId, _to("face.id"), primary_key=True),
    Column("person_id", BigId, _to("person.id"), primary_key=True, index=True),
)

exemption = Table(
    "exemption",
    metadata,
    Column("photo_id", BigId, _to("photo.id"), primary_key=True, autoincrement=False),
)

comparison = Table(
    "comparison",
    metadata,
    Column("person_a", BigId, _to("person.id"), primary_key=True, autoincrement=False),
    Column("person_b", BigId, _to("person.id"), primary_key=True, autoincrement=False, index=True),
    Column("verdict", short_text(12), nullable=False),
    CheckConstraint("verdict IN ('different', 'skipped')", name="verdict"),
    CheckConstraint("person_a < person_b", name="order"),
)

forgotten = Table(
    "forgotten",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("photo_id", BigId, _to("photo.id"), nullable=False, index=True),
    Column("x0", Real, nullable=False),
    Column("y0", Real, nullable=False),
    Column("x1", Real, nullable=False),
    Column("y1", Real, nullable=False),
)

forgotten_photo = Table(
    "forgotten_photo",
    metadata,
    Column("digest", Words, primary_key=True),
)

sighting = Table(
    "sighting",
    metadata,
    Column("face_id", BigId, _to("face.id"), primary_key=True, autoincrement=False),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("frames", Integer, nullable=False),
)

candidates = Table(
    "candidates",
    metadata,
    Column("version", Words, primary_key=True),
    Column("packed", LargeBinary, nullable=False),
)

question = Table(
    "question",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", short_text(12), nullable=False),
    Column("people", JSON, nullable=False),
    Column("anchors", JSON, nullable=False),
    Column("faces", JSON, nullable=False),
)

# Without references: undo brings people back under their ids, and what was skipped still holds.
skipped_question = Table(
    "skipped_question",
    metadata,
    Column("person_id", BigId, primary_key=True, autoincrement=False),
    Column("face_id", BigId, primary_key=True, autoincrement=False),
)

index_progress = Table(
    "index_progress",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("pid", BigInteger, nullable=False),
    Column("started", Real, nullable=False),
    Column("at", Real, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("faces", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("phase", short_text(12), nullable=False),
    CheckConstraint("id = 1", name="single"),
)

date_override = Table(
    "date_override",
    metadata,
    Column("photo_id", BigId, _to("photo.id"), primary_key=True, autoincrement=False),
    Column("taken_at", DateTime, nullable=False),
    Column("utc_offset_min", Integer),
    Column("date_precision", short_text(12), nullable=False),
)

hint = Table(
    "hint",
    metadata,
    Column("photo_id", BigId, _to("photo.id"), primary_key=True, autoincrement=False),
    Column("source", short_text(24), primary_key=True),
    Column("name", Words, primary_key=True),
)

tagged = Table(
    "tagged",
    metadata,
    Column("path", PathBytes, primary_key=True),
    Column("content_hash", Words, nullable=False, index=True),
    Column("written", JSON, nullable=False),
    Column("at", Instant, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("kind", short_text(24), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("inverse", JSON, nullable=False),
    Column("undone", Boolean, nullable=False, server_default=false()),
    sqlite_autoincrement=True,
)
