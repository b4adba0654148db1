"""Photos that nearly repeat others are marked, and nothing else follows from it."""

from datetime import datetime, timedelta

import numpy as np
from PIL import Image

from album.indexing.duplicates import SAME_BITS, bursts, groups, representatives, same_pictures
from album.media.perceptual_hash import bits_apart, perceptual_hash
from db.photos.duplicates import PhotoHashes
from tests.album.albums import ANNA, BERT, Drawn, Shelf, photo, picture
from tests.album.media_files import exif


def scene(seed, size=(640, 480)):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def apart(a, b):
    return int(bits_apart(np.array([a]), np.array([b]))[0])


def test_a_picture_at_another_size_has_nearly_the_same_hash():
    for seed in range(8):
        one = scene(seed)
        assert apart(perceptual_hash(one), perceptual_hash(one.resize((200, 150)))) <= SAME_BITS
        brighter = Image.fromarray((np.asarray(one) * 0.9).astype(np.uint8))
        assert apart(perceptual_hash(one), perceptual_hash(brighter)) <= SAME_BITS
        assert apart(perceptual_hash(one), perceptual_hash(scene(seed + 100))) > 12


def test_a_picture_of_one_colour_has_a_hash():
    assert isinstance(perceptual_hash(Image.new("RGB", (1, 1), (9, 9, 9))), int)


def looks(hashes, seconds, *, source="exif-original", sizes=None):
    n = len(hashes)
    start = datetime(2020, 1, 1)
    taken = [None if s is None else start + timedelta(seconds=s) for s in seconds]
    width = np.array(sizes or [400] * n, np.int64)
    return PhotoHashes(
        photo_id=np.arange(10, 10 + n),
        phash=np.array(hashes, np.int64),
        width=width,
        height=width * 3 // 4,
        taken=np.array(taken, "datetime64[ms]"),
        source=np.array([source] * n),
        precision=np.array(["second"] * n),
        marked=np.zeros(n, np.int64),
    )


def slow_pairs(found):
    """Every pair, looked at one by one."""
    n = len(found)
    near = set()
    for i in range(n):
        for j in range(i + 1, n):
            bits = apart(found.phash[i], found.phash[j])
            seconds = abs(found.taken[i] - found.taken[j]) / np.timedelta64(1, "s")
            if bits <= SAME_BITS or (seconds <= 10 and bits <= 14):
                near.add((i, j))
    return near


def test_all_pairs_are_found_that_a_slow_search_finds():
    rng = np.random.default_rng(0)
    base = rng.integers(-(2**63), 2**63, 12, np.int64)
    hashes = []
    for _ in range(150):
        flips = rng.choice(64, int(rng.integers(0, 18)), replace=False)
        mask = np.bitwise_or.reduce(np.uint64(1) << flips.astype(np.uint64), initial=np.uint64(0))
        hashes.append(int((rng.choice(base).view(np.uint64) ^ mask).view(np.int64)))
    found = looks(hashes, rng.integers(0, 400, 150).tolist())
    pairs = {tuple(sorted(pair)) for pair in (*bursts(found), *same_pictures(found))}
    assert pairs == slow_pairs(found)
    assert len(pairs) > 20


def test_dates_that_are_not_to_be_trusted_make_no_burst():
    assert not list(bursts(looks([0, 1], [0, 1], source="mtime")))
    assert list(bursts(looks([0, 1], [0, 1]))) == [(0, 1)]
    assert not list(bursts(looks([0, 1], [None, 1])))


def test_the_largest_stands_for_all_and_shapes_must_agree():
    found = looks([7, 7, 7, 2**40 - 1], [None] * 4, sizes=[300, 900, 900, 900])
    assert representatives(found, groups(found)).tolist() == [11, 11, 11, 13]
    other = looks([7, 7], [None] * 2)
    other.height[1] = 100
    assert not list(same_pictures(other))


def burst(folder, *faces):
    """Three shots within two seconds, and a small copy of the first without a date."""
    for second in range(3):
        image = picture(*faces, shade=90 + second)
        block = exif(original=f"2004:05:06 07:08:0{second}")
        folder.mkdir(parents=True, exist_ok=True)
        image.save(folder / f"shot{second}.jpg", quality=92, exif=block)
    whole = picture(*faces)
    whole.resize((whole.width // 2, whole.height // 2)).save(folder / "small.jpg", quality=80)


def test_marks_in_a_library(tmp_path):
    shelf = Shelf(tmp_path)
    folder = tmp_path / "photos"
    burst(folder / "burst", Drawn(ANNA), Drawn(BERT))
    photo(folder / "other.jpg", Drawn(BERT), Drawn(ANNA, 40), Drawn(3, 20), year=2008)
    shelf.index(folder)
    assert shelf("status", "--json").json["duplicates"] == 3
    assert "3 nearly repeat another" in shelf("status").out
    assert shelf("find", "--count").out == "5\n"
    assert shelf("find", "--no-duplicates", "--count").out == "2\n"
    repeats = shelf("find", "--duplicates", "--json").json["photos"]
    assert len(repeats) == 3 and all("burst" in one["path"] for one in repeats)
    (folder / "burst" / "shot0.jpg").unlink()
    shelf.index(folder)
    assert shelf("find", "--no-duplicates", "--count").out == "2\n"
