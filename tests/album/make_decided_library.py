"""Make the library of `tests.album.kept`: ``python -m tests.album.make_decided_library FOLDER``.

It was run once, by the version that wrote format 4, and its result is kept. For another format it
is run again into fixtures of that format's own; what is there is never replaced.

Everything is drawn, decided through the commands, or through the functions behind the pages where
there is no command. The same version makes the same files again, byte by byte: times of writing
become a fixed series that keeps their order, and the folder becomes `HOME`.
"""

import json
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image

from album.edits.answers import answer
from album.edits.decisions import undo
from album.edits.marking import library_engine, mark_face
from db.engine.migrations import APPLICATION_ID
from db.library import Library
from db.people.faces import face_rows
from db.people.people import find_person
from db.people.suggestions import Question
from db.photos.photos import photo_at
from db.rows import FaceRow
from tests.album.albums import Drawn, Ran, Shelf, photo, picture
from tests.album.drawn_clips import Placed, still, write
from tests.album.kept import (
    HOME,
    LIBRARY,
    PHOTOS,
    SAID,
    decisions,
    move_paths,
    names_in_files,
    set_times,
)
from tests.album.media_files import exif
from tests.album.tags.importing.test_import_tags import place, sidecar

ANNA, BERT, CLEO, DORA, EMIL, FINN, GRETA, HUGO, NOBODY = range(1, 10)
CHILD, BEARD, GUEST, PASSER = range(21, 25)
"""Anna as a child and Bert with a beard, whom no net takes for them; somebody in a clip only."""
BORN = {ANNA: 1980, BERT: 1970, CLEO: 1985, DORA: 1950, EMIL: 1990, FINN: 1975, GRETA: 1960,
        HUGO: 1972, NOBODY: 1978, CHILD: 1995, BEARD: 1955, GUEST: 1965, PASSER: 1940}  # fmt: skip
WOMEN = {ANNA, CLEO, DORA, GRETA, NOBODY, CHILD}
NEXT = ",\n"
SMALL = 72
"""Side of the drawn faces in pixels."""
IN_PHOTOS = {
    "2000/anna bert.jpg": (ANNA, BERT), "2001/anna.jpg": (ANNA,), "2001/bert.jpg": (BERT,),
    "2002/anna bert.jpg": (ANNA, BERT), "2002/cleo dora.jpg": (CLEO, DORA),
    "2003/child 1.jpg": (CHILD,), "2003/child 2.jpg": (CHILD,), "2003/dora emil.jpg": (DORA, EMIL),
    "2004/anna bert.jpg": (ANNA, BERT), "2004/cleo dora.jpg": (CLEO, DORA),
    "2005/bert.jpg": (BERT,), "2005/dora emil.jpg": (DORA, EMIL),
    "2005/anna hugo.jpg": (ANNA, HUGO), "2006/cleo dora.jpg": (CLEO, DORA),
    "2006/finn greta.jpg": (FINN, GRETA), "2006/hugo.jpg": (HUGO,),
    "2007/finn greta.jpg": (FINN, GRETA), "2007/emil.jpg": (EMIL,),
    "2007/bert hugo.jpg": (BERT, HUGO), "2007/beard 1.jpg": (BEARD,), "2007/beard 2.jpg": (BEARD,),
    "2008/finn.jpg": (FINN,), "2008/collage.jpg": (ANNA, ANNA), "2008/mirror.jpg": (FINN, FINN),
    "2008/nobody 1.jpg": (NOBODY,), "2008/nobody 2.jpg": (NOBODY,), "2008/missed.jpg": (PASSER,),
    "2008/forgotten.jpg": (BERT, FINN), "2008/gone.jpg": (ANNA, FINN),
}  # fmt: skip


def drawn(who: int, year: int) -> Drawn:
    return Drawn(who, year - BORN[who], who not in WOMEN)


def draw(folder: Path) -> None:
    """Draw the album: JPEG, PNG, a sideways JPEG, a clip, an exact copy, an undated scan."""
    for number, (name, who) in enumerate(IN_PHOTOS.items()):
        year = int(name[:4])
        faces = [drawn(one, year) for one in who]
        day = f"{1 + number % 12:02}:{1 + number % 28:02}"
        photo(folder / name, *faces, year=year, day=day, shade=40 + 5 * number, side=SMALL)
    (folder / "copies").mkdir()
    for name in ("again.jpg", "once more.jpg"):
        shutil.copy(folder / "2004/anna bert.jpg", folder / "copies" / name)
    photo(folder / "scans/cleo.jpg", drawn(CLEO, 2004), year=None, shade=33, side=SMALL)
    photo(folder / "scans/dora.jpg", drawn(DORA, 2004), year=None, shade=44, side=SMALL)
    block = exif(original="2008:11:12 13:14:15")
    picture(drawn(DORA, 2008), side=SMALL).save(folder / "2008/dora.png", exif=block)
    sideways = picture(drawn(CLEO, 2008), drawn(FINN, 2008), shade=55, side=SMALL)
    sideways = sideways.transpose(Image.Transpose.ROTATE_90)
    block = exif(original="2008:11:13 13:14:15", orientation=6)
    sideways.save(folder / "2008/sideways.jpg", quality=92, exif=block)
    anna = Placed(ANNA, 20, 30, 60, age=28, male=False)
    guest = Placed(GUEST, 150, 60, 60, age=43)
    frames = [still(anna, guest, size=(240, 160))] * 12
    write(folder / "2008/party.mp4", frames, rate=6, created="2008-08-06T07:08:09Z")
    (folder / "2008/empty.jpg").touch()
    sidecar(folder / "2007/emil.jpg", ("Emil", place(0, side=SMALL)), names=("Emil",))
    sidecar(folder / "2008/nobody 1.jpg", names=("Zoë",))


class Maker(Shelf):
    """The library, and what is said to it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.photos = folder / "Pictures"

    def say(self, command: str, *words: object) -> Ran:
        """Run a command, which has to succeed; of the index, one file is known to fail."""
        ran = self(command, *words)
        assert ran.code in ((0, 3) if command == "index" else (0,)), ran.err
        return ran

    def read(self) -> None:
        self.say("index", "--profile", "fake", "--jobs", 1, self.photos)

    def faces(self, name: str) -> list[FaceRow]:
        """Return the faces of a photo from left to right."""
        with Library.open(self.path, read_only=True) as library:
            found = photo_at(library, str(self.photos / name))
            rows = list(face_rows(library, photo_id=found.photo_id))
        return sorted(rows, key=lambda row: row.box[0])

    def face(self, name: str, at: int = 0) -> int:
        return self.faces(name)[at].face_id

    def who(self, name: str, at: int = 0) -> int:
        found = self.faces(name)[at].person_id
        assert found is not None
        return found

    def name_people(self) -> None:
        for who, photo_name, at in (
            ("Anna Bell", "2001/anna.jpg", 0),
            ("Bert", "2001/bert.jpg", 0),
            ("Cléo", "2002/cleo dora.jpg", 0),
            ("Dora Ödegaard", "2002/cleo dora.jpg", 1),
            ("Fin", "2008/finn.jpg", 0),
            ("Greta Vogel", "2006/finn greta.jpg", 1),
            ("Hugo", "2006/hugo.jpg", 0),
        ):
            self.say("name", self.who(photo_name, at), who)
        self.say("name", "Fin", "Finn")

    def correct_faces(self) -> None:
        """Merge, split, move, reject: each against what the nets see."""
        self.say("merge", "Anna Bell", self.who("2003/child 1.jpg"))
        self.say("split", "Dora Ödegaard", self.face("2006/cleo dora.jpg", 1))
        self.say("name", self.who("2006/cleo dora.jpg", 1), "Dora's sister")
        self.say("move", self.face("2005/bert.jpg"), "Finn")
        self.say("move", self.face("2005/dora emil.jpg", 1), "new")
        self.say("reject", self.face("2007/bert hugo.jpg", 1))
        self.say("move", self.face("2008/party.mp4", 1), "Hugo")

    def say_facts(self) -> None:
        self.say("set", "Anna Bell", "--born", "1980-05-17", "--gender", "f")
        self.say("set", "Cléo", "--gender", "m")
        self.say("set", "Dora's sister", "--born", "1952")
        self.say("set", self.who("2008/nobody 1.jpg"), "--born", "1978-03")
        self.say("set", "Bert", "--cover", self.face("2002/anna bert.jpg", 1))
        self.say("hide", "Hugo")
        self.say("dates", "set", self.photos / "scans/cleo.jpg", "--date", "1994-07")
        self.say("dates", "set", self.photos / "2007/emil.jpg", "--shift", "+1y")

    def mark_and_allow(self) -> None:
        """Mark a face that no detector sees, and let people be twice in photos."""
        self.say("same-person-twice", self.photos / "2008/collage.jpg")
        both = [self.face("2008/collage.jpg", at) for at in (0, 1)]
        self.say("move", *both, "Anna Bell")
        self.say("same-person-twice", self.photos / "2008/mirror.jpg")
        others = {self.who("2008/mirror.jpg", at) for at in (0, 1)} - {self.who("2008/finn.jpg")}
        self.say("merge", "Finn", *others)
        with Library.open(self.path) as library:
            found = photo_at(library, str(self.photos / "2008/missed.jpg"))
            cleo = find_person(library, "Cléo").person_id
            box = (2.0, 2.0, 22.0, 22.0)
            mark_face(library, library_engine(library), found.photo_id, box, person_id=cleo)

    def answer_questions(self) -> None:
        nobody, emil = self.who("2008/nobody 1.jpg"), self.who("2005/dora emil.jpg", 1)
        with Library.open(self.path, read_only=True) as library:
            cleo, dora = (find_person(library, one).person_id for one in ("Cléo", "Dora Ödegaard"))
        self.say("suggest", "--answer", f"{nobody},{cleo}", "no")
        self.say("suggest", "--answer", f"{nobody},{emil}", "skip")
        with Library.open(self.path) as library:
            answer(library, Question("name", (nobody,), ()), "skip")
            part = Question("split", (dora,), (), (self.face("2003/dora emil.jpg", 0),))
            answer(library, part, "skip")

    def forget(self) -> None:
        self.say("forget", "Greta Vogel", "--yes")
        self.say("forget", "--photo", self.photos / "2008/forgotten.jpg", "--yes")

    def write_tags(self) -> None:
        """Write names beside the photos of some years, and into those of others."""
        years = sorted(self.photos.glob("20??"))
        early, late = years[:5], years[5:]
        self.say("export", "--xmp", *early, self.photos / "copies")
        self.say("export", "--xmp", "--embed", *late)

    def decide(self) -> None:
        """Say everything; the last change is a merge, the last but one undone."""
        draw(self.photos)
        set_times(self.photos)
        self.read()
        self.name_people()
        self.correct_faces()
        self.say_facts()
        self.mark_and_allow()
        self.read()
        self.answer_questions()
        self.say("import-tags")
        self.write_tags()
        (self.photos / "2008/gone.jpg").unlink()
        self.read()
        self.forget()
        self.say("name", self.who("2007/beard 1.jpg"), "Uncle Bob")
        self.say("merge", "Bert", "Uncle Bob", "--force")
        self.say("hide", "Finn")
        self.say("undo")
        self.write_tags()
        set_times(self.photos)
        self.read()


# Packing


def sql_of(path: Path, photos: Path) -> str:
    """Return a library as text: in its folder `HOME`, with times of a series of their own."""
    with closing(sqlite3.connect(path)) as raw:
        move_paths(raw, str(photos), HOME)
        raw.execute("UPDATE analysis SET seconds = 0.25")
        for key, written in raw.execute("SELECT rowid, written FROM tagged").fetchall():
            in_order = json.dumps(json.loads(written), sort_keys=True)
            raw.execute("UPDATE tagged SET written = ? WHERE rowid = ?", (in_order, key))
        lines = "\n".join(raw.iterdump())
    return f"PRAGMA application_id = {APPLICATION_ID};\n{with_fixed_times(lines)}\n"


def with_fixed_times(text: str) -> str:
    """Replace the times of this run, in their order, by milliseconds of one second."""
    today = datetime.now().strftime("%Y-%m-")
    pattern = re.compile(rf"{today}\d\d[ T]\d\d:\d\d:\d\d\.\d{{6}}")
    found = sorted({one.replace("T", " ") for one in pattern.findall(text)})
    first = datetime(2026, 12, 1, 12)
    fixed = {one: first + timedelta(milliseconds=at) for at, one in enumerate(found, 1)}

    def replaced(match: re.Match[str]) -> str:
        one = match[0]
        return fixed[one.replace("T", " ")].isoformat(sep=one[10], timespec="microseconds")

    return pattern.sub(replaced, text)


def pack(photos: Path, into: Path) -> None:
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(photos.rglob("*")):
            if path.is_file():
                about = zipfile.ZipInfo(str(path.relative_to(photos)), (2009, 2, 3, 4, 5, 6))
                about.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(about, path.read_bytes())


def said_by(maker: Maker) -> dict[str, object]:
    """Return what the library says now, and what would be different without the last change."""
    with Library.open(maker.path) as library:
        now = decisions(library, maker.photos, covers=["Bert"])
    other = maker.path.with_name("undone.db")
    shutil.copy(maker.path, other)
    with Library.open(other) as library:
        undo(library)
        then = decisions(library, maker.photos, covers=["Bert"])
    parts = [part for part in then if part != "history" and then[part] != now[part]]
    different = {part: then[part] for part in parts}
    return {**now, "tags": names_in_files(maker.photos), "after_undo": different}


def lines_of(said: dict[str, object]) -> str:
    """Return JSON with one line for each thing that was said."""

    def part(name: str, value: object, indent: str) -> Iterator[str]:
        key = f"{indent}{json.dumps(name)}: "
        rows = value if isinstance(value, list) else []
        inside = indent + "  "
        if isinstance(value, dict):
            parts = ["\n".join(part(*item, inside)) for item in value.items()]
            yield f"{key}{{\n{NEXT.join(parts)}\n{indent}}}"
        elif rows and isinstance(rows[0], (dict, list)):
            texts = [inside + json.dumps(row, ensure_ascii=False) for row in rows]
            yield f"{key}[\n{NEXT.join(texts)}\n{indent}]"
        else:
            yield key + json.dumps(value, ensure_ascii=False)

    parts = ["\n".join(part(*item, "  ")) for item in said.items()]
    return f"{{\n{NEXT.join(parts)}\n}}\n"


def make(out: Path) -> None:
    """Write the three files into a folder, which must not have them."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    files = [out / one.name for one in (LIBRARY, PHOTOS, SAID)]
    if there := [path.name for path in files if path.exists()]:
        raise SystemExit(f"{', '.join(there)} is kept, and never made again.")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = os.environ["XDG_DATA_HOME"] = f"{folder}/cache"
        maker = Maker(Path(folder))
        maker.decide()
        library, photos, said = files
        said.write_text(lines_of(said_by(maker)), "utf-8")
        pack(maker.photos, photos)
        library.write_text(sql_of(maker.path, maker.photos), "utf-8")
        assert folder not in library.read_text("utf-8") + said.read_text("utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
