"""The walls between the rooms (docs/design.md) hold."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"album", "nets", "clustering", "db"}
ONLY_IN = {
    "sqlalchemy": ("db",),
    "keras": ("nets/arch", "nets/train"),
    "tensorflow": ("nets/arch", "nets/train"),
    "onnx": ("nets/convert", "nets/train"),
    "torch": ("nets/detectors/facenet.py",),
    "facenet_pytorch": ("nets/detectors/facenet.py",),
    "faiss": ("clustering/linkage/approximate.py",),
    "fsspec": ("album/files/remote.py",),
    "dask": ("album/distributed/dask.py",),
    "distributed": ("album/distributed/dask.py",),
    "click": ("album/cli",),
    "rich": ("album/cli",),
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


BY_NAME = {"import_module", "__import__", "importorskip", "setattr", "patch", "run_module"}
"""Functions that import the module in which they are to find something."""


def sources() -> Iterator[tuple[str, str]]:
    """Yield the path and the text of all Python in the repository, that of notebooks included."""
    for folder in (*sorted(ROOMS), "benchmarks", "docs", "notebooks", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        for path in (ROOT / folder).rglob("*.ipynb"):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
            for cell in code:
                lines = [line for line in cell.splitlines() if not line.startswith(("%", "!"))]
                yield path.relative_to(ROOT).as_posix(), "\n".join(lines)


def is_part(name: object, package: str) -> bool:
    return isinstance(name, str) and (name == package or name.startswith(f"{package}."))


def does_import(code: str, package: str) -> bool:
    """Tell whether code imports a package: by a statement, by name, or in code within a string."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Import(names=names):
                if any(is_part(alias.name, package) for alias in names):
                    return True
            case ast.ImportFrom(module=module, level=0):
                if is_part(module, package):
                    return True
            case ast.Call(func=ast.Name(id=function) | ast.Attribute(attr=function)):
                values = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                if function in BY_NAME and any(is_part(value, package) for value in values):
                    return True
            case ast.Constant(value=str(text)) if package in text and "import" in text:
                try:
                    if does_import(text, package):
                        return True
                except SyntaxError:  # prose
                    pass
    return False


def test_onnxruntime_is_imported_in_one_place():
    found = {
        path
        for path, code in sources()
        if "onnxruntime" in code and does_import(code, "onnxruntime")
    }
    # The second shows what the first prevents.
    assert found == {"nets/runtime/ort.py", "tests/network/bare_runtime.py"}


@pytest.mark.parametrize(
    "code",
    [
        "import PACKAGE",
        "def f():\n    import PACKAGE.quantization as q",
        "from PACKAGE.quantization import QuantType",
        "import importlib; importlib.import_module('PACKAGE')",
        "__import__('PACKAGE')",
        "pytest.importorskip('PACKAGE')",
        "monkeypatch.setattr('PACKAGE.get_available_providers', list)",
        "run([python, '-c', 'import sys; import PACKAGE'])",
    ],
)
def test_the_wall_sees_every_way_to_import(code):
    assert does_import(code.replace("PACKAGE", "onnxruntime"), "onnxruntime")
    assert not does_import(code.replace("PACKAGE", "onnx"), "onnxruntime")
    assert not does_import(code.replace("PACKAGE", "nets.runtime.ort"), "onnxruntime")
