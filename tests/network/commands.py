"""Every command of the program once, without an address: what should send nothing."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from nets.runtime.models import load_manifest
from tests.album.albums import family
from tests.album.drawn_clips import Placed, still, write

ALBUM = (sys.executable, "-m", "album")
SCHEDULER = "tcp://127.0.0.1:8786"
REAL = 4
"""Photos with real faces, where the tests have any, so that every net has something to do."""


@dataclass(frozen=True)
class Step:
    """A command to be run in the sandbox.

    Attributes
    ----------
    words : tuple of str
        The whole command line.
    writes : tuple of str
        Where it may write, beside the library and the cache folder.
    codes : tuple of int
        Exit codes that are right.
    until : str, optional
        It is stopped by Ctrl-C when it prints a line with this text.
    pages : tuple of str
        What is then asked of the address in that line before it is stopped.
    beside : tuple of (words, str)
        Commands that run at the same time, and the text by which each says that it is ready.
    environment : tuple of (str, str)
        Variables of its own.
    """

    words: tuple[str, ...]
    writes: tuple[str, ...] = ()
    codes: tuple[int, ...] = (0,)
    until: str = ""
    pages: tuple[str, ...] = ()
    beside: tuple[tuple[tuple[str, ...], str], ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """The command as somebody would type it."""
        words = ["album", *self.words[3:]] if self.words[:3] == ALBUM else list(self.words)
        return " ".join(Path(word).name if word.startswith("/") else word for word in words)


def album(*words: object, **more: object) -> Step:
    return Step((*ALBUM, *map(str, words)), **more)  # type: ignore[arg-type]


def make_inputs(folder: Path) -> None:
    """Make the photos, clips and files that the commands below work on."""
    family(folder / "photos")
    mixed = folder / "mixed"
    family(mixed)
    write(mixed / "clip.mp4", [still(Placed(1, 20, 20, 72)) for _ in range(30)])
    given = Path(os.environ.get("ALBUM_DATA", "")) / "album_g20"
    for path in sorted(given.rglob("*.jpg"))[:REAL] if "ALBUM_DATA" in os.environ else ():
        shutil.copyfile(path, mixed / path.name)
    (folder / "late").mkdir()
    Image.new("RGB", (200, 150)).save(folder / "late" / "first.jpg")
    (folder / "model.pth").write_bytes(b"no model")
    (folder / "batch.toml").write_text(
        f'[cluster]\nworkers = 2\n[[library]]\nname = "one"\nlibrary = "library/batch.db"\n'
        f'photos = "{mixed}"\n'
    )


def steps(folder: Path) -> Iterator[Step]:
    """Yield all of them, in an order in which each has something to do."""
    photos, mixed, out = folder / "photos", folder / "mixed", folder / "out"
    fake = ("--profile", "fake")

    # With the nets, that is, with ONNX Runtime.
    yield album("index", "--library", folder / "library/real.db", mixed)
    yield album("index", "--workers", 2, "--library", folder / "library/workers.db", mixed)
    dask = ("env", f"DASK_TEMPORARY_DIRECTORY={folder / 'dask'}", sys.executable, "-m",
            "distributed.cli.dask_scheduler", "--host", "127.0.0.1")  # fmt: skip
    scheduler = ((*dask, "--no-dashboard", "--dashboard-address", "127.0.0.1:0"), "Scheduler at:")
    worker = ((*ALBUM, "worker", SCHEDULER, "--workers", "1"), "At work for")
    afar = ("--library", folder / "library/scheduler.db", "--scheduler", SCHEDULER)
    yield album("index", *afar, mixed, beside=(scheduler, worker), writes=("dask",))
    yield album("worker", SCHEDULER, "--workers", 1, until="At work", codes=(130,),
                beside=(scheduler,), writes=("dask",))  # fmt: skip
    yield album("batch", folder / "batch.toml")
    yield album("analyze", mixed, out / "analyzed", writes=("out",))
    yield album("watch", "--json", "--library", folder / "library/watch.db", folder / "late",
                until="{")  # fmt: skip
    yield album("bench", "--photos", mixed)
    # What trains is not installed here, or finds no labels: only how it begins is watched.
    yield album("train", "onepass", "--out", out / "heads", photos, codes=(1, 2), writes=("out",))

    # On people of drawn faces.
    yield album("index", *fake, photos)
    yield album("index", *fake, "--read-tags", photos)
    for words in (("people",), ("show", 1, "--faces"), ("status",), ("history",), ("dates",)):
        yield album(*words)
    yield album("find", "--person", 1, "--with", 2)
    yield album("dates", "list")
    yield album("dates", "set", photos / "cleo.jpg", "--date", "1984-07")
    yield album("dates", "unset", photos / "cleo.jpg")
    yield album("dates", "refresh")
    yield album("name", 1, "Anna")
    yield album("name", 2, "Bert")
    yield album("suggest", "--pictures", out / "questions", writes=("out",))
    yield album("move", 1, "new")
    yield album("merge", 1, 4, "--force")
    yield album("split", 1, 1)
    yield album("reject", 2)
    yield album("set", 1, "--born", "1980-01")
    yield album("hide", 3)
    yield album("unhide", 3)
    yield album("same-person-twice", photos / "cleo.jpg")
    yield album("undo")
    yield album("redo")
    yield album("regroup")
    yield album("regroup", "--workers", 2)
    yield album("import-tags")
    formats = [word for one in ("csv", "json", "folders", "html", "strip") for word in
               ("--format", one)]  # fmt: skip
    yield album("export", out / "people", *formats, writes=("out",))
    yield album("export", "--xmp", writes=("photos",))
    yield album("export", "--xmp", "--embed", writes=("photos",))
    yield album("export", "--xmp", "--remove", writes=("photos",))
    pages = ("/", "/people/1", "/photos/1", "/review", "/map", "/library", "/api/v1/people",
             "/static/album.js")  # fmt: skip
    yield album("serve", "--port", 8765, until="The album is at", pages=pages, codes=(0, 130))
    yield album("models", "list")
    yield album("models", "add", "retinaface", folder / "model.pth", codes=(1,))
    yield album("models", "remove", "retinaface")
    yield album("library", "copy", folder / "library/album.db", folder / "library/copy.db")
    yield album("forget", "Bert", "--yes")
    yield album("purge", "--yes")
    yield album("forget", "--everything", "--yes")
    yield album("--help")

    # Without a way out, programs like to ask for the name of their own machine.
    yield Step(("ip", "route", "del", "default"))
    yield album("index", "--workers", 2, *fake, "--library", folder / "library/off.db", photos)


def controls(folder: Path) -> dict[str, Step]:
    """Return what the sandbox has to notice, and what it has to leave alone."""
    bare = Path(__file__).with_name("bare_runtime.py")
    net = str(load_manifest()["pnet"].path)
    connect = "s = socket.socket(socket.{}, socket.{}); s.settimeout(1)\n"
    stream, datagram = (
        connect.format("AF_INET", "SOCK_STREAM"),
        connect.format("AF_INET", "SOCK_DGRAM"),
    )
    stream6 = connect.format("AF_INET6", "SOCK_STREAM")
    code = {
        "a name": "socket.getaddrinfo('control.example', 443)",
        "a connection": stream + "s.connect_ex(('203.0.113.5', 443))",
        "a connection by IPv6": stream6 + "s.connect_ex(('2001:db8:5::5', 443))",
        "a datagram": datagram + "s.sendto(b'x', ('203.0.113.5', 99))",
        "an unused socket": datagram + "s.connect(('203.0.113.5', 99))",
        "a file in /var/tmp": "open('/var/tmp/control', 'w').write('x')",
        "a file at home": "import os; open(os.path.expanduser('~/.control'), 'w').write('x')",
    }
    made = {
        name: Step((sys.executable, "-c", f"import socket\n{text}")) for name, text in code.items()
    }
    return made | {"ONNX Runtime by itself": Step((sys.executable, str(bare), net, "20"))}
