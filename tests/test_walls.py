"""The walls between the rooms, and between the packages of a room (docs/design.md), hold."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from album.cli.app import COMMANDS

ROOT = Path(__file__).parents[1]
ROOMS = ("album", "nets", "clustering", "db")
FOLDERS = (*ROOMS, "benchmarks", "docs", "notebooks", "tests")
ONLY_IN = {
    "sqlalchemy": ("db",),
    "keras": ("nets/arch", "nets/train"),
    "tensorflow": ("nets/arch", "nets/train"),
    "onnx": ("nets/convert", "nets/train"),
    "torch": ("nets/detectors/facenet.py",),
    "facenet_pytorch": ("nets/detectors/facenet.py",),
    "faiss": ("clustering/linkage/approximate.py",),
    "exifread": ("album/metadata/exif.py",),
    "lxml": ("album/metadata", "album/tags"),
    "xml": (),
    "fsspec": ("album/files/remote.py",),
    "dask": ("album/distributed/dask.py",),
    "distributed": ("album/distributed/dask.py",),
    "click": ("album/cli",),
    "rich": ("album/cli",),
    "fastapi": ("album/web",),
    "starlette": ("album/web",),
    "pydantic": ("album/web",),
    "jinja2": ("album/export/pages", "album/web"),
    "uvicorn": ("album/cli/serve.py", "album/web/serving.py"),
}
BOTTOM = {
    "metadata": ("errors", "plain_text"),
    "files": ("errors", "plain_text", "paths", "metadata"),
    "media": ("errors", "metadata", "files"),
    "dates": ("errors", "metadata", "files", "media"),
}
"""What the lowest packages of `album` may import of it."""
WITHOUT_CIRCLES = ROOMS
LOOSE = 5
"""Modules at the root of `album` beside `__init__` and `__main__`."""


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file: its path from the root, its dotted name, its tree."""

    path: str
    name: str
    tree: ast.Module


@cache
def modules() -> Mapping[str, Module]:
    """Return the modules of the four rooms by name; each file is parsed once."""
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            name = name.removesuffix(".__init__")
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found[name] = Module(path.relative_to(ROOT).as_posix(), name, tree)
    return found


@cache
def imported(name: str) -> frozenset[str]:
    """Return the dotted names that a module imports; of ours, the modules."""
    names = set()
    for node in ast.walk(modules()[name].tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                names.add(full if full in modules() else node.module)
    return frozenset(names)


def package_of(name: str) -> str:
    """Return the package of a room that a module lies in; of a module at the root, itself."""
    return ".".join(name.split(".")[:2])


@pytest.mark.parametrize("room", sorted(set(ROOMS) - {"album"}))
def test_lower_rooms_import_neither_album_nor_each_other(room):
    others = set(ROOMS) - {room}
    for name, module in modules().items():
        if name.split(".")[0] == room:
            assert not others & {part.split(".")[0] for part in imported(name)}, module.path


@pytest.mark.parametrize("package", BOTTOM)
def test_the_lowest_packages_of_album_rest_on_few(package):
    allowed = {f"album.{below}" for below in BOTTOM[package]} | {f"album.{package}"}
    for name, module in modules().items():
        if package_of(name) == f"album.{package}":
            ours = {package_of(part) for part in imported(name) if part.startswith("album.")}
            assert ours <= allowed, module.path


@pytest.mark.parametrize("library", ONLY_IN)
def test_libraries_stay_in_their_place(library):
    for name, module in modules().items():
        if library in {part.split(".")[0] for part in imported(name)}:
            assert module.path.startswith(ONLY_IN[library]), module.path


def test_few_modules_lie_at_the_root_of_album():
    loose = [name for name in modules() if name.startswith("album.") and name.count(".") == 1]
    paths = [modules()[name].path for name in loose]
    loose = [path for path in paths if not path.endswith("__init__.py")]
    assert len(set(loose) - {"album/__main__.py"}) <= LOOSE, loose


@pytest.mark.parametrize("room", WITHOUT_CIRCLES)
def test_packages_of_a_room_form_no_circle(room):
    arrows: dict[str, set[str]] = {}
    for name in modules():
        if name.startswith(f"{room}.") and name != f"{room}.__main__":
            here = package_of(name)
            there = {package_of(part) for part in imported(name) if part.startswith(f"{room}.")}
            arrows.setdefault(here, set()).update(there - {here})
    while arrows:
        ground = {package for package, below in arrows.items() if not below & arrows.keys()}
        assert ground, {package: sorted(below & arrows.keys()) for package, below in arrows.items()}
        arrows = {package: below for package, below in arrows.items() if package not in ground}


SQL_TYPES = {"Connection", "Engine", "Row", "Select", "ColumnElement", "Table", "Store"}
"""Annotations of what must not leave `db`."""
TRANSACTIONS = {"read", "write", "plain"}
"""Methods of `db.library.Library` that give out a connection."""


def uses_sql(function: ast.FunctionDef) -> bool:
    """Tell whether a function takes or returns something of SQLAlchemy, by its annotations."""
    parts = [*function.args.args, *function.args.kwonlyargs]
    annotations = [part.annotation for part in parts] + [function.returns]
    names = [node for one in annotations if one for node in ast.walk(one)]
    return any(isinstance(node, ast.Name) and node.id in SQL_TYPES for node in names)


def used_names(tree: ast.Module) -> Iterator[str]:
    """Yield the dotted names of what a module imports, or uses of a module that it imports."""
    aliases = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    yield from aliases.values()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{aliases.get(node.value.id, node.value.id)}.{node.attr}"


def opened(tree: ast.Module) -> Iterator[str]:
    """Yield the names of methods that are called without arguments to enter a context."""
    for node in ast.walk(tree):
        if isinstance(node, ast.withitem):
            match node.context_expr:
                case ast.Call(func=ast.Attribute(attr=name), args=[], keywords=[]):
                    yield name


def test_no_connection_leaves_db():
    closed = {
        f"{name}.{node.name}"
        for name, module in modules().items()
        if name.startswith("db.")
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef) and uses_sql(node)
    }
    assert {"db.people.faces.load_table", "db.photos.dates.follow"} <= closed
    for name, module in modules().items():
        if name.split(".")[0] == "db":
            continue
        assert not closed & set(used_names(module.tree)), module.path
        assert not [part for part in imported(name) if part.startswith("db.engine")], module.path
        assert not TRANSACTIONS & set(opened(module.tree)), module.path
        assert "edit.conn" not in set(used_names(module.tree)), module.path


@pytest.mark.parametrize(
    "code",
    ["with library.write() as conn: pass", "with self.library.read(): pass"],
)
def test_the_wall_sees_transactions(code):
    assert TRANSACTIONS & set(opened(ast.parse(code)))


def test_run_time_never_imports_conversion_or_training():
    for name, module in modules().items():
        never = ("nets.convert", "nets.train", "nets.arch", "album.training")
        if name.startswith((*never, "album.cli.train", "album.evaluation")):
            continue
        assert not [part for part in imported(name) if part.startswith(never)], module.path


def test_every_package_says_what_belongs_in_it():
    for module in modules().values():
        if module.path.endswith("__init__.py"):
            assert len(ast.get_docstring(module.tree) or "") > 60, module.path


MAY_NAME_COMMANDS = (
    *("album/cli/", "album/web/"),  # the two faces
    "album/export/annotated/record.py",  # the mark by which its files are known
    *("nets/convert/", "nets/train/"),  # own options, those of pip and npm; the origin of a net
)
COMMAND = re.compile(rf"(?<![\w-])--[a-z]|\balbum ({'|'.join(COMMANDS)})\b")


def strings(module: Module) -> Iterator[tuple[int, str]]:
    """Yield the texts in a module that are not documentation, each with its line."""
    documentation = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(module.tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in documentation:
                yield node.lineno, text


def test_only_the_two_faces_name_commands_and_options():
    for module in modules().values():
        if not module.path.startswith(MAY_NAME_COMMANDS):
            for line, text in strings(module):
                assert not COMMAND.search(text), f"{module.path}:{line}: {text}"


BY_NAME = {"import_module", "__import__", "importorskip", "setattr", "patch", "run_module"}
"""Functions that import the module in which they are to find something."""


def sources() -> Iterator[tuple[str, str]]:
    """Yield the path and the text of all Python in the repository, that of notebooks included."""
    for folder in FOLDERS:
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
