"""Which age head an index uses, and what becomes of libraries indexed with another one."""

import json
from dataclasses import asdict

import pytest

from album.models.contracts import GROUPED_WITH, NetsUsed
from album.models.selection import EARLIER_HEAD, HEAD
from db.library import Library
from db.settings import get_setting, set_setting
from nets.engine import ATTRIBUTES, DEFAULT_HEAD, PROFILES
from tests.album.albums import Shelf, family


@pytest.fixture
def shelf(tmp_path):
    """A library with photos, made as if before heads were noted."""
    made = Shelf(tmp_path)
    made.index(family(tmp_path / "photos"))
    return made


def grouped_with(library, embedder, attributes):
    nets = NetsUsed(embedder, "i", attributes, "a")
    set_setting(library, GROUPED_WITH, json.dumps(asdict(nets)))


def test_the_default_is_one_of_ours():
    assert PROFILES["default"].attributes == DEFAULT_HEAD == "onepass-deep"
    assert {DEFAULT_HEAD, EARLIER_HEAD} <= set(ATTRIBUTES)


def test_a_new_library_takes_the_default_and_keeps_what_the_user_says(tmp_path):
    with Library.open(tmp_path / "library.db") as library:
        assert HEAD.preview(library, None, "default") == DEFAULT_HEAD
        assert get_setting(library, HEAD.setting) is None
        assert HEAD.choose(library, None, "default") == DEFAULT_HEAD
        assert HEAD.choose(library, "faceres-deep", "default") == "faceres-deep"
        assert HEAD.choose(library, None, "default") == "faceres-deep"
        assert HEAD.preview(library, "coral", "default") == "coral"
        assert HEAD.preview(library, None, "default") == "faceres-deep"
    assert HEAD.preview(None, None, "default") == DEFAULT_HEAD


def test_other_profiles_are_what_they_are_and_are_not_kept(tmp_path):
    with Library.open(tmp_path / "library.db") as library:
        assert HEAD.choose(library, None, "paper") == "faceres"
        assert HEAD.choose(library, "coral", "paper") == "coral"
        assert HEAD.choose(library, None, "fake") == "fake"
        assert get_setting(library, HEAD.setting) is None


@pytest.mark.parametrize(
    ("embedder", "attributes", "kept"),
    [
        ("fused", "faceres-deep", "faceres-deep"),
        ("faceres", "faceres-deep", "faceres-deep"),
        ("fused", "coral", "coral"),
        # Of another profile: the default reads all of it anew, with all that it has.
        ("faceres", "faceres", DEFAULT_HEAD),
        ("fake", "fake", DEFAULT_HEAD),
    ],
)
def test_a_library_that_noted_no_head_keeps_that_of_its_last_grouping(
    shelf, embedder, attributes, kept
):
    with Library.open(shelf.path) as library:
        grouped_with(library, embedder, attributes)
        assert HEAD.choose(library, None, "default") == kept
        assert get_setting(library, HEAD.setting) == kept


def test_photos_that_were_never_grouped_were_read_by_the_head_of_then(shelf):
    with Library.open(shelf.path) as library:
        set_setting(library, GROUPED_WITH, None)
        assert HEAD.choose(library, None, "default") == EARLIER_HEAD


def test_replacing_a_head_is_announced_where_photos_are_read_again(shelf, tmp_path):
    with Library.open(shelf.path) as library, Library.open(tmp_path / "new.db") as new:
        grouped_with(library, "fused", "faceres-deep")
        assert HEAD.replaced(library, "faceres-deep") is None
        assert HEAD.replaced(library, "onepass-deep") == "faceres-deep"
        assert HEAD.replaced(new, "faceres-deep") is None


def test_an_index_keeps_the_head_until_the_user_names_another(tmp_path):
    shelf, folder = Shelf(tmp_path), family(tmp_path / "photos")

    def index(*words):
        nets = ("--detector", "fake", "--embedder", "fake", "--no-emotions")
        return shelf("index", *nets, "--jobs", 1, "--json", folder, *words)

    first = index("--attributes", "fake")
    assert first.json["photos"] == 11
    assert "from now on" not in first.err
    named = shelf("name", 1, "Anna")
    assert named.code == 0
    again = index()
    assert again.json["photos"] == 0
    people = {one["id"]: (one["name"], one["faces"]) for one in shelf.people()}
    other = index("--attributes", "faceres")
    assert other.json["photos"] == 11
    assert (
        "estimated by faceres from now on instead of fake; for that, photos are read" in other.err
    )
    assert {one["id"]: (one["name"], one["faces"]) for one in shelf.people()} == people
    last = index()
    assert last.json["photos"] == 0
    assert "from now on" not in again.err + last.err
    with Library.open(shelf.path) as library:
        assert get_setting(library, HEAD.setting) == "faceres"
