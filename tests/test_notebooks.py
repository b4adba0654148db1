"""The notebooks: they were run whole, keep no photos, and (slow) still run."""

import base64
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
DATA = Path(os.environ.get("ALBUM_DATA") or ROOT.parent / "shared" / "data")
PICTURES = re.compile(r"imshow|drawn\(|sheet\(|fromarray|Image\b")
"""What draws pixels, which no chart does."""
SIDE, MOST_SHADED = 24, 0.5
"""Where half of the pixels of a square are shaded, it is a photo; charts have less than .3."""


def load_run():
    spec = importlib.util.spec_from_file_location("notebook_run", FOLDER / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def images(cell):
    for output in cell["outputs"]:
        for kind, content in output.get("data", {}).items():
            if kind.startswith("image/"):
                yield kind, content


def shaded(pixels):
    """Return the largest share, over squares, of pixels that differ a little from the next ones.

    Photos do so nearly everywhere. Lines, bars, words and their soft edges are flat or steep.
    """
    grey = pixels.astype(int)
    right = np.abs(np.diff(grey, axis=1)).max(axis=2)[:-1]
    below = np.abs(np.diff(grey, axis=0)).max(axis=2)[:, :-1]
    soft = (right > 0) & (right < SIDE) & (below > 0) & (below < SIDE)
    height, width = (length // SIDE for length in soft.shape)
    squares = soft[: height * SIDE, : width * SIDE].reshape(height, SIDE, width, SIDE)
    return squares.mean(axis=(1, 3)).max()


def each(function):
    return pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)(function)


def test_they_are_numbered_without_gaps_and_the_readme_lists_each():
    assert [path.name[:2] for path in NOTEBOOKS] == [
        f"{i:02}" for i in range(1, 1 + len(NOTEBOOKS))
    ]
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in NOTEBOOKS] == re.findall(r"^- `(\S+\.ipynb)`", text, re.M)


@each
def test_it_was_run_whole_from_top_to_bottom(path):
    cells = code(load_run().read(path))
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not [o for cell in cells for o in cell["outputs"] if o["output_type"] == "error"]


@each
def test_pictures_are_kept_only_in_charts_and_charts_draw_numbers(path):
    for cell in code(load_run().read(path)):
        chart = "chart" in cell["metadata"].get("tags", [])
        source = "".join(cell["source"])
        assert chart or not list(images(cell)), source
        assert not (chart and PICTURES.search(source)), source
        for kind, content in images(cell):
            assert kind == "image/png"
            shown = Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB")
            assert shaded(np.asarray(shown)) < MOST_SHADED, source


@each
def test_no_picture_hides_anywhere_else_and_no_path_or_time_of_a_machine_is_kept(path):
    run = load_run()
    notebook = run.read(path)
    assert run.clean(notebook) == notebook
    for cell in notebook["cells"]:
        assert "attachments" not in cell
        for output in cell.get("outputs", []):
            assert "text/html" not in output.get("data", {})
    text = json.dumps(notebook)
    here = f"/{ROOT.parts[1]}/"
    for word in ("data:image", "/home/", "/root/", "/Users/", here, "iopub"):
        assert word not in text


def test_cleaning_takes_photos_out_and_leaves_charts_and_words():
    def cell(*tags, outputs):
        about = {"tags": list(tags), "execution": {"iopub.status.busy": "2026"}}
        return {"cell_type": "code", "metadata": about, "source": "a\nb", "outputs": outputs}

    png = {"output_type": "display_data", "data": {"image/png": "abcd"}, "metadata": {}}
    said = {"output_type": "stream", "name": "stdout", "text": "F .98\nK/C 1\n"}
    noise = {"output_type": "stream", "name": "stderr", "text": ["a warning"]}
    page = {"output_type": "display_data", "data": {"text/html": "<img>", "text/plain": "x"}}
    before = {"cells": [cell(outputs=[said, png, noise, page]), cell("chart", outputs=[png])]}
    photo, chart = load_run().clean({**before, "metadata": {"kernel": "mine"}})["cells"]
    assert photo["metadata"] == {}
    assert photo["source"] == ["a\n", "b"]
    assert photo["outputs"][0]["text"] == ["F .98\n", "K/C 1\n"]
    assert photo["outputs"][1]["text"] == [load_run().LEFT_OUT]
    assert photo["outputs"][2]["data"] == {"text/plain": ["x"]}
    assert len(photo["outputs"]) == 3
    assert chart["outputs"] == [png]
    assert chart["metadata"] == {"tags": ["chart"]}


@pytest.mark.parametrize("grey", [False, True])
def test_a_small_face_in_a_white_chart_would_be_seen(grey):
    chart = np.full((250, 800, 3), 255, np.uint8)
    chart[40:200, 100] = 0
    assert shaded(chart) < MOST_SHADED
    y, x = np.mgrid[:60, :60]
    face = np.stack([x * 2 + 60, y * 2 + 60, 200 - x - y], axis=2)
    face = face + np.random.default_rng(0).normal(0, 2, face.shape)
    if grey:
        face = np.repeat(face.mean(axis=2, keepdims=True), 3, axis=2)
    chart[101:161, 307:367] = np.clip(face, 0, 255)
    assert shaded(chart) > MOST_SHADED


@pytest.mark.slow
@each
def test_it_runs_top_to_bottom(path, tmp_path):
    """With the caches of the environment, if any; notebook 04 trains where tensorflow is."""
    for package in ("nbclient", "ipykernel", "matplotlib"):
        pytest.importorskip(package, reason="pip install 'album-people[notebooks]'")
    if not (DATA / "lfw_dev").is_dir():
        pytest.skip(f"no development data in {DATA}; set ALBUM_DATA")
    before = path.read_bytes()
    command = [sys.executable, str(FOLDER / "run.py"), path.stem, "--check", "--html", tmp_path]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ALBUM_DATA": str(DATA)},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert path.read_bytes() == before
    assert (tmp_path / f"{path.stem}.html").stat().st_size > 10_000
