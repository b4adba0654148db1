"""The three nets of MTCNN, from facenet-pytorch's checkpoints to ONNX.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks",
2016. The graphs compute what the published nets do, arranged for ONNX Runtime's blocked
convolutions, which are three times as fast as the plain arrangement:

* ``PReLU(x) = a x + (1 - a) relu(x)``, two convolutions of one weight a channel, because PRelu
  itself has no blocked kernel and the pixels would be re-ordered before and after it.
* The first PReLU comes after the pooling that follows it, on a quarter of the pixels. The largest
  PReLU of a window is the PReLU of its largest x if the slope a >= 0. If a < 0, PReLU is
  ``max(x, a x)``, so the largest is the larger one of the largest x and the largest a x; the
  first convolution computes a x as additional channels.
* Of a softmax over two classes only the difference of the two matters.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from nets.convert.graph import BATCH, Graph
from nets.convert.manifest import Recipe
from nets.runtime.checkpoint import read_checkpoint

MEAN = 127.5
SCALE = 0.0078125
"""A pixel enters the first layer as (pixel - MEAN) * SCALE."""

BLOCK = 16
"""Channels are padded to a multiple of this where the runtime would else leave its blocks."""

Array = NDArray[np.float32]
Weights = Mapping[str, Array]


def pnet(weights: Weights) -> bytes:
    """Return P-Net, which looks at every window of 12 x 12 pixels at a stride of 2.

    Parameters
    ----------
    weights : mapping of str to ndarray
        By facenet-pytorch's names.

    Returns
    -------
    bytes
        ONNX: ``image`` uint8 (n, height, width, 3), RGB, at least 12 x 12, to ``logits``
        (n, rows, columns), the log-odds of a face in the window whose left top corner is pixel
        (2 column, 2 row), and ``offsets`` (n, 4, rows, columns), how far the left, top, right and
        bottom of the face are from the window's, in units of the window.
    """
    graph = Graph("pnet")
    x = _pixels(graph, "image", "height", "width")
    x, signs = _first_layer(graph, x, weights, pool=2)
    kernel = weights["conv2.weight"] * signs[:, None, None]
    x = _prelu(graph, _conv(graph, x, kernel, weights["conv2.bias"]), weights["prelu2.weight"])
    x = _conv(graph, x, weights["conv3.weight"], weights["conv3.bias"])
    kernel, bias = _head(weights, "conv4_1", "conv4_2")
    slopes = weights["prelu3.weight"][:, None, None]
    # The last PReLU goes into the weights of the head: head(a x + (1 - a) relu(x)).
    linear = _conv(graph, x, kernel * slopes, bias)
    bent = _conv(graph, graph.node("Relu", x), kernel * (1 - slopes))
    x = graph.node("Add", linear, bent)
    logits = graph.node("Slice", x, *_indices(graph, [0], [1], [1]))
    graph.node("Squeeze", logits, *_indices(graph, [1]), name="logits")
    graph.node("Slice", x, *_indices(graph, [1], [5], [1]), name="offsets")
    return graph.serialize(
        {"logits": [BATCH, "rows", "columns"], "offsets": [BATCH, 4, "rows", "columns"]}
    )


def rnet(weights: Weights) -> bytes:
    """Return R-Net, which looks again at what P-Net proposed.

    Parameters
    ----------
    weights : mapping of str to ndarray
        By facenet-pytorch's names.

    Returns
    -------
    bytes
        ONNX: ``chips`` uint8 (n, 24, 24, 3), RGB, to ``scores`` (n,), the probability of a face,
        and ``offsets`` (n, 4) of its edges in units of the chip's sides.
    """
    graph = Graph("rnet")
    x, signs = _first_layer(graph, _pixels(graph, "chips", 24, 24), weights, pool=3)
    x = _layer(graph, x, weights, 2, signs=signs, pool=3)
    x = _dense(graph, _layer(graph, x, weights, 3), weights, 4, side=3)
    kernel, bias = _head(weights, "dense5_1", "dense5_2")
    return _finish(graph, _linear(graph, x, kernel, bias), {"offsets": 4})


def onet(weights: Weights) -> bytes:
    """Return O-Net, which decides, and finds five landmarks.

    Parameters
    ----------
    weights : mapping of str to ndarray
        By facenet-pytorch's names.

    Returns
    -------
    bytes
        ONNX: ``chips`` uint8 (n, 48, 48, 3), RGB, to ``scores`` (n,), the probability of a face,
        ``offsets`` (n, 4) of its edges and ``landmarks`` (n, 10), five x and then five y from the
        left top corner, both in units of the chip's sides.
    """
    graph = Graph("onet")
    x, signs = _first_layer(graph, _pixels(graph, "chips", 48, 48), weights, pool=3)
    x = _layer(graph, x, weights, 2, signs=signs, pool=3)
    x = _layer(graph, x, weights, 3, pool=2)
    x = _dense(graph, _layer(graph, x, weights, 4), weights, 5, side=3)
    kernel, bias = _head(weights, "dense6_1", "dense6_2", "dense6_3")
    return _finish(graph, _linear(graph, x, kernel, bias), {"offsets": 4, "landmarks": 10})


def _pixels(graph: Graph, name: str, height: int | str, width: int | str) -> str:
    pixels = graph.input(name, TensorProto.UINT8, [BATCH, height, width, 3])
    planes = graph.node("Transpose", pixels, perm=[0, 3, 1, 2])
    return graph.node("Cast", planes, to=TensorProto.FLOAT)


def _conv(graph: Graph, x: str, kernel: Array, bias: Array | None = None, *, group: int = 1) -> str:
    constants = [graph.constant(values) for values in (kernel, bias) if values is not None]
    return graph.node("Conv", x, *constants, group=group)


def _pool(graph: Graph, x: str, size: int) -> str:
    return graph.node("MaxPool", x, kernel_shape=[size, size], strides=[2, 2], ceil_mode=1)


def _prelu(graph: Graph, x: str, slopes: Array) -> str:
    kernel, group = slopes[:, None, None, None], len(slopes)
    linear = _conv(graph, x, kernel, group=group)
    bent = _conv(graph, graph.node("Relu", x), 1 - kernel, group=group)
    return graph.node("Add", linear, bent)


def _layer(
    graph: Graph, x: str, weights: Weights, layer: int, *, signs: Array | None = None, pool: int = 0
) -> str:
    kernel = weights[f"conv{layer}.weight"]
    if signs is not None:
        kernel = kernel * signs[:, None, None]
    x = _conv(graph, x, kernel, weights[f"conv{layer}.bias"])
    x = _prelu(graph, x, weights[f"prelu{layer}.weight"])
    return _pool(graph, x, pool) if pool else x


def _first_layer(graph: Graph, x: str, weights: Weights, *, pool: int) -> tuple[str, Array]:
    """Add convolution, PReLU and pooling of raw pixels, with the PReLU last.

    Returns
    -------
    str
        The tensor.
    ndarray, shape (channels,)
        Its signs: a channel whose slope is above 1 comes out negative.
    """
    slopes = weights["prelu1.weight"]
    bent = np.flatnonzero(slopes < 0)
    kernel, bias = _from_pixels(weights["conv1.weight"], weights["conv1.bias"])
    kernel = np.concatenate([kernel, kernel[bent] * slopes[bent, None, None, None]])
    bias = np.concatenate([bias, bias[bent] * slopes[bent]])
    padding = -len(bias) % BLOCK
    kernel, bias = (np.pad(a, [(0, padding)] + [(0, 0)] * (a.ndim - 1)) for a in (kernel, bias))
    x = _pool(graph, _conv(graph, x, kernel, bias), pool)
    linear, rectified, signs = _split_slopes(slopes, len(bias))
    above = graph.node("Relu", _conv(graph, x, rectified[:, :, None, None]))
    return graph.node("Add", _conv(graph, x, linear[:, :, None, None]), above), signs


def _from_pixels(kernel: Array, bias: Array) -> tuple[Array, Array]:
    """Put the normalisation of the pixels into the first convolution, which has no padding."""
    kernel = kernel * SCALE
    return kernel, bias - MEAN * kernel.sum(axis=(1, 2, 3))


def _split_slopes(slopes: Array, width: int) -> tuple[Array, Array, Array]:
    """Return matrices L and R and signs s with ``s PReLU = L z + relu(R z)``.

    z, of length `width`, are the pooled x, then the pooled a x of the channels with a < 0, then
    padding. With p and q the two of one channel: ``max(p, q) = q + relu(p - q)`` for a < 0, and
    ``s a p + |1 - a| relu(p)`` with s the sign of 1 - a for a >= 0.
    """
    count = len(slopes)
    signs = np.where(slopes > 1, -1, 1).astype(np.float32)
    linear, rectified = np.zeros((2, count, width), np.float32)
    straight = np.flatnonzero(slopes >= 0)
    linear[straight, straight] = (slopes * signs)[straight]
    rectified[straight, straight] = np.abs(1 - slopes[straight])
    bent = np.flatnonzero(slopes < 0)
    linear[bent, count + np.arange(len(bent))] = 1
    rectified[bent, bent] = 1
    rectified[bent, count + np.arange(len(bent))] = -1
    return linear, rectified, signs


def _dense(graph: Graph, x: str, weights: Weights, layer: int, *, side: int) -> str:
    """Add the first dense layer; its columns are in the order of Caffe: width, height, channel."""
    kernel = weights[f"dense{layer}.weight"]
    kernel = kernel.reshape(len(kernel), side, side, -1).transpose(0, 3, 2, 1)
    flat = graph.node("Flatten", x)
    x = _linear(graph, flat, kernel.reshape(len(kernel), -1), weights[f"dense{layer}.bias"])
    return graph.node("PRelu", x, graph.constant(weights[f"prelu{layer}.weight"]))


def _linear(graph: Graph, x: str, kernel: Array, bias: Array) -> str:
    return graph.node("Gemm", x, graph.constant(kernel), graph.constant(bias), transB=1)


def _head(weights: Weights, classes: str, *others: str) -> tuple[Array, Array]:
    """Return weights of one layer for all outputs; its first one is the log-odds of a face."""

    def joined(part: str) -> Array:
        no, yes = weights[f"{classes}.{part}"]
        return np.concatenate([(yes - no)[None], *(weights[f"{name}.{part}"] for name in others)])

    return joined("weight"), joined("bias")


def _finish(graph: Graph, x: str, outputs: Mapping[str, int]) -> bytes:
    logits = graph.node("Slice", x, *_indices(graph, [0], [1], [1]))
    graph.node("Squeeze", graph.node("Sigmoid", logits), *_indices(graph, [1]), name="scores")
    start = 1
    for name, width in outputs.items():
        graph.node("Slice", x, *_indices(graph, [start], [start + width], [1]), name=name)
        start += width
    shapes: dict[str, list[int | str]] = {n: [BATCH, width] for n, width in outputs.items()}
    return graph.serialize({"scores": [BATCH], **shapes})


def _indices(graph: Graph, *lists: list[int]) -> list[str]:
    return [graph.constant(values, np.int64) for values in lists]


def _member(name: str) -> str:
    return f"facenet_pytorch/data/{name}.pt"


def _build(contents: Mapping[str, bytes], *, name: str, net: Callable[[Weights], bytes]) -> bytes:
    return net(read_checkpoint(contents[_member(name)]))


def _recipe(name: str, net: Callable[[Weights], bytes], side: int | None, **outputs: str) -> Recipe:
    return Recipe(
        package="facenet-pytorch",
        members=(_member(name),),
        build=partial(_build, name=name, net=net),
        facts={
            "title": f"MTCNN, {name[0].upper()}-Net",
            "input": {
                "name": "chips" if side else "image",
                "shape": [None, side, side, 3],
                "dtype": "uint8",
                "colour": "RGB",
                "range": f"0-255; the graph computes (pixel - {MEAN}) * {SCALE}",
            },
            "preprocessing": 1,
            "crop": None,
            "outputs": outputs,
            "licence": "MIT",
            "authors": "K. Zhang et al. (MTCNN); converted to PyTorch by T. Esler",
            "training": "WIDER FACE and CelebA: image sets for research only",
        },
    )


_SCORES = "(n,) probability of a face"
_OFFSETS = "(n, 4) left, top, right, bottom of the face less those of the chip, in chips"

RECIPES: dict[str, Recipe] = {
    "pnet": _recipe(
        "pnet",
        pnet,
        None,
        logits="(n, rows, columns) log-odds of a face in a window of 12 pixels, stride 2",
        offsets="(n, 4, rows, columns) edges of the face less those of the window, in windows",
    ),
    "rnet": _recipe("rnet", rnet, 24, scores=_SCORES, offsets=_OFFSETS),
    "onet": _recipe(
        "onet",
        onet,
        48,
        scores=_SCORES,
        offsets=_OFFSETS,
        landmarks="(n, 10) x of eyes, nose and corners of the mouth, then y, in chips",
    ),
}
