# ruff: noqa: N818 - the names say what is wrong, and read as such where they are raised
"""What can go wrong, each as one sentence that says what to do.

The sentences name no command and no option: `album.cli.remedies` adds what to type, and `album.web`
has buttons and words of its own. What either needs for that is an attribute of the error.
"""

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

    def __reduce__(self) -> tuple[object, ...]:
        """Cross to another process whatever the arguments of the subclass are."""
        return type(self).__new__, (type(self), *self.args), self.__dict__


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
    """What was asked for contradicts itself, or an earlier decision; nothing was changed.

    Parameters
    ----------
    reason : str
        One sentence, with its full stop.
    forced : str, optional
        What the same call does with ``force=True``: "merge them all the same". Empty if it would
        be refused as well.
    """

    code = "refused"

    def __init__(self, reason: str, *, forced: str = "") -> None:
        self.forced = forced
        super().__init__(reason)

    @property
    def can_force(self) -> bool:
        """Whether the same call with ``force=True`` is done."""
        return bool(self.forced)


class NothingGrouped(Refused):
    """The library has no people yet."""

    def __init__(self) -> None:
        super().__init__("No faces have been grouped yet.")


class NotComparable(Refused):
    """Faces that an older version described have not been described again."""

    def __init__(self) -> None:
        super().__init__("The faces can't be compared yet.")


class NoFaceGiven(Refused):
    """A change of faces was asked for without any."""

    def __init__(self) -> None:
        super().__init__("No face was given.")


class NotTheirFace(Refused):
    """A face is not of the person from whom it was to be taken."""

    def __init__(self, face_id: int, person_id: int, label: str) -> None:
        self.person_id = person_id
        super().__init__(f"Face {face_id} is not {label}'s.")


class OneGroup(Refused):
    """All faces of a person look like one person's."""

    def __init__(self, person_id: int, label: str) -> None:
        self.person_id = person_id
        super().__init__(f"The faces of {label} do not fall into groups.")


class NameTaken(Refused):
    """Somebody else has the name that a person was to get."""

    def __init__(self, name: str, *, holder_id: int, person_id: int) -> None:
        self.holder_id, self.person_id = holder_id, person_id
        super().__init__(
            f"Person {holder_id} is called {name} already.", forced="have two of that name"
        )


class OutdatedQuestion(Refused):
    """A question is not in the last list, or has been settled since."""


class TooManyVectors(Refused):
    """A grouping needs more memory than it may take, and the disk has no room either."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"Vectors of this many faces do not fit into memory, and {place} has no room for them."
        )


class Impossible(AlbumError):
    """A query that no photo can ever meet, or that can't be answered."""

    code = "impossible-query"
    exit_code = 2


class NobodyAlone(Impossible):
    """Photos of nobody but certain people were searched for, without naming any."""

    def __init__(self) -> None:
        super().__init__("Nobody is named whom the photos should show alone.")


class NoEmotions(Impossible):
    """No face in the library has had its emotion classified."""

    def __init__(self) -> None:
        super().__init__("What faces express is not known yet.")


class NotIndexed(AlbumError):
    """A folder holds no photo that is in the library."""

    code = "not-indexed"

    def __init__(self, path: StrPath) -> None:
        super().__init__(f"{shown(path)} holds no photo that is in the library.")


class NotInLibrary(AlbumError):
    """A photo that was to be forgotten is not known."""

    code = "not-in-library"

    def __init__(self, path: StrPath) -> None:
        super().__init__(f"{shown(path)} is not in the library.")


class ForgottenBefore(AlbumError):
    """A photo that was to be forgotten has been forgotten already, and is remembered as such."""

    code = "not-in-library"

    def __init__(self, path: StrPath) -> None:
        super().__init__(f"{shown(path)} is forgotten already.")


class TracesLeft(AlbumError):
    """What was to be forgotten is deleted, but bytes of it may still be found."""

    code = "traces-left"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"It is forgotten, but traces are left in the library or beside it ({why})."
        )


class ExportError(AlbumError):
    """The export can't be written without destroying something, or not at all."""

    code = "export"


class NoLinks(ExportError):
    """The file system has no links of the kind that an export was to make.

    Attributes
    ----------
    kind : {'symbolic', 'hard'}
    """

    def __init__(self, source: StrPath, folder: StrPath, kind: str) -> None:
        self.kind = kind
        super().__init__(f"{shown(source)} can't have a {kind} link in {shown(folder)}.")


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


class PlainConnection(ClusterError):
    """A connection to another machine is not encrypted, and nobody has allowed that."""

    def __init__(self, address: str, encrypted: str) -> None:
        self.encrypted = encrypted
        super().__init__(
            f"{address} is not encrypted, and whoever can reach it can run programs on this "
            "machine."
        )


class BadCertificates(ClusterError):
    """The certificates for a scheduler are missing, can't be used, or are not trusted."""


class NoWorkers(ClusterError):
    """No worker has joined a scheduler in time.

    Parameters
    ----------
    address : str
        Of the scheduler; empty where it runs within this process, which starts the workers.
    seconds : float
        How long was waited.
    """

    def __init__(self, address: str, seconds: float) -> None:
        self.address = address
        place = address or "this machine"
        super().__init__(f"No worker has joined {place} for {seconds:.0f} seconds.")


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
    hint = "please report it with the traceback"

    def __init__(self, path: StrPath, error: Exception) -> None:
        super().__init__(path, f"unexpected {type(error).__name__}: {error}")


class OnServer(MediaError):
    """The file has an address instead of a path, which only an index can read."""

    code = "on-server"
    what = "lies on a server, where it is only read to be indexed"
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
    hint = "install what develops it, pip install 'album-people[raw]', and index again"


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
    hint = "save it anew in another program, or give it more time"


class EndsWorkers(MediaError):
    """Reading the file ends every process that reads it."""

    code = "ends-workers"
    what = "ended the processes that were reading it"
    hint = "look at it in another program, or give workers more memory"


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
        from nets.core.errors import ModelMissing, WeightsError

        if isinstance(error, LibraryError | ModelMissing | WeightsError):
            raise
        raise Unexpected(path, error) from error


def trace_of(error: BaseException) -> str:
    """Return the traceback of an error for ``-v``; empty where nothing lies behind its sentence."""
    if error.__cause__ is None:
        return ""
    return "".join(traceback.format_exception(error))
