"""Any picture that Pillow opens as 8-bit sRGB."""

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

MAX_PROFILE = 4 << 20
_BLOCK = 4 << 20
"""Pixels that are worked on at a time."""


def flatten(image: "Image.Image") -> "Image.Image":
    """Return a picture in mode L, RGB or CMYK: palette resolved, alpha on white, 16 bits as 8.

    Parameters
    ----------
    image : PIL.Image.Image
        A loaded picture of any mode.
    """
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        return _ink_as_stored(image)
    if image.mode in ("L", "RGB", "CMYK"):
        # A single colour declared transparent (tRNS) was meant as background: nothing to do.
        return image
    if image.mode.startswith(("I", "F")):
        return _from_wide(image)
    if "transparency" in image.info or image.mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        return _on_white(image)
    return image.convert("L" if image.mode == "1" else "RGB")


def to_srgb(image: "Image.Image", profile: bytes | None) -> "Image.Image":
    """Return a flat picture (see `flatten`) as RGB in sRGB.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode L, RGB or CMYK; one in RGB is overwritten.
    profile : bytes or None
        Its ICC profile. One that is broken, or made for other data, is passed over.
    """
    if profile and len(profile) <= MAX_PROFILE and image.mode != "L":
        transform = _transform(profile, image.mode)
        if transform is not None:
            from PIL import ImageCms

            # In place spares a copy, a third of the time.
            converted = ImageCms.applyTransform(image, transform, inPlace=image.mode == "RGB")
            return image if converted is None else converted
    return image if image.mode == "RGB" else image.convert("RGB")


def _ink_as_stored(image: "Image.Image") -> "Image.Image":
    """Undo what Pillow does to every CMYK JPEG: only Adobe's programs store ink the other way."""
    from PIL import ImageChops

    return ImageChops.invert(image)


def _from_wide(image: "Image.Image") -> "Image.Image":
    """Bring 16 and 32 bits a pixel, whole or real, to 8. Pillow's own conversion clips."""
    from PIL import Image

    values = np.asarray(image)
    if image.mode == "I" and values.min(initial=0) < 0:
        values = values.view(np.uint32)  # which Pillow has no mode for
    # Some rows at a time, since real numbers take four bytes.
    step = max(1, _BLOCK // max(1, values.shape[1]))
    blocks = [slice(at, at + step) for at in range(0, values.shape[0], step)]
    full = _full(image.mode, max((float(_finite(values[b]).max()) for b in blocks), default=0.0))
    result = np.empty(values.shape, np.uint8)
    for block in blocks:
        result[block] = np.clip(_finite(values[block]) / full, 0, 1) * 255 + 0.5
    return Image.fromarray(255 - result if _is_negative(image) else result)


def _is_negative(image: Any) -> bool:
    """Tell whether 0 is white: TIFF 6.0, PhotometricInterpretation; Pillow minds only 8 bits."""
    return bool(image.format == "TIFF" and image.tag_v2.get(0x0106) == 0)


def _full(mode: str, top: float) -> float:
    """Return the number that stands for white, going by the largest one."""
    if mode.startswith("F"):
        return 1.0 if top <= 1.0 else 255.0 if top <= 255.0 else top
    if mode.startswith("I;16"):
        return 65535.0
    whites = (255.0, 65535.0, 4294967295.0)
    return next((white for white in whites if top <= white), top)


def _finite(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _on_white(image: "Image.Image") -> "Image.Image":
    from PIL import Image

    colours = image.convert("RGBA")
    paper = Image.new("RGB", image.size, (255, 255, 255))
    paper.paste(colours, mask=colours.getchannel("A"))
    return paper


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> Any:
    """Return the transform from a profile to sRGB; None where none is needed or possible.

    Matrix profiles convert at about 12 ns a pixel, which is why this is done after reduction.
    """
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in (source.profile.profile_description or ""):
            return None
        if source.profile.xcolor_space.strip() != mode:
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None
