"""The walls between the rooms (docs/design.md) hold."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"album", "nets", "clustering", "db"}
ONLY_IN = {
    "sqlalchemy": ("db",),
    "keras": ("nets/arch", "nets/train"),
    "tensorflow": ("nets/arch", "nets/train"),
    "onnx": ("nets/convert", "nets/train"),
    "torch": ("nets/facenet.py",),
    "facenet_pytorch": ("nets/facenet.py",),
    "faiss": ("clustering/approximate.py",),
    "fsspec": ("album/remote.py",),
    "dask": ("album/cluster/dask.py",),
    "distributed": ("album/cluster/dask.py",),
    "click": ("album/commands",),
    "rich": ("album/commands",),
    "fastapi": ("album/web",),
    "starlette": ("album/web",),
    "pydantic": ("album/web",),
    "jinja2": ("album/web",),
    "uvicorn": ("album/web/serving.py",),
}


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    names += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("room", sorted(ROOMS - {"album"}))
def test_lower_rooms_import_neither_album_nor_each_other(room):
    for path in (ROOT / room).rglob("*.py"):
        assert not imports(path) & (ROOMS - {room}), path


@pytest.mark.parametrize("library", ONLY_IN)
def test_libraries_stay_in_their_place(library):
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if library in imports(path):
                assert path.relative_to(ROOT).as_posix().startswith(ONLY_IN[library]), path
