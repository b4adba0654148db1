"""Text that comes out of files, made fit to be stored, compared and shown."""

import unicodedata

LONGEST = 200
"""Characters that are kept of a text, unless the caller says otherwise."""


def plain_text(text: object, longest: int = LONGEST) -> str:
    """Return a text from a file as one line; empty where it is no text.

    Every text that a file brings in passes here before it is stored or shown: tags, sidecars,
    metadata of containers, messages of decoders.

    Parameters
    ----------
    text : object
        What the file holds; anything but a `str` counts as no text.
    longest : int
        Characters to keep.

    Returns
    -------
    str
        Control characters and line breaks are spaces, outer spaces are gone. Format characters
        that scripts need (ZWNJ, ZWJ, direction marks) stay. Half a character, a surrogate without
        its other half, costs the whole text: the rest of a name is another name.
    """
    if not isinstance(text, str):
        return ""
    text = text[: 2 * longest]
    if any("\ud800" <= c <= "\udfff" for c in text):
        return ""
    if not text.isprintable():
        text = "".join(map(_plain, text))
    return text.strip()[:longest].rstrip()


def _plain(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
        return " "
    # The code points that are no characters: neither XML nor every database takes them.
    code = ord(character)
    return "" if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF else character
