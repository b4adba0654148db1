"""What PostgreSQL says is wrong, as one sentence with the host and a remedy; never a password."""

from db.errors import (
    CorruptLibraryError,
    FullDiskError,
    LibraryError,
    LockedLibraryError,
    MissingLibraryError,
    ReadOnlyLibraryError,
    UnreadableLibraryError,
)
from db.places import ServerPlace

_Sentence = tuple[type[LibraryError], str]

_GONE: _Sentence = (
    UnreadableLibraryError,
    "The connection to the PostgreSQL server {host} was lost; see that the server runs and start "
    "again: everything that was finished is kept.",
)
_CREDENTIALS: _Sentence = (
    UnreadableLibraryError,
    "The PostgreSQL server {host} refuses the user or the password for {shown}; check both, or "
    "put the password into ~/.pgpass or PGPASSWORD.",
)
_NO_DATABASE: _Sentence = (
    MissingLibraryError,
    "The PostgreSQL server {host} has no such database for {shown}; make it with `createdb`, or "
    "check its name.",
)
_NO_SERVER: _Sentence = (
    UnreadableLibraryError,
    "The PostgreSQL server {host} can't be reached ({said}); see that it runs and that host and "
    "port are right.",
)
_REFUSED: _Sentence = (
    UnreadableLibraryError,
    "The PostgreSQL server {host} refuses the connection ({said}); ask who runs it, or check the "
    "URL.",
)
_BUSY: _Sentence = (
    LockedLibraryError,
    "Another process is writing to the library {shown}; wait until it has finished and try again.",
)
_NOT_ALLOWED: _Sentence = (
    ReadOnlyLibraryError,
    "The library {shown} can't be changed by this user of the PostgreSQL server {host} ({said}); "
    "have the rights granted, or name another user.",
)
_CROWDED: _Sentence = (
    UnreadableLibraryError,
    "The PostgreSQL server {host} has no connection free; end other programs, or raise its "
    "max_connections.",
)
_STARTING: _Sentence = (
    UnreadableLibraryError,
    "The PostgreSQL server {host} is starting or stopping ({said}); wait a moment and start again.",
)
_FULL: _Sentence = (
    FullDiskError,
    "The disk of the PostgreSQL server {host} is full; free some space there and start again: "
    "everything that was finished is kept.",
)
_DAMAGED: _Sentence = (
    CorruptLibraryError,
    "The library {shown} is damaged ({said}); restore a backup of the database.",
)

_BY_STATE: dict[str, _Sentence] = {
    "28P01": _CREDENTIALS,
    "28000": _CREDENTIALS,
    "3D000": _NO_DATABASE,
    "42501": _NOT_ALLOWED,
    "25006": _NOT_ALLOWED,
    "53100": _FULL,
    "53300": _CROWDED,
    "55P03": _BUSY,
    "40P01": _BUSY,
    "40001": _BUSY,
    "57014": _BUSY,
    "57P01": _GONE,
    "57P02": _GONE,
    "57P03": _STARTING,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}
"""By SQLSTATE, "PostgreSQL Error Codes" in its manual."""
_BY_WORDS: tuple[tuple[tuple[str, ...], _Sentence], ...] = (
    (("password", "authentication failed", "no pg_hba.conf entry"), _CREDENTIALS),
    (("too many clients", "remaining connection slots"), _CROWDED),
    (("starting up", "shutting down"), _STARTING),
    (('database "',), _NO_DATABASE),
    (
        ("refused", "could not translate", "resolve", "timeout", "No route", "unreachable"),
        _NO_SERVER,
    ),
    (("No such file or directory",), _NO_SERVER),
)
"""By what libpq says while connecting, where psycopg has no SQLSTATE."""


def secret_of(place: ServerPlace) -> str:
    """Return what of a URL may not be shown: the part that `ServerPlace.shown` lacks."""
    return place.url.partition("://")[2].rpartition("@")[0].partition(":")[2]


def _said(place: ServerPlace, error: BaseException) -> str:
    """Return the last thing the server or libpq said, on one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Multiple connection", "- host:"))]
    words = (told or lines or [type(error).__name__])[0].rpartition("FATAL: ")[2]
    words = words.removeprefix("connection failed: ").strip().rstrip(".")
    secret = secret_of(place)
    return words.replace(secret, "…") if secret else words


def _sentence(place: ServerPlace, error: BaseException, found: _Sentence) -> LibraryError:
    kind, sentence = found
    return kind(sentence.format(host=place.host, shown=place.shown, said=_said(place, error)))


def connecting(place: ServerPlace, error: BaseException) -> LibraryError:
    """Turn an error of psycopg while connecting into a sentence."""
    state = getattr(error, "sqlstate", None) or ""
    if state in _BY_STATE:
        return _sentence(place, error, _BY_STATE[state])
    words = str(error)
    for signs, found in _BY_WORDS:
        if any(sign in words for sign in signs):
            return _sentence(place, error, found)
    return _sentence(place, error, _REFUSED)


def translate(place: ServerPlace, error: BaseException) -> LibraryError | None:
    """Turn an error of psycopg into a sentence; None for what is not the user's to mend."""
    if isinstance(error, LibraryError):
        return error
    state = getattr(error, "sqlstate", None) or ""
    if state in _BY_STATE:
        return _sentence(place, error, _BY_STATE[state])
    lost = not state and type(error).__name__ in ("OperationalError", "InterfaceError")
    if state.startswith("08") or lost:
        return _sentence(place, error, _GONE)
    return None
