"""Makers of small albums with drawn faces (see `nets.fake`), and a way to run commands on them."""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from album.cli import main
from album.media.perceptual_hash import perceptual_hash, turned_hashes
from db.photos.copies import SAME_BITS
from nets.fake import draw_face
from tests.album.media_files import exif

SIDE = 72
GAP = 24


@dataclass(frozen=True)
class Drawn:
    """A face to be drawn."""

    person: int
    age: int = 30
    male: bool = True


ANNA, BERT, CLEO = 1, 2, 3


def picture(*faces: Drawn, shade: int = 90, side: int = SIDE) -> Image.Image:
    """Faces side by side on grey; another shade makes another photo."""
    step = side + GAP
    pixels = np.full((side + 2 * GAP, max(len(faces), 1) * step + GAP, 3), shade, np.uint8)
    for i, face in enumerate(faces):
        left = GAP + i * step
        box = (left, GAP, left + side, GAP + side)
        draw_face(pixels, box, person=face.person, age=face.age, male=face.male)
    return Image.fromarray(pixels)


def are_alike(before: Image.Image | int, after: Image.Image) -> bool:
    """Tell whether a picture that was re-saved is still known by its perceptual hash.

    Flat drawn faces are harder than photos: their coefficients lie close to the median.
    """
    old = before if isinstance(before, int) else perceptual_hash(before.convert("RGB"))
    apart = [(one ^ old) & (2**64 - 1) for one in turned_hashes(after.convert("RGB"))]
    return min(one.bit_count() for one in apart) <= SAME_BITS


SHADE, SHADES = 90, 50
"""Of the background: where those of days begin, and how many there are."""


def _day_number(year: int | None, day: str) -> int:
    month, of_month = map(int, day.split(":")[:2])
    return 7 * (year or 0) + 3 * month + of_month


def photo(
    path: Path, *faces: Drawn, year: int | None = 2004, day: str = "05:06", **look: int
) -> Path:
    """Write a photo with a date in its EXIF block, or without one.

    Photos of other days are other pictures, unless they are given the same shade.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    look.setdefault("shade", SHADE + _day_number(year, day) % SHADES)
    block = exif(original=f"{year}:{day} 07:08:09") if year else b""
    with path.open("wb") as file:  # a path that is not UTF-8 is no name that Pillow would take
        picture(*faces, **look).save(file, "JPEG", quality=92, exif=block)
    return path


def family(folder: Path) -> Path:
    """Anna (a woman, born in 1980) and Bert (a man, 1970) over ten years, and Cleo once."""
    for year in range(2000, 2010, 2):
        anna, bert = Drawn(ANNA, year - 1980, male=False), Drawn(BERT, year - 1970)
        photo(folder / f"{year}" / "both.jpg", anna, bert, year=year)
        photo(folder / f"{year}" / "anna.jpg", anna, year=year, day="07:08")
    photo(folder / "cleo.jpg", Drawn(CLEO, 20), year=2005)
    return folder


def pairs(folder: Path, count: int) -> Path:
    """Make photos of two people each, out of three; a copy, an empty file and a note."""
    who = ANNA, BERT, CLEO
    for i in range(count):
        two = Drawn(who[i % 3]), Drawn(who[(i + 1) % 3])
        photo(folder / f"{i:03}.jpg", *two, shade=i % 200, side=72 + i // 200, year=2000 + i % 10)
    (folder / "copy.jpg").write_bytes((folder / "007.jpg").read_bytes())
    (folder / "empty.jpg").touch()
    (folder / "note.txt").write_text("no photo")
    return folder


@dataclass(frozen=True)
class Ran:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def album(*words: object) -> Ran:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(word) for word in words])
        except SystemExit as left:
            code = left.code
    return Ran(int(code or 0), out.getvalue(), err.getvalue())


class Shelf:
    """A library in a folder of its own, and the commands on it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "library.db"

    def __call__(self, command: str, *words: object) -> Ran:
        return album(command, "--library", self.path, *words)

    def index(self, *words: object) -> Any:
        """Index with the fake engine; return what `--json` says."""
        return self("index", "--profile", "fake", "--jobs", 2, "--json", *words).json

    def people(self, *words: object) -> Any:
        return self("people", "--json", *words).json["people"]

    def seen(self, person: int) -> Any:
        return self("show", person, "--json").json["seen_in"]
