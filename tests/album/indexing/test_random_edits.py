"""Random edits by other programs between random decisions: no name, face or decision is ever lost.

What other programs have written is not touched, either, whatever is exported in between.
"""

import json
import random
import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest
from PIL import Image

from tests.album.albums import ANNA, BERT, CLEO, Drawn, Shelf, are_alike, photo

pytestmark = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="exiftool is not installed"
)

ORIENTATION = 0x0112
TURNS = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_270,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATIONS = (1, *TURNS)
FOREIGN = ("-XMP-xmp:Rating", "-XMP-dc:Title", "-IPTC:ObjectName", "-IPTC:Keywords", "-Comment",
           "-EXIF:Artist", "-EXIF:Orientation#", "-XMP-acdsee:Categories")  # fmt: skip
DECISIONS = {
    "assigned": "SELECT face_id, person_id FROM assignment WHERE source != 'auto'",
    "rejected": "SELECT face_id, person_id FROM rejection",
    "compared": "SELECT person_a, person_b, verdict FROM comparison",
    "exempt": "SELECT photo_id FROM exemption",
    "people": "SELECT id, name, hidden, born_override, gender_override FROM person"
    " WHERE name IS NOT NULL",
    "dated": "SELECT photo_id, taken_at FROM date_override",
    "forgotten": "SELECT photo_id FROM forgotten",
    "history": "SELECT id, undone FROM event",
}


class Album:
    """A library, its photos, and a chance for everything that can happen to them."""

    def __init__(self, folder, chance):
        self.chance, self.shelf, self.photos = chance, Shelf(folder), folder / "photos"
        self.number = 0
        self.resaved: set = set()
        self.copied: set = set()
        for year in range(2000, 2008):
            anna, bert = Drawn(ANNA, year - 1980, male=False), Drawn(BERT, year - 1970)
            photo(self.photos / f"{year}.jpg", anna, bert, year=year)
        photo(self.photos / "cleo.jpg", Drawn(CLEO, 20), year=2005)
        self.shelf.index(self.photos)
        for person, name in zip(self.shelf.people("--all"), ("Anna", "Bert", "Cleo"), strict=True):
            self.ask("name", person["id"], name)

    def ask(self, *words):
        ran = self.shelf(*words)
        assert ran.code in (0, 1, 3), ran
        return ran

    def rows(self, query):
        with closing(sqlite3.connect(self.shelf.path)) as raw:
            return sorted(raw.execute(query).fetchall(), key=repr)

    def named(self):
        """Return the photos of everybody who has a name, whatever their files are called."""
        return self.rows(
            "SELECT DISTINCT person.name, face.photo_id FROM person"
            " JOIN assignment ON assignment.person_id = person.id"
            " JOIN face ON face.id = assignment.face_id WHERE person.name IS NOT NULL"
        )

    def decisions(self):
        return {name: self.rows(query) for name, query in DECISIONS.items()}

    def files(self):
        return sorted(self.photos.rglob("*.jpg"))

    def a_file(self):
        return self.chance.choice(self.files())

    def new_name(self):
        self.number += 1
        folder = self.photos / self.chance.choice((".", "a", "b c"))
        folder.mkdir(exist_ok=True)
        return folder / f"{self.number}.jpg"

    def with_sidecar(self, path, new, act):
        act(path, new)
        sidecar = path.with_name(f"{path.name}.xmp")
        if sidecar.exists():
            act(sidecar, new.with_name(f"{new.name}.xmp"))

    # What other programs do.

    def edit(self):
        number = self.chance.randrange(1, 1000)
        words = self.chance.choice(
            (
                [f"-Rating={number % 6}"],
                [f"-XMP-dc:Title=title {number}", f"-IPTC:ObjectName=title {number}"],
                [f"-IPTC:Keywords+=place {number}", f"-XMP-dc:Subject+=place {number}"],
                [f"-Comment=comment {number}"],
                [f"-Artist=artist {number}"],
                ["-n", f"-Orientation={self.chance.choice(ORIENTATIONS)}"],
                [
                    "-struct",
                    f"-RegionInfo={{AppliedToDimensions={{W=100,H=100,Unit=pixel}},RegionList=[{{Area={{"
                    f"X=0.9,Y=0.9,W=0.05,H=0.05,Unit=normalized}},Name=dog {number},Type=Pet}}]}}",
                ],
            )
        )
        exiftool("-q", "-overwrite_original", *words, self.a_file())

    def rename(self):
        path = self.a_file()
        if path not in self.resaved:  # re-saved and at another place, it is a photo of its own
            self.with_sidecar(path, self.new_name(), shutil.move)

    def copy(self):
        path = self.a_file()
        self.copied.add(path)
        self.with_sidecar(path, self.new_name(), shutil.copy2)

    def resave(self):
        path = self.a_file()
        held = self.rows(
            "SELECT path, photo_id, phash FROM file JOIN photo ON photo.id = photo_id"
            " WHERE gone_at IS NULL"
        )
        mine = {photo_id: phash for known, photo_id, phash in held if known == bytes(path)}
        if path in self.copied or sum(one[1] in mine for one in held) != 1:
            return  # the original is elsewhere, too: what was re-saved is a photo of its own
        with Image.open(path) as image:
            image.load()
            orientation = image.getexif().get(ORIENTATION, 1)
        anew = image.transpose(self.chance.randrange(7)) if self.chance.random() < 0.3 else image
        shown = anew.transpose(TURNS[orientation]) if orientation in TURNS else anew
        if not are_alike(*mine.values(), shown):
            return
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        anew.save(path, quality=95, exif=exif)
        self.resaved.add(path)

    # What the user does.

    def decide(self):
        people = [person["id"] for person in self.shelf.people("--all")]
        person = self.chance.choice(people)
        seen = self.shelf.seen(person)
        face = self.chance.choice(seen)["face_id"] if seen else 0
        words = self.chance.choice(
            (
                ["name", person, f"Name {self.chance.randrange(100)}"],
                ["move", face, self.chance.choice([*people, "new"]), "--force"],
                ["reject", face],
                ["set", person, "--born", 1950 + self.chance.randrange(50)],
                ["hide", person],
                ["unhide", person],
                ["dates", "set", self.a_file(), "--date", f"19{self.chance.randrange(60, 99)}"],
                ["undo"],
            )
        )
        if words[0] == "dates":
            self.shelf("dates", *words[1:])
        else:
            self.shelf(*words)

    def foreign(self):
        """Return what other programs have written, by file; without our own keywords."""
        said = json.loads(
            exiftool(
                "-j", "-G1", "-a", "-struct", "-XMP-mwg-rs:RegionInfo", *FOREIGN, *self.files()
            )
        )
        for one in said:
            regions = one.pop("XMP-mwg-rs:RegionInfo", {}).get("RegionList", [])
            one["pets"] = [r for r in regions if r.get("Type") == "Pet"]
        return {one.pop("SourceFile"): one for one in said}


def exiftool(*words):
    ran = subprocess.run(
        ["exiftool", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def run(folder, seed, rounds):
    album = Album(folder, random.Random(seed))
    chance = album.chance
    for number in range(rounds):
        for _ in range(chance.randrange(3)):
            album.decide()
        named, decisions = album.named(), album.decisions()
        for _ in range(chance.randrange(1, 5)):
            chance.choice(
                (album.edit, album.edit, album.edit, album.rename, album.copy, album.resave)
            )()
        report = album.shelf.index(album.photos)
        album.resaved.clear()
        album.copied.clear()
        where = f"seed {seed}, round {number}"
        assert report["photos"] == 0, where
        assert album.decisions() == decisions, where
        assert set(named) <= set(album.named()), where
        foreign = album.foreign()
        how = chance.choice(([], ["--embed"], ["--sidecar-style", "adobe"], None))
        if how is not None:
            album.ask("export", "--xmp", *how)
            assert album.foreign() == foreign, where
        if chance.random() < 0.3:
            album.ask("import-tags", album.photos)
            after = album.decisions()
            assert {key: decisions[key] for key in ("rejected", "compared", "dated")} == {
                key: after[key] for key in ("rejected", "compared", "dated")
            }, where
            assert set(decisions["assigned"]) <= set(after["assigned"]), where
        assert album.shelf.index(album.photos)["photos"] == 0, where


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_lost(tmp_path, seed):
    run(tmp_path, seed, 4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_nothing_is_lost_in_the_long_run(tmp_path, seed):
    run(tmp_path, seed, 12)
