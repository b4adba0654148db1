"""Replacing files so that at every moment either the old one or the new one is there, whole."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from album.errors import Untagged
from album.files import kinds
from album.files.kinds import Kind
from album.files.temporary import temporary
from album.metadata.containers.pieces import BadContainer, joined
from album.metadata.regular_files import open_regular
from album.tags.places import NATIVE

BY_EXIFTOOL = frozenset((Kind.HEIC, Kind.AVIF))
EMBEDDABLE = frozenset(NATIVE) | BY_EXIFTOOL
_EXIFTOOL_S = 120


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Turn what the system says into a sentence with the path.

    Raises
    ------
    Untagged
        In place of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise Untagged(path, error.strerror or "") from error


@contextmanager
def replacement(path: str) -> Iterator[Path]:
    """Yield a new file beside the one at `path`; it is deleted unless it was moved there.

    The name is hidden, so that no scan sees the file, and it is recorded, so that it is deleted
    after a crash, too.
    """
    with temporary(Path(path).parent, "tags", must_record=True) as new:
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield new


def put(new: Path, path: str) -> None:
    """Move a complete file to `path`, and wait until the disk has it."""
    new.replace(path)
    sync_folder(Path(path).parent)


def sync_folder(folder: Path) -> None:
    """Wait until the disk knows what lies in a folder, where the system can tell."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def fill(new: Path, blocks: Iterable[bytes]) -> str:
    """Write a file through to the disk; return the hash of its content."""
    digest = blake2b(digest_size=20)
    with new.open("wb") as file:
        for block in blocks:
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def like(new: Path, old: str) -> None:
    """Give a file the times, permissions, owner and extended attributes of another."""
    shutil.copystat(old, new)
    if hasattr(os, "chown"):
        status = Path(old).stat()
        with suppress(OSError):
            os.chown(new, status.st_uid, status.st_gid)


def check_replaceable(path: str) -> None:
    """Refuse a photo that the user has protected, or that has other names.

    Raises
    ------
    Untagged
    """
    status = Path(path).stat()
    if not status.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(
        path, os.W_OK
    ):
        raise Untagged(path, "it is read-only")
    if status.st_nlink > 1:
        raise Untagged(path, "it has other names, hard links, that would be parted from it")


def write_sidecar(path: str, data: bytes) -> None:
    """Put a sidecar in its place.

    Raises
    ------
    Untagged
    """
    target = os.path.realpath(path)
    with writing(path):
        there = Path(target).exists()
        if there:
            check_replaceable(target)
        with replacement(target) as new:
            if there:
                fill(new, [data])
                like(new, target)
                os.utime(new)
                put(new, target)
            else:  # nothing of anybody's can be lost yet, so the disk may take its time
                new.write_bytes(data)
                new.chmod(0o666 & ~_umask())
                new.replace(target)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def fill_photo(new: Path, path: str, packets: Sequence[bytes]) -> str:
    """Write a photo with other packets into a new file; return the hash of its content.

    Raises
    ------
    Untagged
        This kind of photo can't carry the packets.
    """
    with open_regular(path) as file:
        kind = kinds.kind_of(file, path)
        if kind in NATIVE:
            try:
                content = fill(new, joined(file, NATIVE[kind].rewrite(file, packets)))
            except BadContainer as error:
                raise Untagged(path, str(error)) from error
        elif kind in BY_EXIFTOOL:
            content = _by_exiftool(new, path, packets)
        else:
            raise Untagged(path, f"tags are not written into files of kind {kind}")
    like(new, path)
    return content


def _by_exiftool(new: Path, path: str, packets: Sequence[bytes]) -> str:
    """Let exiftool put the packet in: HEIC and AVIF have offsets all over the file."""
    program = shutil.which("exiftool")
    if program is None:
        raise Untagged(path, "only exiftool writes into such files, and it is not installed")
    source = "-XMP<=-" if packets else "-XMP="
    words = [program, "-q", "-q", source, "-o", "-", path]
    # By pipes: exiftool leaves no file of its own when it, or this program, is killed.
    with new.open("wb") as file:
        try:
            done = subprocess.run(
                words,
                input=packets[0] if packets else b"",
                stdout=file,
                stderr=subprocess.PIPE,
                check=False,
                timeout=_EXIFTOOL_S,
            )
        except subprocess.TimeoutExpired as error:
            raise Untagged(path, "exiftool took too long") from error
        size = os.fstat(file.fileno()).st_size
        os.fsync(file.fileno())
    if done.returncode or not size:
        reasons = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Untagged(path, reasons[0] if reasons else "exiftool could not write it")
    with new.open("rb") as file:
        digest = blake2b(digest_size=20)
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
