"""What people type into a search box, as a query: ``ana with ben 2019 age 3..6``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from album.errors import Impossible
from album.people.ranges import NotARange, Range, parse_date, parse_range, parse_years
from album.people.search import ANYTHING, Query

GENDERS = {"female": "f", "male": "m", "girl": "f", "boy": "m", "woman": "f", "man": "m"}
EMOTIONS = {
    "happy": "happy",
    "smiling": "happy",
    "sad": "sad",
    "angry": "angry",
    "surprised": "surprise",
    "afraid": "fear",
    "scared": "fear",
    "disgusted": "disgust",
    "neutral": "neutral",
}
LISTS = {"with": "beside", "and": "people", "without": "without", "or": "any_of", "not": "without"}
AFTER, BEFORE = ("from", "since", "after"), ("to", "until", "before")


@dataclass(slots=True)
class _Reading:
    """A text being read, word by word."""

    words: list[str]
    at: int = 0
    lists: dict[str, list[str]] = field(
        default_factory=lambda: {"people": [], "beside": [], "any_of": [], "without": []}
    )
    start: datetime | None = None
    end: datetime | None = None
    ages: Range = ANYTHING
    faces: Range = ANYTHING
    gender: str | None = None
    emotions: list[str] = field(default_factory=list)
    only: bool = False
    unnamed: bool = False

    def following(self, word: str) -> str:
        """Return the word after a keyword, which needs one."""
        self.at += 1
        if self.at >= len(self.words):
            raise Impossible(f"Something is missing after {word}; write it there, or leave it out.")
        return self.words[self.at]


def parse_phrase(text: str) -> Query:
    """Read a search as people write it.

    Names stand one after another; ``with``, ``without``, ``or`` and commas part them, and a name of
    several words is one as long as no keyword comes. Also known are a year, month or day, a range
    of years (``2015..2019``), ``from`` and ``to`` with a date, ``age 3..6``, ``faces 2``,
    ``only``, ``unnamed``, ``female``, ``male``, and ``happy`` and other `EMOTIONS`. A number with
    ``#`` is that of a person.

    Parameters
    ----------
    text : str

    Raises
    ------
    Impossible, NotARange
        A keyword without what belongs to it, or a range that makes no sense.
    """
    reading = _Reading(text.replace(",", " , ").split())
    kind, name = "people", list[str]()

    def close() -> None:
        if name:
            reading.lists[kind].append(" ".join(name).removeprefix("#"))
            name.clear()

    while reading.at < len(reading.words):
        word = reading.words[reading.at]
        low = word.casefold()
        if low in LISTS or word == ",":
            close()
            kind = _after(kind, low, reading)
        elif _is_time(word, reading) or _is_keyword(low, reading):
            close()
        else:
            name.append(word)
        reading.at += 1
    close()
    return _query(reading)


def _after(kind: str, word: str, reading: _Reading) -> str:
    """Return what list the next name belongs to; with ``or``, the last one moves there, too."""
    if word == ",":
        return kind
    if word == "or" and kind == "people" and reading.lists["people"]:
        reading.lists["any_of"].append(reading.lists["people"].pop())
    return LISTS[word]


def _is_time(word: str, reading: _Reading) -> bool:
    """Take a word that is a date or a range of years."""
    if not word[:1].isdigit() and not word.startswith(".."):
        return False
    try:
        if ".." in word:
            reading.start, reading.end = parse_years(word)
        else:
            reading.start, reading.end = parse_date(word)
    except NotARange:
        return False
    return True


def _is_keyword(word: str, reading: _Reading) -> bool:
    """Take a keyword with what belongs to it."""
    if word in GENDERS:
        reading.gender = GENDERS[word]
        return True
    if word in EMOTIONS:
        reading.emotions.append(EMOTIONS[word])
        return True
    flags: dict[str, Callable[[], None]] = {
        "only": lambda: setattr(reading, "only", True),
        "alone": lambda: setattr(reading, "only", True),
        "unnamed": lambda: setattr(reading, "unnamed", True),
        "age": lambda: setattr(reading, "ages", parse_range(reading.following(word))),
        "aged": lambda: setattr(reading, "ages", parse_range(reading.following(word))),
        "faces": lambda: setattr(reading, "faces", parse_range(reading.following(word))),
    }
    if word in flags:
        flags[word]()
    elif word in AFTER:
        reading.start = parse_date(reading.following(word))[0]
    elif word in BEFORE:
        reading.end = parse_date(reading.following(word))[1]
    else:
        return False
    return True


def _query(reading: _Reading) -> Query:
    if reading.start and reading.end and reading.start >= reading.end:
        raise Impossible("The time ends before it starts; check the dates.")
    return Query(
        people=tuple(reading.lists["people"]),
        beside=tuple(reading.lists["beside"]),
        any_of=tuple(reading.lists["any_of"]),
        without=tuple(reading.lists["without"]),
        start=reading.start,
        end=reading.end,
        ages=reading.ages,
        faces=reading.faces,
        gender=reading.gender,
        emotions=tuple(reading.emotions),
        only=reading.only,
        unnamed=reading.unnamed,
    )
