# ruff: noqa: N818 - the names say what is wrong, and read as such where they are raised
"""What can go wrong with the files of a person, each as one sentence with what to do."""

import os
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from album.plain_text import plain_text

StrPath = str | os.PathLike[str]


def shown(path: StrPath) -> str:
    r"""Return a path that can be printed anywhere: bytes that are not UTF-8 become ``\xNN``."""
    try:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half of a character, in a name that a server made up
        return os.fspath(path).encode("utf-8", "backslashreplace").decode("utf-8")


_PROTOCOL = re.compile(r"[a-z][a-z0-9+.-]+:/")


def is_remote(path: StrPath) -> bool:
    """Tell whether something is an address, such as s3://bucket/photos, and no path.

    One slash is enough: `Path` takes the other away.
    """
    return _PROTOCOL.match(os.fspath(path)) is not None


class AlbumError(Exception):
    """Something the user can understand and act on; `str` of it is one sentence.

    Attributes
    ----------
    code : str
        Name of the kind of error, stored in the library and stable between versions.
    exit_code : int
        What the process returns when this error ends it.
    """

    code = "error"
    exit_code = 1


class MissingFolder(AlbumError):
    """A file or folder that the user named does not exist."""

    code = "missing-folder"
    exit_code = 2

    def __init__(self, path: StrPath) -> None:
        self.path = os.fspath(path)
        super().__init__(
            f"{shown(path)} does not exist; check the spelling, and that its disk is connected."
        )


class Refused(AlbumError):
    """What was asked for contradicts itself, or what the user said before; nothing was changed."""

    code = "refused"


class ClusterError(AlbumError):
    """Workers can't be reached or used; what was finished is kept.

    Attributes
    ----------
    may_pass : bool
        Whether trying again later may help.
    """

    code = "cluster"

    def __init__(self, sentence: str, *, may_pass: bool = False) -> None:
        self.may_pass = may_pass
        super().__init__(sentence)


class MediaError(AlbumError):
    """One file that could not be used. The run goes on; the reason is recorded.

    Parameters
    ----------
    path : str or PathLike
        The file.
    detail : str, optional
        What was found, in words that fit the middle of the sentence.

    Attributes
    ----------
    path : str
        The file.
    reason : str
        The sentence without the path, as `album status` lists it.
    """

    code = "unreadable"
    exit_code = 3
    what = "cannot be used"
    hint = "look at it in another program"

    def __init__(self, path: StrPath, detail: str = "") -> None:
        self.path = os.fspath(path)
        detail = plain_text(detail)
        self.reason = f"{self.what}{f' ({detail})' if detail else ''}; {self.hint}."
        super().__init__(f"{shown(path)} {self.reason}")


class Unreadable(MediaError):
    """The system does not let the file or folder be read."""

    what = "cannot be read"
    hint = "check its permissions and its disk"


class UnreadableFolder(Unreadable):
    """The system does not let the folder be listed."""

    what = "is a folder that cannot be read"
    hint = "check its permissions and its disk"


class NotRegular(Unreadable):
    """Something that is no file: a folder, a pipe, a socket or a device."""

    code = "not-a-file"
    what = "is not a file"
    hint = "move or remove it"


class Unexpected(MediaError):
    """A mistake of this program, made while it read the file; the file may well be sound.

    Parameters
    ----------
    path : str or PathLike
        The file.
    error : Exception
        What was raised.
    """

    code = "unexpected"
    what = "could not be read because of a fault in this program"
    hint = "please report it with what `album index --retry -v` prints for this file"

    def __init__(self, path: StrPath, error: Exception) -> None:
        super().__init__(path, f"unexpected {type(error).__name__}: {error}")


class OnServer(MediaError):
    """The file has an address instead of a path, which only an index can read."""

    code = "on-server"
    what = "lies on a server, where only album index reads it"
    hint = "for pictures of it, mount the server as a folder and index that folder"


class Vanished(MediaError):
    """The file was there when the folder was listed, and is not any more."""

    code = "vanished"
    what = "disappeared while it was being read"
    hint = "run again if it comes back"


class StillChanging(MediaError):
    """The file changed between two looks at it."""

    code = "changing"
    what = "changed while it was being read"
    hint = "run again when it is completely written"


class Empty(MediaError):
    """The file holds no bytes."""

    code = "empty"
    what = "is empty"
    hint = "copy it again from where it came from"


class Truncated(MediaError):
    """The file ends before the picture does."""

    code = "truncated"
    what = "is cut short"
    hint = "copy it again from where it came from"


class Damaged(MediaError):
    """The file is of a kind that is read here, and its content makes no sense."""

    code = "damaged"
    what = "is damaged"
    hint = "copy it again from where it came from, or save it anew in a picture editor"


class NotAPhoto(MediaError):
    """The name promises a picture or a clip, and the content is something else."""

    code = "not-a-photo"
    what = "is not a picture or a clip"
    hint = "rename or remove it"


class Ignored(NotAPhoto):
    """No picture or clip, and its name never said so: a sidecar, a text, sound."""

    code = "ignored"
    hint = "nothing needs to be done"


class Unsupported(MediaError):
    """A picture of a kind that is not read."""

    code = "unsupported"
    what = "is of a kind that is not read"
    hint = "save it as JPEG beside the original"


class NeedsExtra(Unsupported):
    """A raw photo that holds no picture of itself, and libraw is not there to develop it."""

    what = "is a raw photo without a picture to show"
    hint = "install what develops it, pip install 'album-people[raw]', and use --retry"


class UnsupportedClip(Unsupported):
    """A clip of a kind that is not read."""

    what = "is a clip of a kind that is not read"
    hint = "save it as MP4 beside the original"


class BadTags(MediaError):
    """The file, or its sidecar, has XMP that makes no sense or that no careful program opens."""

    code = "bad-tags"
    what = "has XMP that can't be read"
    hint = "mend or remove it with exiftool or another program that writes tags"


class Untagged(MediaError):
    """Tags could not be written into this file; it is as it was."""

    code = "untagged"
    what = "did not get its tags"
    hint = "nothing in it has changed"


class TooLarge(MediaError):
    """Unfolding the picture would take more memory than is allowed."""

    code = "too-large"
    what = "is too large to be opened safely"
    hint = "save a smaller copy of it"


class NeedsPackage(AlbumError):
    """Nothing here speaks the protocol of an address; `wanted` says what to install."""

    code = "needs-package"

    def __init__(self, url: str, wanted: str) -> None:
        self.url = url
        told = wanted if " " in wanted else f"pip install {wanted}"
        super().__init__(f"Reading {shown(url)} needs one more package: {told}.")


class TooSlow(MediaError):
    """Reading the file does not come to an end."""

    code = "too-slow"
    what = "takes too long to read"
    hint = "save it anew in another program, or give it more time with --file-timeout and --retry"


class EndsWorkers(MediaError):
    """Reading the file ends every process that reads it."""

    code = "ends-workers"
    what = "ended the processes that were reading it"
    hint = "look at it in another program, give workers more memory, and use --retry"


@contextmanager
def reading(path: StrPath) -> Iterator[None]:
    """Turn what the system says about a file into an `AlbumError` with its path.

    Raises
    ------
    Vanished, OnServer
        In place of FileNotFoundError and NotADirectoryError.
    Unreadable
        In place of any other OSError, and for a path that no file can have.
    """
    if not is_possible(path):
        raise Unreadable(path, "no file can have this name")
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise (OnServer if is_remote(path) else Vanished)(path) from error
    except OSError as error:
        raise Unreadable(path, error.strerror or "") from error


def is_possible(path: StrPath) -> bool:
    """Tell whether a file can have a path: there are no zero bytes and no half characters in it."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


@contextmanager
def one_file(path: StrPath) -> Iterator[None]:
    """Keep whatever goes wrong with one file from ending the work at all the others.

    Raises
    ------
    Unexpected
        In place of any exception that neither says what is wrong nor would meet every file, as one
        about the nets or the library does.
    """
    try:
        yield
    except (AlbumError, MemoryError):
        raise
    except Exception as error:
        # Imported late: there is mostly no error.
        from db.errors import LibraryError
        from nets.core.errors import ModelMissing
        from nets.runtime.models import WeightsError

        if isinstance(error, LibraryError | ModelMissing | WeightsError):
            raise
        raise Unexpected(path, error) from error


def trace_of(error: BaseException) -> str:
    """Return the traceback of an error for ``-v``; empty where nothing lies behind its sentence."""
    if error.__cause__ is None:
        return ""
    return "".join(traceback.format_exception(error))
