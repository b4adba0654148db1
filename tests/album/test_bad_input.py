"""`album index` meets what should not be there: the rest is read, and each is told."""

import subprocess
import sys

from tests.album.albums import ANNA, BERT, Drawn, Shelf, photo

HANGING = """
import sys, time
from album import media

real = media.read_upright

def read_image(path, header, **options):
    while path.name == "hangs.jpg":
        time.sleep(0.01)
    return real(path, header, **options)

media.read_upright = read_image
from album.commands import main
main(sys.argv[1:])
"""


def test_a_decoder_that_hangs_does_not_hang_the_run(tmp_path):
    shelf, folder = Shelf(tmp_path), tmp_path / "photos"
    photo(folder / "a.jpg", Drawn(ANNA))
    photo(folder / "hangs.jpg", Drawn(BERT))
    photo(folder / "z.jpg", Drawn(ANNA), shade=40)
    options = ("--profile", "fake", "--file-timeout", "4", "--jobs", "1")
    command = ["index", "--library", str(shelf.path), *options, str(folder)]
    ran = subprocess.run(
        [sys.executable, "-c", HANGING, *command], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 3, ran.stderr
    assert "hangs.jpg: takes too long to read (more than 4 seconds); save it anew" in ran.stdout
    assert "Read 2 new photos" in ran.stdout
    status = shelf("status", "--json").json
    assert [one["stage"] for one in status["failed"]] == ["too-slow"]
    assert shelf.index("--retry", folder)["photos"] == 1
