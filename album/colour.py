"""Any picture that Pillow opens as 8-bit sRGB."""

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

MAX_PROFILE = 4 << 20


def flatten(image: "Image.Image") -> "Image.Image":
    """Return a picture in mode L, RGB or CMYK: palette resolved, alpha on white, 16 bits as 8.

    Parameters
    ----------
    image : PIL.Image.Image
        A loaded picture of any mode.
    """
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


def _from_wide(image: "Image.Image") -> "Image.Image":
    """Bring 16 and 32 bits a pixel, whole or real, to 8. Pillow's own conversion clips."""
    from PIL import Image

    values = np.asarray(image)
    finite = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    top = float(finite.max(initial=0.0))
    if image.mode.startswith("F"):
        full = 1.0 if top <= 1.0 else 255.0 if top <= 255.0 else top
    else:
        full = 65535.0 if image.mode.startswith("I;16") or 255.0 < top <= 65535.0 else 255.0
        full = max(full, top)
    return Image.fromarray((np.clip(finite / full, 0, 1) * 255 + 0.5).astype(np.uint8))


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
