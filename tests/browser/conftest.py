"""A real server over a library of real photos, and a real browser."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOTS = Path(os.environ.get("ALBUM_SCREENSHOTS", ROOT / "build" / "screenshots"))
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Press photos, and portraits over many years, dated as their labels say."""
    from PIL import Image

    data = Path(os.environ.get("ALBUM_DATA") or ROOT.parent / "shared" / "data")
    if not (data / "album_g20").is_dir():
        pytest.skip(f"no photos in {data}; set ALBUM_DATA")
    folder = tmp_path_factory.mktemp("photos")
    shutil.copytree(data / "album_g20", folder / "g20")
    (folder / "fgnet").mkdir()
    with (data / "fgnet_dev" / "labels.csv").open() as labels:
        for number, row in enumerate(csv.DictReader(labels)):
            exif = Image.Exif()
            year = int(row["birth_year"]) + int(row["age"])
            exif.get_ifd(0x8769)[0x9003] = f"{year}:06:{1 + number % 28:02} 12:00:00"
            path = folder / "fgnet" / f"{Path(row['file']).stem}.jpg"
            Image.open(data / "fgnet_dev" / row["file"]).convert("RGB").save(path, exif=exif)
    return folder


@pytest.fixture(scope="session")
def library(request, tmp_path_factory):
    """The library of the photos; one that was kept saves minutes while tests are written."""
    if kept := os.environ.get("ALBUM_BROWSER_LIBRARY"):
        return Path(kept)
    photos = request.getfixturevalue("photos")
    path = tmp_path_factory.mktemp("library") / "library.db"
    command = [sys.executable, "-m", "album", "--library", str(path), "index", str(photos)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return path


@pytest.fixture
def server(library, tmp_path):
    """The address of a server over a copy of the library, and the copy."""
    own = tmp_path / "library.db"
    shutil.copyfile(library, own)
    command = [sys.executable, "-m", "album", "--library", str(own), "serve", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    address = re.search(r"http://\S+", process.stdout.readline())[0]
    yield address, own
    process.terminate()
    process.wait(timeout=30)
    process.stdout.close()


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser, server):
    """A page at the people, in which no error of a script stays unseen."""
    address, _ = server
    context = browser.new_context(base_url=address, viewport={"width": 1300, "height": 900})
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))

    def said(message):
        # A refusal is an answer like others; the browser notes it all the same.
        if message.type == "error" and "Failed to load resource" not in message.text:
            problems.append(message.text)

    page.on("console", said)
    page.goto("/people")
    yield page
    context.close()
    assert problems == []


@pytest.fixture
def shot(page):
    def take(name, **options):
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=SHOTS / f"{name}.png", **options)

    return take
