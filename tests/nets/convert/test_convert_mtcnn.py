"""The arranged graphs compute what the published nets do, whatever the slopes of their PReLUs."""

import numpy as np
import pytest

from nets.runtime.ort import onnxruntime

pytest.importorskip("onnx")

from nets.convert import mtcnn
from nets.convert.packages import PACKAGES, digest, read_members
from nets.runtime.models import load_manifest
from tests.nets.data import packages_folder

CONVS = {
    "pnet": [(10, 3, 3), (16, 10, 3), (32, 16, 3)],
    "rnet": [(28, 3, 3), (48, 28, 3), (64, 48, 2)],
    "onet": [(32, 3, 3), (64, 32, 3), (64, 64, 3), (128, 64, 2)],
}
POOLS = {"pnet": [2], "rnet": [3, 3], "onet": [3, 3, 2]}
DENSE = {"rnet": ("dense4", 128, 576), "onet": ("dense5", 256, 1152)}
HEADS = {
    "pnet": (("conv4_1", 2), ("conv4_2", 4)),
    "rnet": (("dense5_1", 2), ("dense5_2", 4)),
    "onet": (("dense6_1", 2), ("dense6_2", 4), ("dense6_3", 10)),
}


def random_weights(name, seed):
    rng = np.random.default_rng(seed)
    weights = {}

    def layer(key, *shape):
        scale = np.sqrt(1 / np.prod(shape[1:]))
        weights[f"{key}.weight"] = rng.normal(scale=scale, size=shape).astype(np.float32)
        weights[f"{key}.bias"] = rng.normal(size=shape[0]).astype(np.float32)

    def slopes(number, count):
        # Negative, between 0 and 1, and above 1, each of which is arranged in another way.
        weights[f"prelu{number}.weight"] = rng.uniform(-1.5, 1.5, count).astype(np.float32)

    for number, (out, into, side) in enumerate(CONVS[name], 1):
        layer(f"conv{number}", out, into, side, side)
        slopes(number, out)
    width = 32
    if name in DENSE:
        key, width, into = DENSE[name]
        layer(key, width, into)
        slopes(len(CONVS[name]) + 1, width)
    for key, out in HEADS[name]:
        layer(key, out, width)
    return weights


def conv(x, kernel, bias):
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, kernel) + bias[:, None, None]


def prelu(x, slopes):
    slopes = slopes.reshape(-1, *[1] * (x.ndim - 2))
    return np.where(x > 0, x, slopes * x)


def pool(x, side):
    """Maximum at a stride of 2; windows may hang over the right and bottom edge."""
    height, width = (-(-(length - side) // 2) * 2 + side for length in x.shape[2:])
    edges = [(0, 0), (0, 0), (0, height - x.shape[2]), (0, width - x.shape[3])]
    x = np.pad(x, edges, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), (2, 3))
    return windows[:, :, ::2, ::2].max(axis=(4, 5))


def published(name, weights, pixels):
    """Return what each head of a net says, as it was published: float64, one step at a time."""
    weights = {key: value.astype(float) for key, value in weights.items()}
    x = (pixels.transpose(0, 3, 1, 2).astype(float) - 127.5) * 0.0078125
    pools = dict(enumerate(POOLS[name], 1))
    for number in range(1, len(CONVS[name]) + 1):
        x = conv(x, weights[f"conv{number}.weight"], weights[f"conv{number}.bias"])
        x = prelu(x, weights[f"prelu{number}.weight"])
        x = pool(x, pools[number]) if number in pools else x
    if name in DENSE:
        key = DENSE[name][0]
        x = x.transpose(0, 3, 2, 1).reshape(len(x), -1)
        x = x @ weights[f"{key}.weight"].T + weights[f"{key}.bias"]
        x = prelu(x, weights[f"prelu{len(CONVS[name]) + 1}.weight"])
        return [x @ weights[f"{k}.weight"].T + weights[f"{k}.bias"] for k, _ in HEADS[name]]
    heads = [(weights[f"{key}.weight"], weights[f"{key}.bias"]) for key, _ in HEADS[name]]
    return [conv(x, kernel[:, :, None, None], bias) for kernel, bias in heads]


def built(name, weights):
    if name == "pnet":
        # As in the checkpoints: the head of P-Net is a convolution.
        heads = {f"{key}.weight" for key, _ in HEADS[name]}
        weights = {k: v[:, :, None, None] if k in heads else v for k, v in weights.items()}
    return getattr(mtcnn, name)(weights)


@pytest.mark.parametrize("name", CONVS)
def test_arranged_nets_equal_the_published_ones(name):
    weights = random_weights(name, seed=4)
    shape = {"pnet": (2, 31, 24, 3), "rnet": (3, 24, 24, 3), "onet": (3, 48, 48, 3)}[name]
    pixels = np.random.default_rng(8).integers(0, 256, shape, dtype=np.uint8)
    classes, *others = published(name, weights, pixels)
    session = onnxruntime.InferenceSession(built(name, weights))
    first, *rest = session.run(None, {session.get_inputs()[0].name: pixels})
    logits = classes[:, 1] - classes[:, 0]
    expected = logits if name == "pnet" else 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(first, expected, rtol=1e-4, atol=1e-4)
    for said, wanted in zip(rest, others, strict=True):
        np.testing.assert_allclose(said, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CONVS)
def test_conversion_is_deterministic(name):
    weights = random_weights(name, seed=1)
    assert built(name, weights) == built(name, dict(reversed(weights.items())))


@pytest.mark.weights
@pytest.mark.parametrize("name", CONVS)
def test_shipped_weights_are_what_the_package_gives(name):
    recipe = mtcnn.RECIPES[name]
    package = PACKAGES[recipe.package]
    model = recipe.build(read_members(package, recipe.members, folder=packages_folder()))
    assert digest(model) == load_manifest()[name].sha256
