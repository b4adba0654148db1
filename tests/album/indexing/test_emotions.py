"""Emotions in a library: by an index, afterwards, in searches, on covers and in exports."""

import json

import numpy as np
import pytest

from album.errors import Impossible
from album.people.phrases import parse_phrase
from album.people.search import Query, find_page, find_paths, find_photos
from db.library import Library
from db.people.people import people as people_rows
from db.photos.emotions import count_untold, save_emotions
from db.settings import GROUPED_UNDER, set_setting
from nets.fake import FakeEmotions
from tests.album.albums import Drawn, Shelf, photo
from tests.album.drawn_clips import Placed, still, write

HAPPY, SAD, NEUTRAL = 3, 4, 6
"""People to whom the fake engine gives these emotions (of their number modulo 7)."""


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


@pytest.fixture
def folder(tmp_path):
    """Somebody always happy, somebody always sad, over some years, alone and together."""
    folder = tmp_path / "photos"
    for year in (2000, 2005, 2010):
        happy, sad = Drawn(HAPPY, year - 1996, male=False), Drawn(SAD, year - 1970)
        photo(folder / f"both{year}.jpg", happy, sad, year=year)
        photo(folder / f"happy{year}.jpg", happy, year=year, day="07:08")
        photo(folder / f"sad{year}.jpg", sad, year=year, day="08:09")
    return folder


def names(shelf, *words):
    found = shelf("find", "--json", *words).json["photos"]
    return {one["path"].rpartition("/")[2] for one in found}


def person(shelf, gender):
    [found] = [one["id"] for one in shelf.people() if one["gender"] == gender]
    return found


def untold(shelf):
    with Library.open(shelf.path) as library:
        return count_untold(library, FakeEmotions.contract)


def test_photos_are_found_by_what_somebody_expresses(shelf, folder):
    shelf.index(folder)
    happy, sad = person(shelf, "female"), person(shelf, "male")
    assert len(names(shelf, "--emotion", "happy")) == 6
    assert len(names(shelf, "--emotion", "happy", "--emotion", "sad")) == 9
    assert names(shelf, "--emotion", "angry") == set()
    assert names(shelf, "--person", happy, "--emotion", "sad") == set()
    assert len(names(shelf, "--person", happy, "--emotion", "happy")) == 6
    assert names(shelf, "--person", happy, "--person", sad, "--emotion", "happy") == set()
    assert len(names(shelf, "--person", happy, "--with", sad, "--emotion", "happy")) == 3
    assert len(names(shelf, "--any-of", sad, "--any-of", happy, "--emotion", "sad")) == 6
    assert names(shelf, "--emotion", "happy", "--age", "..6") == {"both2000.jpg", "happy2000.jpg"}
    assert names(shelf, "--emotion", "happy", "--gender", "m") == set()
    assert names(shelf, "--emotion", "sad", "--year", "2005") == {"both2005.jpg", "sad2005.jpg"}
    assert shelf("find", "--emotion", "happy", "--count").out.strip() == "6"


def test_a_stranger_who_smiles_is_somebody_who_smiles(shelf, tmp_path):
    photo(tmp_path / "photos" / "a.jpg", Drawn(HAPPY, 30))
    shelf.index("--no-group", tmp_path / "photos")
    assert names(shelf, "--emotion", "happy") == {"a.jpg"}
    assert names(shelf, "--emotion", "happy", "--age", "30") == set()


def test_emotions_are_in_json_and_in_tables(shelf, folder, tmp_path):
    shelf.index(folder)
    happy = person(shelf, "female")
    [found] = shelf("find", "--json", "--year", "2005", "--without", person(shelf, "male")).json[
        "photos"
    ]
    [present] = found["people"]
    assert (present["emotion"], present["emotion_probability"]) == ("happy", 0.88)
    assert {one["emotion"] for one in shelf.seen(happy)} == {"happy"}
    assert "Looks" in shelf("show", happy).out
    assert shelf("export", tmp_path / "out").code == 0
    exported = json.loads((tmp_path / "out" / "album.json").read_text(encoding="utf-8"))
    told = {face["emotion"] for one in exported["people"] for face in one["seen_in"]}
    assert told == {"happy", "sad"}


def test_pages_of_a_search_know_emotions(shelf, folder):
    shelf.index(folder)
    with Library.open(shelf.path) as library:
        found = find_page(library, parse_phrase("happy"), offset=2, limit=2)
        assert (found.total, len(found.matches)) == (6, 2)
        everything = find_page(library, parse_phrase("2005"), offset=0, limit=9)
    told = {one.emotion for match in everything.matches for one in match.people}
    assert told == {"happy", "sad"}


def test_words_of_a_search_name_emotions():
    assert parse_phrase("Ana happy 2019").emotions == ("happy",)
    assert parse_phrase("Ana happy 2019").people == ("Ana",)
    assert parse_phrase("surprised with Ben scared").emotions == ("surprise", "fear")


def test_without_emotions_none_are_stored_and_the_question_says_how(shelf, folder):
    shelf.index("--no-emotions", folder)
    assert untold(shelf) == 12
    ran = shelf("find", "--emotion", "happy")
    assert ran.code == 2
    assert "album index --emotions" in ran.err
    assert shelf("show", person(shelf, "female")).out.count("Looks") == 0
    with Library.open(shelf.path) as library, pytest.raises(Impossible):
        find_paths(library, Query(emotions=("happy",)))


def test_faces_indexed_before_are_told_theirs_without_being_looked_for(shelf, folder, monkeypatch):
    from nets.fake import FakeDetector

    shelf.index("--no-emotions", folder)
    before = shelf.people()
    told = shelf.index(folder)
    assert (told["photos"], told["emotions"], told["without_emotion"]) == (0, 0, 12)
    monkeypatch.setattr(FakeDetector, "detect", lambda *_, **__: pytest.fail("looked for faces"))
    ran = shelf("index", "--profile", "fake", "--emotions", folder)
    assert "What 12 faces of earlier runs express is known now." in ran.out
    assert untold(shelf) == 0
    assert len(names(shelf, "--emotion", "happy")) == 6
    assert shelf.people() == before
    assert shelf.index("--emotions", folder)["emotions"] == 0


def test_what_is_told_afterwards_is_what_an_index_tells(tmp_path, folder):
    at_once, later = Shelf(tmp_path / "a"), Shelf(tmp_path / "b")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    at_once.index(folder)
    later.index("--no-emotions", folder)
    later.index("--emotions", folder)
    looks = []
    for shelf in (at_once, later):
        with Library.open(shelf.path) as library:
            found = find_photos(library, Query())
            looks.append(
                [
                    (one.path, [(who.emotion, who.emotion_probability) for who in one.people])
                    for one in found
                ]
            )
    assert looks[0] == looks[1]


def test_a_photo_that_can_not_be_read_any_more_is_reported(shelf, folder):
    shelf.index("--no-emotions", folder)
    spoilt = folder / "sad2005.jpg"
    stat = spoilt.stat()
    spoilt.write_bytes(spoilt.read_bytes()[:300].ljust(stat.st_size, b"\0"))
    import os

    os.utime(spoilt, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    ran = shelf("index", "--profile", "fake", "--emotions", folder)
    assert ran.code == 3
    assert "sad2005.jpg" in ran.out
    assert untold(shelf) == 1


def test_people_of_clips_have_the_mean_of_the_clip_or_of_the_frame_that_shows_them_best(
    shelf, tmp_path
):
    frames = [still(Placed(HAPPY, 20, 30, age=24), Placed(SAD, 200, 100, age=50))] * 60
    write(tmp_path / "photos" / "party.mp4", frames)
    shelf.index(tmp_path / "photos")
    [clip] = shelf("find", "--emotion", "happy", "--json").json["photos"]
    assert {one["emotion"] for one in clip["people"]} == {"happy", "sad"}
    other = Shelf(tmp_path / "other")
    (tmp_path / "other").mkdir()
    other.index("--no-emotions", tmp_path / "photos")
    assert other.index("--emotions", tmp_path / "photos")["emotions"] == 2
    [clip] = other("find", "--emotion", "sad", "--json").json["photos"]
    assert {one["emotion"] for one in clip["people"]} == {"happy", "sad"}


def test_a_cover_smiles_unless_the_user_chose_it(shelf, folder):
    shelf.index("--no-emotions", folder)
    people = [person(shelf, "female"), person(shelf, "male")]
    before = covers(shelf)
    chosen = before[people[1]]
    assert shelf("set", people[1], "--cover", chosen).code == 0
    smiling = []
    for who in people:
        [face, *_] = {one["face_id"] for one in shelf.seen(who)} - {before[who]}
        smiling.append(face)
    with Library.open(shelf.path) as library:
        smiles = np.tile(np.eye(7, dtype=np.float32)[3], (2, 1))
        save_emotions(library, FakeEmotions.contract, np.array(smiling), smiles)
        set_setting(library, GROUPED_UNDER, None)
    shelf.index(folder)
    assert covers(shelf) == {people[0]: smiling[0], people[1]: chosen}
    shelf("set", people[1], "--cover", "none")
    assert covers(shelf)[people[1]] == smiling[1]


def covers(shelf):
    with Library.open(shelf.path) as library:
        return {row.person_id: row.cover_face_id for row in people_rows(library)}
