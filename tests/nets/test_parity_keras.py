"""The converted MobileNets say what the same weights say in Keras."""

import numpy as np
import pytest

from nets.runtime.models import OnnxNet, load_manifest
from tests.nets.data import arrays_in, data_folder, packages_folder
from tests.nets.golden import FILE, images

pytestmark = pytest.mark.train

ATOL = {
    # Stored as float16 by the publisher: nothing is lost.
    "faceres": {"identity": 1e-5, "age": 1e-5, "male": 1e-5},
    # Stored as float32 by the publisher, as float16 here.
    "faceres-deep": {"identity": 1e-2, "age": 5e-3, "male": 5e-3},
}


@pytest.fixture(scope="module")
def chips():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 14, 14, 3), dtype=np.uint8)
    noise = rng.integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    flat = np.full((1, 224, 224, 3), 127, np.uint8)
    return np.concatenate([coarse.repeat(16, 1).repeat(16, 2), noise, flat])


@pytest.fixture(scope="module", params=["faceres", "faceres-deep"])
def pair(request):
    pytest.importorskip("tensorflow")
    from nets.arch.mobilenet import multi_output_mobilenet, set_weights
    from nets.convert.mobilenet import RECIPES, folded_weights
    from nets.convert.packages import PACKAGES, read_members

    recipe = RECIPES[request.param]
    files = read_members(PACKAGES[recipe.package], recipe.members, folder=packages_folder())
    model = multi_output_mobilenet()
    set_weights(model, folded_weights(*files.values()))
    return model, OnnxNet(load_manifest()[request.param])


def assert_same(pair, chips):
    from nets.arch.mobilenet import preprocess

    model, net = pair
    expected = {k: np.asarray(v) for k, v in model(preprocess(chips)).items()}
    lengths = np.linalg.norm(expected["identity"], axis=1, keepdims=True)
    expected["identity"] = expected["identity"] / lengths
    expected["male"] = expected["male"][:, 0]
    for name, values in net.run(chips).items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=ATOL[net.name][name])


def test_onnx_equals_keras_on_generated_images(pair, chips):
    assert_same(pair, chips)


def test_onnx_equals_keras_on_faces(pair):
    from PIL import Image

    files = sorted((data_folder() / "utkface_dev").glob("*.jpg"))[::700]
    faces = [Image.open(file).convert("RGB").resize((224, 224)) for file in files]
    assert_same(pair, np.stack([np.asarray(face) for face in faces]))


def test_golden_outputs_are_those_of_keras(pair):
    from nets.arch.mobilenet import preprocess

    model, net = pair
    golden = arrays_in(FILE)
    said = model(preprocess(images(224)))
    np.testing.assert_allclose(said["age"], golden[f"{net.name}/age"], atol=1e-5)
    np.testing.assert_allclose(said["male"][:, 0], golden[f"{net.name}/male"], atol=1e-5)


def test_layers_and_parameters_are_those_of_the_paper():
    pytest.importorskip("tensorflow")
    from nets.arch.mobilenet import multi_output_mobilenet

    model = multi_output_mobilenet()
    names = {layer.name for layer in model.layers}
    assert {"conv1", "conv_dw_13", "conv_pw_13", "global_pooling", "feats"} <= names
    # The published files also hold the scales of the depthwise layers, folded here, and the bounds
    # of each ReLU6.
    scales, bounds = 4960, 56
    assert model.count_params() == 3_489_405 - scales - bounds
