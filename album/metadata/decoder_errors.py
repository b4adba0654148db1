"""The one border to the decoders: whatever they raise becomes an `AlbumError` with the path.

Decoders meet hostile data with any exception there is, so all of them are caught here. Only words
that a person can use go into the sentence; the exception itself is the cause, for ``-v``.
"""

import errno
import os
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from album.errors import (
    AlbumError,
    Damaged,
    MediaError,
    StrPath,
    TooLarge,
    Truncated,
    Unexpected,
    Unreadable,
    Unsupported,
    UnsupportedClip,
    Vanished,
)

_IN_PYTHON = frozenset(("PIL", "pillow_heif", "exifread", "rawpy"))
"""Packages whose decoders are written in Python, at least in part."""
_MISTAKES = (TypeError, AttributeError, NameError, AssertionError)
"""What a mistake in a program raises. Decoders written in Python raise them for bad data, too."""
_BAD_OFFSETS = frozenset((errno.EINVAL, errno.EOVERFLOW, errno.EFBIG))
"""What the system says when a file is asked for a place that it can't have."""
_NOT_READ = (
    "unsupported",
    "not supported",
    "unknown pixel mode",
    "cannot handle",
    "unknown raw mode",
)
_CUT_SHORT = ("truncat", "end of file", "end-of-file", "not processed", "unexpected eof")
NO_DECODER = "FFmpeg has no decoder for it"
_NO_WORDS = re.compile(r"0x|\[Errno|[<>{}\\_=]|\d{5,}|error -?\d|b'|^\W*\w*\W*$")
"""Marks a message for programmers: numbers of errors, names of objects, a single word."""


@contextmanager
def translated(path: StrPath) -> Iterator[None]:
    """Turn whatever a decoder raises into an `AlbumError` with the path.

    Raises
    ------
    MediaError
        `Unexpected` for a mistake in this program, which is never blamed on the file.
    """
    try:
        yield
    except AlbumError:
        raise
    except Exception as error:
        raise _translation(path, error) from error


def _translation(path: StrPath, error: Exception) -> MediaError:
    words, low = _words(error), str(error).lower() if _is_spoken(error) else ""
    if isinstance(error, MemoryError):
        return TooLarge(path, "out of memory")
    if is_mistake(error):
        return Unexpected(path, error)
    if type(error).__name__.startswith("DecompressionBomb"):
        return TooLarge(path)
    if type(error).__module__.startswith("av."):
        return _of_ffmpeg(path, error)
    if isinstance(error, EOFError) or any(part in low for part in _CUT_SHORT):
        return Truncated(path)
    if isinstance(error, OSError) and error.errno not in (None, *_BAD_OFFSETS):
        return Unreadable(path, system_words(error))
    if any(part in low for part in _NOT_READ):
        return Unsupported(path, words)
    return Damaged(path, words)


def system_words(error: OSError) -> str:
    """Return what the system says about an error; nothing for numbers that FFmpeg made up."""
    number = error.errno or 0
    return os.strerror(number) if number in errno.errorcode else ""


def is_mistake(error: BaseException) -> bool:
    """Tell whether an exception is a mistake in this program rather than in the data.

    What comes from within a decoder written in Python is the decoder's answer to the data. Compiled
    ones, such as PyAV, raise these errors for nothing but a wrong call.
    """
    if isinstance(error, ImportError):
        return True
    if not isinstance(error, _MISTAKES):
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    # An attribute that is not there is looked for in vain by whoever asks for it.
    asking = [frame for frame in frames if not _is_called(frame.f_code.co_name)]
    name = str(asking[-1].f_globals.get("__name__", "")) if asking else ""
    return name.partition(".")[0] not in _IN_PYTHON


def _is_called(function: str) -> bool:
    """Tell whether a function by this name only fails because of who calls it."""
    return function.startswith("av.") or function.endswith("__getattr__")


def _of_ffmpeg(path: StrPath, error: Exception) -> MediaError:
    """Translate an error of PyAV, whose texts begin with numbers that FFmpeg made up."""
    name = type(error).__name__
    if name == "EOFError":
        return Truncated(path)
    if name in ("DecoderNotFoundError", "DemuxerNotFoundError", "UnknownCodecError"):
        return UnsupportedClip(path, NO_DECODER)
    if name == "PatchWelcomeError":
        return UnsupportedClip(path, "FFmpeg does not read this variant")
    if isinstance(error, FileNotFoundError):
        return Vanished(path)
    if isinstance(error, PermissionError):
        return Unreadable(path, os.strerror(errno.EACCES))
    # FFmpeg calls data that make no sense an input error, too.
    return Damaged(path)


def _words(error: Exception) -> str:
    """Return a decoder's message where a person can use it, else nothing."""
    text = " ".join(str(error).split()).rstrip(".;: ")
    return text if _is_spoken(error) and not _NO_WORDS.search(text) else ""


def _is_spoken(error: Exception) -> bool:
    """Tell whether somebody wrote the message of an error, rather than Python itself."""
    cause = error.__cause__
    # Pillow wraps what happened to its parsers, such as KeyError(12336), in a SyntaxError.
    origin = cause if cause is not None and str(cause) == str(error) else error
    return isinstance(origin, OSError | SyntaxError | ValueError | RuntimeError)
