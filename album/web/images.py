"""Pictures of faces and photos. What is asked for are ids; paths come from the library alone."""

import mimetypes
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from anyio import to_thread
from fastapi import APIRouter
from fastapi import Path as InPath
from fastapi.responses import FileResponse, Response

from album.errors import NotAPhoto, StillChanging, Vanished, reading
from album.people.faces import Face
from album.thumbnails.cache import face_key, key_of
from album.web.deps import Id, ShelfOf
from album.web.shelf import Shelf
from db.errors import UnknownFaceError, UnknownPhotoError
from db.people.browse import FaceKey, PhotoFile, face_file, photo_file

if TYPE_CHECKING:
    from PIL import Image

router = APIRouter()

FACE_SIDES = (96, 176, 352)
PHOTO_SIDES = (320, 640, 1600, 2400)
FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
"""Addresses hold a digest of all that decides the picture."""
INLINE = frozenset(("image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"))
CLIPS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm"}

Side = Annotated[int, InPath(ge=16, le=4096)]


def face_version(face: FaceKey | Face) -> str:
    """Return what changes with the picture of a face."""
    return key_of(face.photo_id, face.box, face.time_ms)[:10]


def face_url(face: FaceKey | Face, side: int = 176) -> str:
    """Return the address of the picture of a face."""
    return f"/faces/{face.face_id}/{side}.jpg?v={face_version(face)}"


def photo_url(photo_id: int, side: int = 640) -> str:
    """Return the address of a photo, or of the first frame of a clip, as JPEG.

    A photo is its content, so the number alone says all.
    """
    return f"/photos/{photo_id}/{side}.jpg"


def _nearest(side: int, sides: tuple[int, ...]) -> int:
    """Return the smallest size on offer that is enough: a few, so that the cache is of use."""
    return next((one for one in sides if one >= side), sides[-1])


def _checked(path: str | None, present: bool) -> str:
    """Return the path of a file that is to be opened, or refuse it."""
    if path is None or not present:
        raise Vanished(path or "The photo")
    with reading(path):
        regular = stat.S_ISREG(Path(path).stat().st_mode)
    if not regular:
        raise NotAPhoto(path)
    return path


def _photo(shelf: Shelf, photo_id: int) -> PhotoFile:
    found = photo_file(shelf.library, photo_id)
    if found is None:
        raise UnknownPhotoError(f"There is no photo {photo_id}.")
    return found


async def _picture(shelf: Shelf, key: str, draw: "Callable[[], Image.Image]") -> Response:
    """Answer with a picture; drawing waits for its turn without holding up anything else."""
    found: Path | bytes | None = await to_thread.run_sync(shelf.thumbnails.find, key)
    if found is None:
        get = shelf.thumbnails.get
        found = await to_thread.run_sync(get, key, draw, limiter=shelf.decoding)
    if isinstance(found, bytes):
        return Response(found, media_type="image/jpeg", headers=FOR_EVER)
    return FileResponse(found, media_type="image/jpeg", headers=FOR_EVER)


def _plain_suffix(path: str) -> str:
    """Return the end of a file's name where it may stand in a header, which has to be UTF-8."""
    found = Path(path).suffix
    return found if re.fullmatch(r"\.[A-Za-z0-9]+", found) else ""


@router.get("/faces/{face_id}/{side}.jpg", include_in_schema=False)
async def face_picture(shelf: ShelfOf, face_id: Id, side: Side) -> Response:
    """Answer with a face, cut out of its photo."""
    from album.thumbnails.pictures import crop_face

    found = await to_thread.run_sync(lambda: face_file(shelf.library, face_id))
    if found is None:
        raise UnknownFaceError(f"There is no face {face_id}.")
    size = _nearest(side, FACE_SIDES)

    def draw() -> "Image.Image":
        path, where = _checked(found.path, found.present), found.key
        return crop_face(path, where.box, side=size, time_ms=where.time_ms)

    key = face_key(found.key.photo_id, found.key.box, found.key.time_ms, size)
    return await _picture(shelf, key, draw)


@router.get("/photos/{photo_id}/{side}.jpg", include_in_schema=False)
async def photo_picture(shelf: ShelfOf, photo_id: Id, side: Side) -> Response:
    """Answer with a photo as JPEG, upright, no larger than asked for."""
    from album.web.drawing import whole_photo

    found = await to_thread.run_sync(_photo, shelf, photo_id)
    size = _nearest(side, PHOTO_SIDES)

    def draw() -> "Image.Image":
        path = _checked(found.path, found.present)
        return whole_photo(path, max_side=size, clip=found.kind == "clip")

    return await _picture(shelf, key_of("photo", found.content_hash, size), draw)


@router.get("/photos/{photo_id}/file", include_in_schema=False)
def original(shelf: ShelfOf, photo_id: Id) -> Response:
    """Answer with the file itself, in ranges if asked so: what players of clips want."""
    found = _photo(shelf, photo_id)
    path = _checked(found.path, found.present)
    with reading(path), Path(path).open("rb") as file:
        now = os.fstat(file.fileno())
    if (now.st_size, now.st_mtime_ns) != (found.size, found.mtime_ns):
        raise StillChanging(path)
    kind = CLIPS.get(Path(path).suffix.lower()) or mimetypes.guess_type(path)[0]
    inline = kind in INLINE or kind in CLIPS.values()
    return FileResponse(
        path,
        stat_result=now,
        media_type=kind if inline else "application/octet-stream",
        filename=None if inline else f"photo-{photo_id}{_plain_suffix(path)}",
        headers={"cache-control": "private, max-age=3600"},
    )
