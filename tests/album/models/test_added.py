"""`album models`, and which detector an index takes."""

import functools
import hashlib
import http.server
import threading

import pytest

from album.models.added import ModelRefused, add_model, list_models
from album.models.selection import DETECTOR
from db.library import Library
from nets.core.errors import ModelMissing
from nets.runtime import addable
from nets.runtime.addable import Addable, NotTheModel
from nets.runtime.devices import providers
from tests.album.albums import Shelf, album, family

DATA = b"weights of a net"


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder for models, and a model of a few bytes."""
    folder = tmp_path / "models"
    monkeypatch.setenv("ALBUM_MODELS", str(folder))
    known = Addable(
        "retinaface", "retinaface.pth", hashlib.sha256(DATA).hexdigest(), len(DATA), "MIT",
        "somewhere", "WIDER FACE", "Finds faces",
    )  # fmt: skip
    monkeypatch.setitem(addable.ADDABLE, "retinaface", known)
    return folder


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "download.pth"
    path.write_bytes(DATA)
    return path


def test_add_list_remove(models, file):
    assert album("models", "list", "--json").json["models"][0]["installed"] is False
    assert "not installed" in album("models", "list").out
    added = album("models", "add", "retinaface", file)
    assert added.code == 0
    assert (models / "retinaface.pth").read_bytes() == DATA
    assert [one.name for one in models.iterdir()] == ["retinaface.pth"]
    listed = album("models", "list", "--json").json
    assert listed["models"][0]["installed"] is True
    assert listed["folder"] == str(models)
    assert "Removed" in album("models", "remove", "retinaface").out
    assert "was not installed" in album("models", "remove", "retinaface").out


def test_another_file_is_refused_and_nothing_is_left(models, file):
    file.write_bytes(DATA[:-1] + b"!")
    ran = album("models", "add", "retinaface", file)
    assert ran.code == 1
    assert "not retinaface as it was published" in ran.err
    assert not models.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nonsense", "x"), "There is no model nonsense; choose one of retinaface"),
        (("retinaface",), "Say where retinaface is"),
        (("retinaface", "/nowhere/x.pth"), "/nowhere/x.pth can't be read"),
        (("retinaface", "ftp://nowhere/x"), "neither a file nor an address"),
    ],
)
def test_what_is_wrong_is_said(models, words, told):
    ran = album("models", "add", *words)
    assert ran.code == 1
    assert told in ran.err


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    handler = functools.partial(Quiet, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_model_from_an_address(models, file, server):
    assert add_model("retinaface", f"{server}/download.pth").read_bytes() == DATA
    with pytest.raises(ModelRefused, match=r"can't be fetched .*give the file"):
        add_model("retinaface", f"{server}/missing.pth")
    file.write_bytes(DATA * 500)
    with pytest.raises(NotTheModel):
        add_model("retinaface", f"{server}/download.pth")


def test_a_new_library_takes_the_added_detector_and_keeps_it(models, file, tmp_path):
    with Library.open(tmp_path / "old.db") as old:
        assert DETECTOR.choose(old, None, "default") == "mtcnn"
    album("models", "add", "retinaface", file)
    with Library.open(tmp_path / "old.db") as old, Library.open(tmp_path / "new.db") as new:
        assert DETECTOR.choose(old, None, "default") == "mtcnn"
        assert DETECTOR.choose(new, None, "default") == "retinaface"
        assert DETECTOR.choose(new, None, "paper") == "mtcnn"
        assert DETECTOR.choose(new, "mtcnn", "default") == "mtcnn"
        assert DETECTOR.choose(new, None, "default") == "mtcnn"
        assert DETECTOR.choose(new, None, "fake") == "fake"


def test_photos_read_before_detectors_were_noted_were_read_by_mtcnn(models, file, tmp_path):
    shelf = Shelf(tmp_path)
    shelf.index(family(tmp_path / "photos"))
    add_model("retinaface", str(file))
    with Library.open(shelf.path) as library:
        assert DETECTOR.choose(library, None, "default") == "mtcnn"


def test_a_detector_that_is_gone_is_named(models, tmp_path):
    shelf = Shelf(tmp_path)
    folder = family(tmp_path / "photos")
    ran = shelf("index", folder, "--detector", "retinaface")
    assert ran.code == 1
    assert "The model retinaface is not installed; get it from somewhere" in ran.err


def test_devices():
    everything = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert providers("auto", everything) == everything
    assert providers("auto", ["CPUExecutionProvider"]) == ["CPUExecutionProvider"]
    assert providers("cuda", everything)[0] == "CUDAExecutionProvider"
    assert providers("cpu", everything) == ["CPUExecutionProvider"]
    with pytest.raises(ModelMissing, match=r"no openvino .*install onnxruntime-openvino"):
        providers("openvino", everything)
    with pytest.raises(ValueError, match="no device 'abacus'"):
        providers("abacus", everything)


def test_a_missing_device_is_one_sentence(tmp_path):
    shelf = Shelf(tmp_path)
    ran = shelf("index", family(tmp_path / "photos"), "--profile", "fake", "--device", "coreml")
    assert ran.code == 1
    assert "ONNX Runtime has no coreml on this machine" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_list_is_sorted(models):
    assert [one.model.name for one in list_models()] == sorted(addable.ADDABLE)
