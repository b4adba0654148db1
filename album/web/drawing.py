"""Whole photos as pictures of a given size."""

from typing import TYPE_CHECKING

from album.media import decoding, headers
from album.media.clips.still import frame_at

if TYPE_CHECKING:
    from PIL import Image


def whole_photo(path: str, *, max_side: int, clip: bool) -> "Image.Image":
    """Decode a photo, or the first frame of a clip, upright and no longer than asked for.

    Raises
    ------
    AlbumError
        If it can't be read.
    """
    from PIL import Image

    picture = (
        frame_at(path, 0)
        if clip
        else decoding.read_image(path, headers.read_header(path), max_side=max_side)
    )
    image = Image.fromarray(picture.pixels)
    image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image
