"""Takes the pictures of the README: the pages over a drawn family (docs/drawn_family.py).

    python docs/screenshots.py [--keep FOLDER]

Needs Chromium and the extra `browser`. Writes docs/serve-people.webp and docs/serve-person.webp;
with --keep every page, light, dark and narrow, lands in that folder, too.
"""

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from drawn_family import make
from PIL import Image
from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).parent
PAGES = {
    "people": "/people",
    "person": "/people?name=Zo",
    "photo": "/search?q=faces 4",
    "review": "/review",
    "map": "/map",
    "library": "/library",
    "dates": "/dates",
    "search": "/search?q=zoë with ilse",
    "error": "/people/99999",
}
CLICKED = ("person", "photo")
"""What is reached by the first card of another page."""
LOOKS = {"light": (1240, 820), "dark": (1240, 820), "narrow": (390, 800)}


def take(page: Page, name: str, path: Path) -> None:
    """Open a page and take its picture."""
    page.goto(PAGES[name])
    if name in CLICKED:
        page.locator(".card").first.click()
    if name == "map":
        page.locator("#map-people li").first.wait_for()
    page.wait_for_load_state("networkidle")
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").save(path, quality=90)


def main() -> None:
    """Make the library, serve it, and look at it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path)
    keep = parser.parse_args().keep
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if program is None:
        raise SystemExit("Chromium is not installed.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as running:
        library = make(Path(folder))
        serve = [sys.executable, "-m", "album", "--library", str(library), "serve", "--port", "0"]
        server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, cwd=DOCS.parent)
        assert server.stdout is not None
        said = re.search(r"http://\S+", server.stdout.readline())
        assert said is not None
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for look, (width, height) in LOOKS.items():
            context = browser.new_context(
                base_url=said[0], viewport={"width": width, "height": height},
                color_scheme="dark" if look == "dark" else "light",
            )  # fmt: skip
            page = context.new_page()
            if look == "light":
                for name in ("people", "person"):
                    take(page, name, DOCS / f"serve-{name}.webp")
            for name in PAGES if keep else ():
                take(page, name, keep / f"{name}-{look}.png")
            context.close()
        browser.close()
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
