"""`album bench`: the readers of data sets, the measures, the command."""

import json

import numpy as np
import pytest
from PIL import Image

from album.evaluation.datasets import (
    DatasetError,
    Faces,
    read_fairface,
    read_fgnet,
    read_lfw,
    read_utkface,
)
from album.evaluation.measure import Measured
from album.evaluation.protocols import adience_accuracy, label, score_attributes, score_birth_years
from album.evaluation.run import bench
from album.grouping import linking
from album.models.calibration import attribute_calibration
from nets.fake import draw_face
from nets.train import splits
from tests.album.albums import album as run
from tests.album.albums import family


def picture(path, person, age=30, male=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((240, 320, 3), 70, np.uint8)
    draw_face(image, (110, 70, 210, 170), person=person, age=age, male=male)
    Image.fromarray(image).save(path, quality=92)


@pytest.fixture
def lfw(tmp_path):
    for person in range(3):
        for shot in range(3):
            picture(tmp_path / f"Person_{person}" / f"Person_{person}_{shot:04}.jpg", person)
    return tmp_path


def test_bench_scores_a_folder_per_person(lfw):
    said = bench({"lfw": lfw}, profile="fake")["lfw"]["measured"]
    assert said["faces"] == 9
    assert said["missed"] == 0
    assert said["bcubed_f"] == said["pair_precision"] == said["clusters_per_class"] == 1


def test_bench_keeps_what_the_nets_said(lfw, tmp_path):
    cache = tmp_path / "kept"
    first = bench({"lfw": lfw}, profile="fake", cache=cache)
    assert len(list(cache.iterdir())) == 1
    assert json.dumps(bench({"lfw": lfw}, profile="fake", cache=cache)) == json.dumps(first)


def test_fgnet_needs_its_labels(tmp_path):
    with pytest.raises(DatasetError, match="labels"):
        read_fgnet(tmp_path)
    picture(tmp_path / "001A05.JPG", 1)
    (tmp_path / "labels.csv").write_text("file,person,age,birth_year\n001A05.JPG,1,5,1948\n")
    found = read_fgnet(tmp_path)
    assert found.ages.tolist() == [5]
    assert found.years.tolist() == [1953.5]


def test_utkface_names_say_age_and_gender(tmp_path):
    picture(tmp_path / "26_1_2_20170112.jpg.chip.jpg", 1)
    picture(tmp_path / "notes_on_it.jpg", 1)
    found = read_utkface(tmp_path)
    assert len(found.paths) == 1
    assert found.ages.tolist() == [26]
    assert found.male.tolist() == [0]


def test_heads_that_were_trained_on_utkface_are_scored_on_the_rest(tmp_path):
    names = [f"26_1_2_{n}.jpg.chip.jpg" for n in range(12)]
    for name in names:
        picture(tmp_path / "all" / name, 1)
    unseen = int((splits.parts(names) == "test").sum())
    assert 0 < unseen < 12
    for head, faces in (("faceres", 12), ("onepass", unseen)):
        parts = {"detector": "fake", "embedder": "faceres", "attributes": head}
        (said,) = bench({"utkface": tmp_path / "all"}, parts=parts).values()
        assert said["measured"]["faces"] == faces
    trained = names[list(splits.parts(names)).index("train")]
    picture(tmp_path / "seen" / trained, 1)
    with pytest.raises(DatasetError, match="trained on all of its pictures"):
        bench({"utkface": tmp_path / "seen"}, parts=parts)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="a folder per person"):
        read_lfw(tmp_path)


def labelled(ages, says, *, people=None, years=None, male=1.0):
    n = len(ages)
    probs = np.zeros((n, 100), np.float32)
    probs[np.arange(n), np.array(says) - 1] = 1
    nobody = np.full(n, -1) if people is None else np.array(people)
    when = np.full(n, np.nan) if years is None else np.array(years, float)
    truth = Faces([None] * n, nobody, np.array(ages, float), np.full(n, male), when)
    said = Measured(np.arange(n), np.eye(n, 8, dtype=np.float32), probs, np.full(n, 0.61, "f4"))
    return label(truth, said)


def test_ages_and_genders_are_scored_as_the_net_says_them():
    scores = score_attributes(labelled([20, 30, 40], [22, 30, 36]))
    assert scores["mae_top2"] == pytest.approx(2)
    assert scores["rmse"] == pytest.approx(np.sqrt(20 / 3))
    assert scores["gender"] == 1
    assert score_attributes(labelled([20], [20], male=0.0))["gender"] == 0


def test_adience_ranges():
    true = np.array([1.0, 5, 10, 34, 34, 70])
    said = np.array([2.4, 7, 14, 33, 40, 59])
    assert adience_accuracy(true, said) == pytest.approx(5 / 6)


def test_birth_years_are_scored_person_by_person():
    data = labelled(
        [20, 30, 5, 6], [20, 30, 5, 6], people=[1, 1, 2, 2], years=[2000, 2010, 2000, 2001]
    )
    scores = score_birth_years(data, attribute_calibration("fake"))
    assert scores["people"] == 2
    assert scores["mae"] < 0.6
    assert scores["covered"] == 1


def fairface(folder, rows):
    lines = "".join(f"{name},{age},{sex},Indian\n" for name, age, sex in rows)
    (folder / "fairface_label_val.csv").write_text("file,age,gender,race\n" + lines)


def test_fairface_is_scored_by_range(tmp_path):
    picture(tmp_path / "val" / "1.jpg", 1, age=5, male=True)
    picture(tmp_path / "val" / "2.jpg", 2, age=75, male=False)
    picture(tmp_path / "val" / "3.jpg", 3, age=35, male=False)
    picture(tmp_path / "val" / "4.jpg", 4, age=35, male=True)
    ages = ("3-9", "more than 70", "20-29", "60-69")
    sexes = ("Male", "Female", "Male", "Male")
    names = [f"val/{n}.jpg" for n in (1, 2, 3, 4)]
    fairface(tmp_path, [*zip(names, ages, sexes, strict=True), ("val/9.jpg", "0-2", "Male")])
    said = bench({"fairface": tmp_path}, profile="fake")["fairface"]["measured"]
    assert said["faces"] == 4
    assert said["age_range"] == 0.5
    assert said["age_range_near"] == 0.75
    assert said["gender"] == 0.75


def test_fairface_needs_its_labels(tmp_path):
    picture(tmp_path / "1.jpg", 1)
    with pytest.raises(DatasetError, match=r"fairface_label_val\.csv"):
        read_fairface(tmp_path)
    fairface(tmp_path, [("val/1.jpg", "5-8", "Male")])
    with pytest.raises(DatasetError, match="'5-8'"):
        read_fairface(tmp_path)
    fairface(tmp_path, [("val/2.jpg", "3-9", "Male")])
    with pytest.raises(DatasetError, match="pictures"):
        read_fairface(tmp_path)


def test_a_damaged_picture_counts_as_missed(lfw):
    (lfw / "Person_0" / "Person_0_0009.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    said = bench({"lfw": lfw}, profile="fake")["lfw"]["measured"]
    assert (said["faces"], said["missed"]) == (9, 1)


def test_a_folder_without_faces_is_refused(tmp_path):
    (tmp_path / "Nobody").mkdir()
    Image.new("RGB", (90, 90)).save(tmp_path / "Nobody" / "1.png")
    with pytest.raises(DatasetError, match="no face"):
        bench({"lfw": tmp_path}, profile="fake")


@pytest.mark.parametrize("kept", [False, True])
def test_photos_count_people_and_violations(tmp_path, kept):
    photos = family(tmp_path / "album")
    cache = tmp_path / "kept" if kept else None
    for _ in range(2):
        said = bench({"photos": photos}, profile="fake", cache=cache)["photos"]["measured"]
        assert said["violations"] == said["missed"] == 0
        assert said["people"] == 3
        assert said["passers_by"] == said["alone"] == 1
        assert said["largest"] > 5


def test_two_faces_of_a_photo_in_one_person_are_violations(tmp_path, monkeypatch):
    monkeypatch.setattr(linking, "by_linkage", lambda faces, *_: 0 * faces.photos)
    said = bench({"photos": family(tmp_path)}, profile="fake")["photos"]["measured"]
    assert said["people"] == 1
    assert said["violations"] == 5


def test_the_command_prints_a_table_beside_the_published_figures(lfw):
    done = run("bench", "--lfw", lfw, "--profile", "fake")
    assert done.code == 0
    assert "BCubed F " in done.out
    assert "0.966" in done.out
    told = json.loads(run("bench", "--lfw", lfw, "--profile", "fake", "--json").out)
    assert told["lfw"]["measured"]["bcubed_f"] == 1
