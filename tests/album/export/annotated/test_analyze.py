"""`album analyze`: copies, texts and records, and what it leaves alone."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from tests.album.albums import ANNA, BERT, Drawn, Shelf, album, family, photo


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


def analyze(shelf, *words):
    return album("--library", shelf.path, "analyze", *words, "--profile", "fake")


def digests(folder):
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    return {str(one): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


def test_each_photo_has_a_copy_a_text_and_a_record(shelf, tmp_path):
    photo(tmp_path / "in" / "2010" / "a.jpg", Drawn(ANNA, 31, male=False), Drawn(BERT, 60))
    before = digests(tmp_path / "in")
    ran = analyze(shelf, tmp_path / "in", tmp_path / "out", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["faces"] == 2
    assert digests(tmp_path / "in") == before
    stem = tmp_path / "out" / "2010" / "a"
    record = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
    assert [round(face["age"]) for face in record["faces"]] == [31, 60]
    assert [face["gender"] for face in record["faces"]] == ["female", "male"]
    for face in record["faces"]:
        assert face["emotions"][face["emotion"]] == pytest.approx(0.88, abs=0.01)
        assert set(face["landmarks"]) > {"left_eye", "nose"}
    lines = stem.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert lines[0].endswith("2 faces")
    assert len(lines) == 4
    assert {len(line.split("\t")) for line in lines[1:]} == {12}
    original = np.asarray(Image.open(tmp_path / "in" / "2010" / "a.jpg"))
    with Image.open(stem.with_suffix(".jpg")) as copy:
        assert copy.size[0] % original.shape[1] == 0


def test_a_second_run_does_only_what_is_new_or_forced(shelf, tmp_path):
    photo(tmp_path / "in" / "a.jpg", Drawn(ANNA, 31))
    analyze(shelf, tmp_path / "in", tmp_path / "out")
    before = digests(tmp_path / "out")
    photo(tmp_path / "in" / "b.jpg", Drawn(BERT, 31))
    ran = json.loads(analyze(shelf, tmp_path / "in", tmp_path / "out", "--json").out)
    assert (ran["photos"], ran["unchanged"]) == (1, 1)
    assert before.items() <= digests(tmp_path / "out").items()
    forced = analyze(shelf, tmp_path / "in", tmp_path / "out", "--json", "--force")
    assert json.loads(forced.out)["photos"] == 2


def test_people_who_have_a_name_are_named(shelf, tmp_path):
    photos = family(tmp_path / "photos")
    shelf.index(photos)
    album("--library", shelf.path, "name", "1", "Ana")
    analyze(shelf, photos, tmp_path / "out")
    records = [json.loads(one.read_text("utf-8")) for one in (tmp_path / "out").rglob("*.json")]
    names = [face["person"] for record in records for face in record["faces"]]
    assert "Ana" in names
    assert None in names


def test_files_that_were_not_made_here_are_never_overwritten(shelf, tmp_path):
    photo(tmp_path / "in" / "a.jpg", Drawn(ANNA, 31))
    photo(tmp_path / "out" / "a.jpg", Drawn(BERT, 31))
    before = digests(tmp_path / "out")
    ran = analyze(shelf, tmp_path / "in", tmp_path / "out")
    assert ran.code == 3
    assert "was not made by" in ran.out
    assert digests(tmp_path / "out") == before


def test_copies_inside_the_folder_are_no_photos(shelf, tmp_path):
    photo(tmp_path / "in" / "a.jpg", Drawn(ANNA, 31))
    for _ in range(2):
        assert analyze(shelf, tmp_path / "in", tmp_path / "in" / "out").code == 0
    assert len(list((tmp_path / "in" / "out").rglob("*.json"))) == 1


def test_the_folder_itself_is_refused_as_a_place_for_copies(shelf, tmp_path):
    photo(tmp_path / "in" / "a.jpg", Drawn(ANNA, 31))
    ran = analyze(shelf, tmp_path / "in", tmp_path / "in")
    assert ran.code == 1
    assert "give one of its own" in ran.err


def test_photos_of_one_name_and_several_kinds_keep_apart(shelf, tmp_path):
    photo(tmp_path / "in" / "a.jpg", Drawn(ANNA, 31))
    Image.open(tmp_path / "in" / "a.jpg").save(tmp_path / "in" / "A.png")
    assert analyze(shelf, tmp_path / "in", tmp_path / "out").code == 0
    made = {one.name for one in (tmp_path / "out").iterdir() if one.suffix in (".jpg", ".png")}
    assert made == {"a-jpg.jpg", "A-png.png"}


def test_a_single_photo_and_a_broken_one(shelf, tmp_path):
    photo(tmp_path / "in" / "a.jpg", Drawn(ANNA, 31))
    (tmp_path / "in" / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    assert analyze(shelf, tmp_path / "in" / "a.jpg", tmp_path / "one").code == 0
    assert (tmp_path / "one" / "a.txt").exists()
    ran = analyze(shelf, tmp_path / "in", tmp_path / "out")
    assert ran.code == 3
    assert "bad.jpg" in ran.out
    assert (tmp_path / "out" / "a.txt").exists()
    assert not (tmp_path / "out" / "bad.json").exists()


def test_a_photo_that_stands_on_its_side_is_drawn_upright(shelf, tmp_path):
    source = tmp_path / "in" / "a.jpg"
    photo(source, Drawn(ANNA, 31))
    upright = Image.open(source).convert("RGB").crop((0, 0, 900, 500))
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(source, exif=exif, quality=95)
    analyze(shelf, tmp_path / "in", tmp_path / "out")
    with Image.open(tmp_path / "out" / "a.jpg") as copy:
        assert copy.size[0] > copy.size[1]
        assert not copy.getexif()


def test_the_kind_of_age_model_is_one_of_those_that_the_help_names(shelf, tmp_path):
    told = " ".join(album("analyze", "--help").out.split())
    detectors, ages = "[mtcnn|retinaface|facenet-pytorch]", "[softmax|coral|coral-lstm]"
    for words in (detectors, ages, "[auto|cpu|cuda|"):
        assert words in told
    photo(tmp_path / "in" / "a.jpg", Drawn(ANNA, 31))
    ran = analyze(
        shelf, tmp_path / "in", tmp_path / "out", "--age-model", "coral", "--attributes", "fake"
    )
    assert ran.code == 2
    assert "give one of them" in ran.err


def test_the_detector_is_that_of_an_index(tmp_path, monkeypatch):
    from album.models import selection
    from album.models.selection import DETECTOR
    from db.library import Library

    monkeypatch.setattr(selection, "installed", lambda *_: None)
    assert DETECTOR.preview(None, None, "default") == "mtcnn"
    assert DETECTOR.preview(None, None, "fake") == "fake"
    monkeypatch.setattr(selection, "installed", lambda *_: tmp_path)
    assert DETECTOR.preview(None, None, "default") == "retinaface"
    assert DETECTOR.preview(None, None, "paper") == "mtcnn"
    with Library.open(tmp_path / "library.db") as library:
        assert DETECTOR.choose(library, "mtcnn", "default") == "mtcnn"
        assert DETECTOR.preview(library, None, "default") == "mtcnn"
        assert DETECTOR.preview(library, "retinaface", "default") == "retinaface"


def test_a_folder_that_is_not_there(shelf, tmp_path):
    assert analyze(shelf, tmp_path / "none", tmp_path / "out").code == 2
