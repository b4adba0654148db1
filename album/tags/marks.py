"""What this program has written into a file, remembered without a name in it.

Names are kept as digests: enough to recognise one's own words in a file and take them away again,
while nobody can be read out of the library who was forgotten.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from album.tags.regions import Box, Region

REGIONS = ("mwg", "mp", "iptc")
NAMES = "Iptc4xmpExt:PersonInImage"
"""The property that holds names as they are."""
_NEAR = 0.002
"""How far a box may be from what was written: other programs round."""


def digest(text: str) -> str:
    """Return a text as 12 hexadecimal digits."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class Mark:
    """One region: whose, as a digest, and where."""

    name: str
    box: Box

    @classmethod
    def of(cls, region: Region) -> "Mark":
        """Return the mark of a region."""
        return cls(digest(region.name), region.box)

    def fits(self, region: Region) -> bool:
        """Tell whether a region in a file is the one that was written."""
        return self.name == digest(region.name) and near(self.box, region.box)


def near(a: Box, b: Box) -> bool:
    """Tell whether two boxes are the same but for rounding."""
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) <= _NEAR


@dataclass(slots=True)
class Written:
    """Everything that was written into one file.

    Attributes
    ----------
    regions : dict of str to list of Mark
        By convention, one of `REGIONS`.
    named : dict of str to list of Mark
        Regions of others that had no name until this program gave them one; by convention.
    texts : dict of str to list of str
        Digests of keywords by property.
    made : bool
        The file is a sidecar that was not there before.
    sized : bool
        Regions of others had no AppliedToDimensions until this program added them.
    """

    regions: dict[str, list[Mark]] = field(default_factory=dict)
    named: dict[str, list[Mark]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    made: bool = False
    sized: bool = False

    def __bool__(self) -> bool:
        return any(any(part.values()) for part in (self.regions, self.named, self.texts))

    def names(self) -> set[str]:
        """Return the digests of all names in it."""
        marks = (*self.regions.values(), *self.named.values())
        placed = {mark.name for part in marks for mark in part}
        return placed | set(self.texts.get(NAMES, ()))

    def with_all_of(self, other: "Written") -> "Written":
        """Return both together: what may be in a file of which nobody knows if it was replaced."""
        return Written(
            _joined(self.regions, other.regions),
            _joined(self.named, other.named),
            _joined(self.texts, other.texts),
            self.made or other.made,
            self.sized or other.sized,
        )

    def record(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "regions": _boxes(self.regions),
            "named": _boxes(self.named),
            "texts": {key: values for key, values in self.texts.items() if values},
            "made": self.made,
            "sized": self.sized,
        }


def read_written(record: Mapping[str, Any]) -> Written:
    """Return what `Written.record` made."""
    return Written(
        _marks(record.get("regions", {})),
        _marks(record.get("named", {})),
        {key: list(values) for key, values in record.get("texts", {}).items()},
        bool(record.get("made")),
        bool(record.get("sized")),
    )


def _joined(a: Mapping[str, list[Any]], b: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    return {key: list(dict.fromkeys((*a.get(key, ()), *b.get(key, ())))) for key in {*a, *b}}


def _boxes(marks: Mapping[str, Iterable[Mark]]) -> dict[str, list[list[Any]]]:
    return {
        key: [[mark.name, *(round(v, 6) for v in mark.box)] for mark in values]
        for key, values in marks.items()
        if values
    }


def _marks(boxes: Mapping[str, Iterable[Any]]) -> dict[str, list[Mark]]:
    return {key: [Mark(name, tuple(box)) for name, *box in values] for key, values in boxes.items()}
