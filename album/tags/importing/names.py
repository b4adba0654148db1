"""Names as other programs write them, and what a name can be here."""

import unicodedata
from collections import Counter
from collections.abc import Iterable

from album.people.labels import is_label
from album.plain_text import plain_text
from db.people.people import folded

NOBODY = frozenset(
    ("unknown", "unknown person", "unconfirmed", "ignored", "unnamed", "no name", "?", "n/a")
)
"""What programs write where nobody has said a name; digiKam has the first, third and fourth."""
LONGEST = 200


def cleaned(name: str | None) -> str:
    """Return a name in Unicode's composed form with single spaces; empty for what names nobody."""
    # A name that is too long is reported as such, so it must not be cut to fit here.
    text = " ".join(unicodedata.normalize("NFC", plain_text(name, LONGEST + 1)).split())
    plain = folded(text)
    return "" if plain in NOBODY or is_label(plain) else text


def problem(name: str) -> str | None:
    """Say why a name can't be a name here; None where it can."""
    if name.isdecimal() or folded(name) == "new":
        return f"{name} can't be a name here: commands take it for something else."
    if len(name) > LONGEST or name != plain_text(name):
        return f"{name[:40]!r} can't be a name: it is too long, or holds what can't be printed."
    return None


def spelling(names: Iterable[str]) -> str:
    """Return the commonest of several spellings of one name, of equally common ones the first."""
    return Counter(names).most_common(1)[0][0]
