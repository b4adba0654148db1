import io
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from nets.convert import packages
from nets.convert.packages import PACKAGES, Package, PackageError, digest, read_members
from nets.convert.tfjs import read_weights
from nets.engine import HEADS, SEQUENCES
from nets.runtime.models import load_manifest
from tests.nets.data import packages_folder


def specification(name, shape, **quantization):
    spec = {"name": name, "shape": shape, "dtype": "float32"}
    return spec | ({"quantization": quantization} if quantization else {})


def test_weights_are_cut_and_unpacked():
    groups = [
        {"weights": [specification("a", [2, 1]), specification("b", [3], dtype="float16")]},
        {"weights": [specification("c", [2, 2], dtype="uint8", scale=0.5, min=-64.0)]},
    ]
    plain = np.array([1.5, -2], "<f4").tobytes()
    half = np.array([1, 2, 3.5], "<f2").tobytes()
    weights = read_weights(groups, plain + half + bytes([0, 128, 255, 129]))
    assert weights["a"].values.tolist() == [[1.5], [-2]]
    assert weights["b"].values.tolist() == [1, 2, 3.5]
    assert weights["c"].values.tolist() == [[-64, 0], [63.5, 0.5]]
    assert weights["c"].zero == 128
    assert all(weight.values.dtype == np.float32 for weight in weights.values())


def test_scalars_and_whole_numbers_are_read():
    spec = {"name": "axes", "shape": [], "dtype": "int32"}
    weights = read_weights([{"weights": [spec]}], np.array(7, "<i4").tobytes())
    assert weights["axes"].stored == 7


@pytest.mark.parametrize("data", [b"", bytes(7), bytes(9)])
def test_a_file_of_the_wrong_length_is_refused(data):
    with pytest.raises(ValueError, match="its manifest says 8"):
        read_weights([{"weights": [specification("a", [2])]}], data)


@pytest.fixture(params=["tgz", "whl"])
def package(request, tmp_path):
    """A package of one file, its archive in `tmp_path`."""
    path = tmp_path / f"one-1.0.{request.param}"
    if request.param == "tgz":
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo("package/a.bin")
            member.size = 5
            archive.addfile(member, io.BytesIO(b"hello"))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("package/a.bin", b"hello")
    sha256 = digest(path.read_bytes())
    return Package("npm", "one", "1.0", path.name, sha256, {"package/a.bin": digest(b"hello")})


def test_members_are_read_from_the_archive(package, tmp_path):
    read = read_members(package, package.members, folder=tmp_path)
    assert read == {"package/a.bin": b"hello"}


def test_another_archive_under_the_same_name_is_refused(package, tmp_path):
    with pytest.raises(PackageError, match=r"is not one 1\.0 as it was pinned"):
        read_members(replace(package, sha256="0" * 64), package.members, folder=tmp_path)


def test_a_member_that_differs_is_refused(package, tmp_path):
    other = replace(package, members={"package/a.bin": digest(b"other")})
    with pytest.raises(PackageError, match=r"package/a\.bin"):
        read_members(other, other.members, folder=tmp_path)


def test_a_package_that_cannot_be_fetched_is_named(package, tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "_command", lambda *_: ["false"])
    with pytest.raises(PackageError, match=r"Can't fetch one 1\.0 from npm"):
        read_members(package, package.members, folder=tmp_path / "empty")


def test_packages_are_fetched_by_name_and_pinned_version(tmp_path):
    for package in PACKAGES.values():
        command = " ".join(packages._command(package, tmp_path))
        separator = "@" if package.registry == "npm" else "=="
        assert f"{package.name}{separator}{package.version}" in command
        assert "://" not in command


def test_manifest_names_the_pinned_packages():
    pinned = {(p.name, p.version, p.sha256) for p in PACKAGES.values()}
    entries = load_manifest().items()
    ours = {*HEADS, *SEQUENCES}
    sources = [entry.facts["source"] for name, entry in entries if name not in ours]
    assert {(s["package"], s["version"], s["sha256"]) for s in sources} == pinned


def test_entries_are_merged_and_parity_stays_with_its_bytes(tmp_path):
    pytest.importorskip("onnx")
    from nets.convert.manifest import merge, read_manifest, record_parity

    merge("a", {"sha256": "1"}, weights=tmp_path)
    merge("b", {"sha256": "2"}, weights=tmp_path)
    record_parity("a", {"largest": 0.1}, weights=tmp_path)
    merge("a", {"sha256": "1", "licence": "MIT"}, weights=tmp_path)
    expected = {"sha256": "1", "licence": "MIT", "parity": {"largest": 0.1}}
    assert read_manifest(tmp_path) == {"a": expected, "b": {"sha256": "2"}}
    merge("a", {"sha256": "3"}, weights=tmp_path)
    assert read_manifest(tmp_path)["a"] == {"sha256": "3"}


def test_quantised_constants_mean_what_they_should(tmp_path):
    pytest.importorskip("onnx")
    from nets.convert.graph import Graph
    from nets.runtime.ort import onnxruntime

    graph = Graph("test")
    pixels = graph.pixels(2, mean=(1, 2, 3), scale=0.5)
    stored = np.arange(12, dtype=np.uint8).reshape(12, 1)
    flat = graph.node("Flatten", pixels, axis=1)
    weights = graph.quantized(stored, zero=3, scale=0.25)
    graph.node("Add", graph.node("MatMul", flat, weights), graph.half([0.5]), name="y")
    session = onnxruntime.InferenceSession(graph.serialize({"y": ["n", 1]}))
    chips = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    [said] = session.run(["y"], {"chips": chips})
    planes = ((chips.astype(float) - [1, 2, 3]) * 0.5).transpose(0, 3, 1, 2).reshape(2, 12)
    np.testing.assert_allclose(said, planes @ ((stored - 3.0) * 0.25) + 0.5, rtol=1e-6)


@pytest.mark.weights
@pytest.mark.parametrize("name", load_manifest())
def test_converting_again_gives_the_very_same_file(name, tmp_path):
    pytest.importorskip("onnx")
    from nets.convert.manifest import convert
    from nets.convert.recipes import recipes

    sha256 = convert(name, recipes()[name], packages=packages_folder(), weights=tmp_path)
    assert sha256 == load_manifest()[name].sha256


def test_the_graph_without_weights_is_built_as_it_lies_there():
    pytest.importorskip("onnx")
    from nets.convert.retinaface import TEMPLATE, build

    assert build() == TEMPLATE.read_bytes()
