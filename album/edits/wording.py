"""People in the sentences of the journal."""

from collections.abc import Iterable, Sequence

from album.people.labels import person_label
from db.rows import PersonRow


def label(row: PersonRow) -> str:
    """Return how a person is called."""
    return person_label(row.person_id, row.name)


def listed(words: Iterable[str]) -> str:
    """Join words as a sentence does: a, b and c."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def labels(rows: Sequence[PersonRow]) -> str:
    """Return how several people are called."""
    return listed(label(row) for row in rows)
