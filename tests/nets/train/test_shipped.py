"""The nets that ship, in Keras: the same weights, the same answers, and back again."""

import numpy as np
import pytest
from PIL import Image

from nets.runtime.models import WEIGHTS
from tests.nets.data import data_folder

pytestmark = pytest.mark.train


@pytest.fixture(scope="module", params=["faceres", "faceres-deep"])
def loaded(request):
    pytest.importorskip("tensorflow")
    from nets.train.shipped import load_shipped

    path = WEIGHTS / f"{request.param}.onnx"
    return path, load_shipped(path)


@pytest.fixture(scope="module")
def chips():
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (4, 14, 14, 3), dtype=np.uint8)
    noise = random.integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    return np.concatenate([coarse.repeat(16, 1).repeat(16, 2), noise])


def test_keras_says_what_the_shipped_file_says(loaded, chips):
    from nets.train.shipped import parity

    path, model = loaded
    assert max(parity(model, path.read_bytes(), chips).values()) <= 1e-4


def test_keras_says_what_the_shipped_file_says_of_faces(loaded):
    from nets.train.shipped import parity

    path, model = loaded
    files = sorted((data_folder() / "utkface_dev").glob("*.jpg"))[::1500]
    faces = [Image.open(file).convert("RGB").resize((224, 224)) for file in files]
    found = parity(model, path.read_bytes(), np.stack([np.asarray(face) for face in faces]))
    assert max(found.values()) <= 1e-4


def test_what_was_loaded_and_not_changed_is_exported_to_the_same_bytes(loaded):
    from nets.train.shipped import exported

    path, model = loaded
    assert exported(model, path.stem) == path.read_bytes()


def test_changed_heads_are_exported(loaded, chips, tmp_path):
    from nets.train.shipped import exported, load_shipped, parity

    path, _ = loaded
    model = load_shipped(path, dropout=0.5)
    layer = model.get_layer("age_pred")
    layer.set_weights([weight * 0.5 for weight in layer.get_weights()])
    assert parity(model, path.read_bytes(), chips)["age"] > 1e-3
    file = exported(model, path.stem)
    assert max(parity(model, file, chips).values()) <= 1e-4


def test_heads_and_base_are_the_net_in_two(loaded, chips):
    from nets.arch.mobilenet import preprocess
    from nets.train.alternate import base_of, heads_of

    _, model = loaded
    images = preprocess(chips)
    whole = model.predict(images, verbose=0)
    said = heads_of(model).predict(base_of(model).predict(images, verbose=0), verbose=0)
    for name in ("age", "male"):
        np.testing.assert_allclose(said[name], whole[name], atol=1e-6)


def test_another_net_is_refused():
    pytest.importorskip("onnx")
    from nets.train.shipped import shipped_weights

    with pytest.raises(ValueError, match=r"resnet29.onnx does not hold a multi-output MobileNet"):
        shipped_weights(WEIGHTS / "resnet29.onnx")
