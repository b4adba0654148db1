"""An embed that breaks off at any moment leaves the old photo or the new one, whole and known."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from album.tags import replacing
from album.tags.places import read_embedded
from tests.album.albums import ANNA, Drawn, Shelf, photo
from tests.album.tags import samples

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")

MOMENTS = {
    "while the new file is written": (
        "from album.tags import replacing\n"
        "fill = replacing.fill\n"
        "def part(new, blocks):\n"
        "    fill(new, [next(iter(blocks))[:1000]]); die()\n"
        "replacing.fill = part"
    ),
    "before it takes its place": "import album.tags.replacing as m; m.put = lambda *a: die()",
    "after it took its place": ("import album.tags.write as m; m.follow_embed = lambda *a: die()"),
}
CODE = """
import os, signal
def die():
    os.kill(os.getpid(), signal.SIGKILL)
{moment}
from album.cli import main
main({words!r})
"""


@pytest.fixture
def shelf(tmp_path):
    photo(tmp_path / "photos" / "a.jpg", Drawn(ANNA))
    shelf = Shelf(tmp_path)
    shelf.path_of_photo = tmp_path / "photos" / "a.jpg"
    shelf.index(tmp_path / "photos")
    shelf("name", 1, "Anna")
    return shelf


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_in_the_middle_of_an_embed(shelf, moment):
    path = shelf.path_of_photo
    before, people = path.read_bytes(), shelf.people("--all")
    words = ["export", "--xmp", "--embed", "--library", str(shelf.path)]
    code = CODE.format(moment=MOMENTS[moment], words=words)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    if moment == "after it took its place":
        assert [r.name for r in read_embedded(path).faces] == ["Anna"]
    else:
        assert path.read_bytes() == before
    assert shelf.people("--all") == people
    assert [one.name for one in path.parent.iterdir()] == ["a.jpg"], "no copy with the name in it"
    report = shelf.index(path.parent)
    assert (report["photos"], report["failures"]) == (0, [])
    assert shelf.people("--all") == people
    assert shelf("export", "--xmp", "--embed").code == 0
    assert [r.name for r in read_embedded(path).faces] == ["Anna"]
    assert shelf("export", "--xmp", "--remove").code == 0
    assert path.read_bytes() == before
    assert shelf.index(path.parent)["photos"] == 0
    assert shelf.people("--all") == people


@pytest.mark.parametrize("how", [(), ("--embed",)])
def test_full_disk(shelf, how, monkeypatch):
    """The system refuses to write beyond a limit, as a full disk does."""
    import resource

    path = shelf.path_of_photo
    before = path.read_bytes()
    sidecar = path.with_name("a.jpg.xmp")
    if not how:
        sidecar.write_text(samples.DIGIKAM)
    there = {p: p.read_bytes() for p in path.parent.iterdir()}
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    fill = replacing.fill

    def filled(new, blocks):
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, limit[1]))
        try:
            return fill(new, blocks)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
            signal.signal(signal.SIGXFSZ, handler)

    monkeypatch.setattr(replacing, "fill", filled)
    ran = shelf("export", "--xmp", *how)
    assert ran.code == 3
    assert "did not get its tags (File too large); nothing in it has changed." in ran.err
    assert {p: p.read_bytes() for p in path.parent.iterdir()} == there
    assert path.read_bytes() == before


def test_a_folder_that_is_read_only(shelf, monkeypatch):
    """Simulated, since whoever runs the tests may be allowed everything."""

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(replacing.os, "open", refused)
    for how in ((), ("--embed",)):
        ran = shelf("export", "--xmp", *how)
        assert ran.code == 3
        assert "Permission denied" in ran.err
    assert [p.name for p in shelf.path_of_photo.parent.iterdir()] == ["a.jpg"]
