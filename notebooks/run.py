"""Runs notebooks top to bottom and saves them as they may be committed: without photos.

    python notebooks/run.py [01_pipeline ...] [--html FOLDER] [--check]

Without names all of them are run. A picture stays only in cells that are tagged `chart`, which
draw numbers; all others are for whoever runs the notebook, or reads the pages that --html writes.
--check runs them and saves nothing.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHART = "chart"
LEFT_OUT = "(Run the notebook to see this picture: it shows faces, which are not kept here.)\n"
LIMIT_S = 1800
"""For one cell; the first run describes thousands of faces."""
Notebook = dict[str, Any]


def clean(notebook: Notebook) -> Notebook:
    """Return a notebook without pictures but those of charts, and without times and versions."""
    cells = [_clean_cell(cell) for cell in notebook["cells"]]
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _clean_cell(cell: Notebook) -> Notebook:
    tags = cell["metadata"].get("tags", [])
    metadata = {"tags": tags} if tags else {}
    kept = {**cell, "metadata": metadata, "source": _lines(cell["source"])}
    if cell["cell_type"] == "code":
        kept["outputs"] = list(_clean_outputs(cell["outputs"], chart=CHART in tags))
    return kept


def _clean_outputs(outputs: list[Notebook], *, chart: bool) -> Iterator[Notebook]:
    for output in outputs:
        if output["output_type"] == "stream" and output["name"] == "stderr":
            continue
        shown = output.get("data", {})
        if not chart and any(kind.startswith("image/") for kind in shown):
            yield {"output_type": "stream", "name": "stdout", "text": [LEFT_OUT]}
            continue
        if "data" in output:
            kinds = {
                kind: _lines(content) if kind.startswith("text/") else content
                for kind, content in shown.items()
                if kind != "text/html"
            }
            yield {**output, "data": kinds, "metadata": {}}
        else:
            yield {**output, "text": _lines(output["text"])} if "text" in output else output


def _lines(text: str | list[str]) -> list[str]:
    """Text as files of notebooks have it, a line each, so that changes can be read."""
    return text.splitlines(keepends=True) if isinstance(text, str) else text


def read(path: Path) -> Notebook:
    notebook: Notebook = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def write(path: Path, notebook: Notebook) -> None:
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def execute(path: Path) -> Any:
    """Run every cell in a fresh interpreter and return the notebook; the first error ends it."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=LIMIT_S, kernel_name="python3", resources=where).execute()
    return notebook


def to_html(notebook: Any, path: Path) -> None:
    """Write a page with all pictures."""
    from nbconvert import HTMLExporter

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--html", type=Path, help="folder for pages with all pictures")
    parser.add_argument("--check", action="store_true", help="save nothing")
    args = parser.parse_args()
    for path in sorted(HERE.glob("*.ipynb")):
        if args.names and not any(path.stem.startswith(Path(name).stem) for name in args.names):
            continue
        started = time.perf_counter()
        done = execute(path)
        if args.html:
            to_html(done, args.html / f"{path.stem}.html")
        if not args.check:
            write(path, clean(json.loads(json.dumps(done))))
        print(f"{path.name}: {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
