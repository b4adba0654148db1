"""How facts about a person are worded on pages."""

from album.people.people import Person


def gender(person: Person) -> str:
    """Write a gender, with its probability where it was estimated."""
    if person.gender is None:
        return ""
    if person.gender_probability is None:
        return person.gender
    return f"{person.gender}, {min(round(100 * person.gender_probability), 99)} %"


def born(person: Person) -> str:
    """Write when somebody was born: the date that the user gave, or a year with its interval."""
    if person.born_date is not None or person.born_low is None or person.born_high is None:
        return born_short(person)
    low, high = int(person.born_low), int(person.born_high)
    return born_short(person) + (f" ({low}–{high})" if low != high else "")


def born_short(person: Person) -> str:
    """Write when somebody was born without the interval; nothing where it is not known."""
    if person.born_date is not None:
        return person.born_date
    return "" if person.born is None else f"about {int(person.born)}"


def years(person: Person) -> str:
    """Write the years of somebody's photos: 2009–2011."""
    if person.first is None or person.last is None:
        return ""
    first, last = person.first.year, person.last.year
    return str(first) if first == last else f"{first}–{last}"


def count(number: int, noun: str) -> str:
    """Write a number with its noun: 1 photo, 1,204 photos."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
