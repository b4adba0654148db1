"""Pages of people and of photos hold what the whole lists hold."""

import pytest

from album.people.biography import biography
from album.people.browse import GROUPS, SORTS, people_cards
from album.people.people import to_person
from album.people.phrases import parse_phrase
from album.people.search import find_page, find_photos
from db.library import Library
from db.people.people import find_person
from tests.album.albums import Drawn, Shelf, family, photo
from tests.db.make import edit_person


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Twelve people: two who are seen often, ten who were met once."""
    folder = tmp_path_factory.mktemp("browse")
    family(folder / "photos")
    for person in range(4, 13):
        photo(
            folder / "photos" / f"z{person:02}.jpg", Drawn(person, 20 + person), year=2000 + person
        )
    shelf = Shelf(folder)
    shelf.index(folder / "photos")
    with Library.open(shelf.path) as library:
        said = {1: "éva", 2: "Bert", 4: "Älva", 5: "anna", 6: "Anna"}
        for person, name in said.items():
            edit_person(library, person, name=name)
        for person, born in ((3, "1990"), (4, "1990-02"), (5, "1990-11-30"), (6, "1989-12-31")):
            edit_person(library, person, born=born)
        edit_person(library, 7, hidden=True)
        yield library


def ids(cards):
    return [card.person.id for card in cards.shown]


def everybody(library, group, sort, name=""):
    return ids(people_cards(library, group=group, sort=sort, name=name, limit=1000))


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("sort", SORTS)
def test_pages_of_people_make_the_whole_list(library, group, sort):
    whole = everybody(library, group, sort)
    found = []
    for offset in range(0, 15, 3):
        page = people_cards(library, group=group, sort=sort, offset=offset, limit=3)
        assert page.total == len(whole)
        found += ids(page)
    assert found == whole
    assert len(set(whole)) == len(whole)


def test_orders(library):
    by_name = everybody(library, "all", "name")
    assert by_name[:5] == [5, 6, 2, 4, 1]
    assert by_name[5:] == sorted(by_name[5:])
    by_birth = everybody(library, "all", "born")
    assert [one for one in by_birth if one in (3, 4, 5, 6)] == [5, 3, 4, 6]
    recent = everybody(library, "all", "recent")
    last = [find_person(library, one).last_at for one in recent]
    assert last == sorted(last, reverse=True)
    photos = [find_person(library, one).photos for one in everybody(library, "all", "photos")]
    assert photos == sorted(photos, reverse=True)


def test_groups(library):
    assert set(everybody(library, "hidden", "name")) == {7}
    assert set(everybody(library, "named", "photos")) == {1, 2, 4, 5, 6}
    known = set(everybody(library, "known", "photos"))
    passers = set(everybody(library, "passers", "photos"))
    assert known | passers == set(everybody(library, "all", "photos"))
    assert not known & passers
    assert {1, 2, 4, 5, 6} <= known
    assert set(everybody(library, "unnamed", "photos")) == known - {1, 2, 4, 5, 6}


@pytest.mark.parametrize(
    ("text", "found"),
    [("ANNA", {5, 6}), ("n", {5, 6}), ("ä", {4}), ("9", {9}), ("99", set()), ("9" * 30, set())],
)
def test_people_by_a_part_of_their_name(library, text, found):
    assert set(everybody(library, "all", "name", text)) == found


@pytest.mark.parametrize(
    "words", ["", "2004..2009", "bert", "bert with éva", "male", "bert age 30..36", "unnamed"]
)
def test_pages_of_photos_make_the_whole_list(library, words):
    query = parse_phrase(words)
    whole = list(find_photos(library, query))
    found = []
    for offset in range(0, 24, 4):
        page = find_page(library, query, offset=offset, limit=4)
        assert page.total == len(whole)
        found += page.matches
    assert [one.date for one in found] == [one.date for one in whole]
    assert {one.photo_id: one for one in found} == {one.photo_id: one for one in whole}
    assert whole


def test_a_story_has_every_year_and_a_curve(library):
    person = to_person(find_person(library, 2))
    story = biography(library, person)
    assert [one.year for one in story.years] == [2000, 2002, 2004, 2006, 2008]
    assert [one.age for one in story.years] == [30, 32, 34, 36, 38]
    assert story.curve is not None
    assert abs(story.curve.years[story.curve.density.argmax()] - 1970) < 2
    assert [one.person.id for one in story.company] == [1]
    assert story.company[0].photos == 5
