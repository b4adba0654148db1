"""What to type about an error: the rooms and packages below name no command and no option."""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping

from album import errors
from album.errors import AlbumError, Refused, shown
from db.errors import LibraryError, OtherCopyError, UnfinishedLibraryError, UnknownFaceError
from nets.core.errors import (
    AddedWeightsError,
    DeviceMissing,
    ModelMissing,
    ModelNotAdded,
    WeightsError,
)

REMEDIES: Mapping[type[Exception], str] = {
    errors.NothingGrouped: "; run `album index` with a folder first",
    errors.NotComparable: "; run `album index` once more first",
    errors.NoFaceGiven: "; `album show PERSON --faces` lists them with their ids",
    errors.NotTheirFace: "; `album show {person_id} --faces` lists those that are",
    errors.OneGroup: "; name those that are somebody else's (album split {person_id} FACE…)",
    errors.NameTaken: "; merge the two if they are the same (album merge {holder_id} {person_id})",
    errors.OutdatedQuestion: "; `album suggest` lists what is left to ask",
    errors.TooManyVectors: "; make room there, or allow more memory with --memory",
    errors.NobodyAlone: "; add --person",
    errors.NoEmotions: "; `album index --emotions` on your folders classifies it",
    errors.NotIndexed: "; `album index` it first",
    errors.NotInLibrary: "; give a path as `album find` prints it",
    errors.ForgottenBefore: "; with --completely it may be indexed again",
    errors.TracesLeft: "; `album purge` wipes them out later",
    errors.PlainConnection: "; use {encrypted} with --tls-ca, --tls-cert and --tls-key (see "
    "docs/scale.md), or --insecure (insecure = true in the file of album batch) in a network where "
    "you trust everyone",
    errors.BadCertificates: "; give the right ones by --tls-ca, --tls-cert and --tls-key, or in "
    "dask's configuration",
    ModelNotAdded: " and add it with `album models add {model} FILE`",
    AddedWeightsError: " (album models add {model} FILE)",
    DeviceMissing: "; or use --device cpu",
    UnfinishedLibraryError: " (`album library copy`)",
    OtherCopyError: " with `album forget --everything`",
    UnknownFaceError: "; `album show PERSON --faces` lists them",
}
"""What follows the sentence of an error, in place of its full stop; attributes are filled in."""

OTHER_LINKS = {"symbolic": "copy", "hard": "symbolic or --link copy"}

FAILURES: Mapping[str, str] = {
    "too-slow": "What takes too long gets more time with --file-timeout.",
    "memory": "What needs too much memory may fit with fewer --jobs.",
    "unexpected": "Faults of this program: please report them, with what -v prints.",
}
"""What may help with files that failed, by the code of the failure."""


def sentence(error: Exception) -> str:
    """Return the sentence about an error that is printed: what is wrong, and what to type."""
    if isinstance(error, AlbumError | LibraryError | ModelMissing | WeightsError):
        return _with_remedy(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory; close other programs, or try fewer --jobs."
    if isinstance(error, OSError) and error.errno is not None:
        place = f"{shown(error.filename)}: " if isinstance(error.filename, str) else ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"{place}The disk is full; free some space and run the same command again."
        return f"{place}{os.strerror(error.errno)}; check the path, its permissions and its disk."
    words = str(error) or "no more is known"
    return (
        f"Unexpected {type(error).__name__}: {words} (run with -v for a traceback, and report it)"
    )


def _with_remedy(error: Exception) -> str:
    remedy = _remedy(error)
    return f"{str(error).removesuffix('.')}{remedy}." if remedy else str(error)


def _remedy(error: Exception) -> str:
    found = next((REMEDIES[kind] for kind in type(error).__mro__ if kind in REMEDIES), "")
    remedy = found.format(**vars(error))
    match error:
        case Refused(can_force=True):
            return f"{remedy}{', or' if remedy else ';'} use --force to {error.forced}"
        case errors.NoLinks():
            return f"; use --link {OTHER_LINKS[error.kind]}"
        case errors.NoWorkers(address=""):
            return "; try fewer --workers, or --jobs instead"
        case errors.NoWorkers():
            return f"; start one with: album worker {error.address}"
    return remedy


def about_failures(codes: Iterable[str]) -> Iterator[str]:
    """Yield what may help with files that failed, a sentence for each kind that has one."""
    found = set(codes)
    return (words for code, words in FAILURES.items() if code in found)
