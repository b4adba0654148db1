"""How a person without a name is called: "Person 12" to readers, ``person-12`` in file names."""

import re

_LABEL = re.compile(r"person[ _-]?[0-9]+", re.IGNORECASE)


def person_label(person_id: int, name: str | None = None) -> str:
    """Return the name, or "Person 12"."""
    return name or f"Person {person_id}"


def file_label(person_id: int, name: str | None = None) -> str:
    """Return the name, or ``person-12``, for files, folders and the tags written into them."""
    return name or f"person-{person_id}"


def is_label(text: str) -> bool:
    """Tell whether a text is a label of somebody without a name, in either form."""
    return _LABEL.fullmatch(text) is not None
