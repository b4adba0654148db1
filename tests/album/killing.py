"""One album that lives through many kills: commands are killed at random, and all is looked at."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from tests.album.albums import ANNA, BERT, CLEO, Drawn, photo
from tests.album.tags.importing.test_import_tags import place, sidecar

ROOT = Path(__file__).parents[2]
RUN = "from album.cli import main; main()"
COMMANDS = ("index", "regroup", "merge", "embed", "import", "export")
WITHIN_S = 0.4
"""How long after its first write a command lives at most."""


@dataclass
class Killed:
    """What one kill met and left.

    Attributes
    ----------
    command : str
    writing : bool
        It came after the first write of the command, and before its end.
    leftovers : int
        Temporary files right after it.
    faults : list of str
        What was wrong then, or after the next command.
    """

    command: str
    writing: bool
    leftovers: int
    faults: list[str] = field(default_factory=list)


class Album:
    """A library, its photos and what is made of them, in a folder.

    Parameters
    ----------
    folder : Path
    chance : random.Random
    profile : str
        Of the nets.
    more : callable
        Adds some photos to a folder, given the number of the round.
    """

    def __init__(
        self,
        folder: Path,
        chance: random.Random,
        *,
        profile: str = "fake",
        more: Callable[[Path, int], None],
    ) -> None:
        self.folder, self.chance, self.profile, self._more = folder, chance, profile, more
        self.library, self.photos = folder / "library.db", folder / "photos"
        self.pixels: dict[Path, bytes] = {}
        self.round = 0
        self._apart = ("", "")
        (folder / "tmp").mkdir(parents=True)
        self.grow()
        self.run(*self.words("index"))

    # Commands

    def words(self, command: str) -> tuple[str, ...]:
        """Return the command line of one of `COMMANDS`, having made sure that it has work."""
        if command == "index":
            return ("index", str(self.photos), "--profile", self.profile, "--jobs", "2")
        if command == "merge":
            return ("merge", *self._apart, "--force")
        if command == "embed":
            return ("export", "--xmp", "--embed")
        if command == "import":
            return ("import-tags",)
        if command == "export":
            formats = [
                word for one in ("csv", "json", "folders", "html") for word in ("--format", one)
            ]
            return ("export", str(self.folder / "out"), *formats, "--link", "copy", "--all")
        return (command,)

    def prepare(self, command: str) -> None:
        """Give a command something to do."""
        people = self.people()
        if command in ("index", "import"):
            self.grow()
        if command == "import":
            self.run(*self.words("index"))
        if command == "merge":
            self._apart = self._take_apart()
        if command in ("embed", "export", "regroup"):
            person = self.chance.choice(list(people))
            self.run("name", str(person), f"Name {self.round}", "--force", check=False)

    def _take_apart(self) -> tuple[str, str]:
        """Make a face of somebody another person's, who has no name; return the two."""
        rows = self.ask(
            "SELECT person_id, max(face_id), count(*) FROM assignment GROUP BY person_id"
        )
        person, face, _ = self.chance.choice([row for row in rows if row[2] > 1])
        before = set(self.people())
        self.run("split", str(person), str(face))
        (new,) = set(self.people()) - before
        return str(person), str(new)

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run a command to its end."""
        done = subprocess.run(
            self._line(words), check=False, capture_output=True, text=True, **self._how()
        )
        if check and done.returncode not in (0, 3):
            raise AssertionError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr}")
        return done

    def kill(self, command: str) -> Killed:
        """Kill a command at a random moment; look at everything, also after the next commands."""
        self.round += 1
        self.prepare(command)
        words, names = self.words(command), self.names()
        before = self._written()
        process = subprocess.Popen(
            self._line(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._how()
        )
        while process.poll() is None and self._written() == before:
            time.sleep(0.001)
        time.sleep(self.chance.uniform(0, self.chance.choice((0.02, WITHIN_S))))
        writing = process.poll() is None
        process.kill()
        process.wait()
        killed = Killed(command, writing, len(self.leftovers()))
        killed.faults += [f"after the kill: {fault}" for fault in self.faults(names, command)]
        self.run("status")
        killed.faults += [f"left for good: {path.name}" for path in self.leftovers()]
        again = self.run(*words, check=False)
        refused = command == "merge" and again.returncode in (1, 2)  # they are one already
        if again.returncode not in (0, 3) and not refused:
            killed.faults.append(
                f"the next {command} ended with {again.returncode}: {again.stderr}"
            )
        killed.faults += [f"after the next: {fault}" for fault in self.faults(names, command)]
        killed.faults += [f"left by the next: {path.name}" for path in self.leftovers()]
        return killed

    def _line(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-c", RUN, words[0], "--library", str(self.library), *words[1:]]

    def _how(self) -> dict:
        places = {name: str(self.folder / "home") for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME")}
        environment = os.environ | places | {"TMPDIR": str(self.folder / "tmp")}
        return {"cwd": ROOT, "env": environment | {"PYTHONPATH": str(ROOT)}}

    # What is there

    def grow(self) -> None:
        """Add photos, and remember their pixels."""
        self._more(self.photos, self.round)
        for path in self._pictures():
            if path not in self.pixels:
                self.pixels[path] = _pixels(path)

    def ask(self, query: str) -> list[tuple]:
        with closing(sqlite3.connect(self.library)) as raw:
            return raw.execute(query).fetchall()

    def people(self) -> dict[int, str | None]:
        return dict(self.ask("SELECT id, name FROM person ORDER BY id"))

    def names(self) -> set[str]:
        return {name for name in self.people().values() if name}

    def leftovers(self) -> list[Path]:
        """Return temporary files of this program, wherever they could lie."""
        hidden = list(self.folder.rglob(".album-*-*"))
        other = [
            path for end in ("*.part", "*.partial", "*.tmp") for path in self.folder.rglob(end)
        ]
        return sorted({*hidden, *other, *(self.folder / "tmp").iterdir()})

    def faults(self, names: set[str], command: str) -> list[str]:
        """Return all that should not be, in words."""
        found = [
            f"integrity: {row[0]}" for row in self.ask("PRAGMA integrity_check") if row[0] != "ok"
        ]
        found += [f"foreign key: {row}" for row in self.ask("PRAGMA foreign_key_check")]
        twice = self.ask(
            "SELECT photo_id, person_id FROM assignment JOIN face ON face.id = face_id"
            " WHERE photo_id NOT IN (SELECT photo_id FROM exemption)"
            " GROUP BY photo_id, person_id HAVING count(*) > 1"
        )
        found += [f"person {person} twice in photo {one}" for one, person in twice]
        now = self.names()
        found += [f"the name {name} is lost" for name in names - now]
        if command != "import":
            found += [f"the name {name} came from nowhere" for name in now - names]
        for path, pixels in self.pixels.items():
            try:
                same = _pixels(path) == pixels
            except OSError as error:
                found.append(f"{path.name} can't be read: {error}")
            else:
                found += [] if same else [f"{path.name} has other pixels"]
        return found

    def _pictures(self) -> list[Path]:
        return sorted(self.photos.rglob("[!.]*.jpg"))

    def _written(self) -> tuple:
        """Return what changes with the first write of a command."""
        log = Path(f"{self.library}-wal")
        try:
            status = log.stat()
            stored = (status.st_size, status.st_mtime_ns) if status.st_size else None
        except FileNotFoundError:
            stored = None
        out = self.folder / "out"
        folders = (out, *(self.photos, out / "people", out / "html"))
        return stored, *(one.stat().st_mtime_ns if one.exists() else 0 for one in folders)


def _pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).tobytes()


def drawn(folder: Path, number: int, count: int = 8) -> None:
    """Add photos of two drawn people each; in a third of them another program has named both."""
    who, names = (ANNA, BERT, CLEO), ("Ann", "Bert", "Cleo")
    for i in range(count):
        one, two = (number + i) % 3, (number + i + 1) % 3
        path = folder / f"{number:03}-{i}.jpg"
        photo(path, Drawn(who[one]), Drawn(who[two]), shade=(7 * number + i) % 200, year=2000 + i)
        if i % 3 == 0:
            sidecar(path, (names[one], place(0, 2)), (names[two], place(1, 2)))
