"""What suggestions keep in the library: measured candidates, listed and skipped questions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from db.engine.schema import candidates, question, skipped_question
from db.engine.sql import chunks, upsert
from db.library import Library


@dataclass(frozen=True, slots=True)
class Question:
    """What a question is about: all that is needed to answer it.

    Attributes
    ----------
    kind : {'same', 'split', 'name'}
        Are two people one; are all faces of a person theirs; who is this.
    person_ids : tuple of int
        Two, or one.
    anchors : tuple of int
        A face of each, by which whoever was merged since is found.
    face_ids : tuple of int
        For 'split', the faces that may be somebody else's.
    """

    kind: str
    person_ids: tuple[int, ...]
    anchors: tuple[int, ...]
    face_ids: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """See `question_key`."""
        return question_key(self.person_ids, self.face_ids)


def question_key(person_ids: Sequence[int], face_ids: Sequence[int]) -> str:
    """Return what names a question whatever else is asked: 12,31 or 12:4711 or 12."""
    people = ",".join(map(str, person_ids))
    return f"{people}:{min(face_ids)}" if face_ids else people


def load_candidates(library: Library, version: str) -> bytes | None:
    """Return what `save_candidates` stored, or None where it is of another version."""
    query = select(candidates.c.packed).where(candidates.c.version == version)
    with library.read() as conn:
        return conn.scalar(query)


def save_candidates(library: Library, version: str, packed: bytes) -> None:
    """Store which people are near each other, replacing what was stored before.

    Parameters
    ----------
    library : Library
    version : str
        What the candidates depend on; see `load_candidates`.
    packed : bytes
        In the caller's own format.
    """
    with library.write() as conn:
        conn.execute(delete(candidates))
        conn.execute(insert(candidates).values(version=version, packed=packed))


def listed_questions(library: Library) -> list[Question]:
    """Return the last list of questions, by number."""
    columns = (question.c.kind, question.c.people, question.c.anchors, question.c.faces)
    with library.read() as conn:
        rows = conn.execute(select(*columns).order_by(question.c.number))
        return [Question(kind, *map(tuple, columns)) for kind, *columns in rows]


def save_questions(library: Library, listed: Sequence[Question]) -> None:
    """Store a list of questions, whose numbers hold until the next list."""
    rows = [
        {
            "number": number,
            "kind": one.kind,
            "people": one.person_ids,
            "anchors": one.anchors,
            "faces": one.face_ids,
        }
        for number, one in enumerate(listed, 1)
    ]
    with library.write() as conn:
        conn.execute(delete(question))
        if rows:
            conn.execute(insert(question), rows)


def skipped_questions(library: Library) -> set[tuple[int, int]]:
    """Return the questions about one person that the user left for later.

    Returns
    -------
    set of tuple of int
        The person, and the lowest face id of a doubtful part; 0 where the name was asked for.
    """
    with library.read() as conn:
        return {(row[0], row[1]) for row in conn.execute(select(skipped_question))}


def skip_question(library: Library, person_id: int, face_id: int = 0) -> None:
    """Store that the user left a question about one person for later."""
    row = {"person_id": person_id, "face_id": face_id}
    with library.write() as conn:
        upsert(conn, skipped_question, [row], keys=["person_id", "face_id"])


def forget_suggestions(
    conn: Connection, person_ids: Iterable[int], face_ids: Iterable[int]
) -> None:
    """Delete what is measured and listed, and what was skipped of some people and faces."""
    conn.execute(delete(candidates))
    conn.execute(delete(question))
    for column, ids in (
        (skipped_question.c.person_id, person_ids),
        (skipped_question.c.face_id, face_ids),
    ):
        for part in chunks(ids):
            conn.execute(delete(skipped_question).where(column.in_(part)))
