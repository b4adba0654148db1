"""Where a library is: a file, or a database of a PostgreSQL server. Nothing is opened here."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode

from db.errors import LibraryError

_SERVERS = ("postgresql+psycopg", "postgresql", "postgres")
_FILES = "sqlite:///"


@dataclass(frozen=True, slots=True)
class FilePlace:
    """An SQLite file; ``path`` is absolute."""

    path: str

    @property
    def shown(self) -> str:
        """What the library is called."""
        return self.path


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """A database of a PostgreSQL server.

    Attributes
    ----------
    url : str
        As it was given; may hold a password, so it is never printed.
    shown : str
        The same without a password: what the library is called.
    """

    url: str
    shown: str

    def __repr__(self) -> str:
        return f"ServerPlace({self.shown!r})"

    @property
    def host(self) -> str:
        """The server, for sentences: host and port, or what libpq takes when none is given."""
        return _host(self.shown)


Place = FilePlace | ServerPlace


def is_url(text: str | os.PathLike[str]) -> bool:
    """Tell whether a library is named by a URL of a server rather than by a path."""
    name = os.fspath(text)
    return "://" in name and not name.startswith(_FILES)


def place_of(path_or_url: str | os.PathLike[str]) -> Place:
    """Return where a library is, by what the user calls it.

    Raises
    ------
    LibraryError
        The URL is of an engine that is not supported.
    """
    text = os.fspath(path_or_url)
    if not is_url(text):
        return FilePlace(str(Path(text.removeprefix(_FILES)).absolute()))
    scheme, _, rest = text.partition("://")
    if scheme not in _SERVERS:
        raise LibraryError(
            f"The library {scheme}://… is on an engine that is not supported; give the path of a "
            "file, or postgresql+psycopg://USER@HOST/DATABASE."
        )
    return ServerPlace(f"{_SERVERS[0]}://{rest}", f"{_SERVERS[0]}://{_without_password(rest)}")


def _without_password(rest: str) -> str:
    """Drop what follows the name of the user, and parameters that hold a secret."""
    # By the last @, since a password may hold any character that its owner forgot to encode.
    user, at, place = rest.rpartition("@")
    place, _, query = place.partition("?")
    open_ones = [(key, value) for key, value in parse_qsl(query) if "pass" not in key.lower()]
    return user.partition(":")[0] + at + place + ("?" + urlencode(open_ones) if open_ones else "")


def _host(shown: str) -> str:
    place, _, query = shown.partition("://")[2].rpartition("@")[2].partition("?")
    named = dict(parse_qsl(query))
    host, _, port = place.partition("/")[0].rpartition(":") if ":" in place else (place, "", "")
    host = host.partition("/")[0] or named.get("host") or os.environ.get("PGHOST") or "localhost"
    port = port or named.get("port") or os.environ.get("PGPORT") or "5432"
    return f"{unquote(host)}:{port}"
