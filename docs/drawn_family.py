"""A family that nobody belongs to: drawn photos over fifty years, and a library of them.

For pictures of the program in use, since faces of real people have no place there. The drawings are
real JPEGs with real dates. What nets would say of the faces is made up, since no net takes a
drawing for a face: a vector for each person, which drifts a little as they grow up, and ages with
the usual errors. Everything after that is the program's own work: groups, birth years, questions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from album.edits.naming import name_person
from album.grouping.grouping import group
from album.models.contracts import remember_nets
from album.people.people import list_people
from db.library import Library
from db.people.browse import faces_of
from db.photos.analyses import save_analyses
from db.photos.files import save_files
from db.records import Analysis, Attributes, Faces, Identity, PhotoFacts, SeenFile
from nets.engine import Engine, load_engine

SIZE = (1280, 960)
SCALE = 2
"""Drawn so much larger, and shrunk: smooth edges."""
GREY = (205, 205, 208)
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Character:
    """How somebody looks, and when they are there."""

    name: str
    born: int
    male: bool
    skin: Colour
    hair: Colour
    style: str
    glasses: bool = False
    beard: bool = False
    last: int = 2023


LIGHT, TAN, BROWN = (245, 208, 178), (226, 178, 138), (164, 112, 80)
FAMILY = (
    Character("Otto", 1938, True, LIGHT, (92, 64, 44), "bald", glasses=True, last=2014),
    Character("Ilse", 1941, False, LIGHT, (120, 80, 48), "bun"),
    Character("Anna", 1966, False, LIGHT, (150, 84, 40), "long"),
    Character("Tomás", 1964, True, TAN, (44, 32, 28), "short", beard=True),
    Character("Mia", 1992, False, TAN, (70, 44, 30), "tails"),
    Character("Leo", 1995, True, TAN, (96, 60, 34), "curls"),
    Character("Zoë", 2001, False, LIGHT, (190, 120, 52), "long"),
    Character("Karl", 1970, True, LIGHT, (110, 76, 50), "short", glasses=True),
    Character("Amara", 1972, False, BROWN, (34, 26, 24), "curls"),
    Character("Noah", 2004, True, BROWN, (34, 26, 24), "short"),
    Character("Inés", 1980, False, TAN, (40, 30, 30), "bun", glasses=True),
    Character("Paul", 1958, True, LIGHT, (160, 130, 90), "bald", beard=True),
)
SHIRTS = (
    (46, 110, 125),
    (190, 80, 70),
    (225, 170, 60),
    (90, 120, 70),
    (120, 90, 150),
    (70, 90, 160),
)


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """Return a colour between two."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


class Portrait:
    """Somebody at an age, drawn around a place; lengths are in heights of a grown-up's head."""

    def __init__(self, pen: ImageDraw.ImageDraw, who: Character, age: int) -> None:
        self.pen, self.who, self.age = pen, who, age
        self.child = max(0.0, 1 - age / 16)
        self.grey = min(1.0, max(0.0, (age - 45) / 25))
        self.hair = mixed(who.hair, GREY, self.grey)

    def draw(self, x: float, y: float, unit: float, shirt: Colour, smile: float) -> Box:
        """Draw, the chin at x and y; return the box of the face."""
        self.x, self.unit = x, unit * (1 - 0.32 * self.child)
        self.width = 0.72 + 0.12 * self.child
        self.top = y - self.unit
        if self.who.style in ("long", "tails", "bun", "curls"):
            self.hair_behind()
        self.body(y, shirt)
        self.oval(0, 0.5, self.width, 1.0, self.who.skin)
        for side in (-1, 1):
            self.oval(side * self.width / 2, 0.54, 0.12, 0.2, self.who.skin)
        self.hair_before()
        self.face(smile)
        half = self.width / 2 * self.unit
        return (x - half, self.top + 0.14 * self.unit, x + half, y + 0.02 * self.unit)

    def at(self, dx: float, dy: float) -> tuple[float, float]:
        """Return a place in pixels, from the middle of the top of the head."""
        return self.x + dx * self.unit, self.top + dy * self.unit

    def oval(self, dx: float, dy: float, width: float, height: float, fill: Colour) -> None:
        """Draw an oval around a place."""
        (left, top), (right, bottom) = (
            self.at(dx - width / 2, dy - height / 2),
            self.at(dx + width / 2, dy + height / 2),
        )
        self.pen.ellipse((left, top, right, bottom), fill=fill)

    def arc(self, box: Box, start: int, end: int, fill: Colour, width: float) -> None:
        """Draw a part of an oval's edge."""
        corners = (*self.at(box[0], box[1]), *self.at(box[2], box[3]))
        self.pen.arc(corners, start, end, fill=fill, width=max(2, round(width * self.unit)))

    def body(self, y: float, shirt: Colour) -> None:
        """Draw neck and shoulders."""
        neck = mixed(self.who.skin, (90, 50, 30), 0.12)
        self.pen.rectangle((*self.at(-0.15, 0.85), *self.at(0.15, 1.2)), fill=neck)
        left, top = self.at(-0.78, 1.1)
        right, bottom = self.at(0.78, 4.0)
        self.pen.rounded_rectangle((left, top, right, bottom), 0.34 * self.unit, fill=shirt)
        self.oval(0, 1.1, 0.4, 0.22, neck)

    def hair_behind(self) -> None:
        """Draw the hair that the head is in front of."""
        w = self.width
        if self.who.style == "long":
            left, top = self.at(-w / 2 - 0.1, 0.2)
            right, bottom = self.at(w / 2 + 0.1, 1.28)
            self.pen.rounded_rectangle((left, top, right, bottom), 0.2 * self.unit, fill=self.hair)
        elif self.who.style == "tails":
            for side in (-1, 1):
                self.oval(side * (w / 2 + 0.14), 0.62, 0.26, 0.66, self.hair)
        elif self.who.style == "bun":
            self.oval(0, -0.1, 0.4, 0.36, self.hair)
        else:
            for angle in np.linspace(-3.5, 0.36, 13):
                self.oval(0.46 * np.cos(angle), 0.34 + 0.4 * np.sin(angle), 0.32, 0.32, self.hair)

    def hair_before(self) -> None:
        """Draw the hair that is in front of the head."""
        w = self.width
        if self.who.style == "bald" and self.age > 35:
            for side in (-1, 1):
                self.oval(side * w * 0.48, 0.4, 0.13, 0.34, self.hair)
            return
        if self.age < 2:
            self.oval(0, 0.04, 0.3, 0.12, self.hair)
            return
        box = (*self.at(-w / 2 - 0.05, -0.07), *self.at(w / 2 + 0.05, 0.93))
        self.pen.chord(box, 184, 356, fill=self.hair)
        self.oval(0, 0.64, w * 0.9, 0.74, self.who.skin)

    def face(self, smile: float) -> None:
        """Draw eyes, nose and mouth, and what age and habit add."""
        dark, skin = (46, 36, 34), self.who.skin
        big = 1 + 0.35 * self.child
        for side in (-1, 1):
            self.oval(side * 0.17, 0.52, 0.13 * big, 0.1 * big, (255, 255, 255))
            self.oval(side * 0.17, 0.52, 0.066 * big, 0.076 * big, dark)
            brow = (side * 0.17 - 0.09, 0.38, side * 0.17 + 0.09, 0.46)
            self.arc(brow, 190, 350, mixed(self.hair, dark, 0.3), 0.025)
            self.oval(side * 0.25, 0.69, 0.13, 0.08, mixed(skin, (230, 120, 110), 0.3))
            if self.age > 55:
                fold = (side * 0.3 - 0.06, 0.5, side * 0.3 + 0.06, 0.6)
                self.arc(fold, 20, 160, mixed(skin, dark, 0.3), 0.012)
            if self.who.glasses and self.age > 12:
                rim = (side * 0.17 - 0.125, 0.42, side * 0.17 + 0.125, 0.63)
                self.arc(rim, 0, 360, (60, 60, 66), 0.018)
        self.arc((-0.06, 0.52, 0.06, 0.66), 20, 160, mixed(skin, dark, 0.35), 0.02)
        if self.who.beard and self.age > 20:
            box = (*self.at(-self.width / 2, 0.42), *self.at(self.width / 2, 1.02))
            self.pen.chord(box, 14, 166, fill=self.hair)
        mouth = (-0.16, 0.72 - 0.1 * smile, 0.16, 0.72 + 0.1 * smile)
        self.pen.chord((*self.at(*mouth[:2]), *self.at(*mouth[2:])), 8, 172, fill=(176, 66, 70))


def scene(rng: np.random.Generator) -> Image.Image:
    """Draw a place: meadow, beach or room."""
    width, height = SIZE[0] * SCALE, SIZE[1] * SCALE
    kind = rng.integers(3)
    above, below = (
        ((150, 200, 235), (120, 165, 95)),
        ((170, 215, 240), (232, 210, 160)),
        ((236, 222, 200), (150, 110, 84)),
    )[kind]
    image = Image.new("RGB", (width, height), above)
    pen = ImageDraw.Draw(image)
    horizon = int(height * (0.55 + 0.1 * rng.random()))
    if kind == 2:
        for n in range(3):
            left = int(width * (0.08 + 0.32 * n))
            pen.rectangle((left, 140, left + 300, 460), fill=(170, 140, 110))
            inner = mixed((120, 160, 170), (200, 170, 120), float(rng.random()))
            pen.rectangle((left + 26, 166, left + 274, 434), fill=inner)
    else:
        pen.ellipse((width - 460, 100, width - 260, 300), fill=(255, 236, 170))
        for n in range(4):
            left = int(width * (0.32 * n - 0.2))
            hill = mixed(below, above, 0.35 + 0.15 * (n % 2))
            if kind == 0:
                pen.ellipse((left, horizon - 260, left + 1300, horizon + 600), fill=hill)
        if kind == 1:
            pen.rectangle((0, horizon - 220, width, horizon), fill=(86, 158, 190))
    pen.rectangle((0, horizon, width, height), fill=below)
    return image


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn photo: who is where in it, and how old."""

    image: Image.Image
    taken: datetime
    people: tuple[Character, ...]
    ages: tuple[int, ...]
    boxes: tuple[Box, ...]


def album(photos: int = 170, seed: int = 4) -> Iterator[Drawn]:
    """Yield photos from 1972 on, one after the other."""
    rng = np.random.default_rng(seed)
    for number in range(photos):
        taken = datetime(1972, 5, 1) + timedelta(days=number * 18_600 / photos, hours=12)
        there = [one for one in FAMILY if one.born <= taken.year - 1 <= one.last]
        weights = np.array(
            [1.5 if one.name in ("Mia", "Zoë", "Anna", "Leo") else 1 for one in there]
        )
        count = min(int(rng.choice([1, 1, 2, 2, 3, 4, 5])), len(there))
        chosen = rng.choice(len(there), count, replace=False, p=weights / weights.sum())
        yield draw(tuple(there[one] for one in chosen), taken, rng)


def draw(people: tuple[Character, ...], taken: datetime, rng: np.random.Generator) -> Drawn:
    """Draw some people side by side."""
    image = scene(rng)
    pen = ImageDraw.Draw(image)
    unit = SIZE[1] * SCALE * (0.42 if len(people) == 1 else 0.5 / (1 + 0.28 * len(people)))
    step = SIZE[0] * SCALE / (len(people) + 0.4)
    ages, boxes = [], []
    for n, who in enumerate(people):
        age = taken.year - who.born
        x = step * (n + 0.7) + rng.normal(0, 0.02) * step
        chin = SIZE[1] * SCALE * (0.56 + 0.05 * rng.random()) + unit * 0.4 * max(0, 1 - age / 16)
        shirt = SHIRTS[rng.integers(len(SHIRTS))]
        box = Portrait(pen, who, age).draw(x, chin, unit, shirt, 0.5 + 0.5 * rng.random())
        ages.append(age)
        boxes.append(tuple(value / SCALE for value in box))
    image = image.resize(SIZE, Image.Resampling.LANCZOS)
    return Drawn(image, taken, people, tuple(ages), tuple(boxes))


def vector(who: Character, age: int, rng: np.random.Generator) -> np.ndarray:
    """Make up what the nets see: a person, who drifts while growing up, and chance."""
    own = np.random.default_rng(who.born * 7 + len(who.name))
    base, grown = own.normal(size=(2, 1152)) / np.sqrt(1152)
    childhood = max(0.0, 1 - age / 14)
    seen = base + 0.75 * childhood * grown + 0.3 * rng.normal(size=1152) / np.sqrt(1152)
    return (seen / np.linalg.norm(seen)).astype(np.float32)


def ages_seen(age: int, rng: np.random.Generator) -> np.ndarray:
    """Make up what a net says of an age: a few years off, and unsure."""
    looks = age + rng.normal(0, 1.5 + age / 15)
    said = np.exp(-((np.arange(1, 101) - max(looks, 1)) ** 2) / (2 * 4.0**2))
    return (said / said.sum()).astype(np.float32)


def analysis(photo: Drawn, content: str, engine: Engine, rng: np.random.Generator) -> Analysis:
    """Return what an index would store of a photo."""
    n = len(photo.people)
    ones = np.ones(n, np.float32)
    boxes = np.array(photo.boxes, np.float32)
    marks = boxes[:, None, :2] + 0.4 * (boxes[:, None, 2:] - boxes[:, None, :2]) * np.ones(
        (n, 5, 1)
    )
    sides = boxes[:, 2] - boxes[:, 0]
    found = Faces("drawn", boxes, marks.astype(np.float32), ones, size=sides, sharpness=90 * ones,
                  frontal=ones)  # fmt: skip
    seen = list(zip(photo.people, photo.ages, strict=True))
    vectors = np.stack([vector(who, age, rng) for who, age in seen])
    ages = np.stack([ages_seen(age, rng) for _, age in seen])
    male = np.array([0.93 if who.male else 0.06 for who, _ in seen], np.float32)
    facts = PhotoFacts(content, *SIZE, taken_at=photo.taken, date_source="exif-original",
                       date_precision="second", date_claims=claims(photo.taken))  # fmt: skip
    return Analysis(
        facts, found, engine.contract, (Identity(engine.embedder.contract, vectors),),
        (Attributes(engine.attributes.contract, ages, male),),
    )  # fmt: skip


def claims(taken: datetime) -> tuple[dict[str, object], ...]:
    """Return why the date of a photo is believed."""
    camera = {"source": "exif-original", "text": f"{taken:%Y:%m:%d %H:%M:%S}",
              "when": taken.isoformat(), "offset": None, "precision": "second",
              "refusal": ""}  # fmt: skip
    return (camera,)


def make(folder: Path) -> Path:
    """Draw the photos below a folder, and make a library of them; return its path.

    Everybody gets a name but those as whom somebody's childhood is taken.
    """
    rng = np.random.default_rng(1)
    engine = load_engine()
    path = folder / "library.db"
    drawn: list[Character] = []
    with Library.open(path) as library:
        for number, photo in enumerate(album()):
            at = folder / "photos" / f"{photo.taken:%Y}" / f"{number:04}.jpg"
            at.parent.mkdir(parents=True, exist_ok=True)
            exif = Image.Exif()
            exif.get_ifd(0x8769)[0x9003] = f"{photo.taken:%Y:%m:%d %H:%M:%S}"
            photo.image.save(at, quality=90, exif=exif)
            status, content = at.stat(), f"{number:040}"
            seen = SeenFile(str(at), status.st_size, status.st_mtime_ns, content)
            save_files(library, [seen])
            save_analyses(library, [analysis(photo, content, engine, rng)])
            drawn += photo.people
        remember_nets(library, engine)
        for _ in group(library, engine):
            pass
        name_all(library, drawn)
    return path


def name_all(library: Library, drawn: list[Character]) -> None:
    """Give the names; faces were numbered as they were drawn."""
    named = set()
    for person in list_people(library, everyone=True).shown:  # those with most photos first
        who = drawn[faces_of(library, person.id, limit=1)[0] - 1]
        if who not in named:
            name_person(library, person.id, who.name)
            named.add(who)
