"""Why two people may be one, in words."""

from collections.abc import Iterator, Sequence

from album.people.people import Person


def reasons(
    one: Person, other: Person, distance: float, *, nearer: tuple[int, int]
) -> tuple[str, ...]:
    """Say what speaks for and against two people being one.

    Parameters
    ----------
    one, other : Person
    distance : float
        In units of the distance up to which faces are taken for one person.
    nearer : tuple of int
        How many people are nearer to each than the other is.
    """
    return tuple(_reasons(one, other, distance, nearer))


def _reasons(one: Person, other: Person, distance: float, nearer: tuple[int, int]) -> Iterator[str]:
    near = "nearest to each other, " if nearer == (0, 0) else ""
    yield f"{near}{distance:.2f} of the limit apart"
    if one.first and other.first:
        yield f"{years(one)} and {years(other)}"
    if one.born is not None and other.born is not None:
        yield f"born {_both(about(one), about(other))}{_agreement(one, other)}"
    if one.gender and other.gender and one.gender != other.gender:
        yield f"{one.gender} and {other.gender}"


def apart(faces: int, person: Person, distance: float) -> str:
    """Say how far some faces of a person are from the others."""
    some = "1 face" if faces == 1 else f"{faces} faces"
    return f"{some} of {person.faces}, {distance:.2f} of the limit from the others"


def facts(person: Person) -> tuple[str, ...]:
    """Say in words what is known of a person without a name."""
    born = [f"born {about(person)}"] if person.born is not None else []
    return (*([years(person)] if person.first else []), *born)


def hinted(names: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    """Say whom Google Photos has in the photos of a person, without saying where."""
    return tuple(
        f"Google Photos has {name} in {'1 photo' if n == 1 else f'{n} photos'} of these"
        for name, n in names[:3]
    )


def years(person: Person) -> str:
    """Write the years of a person's photos: 2009–2011."""
    if person.first is None or person.last is None:
        return "no dates"
    first, last = person.first.year, person.last.year
    return str(first) if first == last else f"{first}–{last}"


def about(person: Person) -> str:
    """Write a birth year: about 2006, or what the user said."""
    if person.born is None:
        return "unknown"
    return person.born_date or f"about {int(person.born)}"


def _both(one: str, other: str) -> str:
    """Write about 2006 and 2007, or about 2006 where both are the same."""
    if one == other:
        return f"{one} both"
    short = other.removeprefix("about ") if one.startswith("about ") else other
    return f"{one} and {short}"


def _agreement(one: Person, other: Person) -> str:
    if None in (one.born_low, one.born_high, other.born_low, other.born_high):
        return ""
    assert one.born_low is not None
    assert one.born_high is not None
    assert other.born_low is not None
    assert other.born_high is not None
    meet = one.born_low <= other.born_high and other.born_low <= one.born_high
    return "" if meet else ", which is far apart"
