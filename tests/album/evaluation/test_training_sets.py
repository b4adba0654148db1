"""Sets that are trained on, in the layouts in which they are given out."""

from datetime import date

import numpy as np
import pytest
from scipy.io import savemat

from album.evaluation.datasets import DatasetError
from album.evaluation.imdb_wiki import ages_of, inside, read_imdb_wiki, read_mat
from album.evaluation.training_sets import READERS, layout_of, middle_of_group, read_adience


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def adience(root, header="user_id\toriginal_image\tface_id\tage\tgender\tx\ty"):
    picture(root / "aligned/7@N0/landmark_aligned_face.2.a.jpg")
    picture(root / "aligned/7@N0/landmark_aligned_face.3.b.jpg")
    picture(root / "faces/8@N0/coarse_tilt_aligned_face.4.c.jpg")
    (root / "fold_0_data.txt").write_text(
        f"{header}\n7@N0\ta.jpg\t2\t(25, 32)\tf\t0\t0\n7@N0\tgone.jpg\t2\t(0, 2)\tf\t0\t0\n"
        "7@N0\tb.jpg\t3\tNone\tm\t0\t0\n"
    )
    (root / "fold_1_data.txt").write_text(f"{header}\n8@N0\tc.jpg\t4\t35\tu\t0\t0\n8@N0\tshort\n")
    return root


def vggface2(root):
    for name in ("train/n000002/0001_01.jpg", "train/n000002/0002_01.jpg", "test/n000001/9_02.jpg"):
        picture(root / name)
    picture(root / "train/n000099/0001_01.jpg")
    (root / "identity_meta.csv").write_text(
        "Class_ID, Name, Sample_Num, Flag, Gender\n"
        'n000001, "14th_Dalai_Lama", 424, 0, m\nn000002, "A_Fine_Frenzy", 315, 1, f\n'
    )
    (root / "loose_bb_train.csv").write_text(
        'NAME_ID,X,Y,W,H\n"n000002/0001_01",161,140,224,324\n"n000002/0002_01",x,1,2,3\n'
    )
    return root


def fairface(root):
    for name in ("train/1.jpg", "val/1.jpg"):
        picture(root / name)
    header = "file,age,gender,race,service_test\n"
    (root / "fairface_label_train.csv").write_text(f"{header}train/1.jpg,50-59,Male,White,True\n")
    (root / "fairface_label_val.csv").write_text(f"{header}val/1.jpg,3-9,Female,Indian,False\n")
    return root


def days(year, month, day):
    return date(year, month, day).toordinal() + 366


def wiki(root, **changes):
    """Write a list as given out: dates in days of MATLAB, paths and names in cells."""
    names = [picture(root / f"0{i}/{i}_face.jpg").relative_to(root).as_posix() for i in range(6)]
    columns = {
        "dob": np.array([days(1980, 6, 30), days(1980, 7, 3), 0, days(1990, 1, 1), 7e5, 7.1e5]),
        "photo_taken": np.array([2010, 2010, 2010, 2010, 2010, 2011], np.uint16),
        "full_path": np.array([*names[:4], "../secret.jpg", names[5]], object),
        "gender": np.array([1.0, 0.0, 1.0, 1.0, 0.0, np.nan]),
        "name": np.array(["A B", "C D", "E", "F", "G", ""], object),
        "face_score": np.array([4.0, 2.5, 3.0, -np.inf, 4.0, 3.0]),
        "second_face_score": np.array([np.nan, np.nan, np.nan, np.nan, np.nan, np.nan]),
    }
    savemat(root / "wiki.mat", {"wiki": columns | changes}, do_compression=True)
    return root


def test_adience_has_the_middles_of_groups(tmp_path):
    found = read_adience(adience(tmp_path))
    assert [path.name.split(".")[1] for path in found.faces.paths] == ["2", "3", "4"]
    np.testing.assert_array_equal(found.faces.ages, [28.5, np.nan, 35])
    np.testing.assert_array_equal(found.faces.male, [0, 1, np.nan])
    assert list(found.groups) == ["7@N0", "7@N0", "8@N0"]
    assert found.faces.people[0] == found.faces.people[1] != found.faces.people[2]


@pytest.mark.parametrize(
    ("label", "age"),
    [("(0, 2)", 1), ("(60, 100)", 80), ("13", 13), ("", np.nan), ("None", np.nan)],
)
def test_the_middle_of_a_group(label, age):
    np.testing.assert_equal(middle_of_group(label), age)


def test_a_list_without_the_columns_of_adience_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"fold_0_data.txt: no column user_id"):
        read_adience(adience(tmp_path, header="who\twhat"))


def test_vggface2_has_people_genders_and_boxes_but_no_ages(tmp_path):
    found = READERS["vggface2"](vggface2(tmp_path))
    assert [path.parent.name for path in found.faces.paths] == ["n000001", "n000002", "n000002"]
    assert found.faces.male.tolist() == [1, 0, 0]
    assert np.isnan(found.faces.ages).all()
    assert found.boxes[1].tolist() == [161, 140, 385, 464]
    assert np.isnan(found.boxes[[0, 2]]).all()
    assert list(found.groups) == ["n000001", "n000002", "n000002"]


def test_fairface_has_both_its_lists(tmp_path):
    found = READERS["fairface"](fairface(tmp_path))
    assert [path.parent.name for path in found.faces.paths] == ["train", "val"]
    assert found.faces.ages.tolist() == [54.5, 6]
    assert found.faces.male.tolist() == [1, 0]


def test_imdb_wiki_has_one_face_a_picture_and_an_age_that_can_be(tmp_path):
    found = read_imdb_wiki(wiki(tmp_path))
    assert [path.name for path in found.faces.paths] == ["0_face.jpg", "1_face.jpg", "5_face.jpg"]
    assert found.faces.ages[:2].tolist() == [30, 29]
    np.testing.assert_array_equal(found.faces.male, [1, 0, np.nan])
    assert list(found.groups) == ["wiki/A B", "wiki/C D", "5_face.jpg"]


def test_a_second_face_or_a_weak_one_leaves_a_picture_out(tmp_path):
    second = np.array([1.5, np.nan, np.nan, np.nan, np.nan, np.nan])
    weak = np.array([4.0, 2.5, 3.0, 3.0, 4.0, 0.5])
    found = read_imdb_wiki(wiki(tmp_path, second_face_score=second, face_score=weak))
    assert [path.name for path in found.faces.paths] == ["1_face.jpg", "3_face.jpg"]


@pytest.mark.parametrize("said", ["../x.jpg", "/etc/x.jpg", "a/../../x.jpg", "C:\\x.jpg", "", 7])
def test_no_path_leads_out_of_the_folder(tmp_path, said):
    assert inside(tmp_path, said) is None


def test_ages_that_no_date_gives_are_unknown():
    born = np.array([days(2020, 1, 1), days(1850, 1, 1), np.nan, days(1980, 1, 1)])
    assert np.isnan(ages_of(born, np.array([2010, 2010, 2010, np.nan]))).all()


@pytest.mark.parametrize("content", [b"", b"not a MATLAB file at all", b"MATLAB 5.0" + bytes(300)])
def test_a_damaged_list_is_refused(tmp_path, content):
    file = tmp_path / "imdb.mat"
    file.write_bytes(content)
    with pytest.raises(DatasetError, match=r"imdb.mat: "):
        read_mat(file)


def test_a_list_that_is_cut_off_is_refused(tmp_path):
    file = wiki(tmp_path) / "wiki.mat"
    file.write_bytes(file.read_bytes()[:-60])
    with pytest.raises(DatasetError, match="can't be read"):
        read_mat(file)


def test_a_list_with_other_things_in_it_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="not of one length"):
        read_mat(wiki(tmp_path, gender=np.zeros(2)) / "wiki.mat")
    with pytest.raises(DatasetError, match="holds something else"):
        read_mat(wiki(tmp_path, gender=np.array(["a", "b"], object)) / "wiki.mat")
    savemat(tmp_path / "wiki.mat", {"wiki": {"dob": 1}})
    with pytest.raises(DatasetError, match="lacks columns"):
        read_mat(tmp_path / "wiki.mat")


@pytest.mark.parametrize(
    ("make", "layout"),
    [(adience, "adience"), (vggface2, "vggface2"), (fairface, "fairface"), (wiki, "imdb-wiki")],
)
def test_a_layout_is_known_by_its_lists(tmp_path, make, layout):
    assert layout_of(make(tmp_path)) == layout


def test_a_folder_without_lists_is_read_as_utkface(tmp_path):
    picture(tmp_path / "30_1_0_2017.jpg")
    assert layout_of(tmp_path) == "utkface"
    found = READERS["utkface"](tmp_path)
    assert (found.faces.ages[0], found.faces.male[0]) == (30, 0)
    assert list(found.groups) == ["30_1_0_2017.jpg"]


@pytest.mark.parametrize("layout", READERS)
def test_an_empty_folder_is_no_set(tmp_path, layout):
    with pytest.raises(DatasetError):
        READERS[layout](tmp_path)
