"""Where dates come from, and how far each source is to be trusted."""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from math import hypot, inf

from album.dates.text import Precision


class Source(StrEnum):
    """Where a date comes from, best first."""

    USER = "user"
    XMP_SIDECAR = "xmp-sidecar"
    EXIF_ORIGINAL = "exif-original"
    EXIF_DIGITIZED = "exif-digitized"
    CLIP_LOCAL = "clip-creation-date"
    CLIP_UTC = "clip-creation-time"
    XMP = "xmp"
    IPTC = "iptc"
    GPS = "gps"
    TAKEOUT = "takeout"
    EXIF_MODIFIED = "exif-modified"
    FILE_NAME = "file-name"
    MTIME = "mtime"
    NONE = "none"


SIGMA_YEARS: Mapping[Source, float] = {
    Source.USER: 0.01,
    Source.XMP_SIDECAR: 0.05,
    Source.EXIF_ORIGINAL: 0.05,
    Source.EXIF_DIGITIZED: 0.3,
    Source.CLIP_LOCAL: 0.05,
    Source.CLIP_UTC: 0.2,
    Source.XMP: 0.2,
    Source.IPTC: 0.2,
    Source.GPS: 0.05,
    Source.TAKEOUT: 0.2,
    Source.EXIF_MODIFIED: 2.0,
    Source.FILE_NAME: 0.3,
    Source.MTIME: 5.0,
    Source.NONE: inf,
}
"""Standard deviation in years of the true date around the stated one, by source. Judged, not
measured: a clock is rarely wrong, a received picture is named for the day it was sent, an edit may
be years later, and a copy sets mtime to any day since."""

_SIGMA_PRECISION = {
    Precision.SECOND: 0.0,
    Precision.DAY: 0.0,
    Precision.MONTH: 1 / 12 / 12**0.5,
    Precision.YEAR: 1 / 12**0.5,
}
"""Standard deviation of an even spread over the open part."""

TRUSTED_YEARS = 1.0
"""Dates with a larger standard deviation tell nobody's age or birth year."""


def sigma_years(source: str, precision: str) -> float:
    """Return the standard deviation in years of a date, by its source and precision.

    Takes the values of `Source` and `Precision` as the library stores them; infinite where the
    source is unknown or there is no date.
    """
    try:
        spread = _SIGMA_PRECISION[Precision(precision)]
        return hypot(SIGMA_YEARS[Source(source)], spread)
    except ValueError:
        return inf


@lru_cache(maxsize=256)
def is_trusted(source: str, precision: str) -> bool:
    """Tell whether a date of this source and precision is good enough to tell an age by."""
    return sigma_years(source, precision) <= TRUSTED_YEARS
