"""Opening files of other people, and regular ones only.

Opening a pipe waits for somebody to write to it, and opening a device may do anything, whatever
their names promise. Everything found in a folder is therefore opened here.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from album.errors import NotRegular, StrPath, reading

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def require_regular(path: StrPath) -> os.stat_result:
    """Refuse anything but a regular file; links are followed.

    Raises
    ------
    NotRegular
        It is a folder, a pipe, a socket or a device.
    Vanished, Unreadable
        It cannot be looked at.
    """
    with reading(path):
        status = Path(path).stat()
    if not stat.S_ISREG(status.st_mode):
        raise NotRegular(path, _KINDS.get(stat.S_IFMT(status.st_mode), ""))
    return status


def is_regular(path: StrPath) -> bool:
    """Tell whether a path is a regular file, or a link to one."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def is_missing(path: StrPath, *, follow: bool = False) -> bool:
    """Tell whether there is nothing at a path; what may not be looked at is there.

    Parameters
    ----------
    path : str or PathLike
    follow : bool
        A link to nothing, or to itself, is nothing.
    """
    try:
        Path(path).stat(follow_symlinks=follow)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def open_regular(path: StrPath) -> BufferedReader:
    """Open a regular file for reading bytes; errors as `require_regular`."""
    require_regular(path)
    with reading(path):
        return Path(path).open("rb")
