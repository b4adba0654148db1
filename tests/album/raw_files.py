"""Makers of raw photos as cameras write them: the same containers and tags around a real JPEG.

What the sensor saw is a real mosaic in the DNG, which libraw develops, and noise elsewhere.
"""

import struct

import numpy as np

from tests.album.media_files import encoded, exif, quarters

ORIGINAL = "2019:05:06 07:08:09"
SENSOR = 1216, 912
"""Width and height of the sensor in pixels, a little more than those of the JPEG."""
SHOWN = 1200, 900

_FORMS = {1: "B", 2: "s", 3: "H", 4: "I", 5: "II", 7: "s", 10: "ii"}


class Tiff:
    """Lays out TIFF directories: entries of tag, type and values; values may be other pieces."""

    def __init__(self, order="<", magic=b"II*\0", base=0):
        self.order, self.data = order, bytearray(magic + bytes(4))
        self.base = base

    def put(self, data):
        """Store some bytes; return where they lie."""
        at = len(self.data)
        self.data += data + bytes(len(data) % 2)
        return at

    def directory(self, entries, after=0):
        """Store a directory; return where it lies."""
        rows = b""
        for tag, kind, values in sorted(entries):
            whole = isinstance(values, bytes)
            parts = values if whole else b"".join(self._packed(kind, one) for one in values)
            count = len(values)
            value = parts.ljust(4, b"\0") if len(parts) <= 4 else self._at(self.put(parts))
            rows += struct.pack(self.order + "HHI", tag, kind, count) + value
        return self.put(struct.pack(self.order + "H", len(entries)) + rows + self._at(after))

    def finished(self, first):
        self.data[4:8] = self._at(first)
        return bytes(self.data)

    def _packed(self, kind, value):
        pair = value if isinstance(value, tuple) else (value,)
        return struct.pack(self.order + _FORMS[kind], *pair)

    def _at(self, offset):
        return struct.pack(self.order + "I", offset)


def preview(size=SHOWN, **options):
    return encoded(quarters(*size), "JPEG", quality=85, **options)


def _common(tiff, orientation, model=b"Test\0"):
    date = [(0x9003, 2, ORIGINAL.encode() + b"\0"), (0x9291, 2, b"25\0")]
    return [
        *((0x010F, 2, b"Nobody\0"), (0x0110, 2, model), (0x0112, 3, [orientation])),
        (0x8769, 4, [tiff.directory(date)]),
    ]


def _mosaic():
    """What a sensor with red, green, green, blue sees of `quarters`, as linear 16-bit numbers."""
    picture = np.asarray(quarters(*SENSOR), np.float32) / 255
    linear = picture**2.2
    seen = linear[..., 1].copy()
    seen[::2, ::2], seen[1::2, 1::2] = linear[::2, ::2, 0], linear[1::2, 1::2, 2]
    return (seen * 60000).astype("<u2").tobytes()


def dng(orientation=6, *, jpeg=None, thumbnail=False):
    """Adobe DNG: a preview (or but a thumbnail) first, the mosaic in a directory below."""
    tiff = Tiff()
    jpeg = preview((160, 120)) if thumbnail else jpeg or preview((1024, 768))
    mosaic = _mosaic()
    below = tiff.directory(
        [
            *((0x00FE, 4, [0]), (0x0100, 4, [SENSOR[0]]), (0x0101, 4, [SENSOR[1]])),
            *((0x0102, 3, [16]), (0x0103, 3, [1]), (0x0106, 3, [32803])),
            *((0x0111, 4, [tiff.put(mosaic)]), (0x0117, 4, [len(mosaic)])),
            *((0x0115, 3, [1]), (0x0116, 4, [SENSOR[1]]), (0x011C, 3, [1])),
            *((0x828D, 3, [2, 2]), (0x828E, 1, [0, 1, 1, 2])),
            *((0xC619, 3, [1, 1]), (0xC61D, 4, [60000])),
            *((0xC61F, 4, [8, 6]), (0xC620, 4, list(SHOWN))),
        ]
    )
    identity = [(int(i % 4 == 0), 1) for i in range(9)]
    return tiff.finished(
        tiff.directory(
            [
                *_common(tiff, orientation),
                *((0x00FE, 4, [1]), (0x0103, 3, [7]), (0x0106, 3, [6]), (0x0102, 3, [8, 8, 8])),
                *((0x0100, 4, [1024]), (0x0101, 4, [768]), (0x0115, 3, [3]), (0x0116, 4, [768])),
                *((0x0111, 4, [tiff.put(jpeg)]), (0x0117, 4, [len(jpeg)])),
                *((0x014A, 4, [below]), (0xC612, 1, [1, 4, 0, 0]), (0xC613, 1, [1, 1, 0, 0])),
                *((0xC614, 2, b"Nobody Test\0"), (0xC621, 10, identity)),
                *((0xC628, 5, [(1, 1)] * 3), (0xC65A, 3, [21])),
            ]
        )
    )


def nef(orientation=6, order="<"):
    """Nikon NEF: a thumbnail first; below it the JPEG in one directory, the sensor in another."""
    tiff = Tiff(order, b"II*\0" if order == "<" else b"MM\0*")
    jpeg, noise = preview(), bytes(5000)
    shown = [(0x00FE, 4, [1]), (0x0103, 3, [6]), (0x0201, 4, [tiff.put(jpeg)])]
    sensor = [(0x00FE, 4, [0]), (0x0100, 4, [SENSOR[0]]), (0x0101, 4, [SENSOR[1]])]
    sensor += [(0x0103, 3, [34713]), (0x0111, 4, [tiff.put(noise)]), (0x0117, 4, [len(noise)])]
    below = [tiff.directory([*shown, (0x0202, 4, [len(jpeg)])]), tiff.directory(sensor)]
    small = [(0x00FE, 4, [1]), (0x0100, 4, [160]), (0x0101, 4, [120]), (0x014A, 4, below)]
    return tiff.finished(tiff.directory([*small, *_common(tiff, orientation)]))


def cr2(orientation=6):
    """Canon CR2: the JPEG first, then a thumbnail, then the sensor as lossless JPEG."""
    tiff = Tiff(magic=b"II*\0")
    tiff.put(b"CR\x02\0\0\0\0\0")
    jpeg, small = preview(), preview((160, 120))
    lossless = struct.pack(">HHHBHHB", 0xFFD8, 0xFFC3, 14, 14, SENSOR[1], SENSOR[0] // 2, 2)
    lossless += bytes(400)
    sensor = [(0x0103, 3, [6]), (0x0111, 4, [tiff.put(lossless)]), (0x0117, 4, [len(lossless)])]
    thumbnail = [(0x0201, 4, [tiff.put(small)]), (0x0202, 4, [len(small)])]
    second = tiff.directory(thumbnail, after=tiff.directory(sensor))
    shown = [(0x0100, 3, [SHOWN[0]]), (0x0101, 3, [SHOWN[1]]), (0x0103, 3, [6])]
    shown += [(0x0111, 4, [tiff.put(jpeg)]), (0x0117, 4, [len(jpeg)])]
    first = tiff.directory([*shown, *_common(tiff, orientation)], after=second)
    return tiff.finished(first)


def arw(orientation=6):
    """Sony ARW: the JPEG beside the first directory, the sensor below it."""
    tiff = Tiff()
    jpeg = preview()
    sensor = [(0x0100, 4, [SENSOR[0]]), (0x0101, 4, [SENSOR[1]]), (0x0103, 3, [32767])]
    entries = [(0x00FE, 4, [1]), (0x0201, 4, [tiff.put(jpeg)]), (0x0202, 4, [len(jpeg)])]
    entries += [(0x014A, 4, [tiff.directory(sensor)]), *_common(tiff, orientation)]
    return tiff.finished(tiff.directory(entries))


def orf(orientation=6):
    """Olympus ORF: other first bytes, and a JPEG that only the maker note tells of."""
    tiff = Tiff(magic=b"IIRO")
    tiff.put(b"\0" * 4001)
    tiff.put(preview())
    entries = [(0x0100, 4, [SENSOR[0]]), (0x0101, 4, [SENSOR[1]]), *_common(tiff, orientation)]
    return tiff.finished(tiff.directory(entries))


def rw2(orientation=6):
    """Panasonic RW2: other first bytes, edges instead of a size, the JPEG as a value."""
    tiff = Tiff(magic=b"IIU\0")
    edges = [(0x0004, 3, [4]), (0x0005, 3, [8]), (0x0006, 3, [904]), (0x0007, 3, [1208])]
    entries = [*edges, (0x002E, 7, preview()), *_common(tiff, orientation)]
    return tiff.finished(tiff.directory(entries))


def raf(orientation=6):
    """Fujifilm RAF: a header that points to a JPEG, whose EXIF is that of the photo."""
    jpeg = preview(exif=exif(orientation=orientation, original=ORIGINAL, subsec="25"))
    head = b"FUJIFILMCCD-RAW 0201FF389501Test".ljust(84, b"\0")
    return head + struct.pack(">II", 160, len(jpeg)) + bytes(68) + jpeg + bytes(4000)


def _box(name, *data):
    whole = b"".join(data)
    return struct.pack(">I", 8 + len(whole)) + name + whole


def cr3(orientation=6, *, whole=True):
    """Canon CR3: tags in boxes, a smaller JPEG in a box of its own, the whole one as a track."""
    first, second = Tiff(), Tiff()
    size = [(0x0100, 3, [SENSOR[0]]), (0x0101, 3, [SENSOR[1]]), (0x0112, 3, [orientation])]
    tags = first.finished(first.directory(size))
    date = [(0x9003, 2, ORIGINAL.encode() + b"\0"), (0x9291, 2, b"25\0")]
    below = second.finished(second.directory(date))
    small, jpeg = preview((1080, 810)), preview()
    start = _box(b"ftyp", b"crx \0\0\0\1crx isom")
    shown = struct.pack(">IHHHHI", 0, 1, 1080, 810, 1, len(small))
    view = _box(
        b"uuid",
        bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16") + bytes(8),
        _box(b"PRVW", shown, small),
    )
    named = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")

    def moov(at):
        track = b""
        if whole:
            sizes = _box(b"stsz", struct.pack(">IIII", 0, len(jpeg), 1, len(jpeg)))
            table = _box(b"stbl", sizes, _box(b"co64", struct.pack(">IIQ", 0, 1, at)))
            track = _box(b"trak", _box(b"mdia", _box(b"minf", table)))
        return _box(b"moov", _box(b"uuid", named, _box(b"CMT1", tags), _box(b"CMT2", below)), track)

    at = len(start) + len(moov(0)) + len(view) + 8
    return start + moov(at) + view + _box(b"mdat", jpeg, bytes(3000))


CAMERAS = {
    "a.dng": dng,
    "a.nef": nef,
    "a.cr2": cr2,
    "a.arw": arw,
    "a.orf": orf,
    "a.rw2": rw2,
    "a.raf": raf,
    "a.cr3": cr3,
}
"""A maker by name; each takes the orientation."""
