"""Every text of the pages, in one place: a translation is another table like `ENGLISH`."""

from collections.abc import Mapping

ENGLISH: Mapping[str, str] = {
    "app.name": "Album",
    "app.skip": "Skip to content",
    "app.read_only": "This library can’t be changed from here.",
    "nav.label": "Pages",
    "nav.people": "People",
    "nav.review": "Review",
    "nav.map": "Map",
    "nav.library": "Library",
    "nav.search": "Search",
    "nav.search_hint": "ana with ben 2019 age 3..6",
    "undo.button": "Undo",
    "undo.nothing": "There is nothing to undo.",
    "people.title": "People",
    "people.empty": "Nobody has been found yet. Run “album index” with a folder of photos.",
    "people.sort": "Sort by",
    "people.sort.photos": "most photos",
    "people.sort.name": "name",
    "people.sort.born": "birth year",
    "people.sort.recent": "last seen",
    "people.show": "Show",
    "people.show.known": "everybody known",
    "people.show.named": "with a name",
    "people.show.unnamed": "without a name",
    "people.show.passers": "passers-by",
    "people.show.hidden": "hidden",
    "people.filter": "Name",
    "people.apply": "Apply",
    "people.count": "{n} people",
    "people.one": "1 person",
    "person.born": "born {year}",
    "person.photos": "{n} photos",
    "person.photo": "1 photo",
    "person.unnamed": "Person {id}",
    "gender.female": "female",
    "gender.male": "male",
    "error.title": "That did not work",
    "error.back": "Back to the people",
    "error.missing": "There is no such page.",
    "error.unexpected": "Something went wrong in the program; the log of the server says what.",
    "error.query": "The address makes no sense: {what}.",
    "login.title": "Log in",
    "login.password": "Password",
    "login.button": "Log in",
    "login.wrong": "That is not the password.",
    "more.label": "More",
    "more.next": "Next",
    "more.previous": "Previous",
}


def text(key: str, **values: object) -> str:
    """Return a text with its values filled in.

    Raises
    ------
    KeyError
        There is no such text: a mistake in a template, which a test finds.
    """
    return ENGLISH[key].format(**values) if values else ENGLISH[key]
