"""What the files of the data folder `media` hold, looked up with exiftool and by eye.

Paths are relative to `media`. A photo or clip is: kind, stored width and height, orientation, date
(local where the file knows it), minutes east of UTC or None, source. A date from mtime says nothing
of the file, so it is written as None.
"""

from album.errors import Damaged, Empty, Ignored
from album.files.kinds import Kind

_ELODIE = ("2015-12-05T00:59:26.840", None, "exif-original")
_NO_DATE = (None, None, "mtime")


def _jpeg(size: tuple[int, int], date: tuple[object, ...], orientation: int = 1) -> tuple:
    return (Kind.JPEG, size, orientation, *date)


def _clip(size: tuple[int, int], when: str, offset: int = 0) -> tuple:
    source = "clip-creation-date" if offset else "clip-creation-time"
    return (Kind.CLIP, size, 1, when, offset, source)


READ = {
    "containers/FLIR Thermal.mp4": _clip((1080, 1440), "2021-05-16T19:27:55"),
    "containers/ftyp3gp5.mp4": _clip((1280, 720), "2020-10-23T20:27:29"),
    "containers/sample_mpeg4.mp4": _clip((190, 240), "2005-10-28T17:46:46"),
    "containers/uuid540.mp4": _clip((960, 540), "2020-01-05T15:04:00"),
    "containers/with-gps.mov": _clip((568, 320), "2019-07-24T11:25:40", 180),
    "containers/with-gps.mp4": _clip((1920, 1080), "2017-02-22T08:20:28"),
    "containers/xmp480qt.mov": _clip((640, 360), "2020-01-05T11:19:45"),
    "elodie/video.mov": _clip((1920, 1080), "2015-01-19T12:45:11", -480),
    # Four colour components.
    "elodie/imghdr-error.jpg": _jpeg((150, 80), _NO_DATE),
    "elodie/no-exif.jpg": _jpeg((100, 150), _NO_DATE),
    "elodie/photo.png": (Kind.PNG, (1, 1), 1, "2015-01-18T12:01:01", None, "exif-original"),
    **{
        f"elodie/{name}.jpg": _jpeg((100, 150), _ELODIE)
        for name in (
            *("Plain With Spaces And Uppercase 123", "plain", "with-album", "with-title"),
            *("with-album-and-title", "with-album-and-title-and-location", "with-location"),
            *("with-filename-in-exif", "with-filename-and-title-in-exif", "with-original-name"),
            *("with-location-and-title", "with-location-inv"),
        )
    },
    "elodie/with-location-zero-coordinate.jpg": _jpeg(
        (100, 133), ("2015-07-22T21:31:12.404", None, "exif-original")
    ),
    "elodie/with-null-coordinates.jpg": _jpeg(
        (82, 126), ("2014-10-21T10:56:21", None, "exif-original"), 6
    ),
    "immich/formats/avif/10bit-HDR-P3-nclx.avif": (Kind.AVIF, (3681, 5594), 1, *_NO_DATE),
    "immich/formats/avif/8bit-sRGB.avif": (Kind.AVIF, (1617, 1080), 1, *_NO_DATE),
    "immich/formats/heic/IMG_2682.heic": (
        *(Kind.HEIC, (4032, 3024), 1),
        *("2019-03-21T11:04:22.348", None, "exif-original"),
    ),
    "immich/formats/motionphoto/samsung-one-ui-6.heic": (
        *(Kind.HEIC, (4000, 3000), 6),
        *("2024-01-12T21:38:53.853", -480, "exif-original"),
    ),
    "immich/formats/png/density_plot.png": (Kind.PNG, (800, 800), 1, *_NO_DATE),
    "immich/formats/webp/denali.webp": (
        *(Kind.WEBP, (600, 315), 1),
        *("2010-08-13T21:00:01.850", None, "exif-original"),
    ),
    # Ten dates that contradict each other.
    "immich/metadata/dates/date-priority-test.jpg": _jpeg(
        (100, 100), ("2023-02-02T02:00:00", None, "exif-original")
    ),
    "immich/metadata/dates/datetimeoriginal-gps.jpg": _jpeg(
        (150, 100), ("2025-12-01T11:30:00", None, "exif-original")
    ),
    "immich/metadata/dates/gps-datetime.jpg": _jpeg((100, 100), ("2023-11-15T12:30:00", 0, "gps")),
    # A time without a day.
    "immich/metadata/dates/time-created.jpg": _jpeg((100, 100), _NO_DATE),
    "immich/metadata/faces/portrait-orientation-6.jpg": _jpeg((700, 840), _NO_DATE, 6),
    "immich/metadata/faces/portrait.jpg": _jpeg((840, 700), _NO_DATE),
    "immich/metadata/gps-position/empty_gps.jpg": _jpeg(
        (4640, 3472), ("2025-06-01T16:59:26.023460", None, "exif-original")
    ),
    "immich/metadata/gps-position/thompson-springs.jpg": _jpeg(
        (150, 103), ("2022-01-10T15:15:44.310", None, "xmp")
    ),
    "immich/metadata/rating/mongolels.jpg": _jpeg(
        (950, 634), ("2009-08-29T13:18:08.170", None, "exif-original")
    ),
    "immich/metadata/tags/picasa.jpg": _jpeg(
        (100, 75), ("2010-02-13T14:55:31", None, "exif-original")
    ),
    # Turned by the container and by EXIF: once.
    "iphone/iphone_15_pro.heic": (
        *(Kind.HEIC, (4032, 3024), 6),
        *("2023-10-31T11:44:43.432", 60, "exif-original"),
    ),
    # Turned by EXIF alone. Its sidecar repeats the date.
    "iphone/iphone_7.heic": (
        *(Kind.HEIC, (4032, 3024), 6),
        *("2018-09-10T12:16:13.023", None, "exif-original"),
    ),
    "librephotos/niaz.jpg": _jpeg((400, 400), ("2018-10-04T19:21:55", -240, "xmp-sidecar")),
    **{
        f"recurser_exif-orientation-examples/Landscape_{n}.jpg": _jpeg(
            (1800, 1200) if n < 5 else (1200, 1800), _NO_DATE, max(n, 1)
        )
        for n in range(9)
    },
    **{
        f"recurser_exif-orientation-examples/Portrait_{n}.jpg": _jpeg(
            (1200, 1800) if n < 5 else (1800, 1200), _NO_DATE, max(n, 1)
        )
        for n in range(9)
    },
    # The last has its orientation in the sidecar only.
    **{
        f"skatsubo_orientation_face_regions/images/photo.{n}.{where}.jpg": _jpeg(
            (840, 700) if n == 3 else (700, 840), _NO_DATE, n
        )
        for n in (3, 6, 8)
        for where in ("embedded", "embedded_sidecar", "sidecar")
    },
    "skatsubo_orientation_face_regions/input/photo.jpg": _jpeg((840, 700), _NO_DATE),
}

REFUSED = {
    "elodie/invalid.jpg": Empty,
    "elodie/audio.m4a": Ignored,
    # 100 x 74 pixels by its header, others by its data.
    "elodie/photo.heic": Damaged,
}
"""Everything that is in neither table is ignored: sidecars, texts, empty files of other names."""
IGNORED = Ignored
BESIDE = frozenset((".xmp", ".json", ".txt", ".md", ".invalid", ""))
"""Endings of the names of those, 31 in all."""
MOTION = frozenset(("immich/formats/motionphoto/samsung-one-ui-6.heic",))
"""Motion photos."""
