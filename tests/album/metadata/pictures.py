"""Makers of files whose coded picture is looked for: photos, raw photos and clips."""

import functools
import io
import struct
import zlib

import numpy as np
import pytest
import xxhash
from PIL import Image, ImageCms

from tests.album.media_files import data_folder, encoded, exif
from tests.album.raw_files import SENSOR, Tiff, preview

MEDIA = data_folder() / "media"
CASES = data_folder().parent / "cases"
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noisy(seed=0, size=(64, 48)):
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(pixels)


def full(form, image, **options):
    """A picture with everything that other programs write or take away."""
    return encoded(image, form, exif=exif(orientation=6), icc_profile=ICC, **options)


FORMS = {
    "a.jpg": ("JPEG", {"quality": 90}),
    "progressive.jpg": ("JPEG", {"progressive": True}),
    "restarts.jpg": ("JPEG", {"restart_marker_blocks": 1}),
    "a.png": ("PNG", {}),
    "lossy.webp": ("WEBP", {}),
    "lossless.webp": ("WEBP", {"lossless": True}),
    "a.tiff": ("TIFF", {}),
    "lzw.tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "jpeg.tiff": ("TIFF", {"compression": "jpeg"}),
    "a.avif": ("AVIF", {}),
    "a.heic": ("HEIC", {}),
}
FAMILIES = {
    "jpg": "jpeg",
    "png": "png",
    "webp": "webp",
    "tiff": "tiff",
    "avif": "isobmff",
    "heic": "isobmff",
    "mp4": "isobmff",
    "mov": "isobmff",
    "cr3": "isobmff",
    "mkv": "matroska",
    "webm": "matroska",
    "avi": "avi",
    "raf": "raf",
}


@functools.cache
def photo(name, seed=0, **others):
    form, options = FORMS[name]
    if form == "HEIC":
        pytest.importorskip("pillow_heif")
        return encoded(noisy(seed), form, exif=exif(orientation=6))
    return full(form, noisy(seed), **options | others)


@functools.cache
def clip(name, seed=0):
    """A second of moving noise, in a container by its name."""
    av = pytest.importorskip("av")
    rng = np.random.default_rng(seed)
    buffer = io.BytesIO()
    form = {"mkv": "matroska"}.get(name[-3:], name.rpartition(".")[2])
    with av.open(buffer, "w", format=form) as container:
        container.metadata["title"] = "Noise"
        stream = container.add_stream("libvpx" if form == "webm" else "mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            pixels = rng.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


CLIPS = ("clip.mp4", "clip.mov", "clip.mkv", "clip.webm", "clip.avi")


def mosaic(seed=0):
    return np.random.default_rng(seed).integers(0, 255, 200_000, np.uint8).tobytes()


def below(order, magic, seed):
    """Laid out like NEF and ARW: a thumbnail first; a preview and the sensor below it."""
    tiff = Tiff(order, magic)
    jpeg, noise = preview((400, 300)), mosaic(seed)
    thumbnail = bytes(3 * 160 * 120)
    shown = [(0x00FE, 4, [1]), (0x0111, 4, [tiff.put(jpeg)]), (0x0117, 4, [len(jpeg)])]
    half = len(noise) // 2
    strips = [tiff.put(noise[:half]), tiff.put(noise[half:])]
    sensor = [(0x00FE, 4, [0]), (0x0100, 4, [SENSOR[0]]), (0x0101, 4, [SENSOR[1]])]
    sensor += [(0x0111, 4, strips), (0x0117, 4, [half, half]), (0x0106, 3, [32803])]
    under = [tiff.directory(shown), tiff.directory(sensor)]
    small = [(0x00FE, 4, [1]), (0x0100, 4, [160]), (0x0101, 4, [120]), (0x0102, 3, [8, 8, 8])]
    small += [(0x0111, 4, [tiff.put(thumbnail)]), (0x0117, 4, [len(thumbnail)])]
    small += [(0x010F, 2, b"Nobody\0"), (0x0112, 3, [6]), (0x014A, 4, under)]
    return tiff.finished(tiff.directory(small))


def canon(seed):
    """Laid out like CR2: three pictures in a chain, of which nothing says what they are."""
    tiff = Tiff(magic=b"II*\0")
    tiff.put(b"CR\x02\0\0\0\0\0")
    noise, jpeg = mosaic(seed), preview()
    sensor = [(0x0103, 3, [6]), (0x0111, 4, [tiff.put(noise)]), (0x0117, 4, [len(noise)])]
    shown = [(0x0103, 3, [6]), (0x0111, 4, [tiff.put(jpeg)]), (0x0117, 4, [len(jpeg)])]
    return tiff.finished(tiff.directory([*shown, (0x0112, 3, [6])], after=tiff.directory(sensor)))


def olympus(seed):
    tiff = Tiff(magic=b"IIRO")
    noise = mosaic(seed)
    entries = [(0x0111, 4, [tiff.put(noise)]), (0x0117, 4, [len(noise)]), (0x0112, 3, [6])]
    return tiff.finished(tiff.directory(entries))


def panasonic(seed):
    """Laid out like RW2: what the sensor saw is the rest of the file."""
    tiff = Tiff(magic=b"IIU\0")
    at = 60_000
    entries = [(0x0111, 4, [0xFFFFFFFF]), (0x0118, 4, [at]), (0x002E, 7, preview())]
    data = tiff.finished(tiff.directory([*entries, (0x0112, 3, [6])]))
    return data.ljust(at, b"\0") + mosaic(seed)


def fuji(seed, jpeg=b"\xff\xd8\xff\xd9"):
    head = b"FUJIFILMCCD-RAW 0201FF389501Test".ljust(84, b"\0")
    at = 160 + len(jpeg)
    places = struct.pack(">6I", 160, len(jpeg), at, 0, at, 200_000)
    return (head + places).ljust(160, b"\0") + jpeg + mosaic(seed)


RAWS = {
    "a.nef": lambda seed: below("<", b"II*\0", seed),
    "big-endian.nef": lambda seed: below(">", b"MM\0*", seed),
    "a.cr2": canon,
    "a.orf": olympus,
    "a.rw2": panasonic,
    "a.raf": fuji,
}


def digest_of(*parts):
    return xxhash.xxh3_128(b"".join(parts)).hexdigest()


def png_chunks(data):
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def png(chunks):
    made = [b"\x89PNG\r\n\x1a\n"]
    for kind, data in chunks:
        made += [struct.pack(">I", len(data)), kind, data]
        made.append(struct.pack(">I", zlib.crc32(kind + data)))
    return b"".join(made)


def box(name, *data):
    whole = b"".join(data)
    return struct.pack(">I", 8 + len(whole)) + name + whole


def iloc(version, items):
    """Places of items: number, method, then offset and length of each extent."""
    count = struct.pack(">I" if version == 2 else ">H", len(items))
    made = bytes((version, 0, 0, 0)) + b"\x44\x00" + count
    for number, method, *extents in items:
        made += struct.pack(">I" if version == 2 else ">H", number)
        made += struct.pack(">H", method) if version else b""
        made += struct.pack(">HH", 0, len(extents))
        made += b"".join(struct.pack(">II", *extent) for extent in extents)
    return box(b"iloc", made)


def heif(data, items, parts=(), version=1, primary=1, idat=b"", extra=b""):
    """A HEIF whose items lie in `data`; offsets of method 0 count from there."""
    start = box(b"ftyp", b"heic\0\0\0\0mif1heic")

    def meta(at):
        moved = [
            (n, m, *((o + (0 if m else at), size) for o, size in extents))
            for n, m, *extents in items
        ]
        dimg = b"".join(
            box(b"dimg", struct.pack(f">HH{len(to)}H", one, len(to), *to)) for one, to in parts
        )
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8) + b"pict" + bytes(13)),
            box(b"pitm", struct.pack(">IH", 0, primary)),
            extra,
            iloc(version, moved),
            box(b"iref", bytes(4) + dimg) if parts else b"",
            box(b"idat", idat) if idat else b"",
        )

    return start + meta(len(start) + len(meta(0)) + 8) + box(b"mdat", data)


def tiff(data, order="<", *, description=(8, 6), strips=1, more=()):
    made = Tiff(order, b"II*\0" if order == "<" else b"MM\0*")
    size = len(data) // strips
    places = [made.put(data[at * size : (at + 1) * size]) for at in range(strips)]
    entries = [(0x0100, 4, [description[0]]), (0x0101, 4, [description[1]]), (0x0102, 3, [8])]
    entries += [(0x0103, 3, [1]), (0x0106, 3, [1]), (0x0115, 3, [1]), *more]
    entries += [(0x0111, 4, places), (0x0117, 4, [size] * strips)]
    return made.finished(made.directory(entries))
