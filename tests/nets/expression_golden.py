"""What the nets of emotion and gender say of three generated images, in TensorFlow.

`golden_expressions.npz` holds the outputs of the published graphs with their own weights, walked
node by node in TensorFlow (mini-Xception), and of face-api.js' expression net written down anew
from its TypeScript, on `tests.nets.golden.images` of 64 and 112 pixels.
``python -m tests.nets.expression_golden FOLDER`` computes them again from the packages in a folder.
"""

import json
import sys
from base64 import b64decode
from pathlib import Path

import numpy as np

from nets.convert.tfjs import read_weights
from nets.core.api import EMOTIONS
from tests.nets.golden import images

FILE = Path(__file__).with_name("golden_expressions.npz")
GREY = (0.2989, 0.587, 0.114)


def computed(folder):
    """Return the outputs by name of the net."""
    from nets.convert.packages import PACKAGES, read_members
    from nets.convert.recipes import recipes

    said = {}
    for name in ("emotion", "gender", "expression"):
        recipe = recipes()[name]
        files = read_members(PACKAGES[recipe.package], recipe.members, folder=folder)
        topology, data = (files[member] for member in recipe.members)
        run = expression if name == "expression" else xception
        said[name] = run(json.loads(topology), data, images(112 if name == "expression" else 64))
    return said


def xception(document, data, chips):
    """Walk a TensorFlow.js graph model of mini-Xception, batch normalisation folded already."""
    import tensorflow as tf

    weights = read_weights(document["weightsManifest"], data)
    grey = (chips / 255.0 @ np.array(GREY))[..., None] * 2 - 1
    tensors = {name: weight.values for name, weight in weights.items()}
    for node in document["modelTopology"]["node"]:
        sources = [tensors[one] for one in node.get("input", []) if one in tensors]
        attributes = node.get("attr", {})

        def numbers(key, attributes=attributes):
            return [int(one) for one in attributes[key]["list"]["i"]]

        match node["op"]:
            case "Placeholder":
                said = tf.constant(grey, tf.float32)
            case "_FusedConv2D":
                padding = b64decode(attributes["padding"]["s"]).decode()
                said = tf.nn.conv2d(sources[0], sources[1], numbers("strides"), padding)
                said += sources[2]
                if "Relu" in [
                    b64decode(one).decode() for one in attributes["fused_ops"]["list"]["s"]
                ]:
                    said = tf.nn.relu(said)
            case "DepthwiseConv2dNative":
                padding = b64decode(attributes["padding"]["s"]).decode()
                said = tf.nn.depthwise_conv2d(*sources, numbers("strides"), padding)
            case "MaxPool":
                padding = b64decode(attributes["padding"]["s"]).decode()
                said = tf.nn.max_pool2d(sources[0], numbers("ksize"), numbers("strides"), padding)
            case "AddV2":
                said = sources[0] + sources[1]
            case "Relu":
                said = tf.nn.relu(sources[0])
            case "Mean":
                said = tf.reduce_mean(sources[0], axis=[1, 2])
            case "Softmax":
                return tf.nn.softmax(sources[0]).numpy()
            case "Identity":
                said = sources[0]
            case _:
                continue
        tensors[node["name"]] = said
    raise AssertionError("no Softmax")


def expression(groups, data, chips):
    """Return what face-api.js' faceExpressionNet says, in the order of `EMOTIONS`."""
    import tensorflow as tf

    weights = {name: weight.values for name, weight in read_weights(groups, data).items()}

    def layer(x, name, stride=1):
        if f"{name}/filters" in weights:
            said = tf.nn.conv2d(x, weights[f"{name}/filters"], stride, "SAME")
        else:
            filters = (weights[f"{name}/{part}_filter"] for part in ("depthwise", "pointwise"))
            said = tf.nn.separable_conv2d(x, *filters, [1, stride, stride, 1], "SAME")
        return said + weights[f"{name}/bias"]

    x = (chips - np.array((122.782, 117.001, 104.298))).astype(np.float32) / 255
    for block in range(4):
        one = tf.nn.relu(layer(x, f"dense{block}/conv0", 2))
        two = layer(one, f"dense{block}/conv1")
        three = layer(tf.nn.relu(one + two), f"dense{block}/conv2")
        four = layer(tf.nn.relu(one + two + three), f"dense{block}/conv3")
        x = tf.nn.relu(one + two + three + four)
    pooled = tf.reshape(tf.nn.avg_pool2d(x, 7, 2, "VALID"), (len(chips), -1))
    said = tf.nn.softmax(pooled @ weights["fc/weights"] + weights["fc/bias"]).numpy()
    published = ("neutral", "happy", "sad", "angry", "fear", "disgust", "surprise")
    return said[:, [published.index(name) for name in EMOTIONS]]


if __name__ == "__main__":
    np.savez_compressed(FILE, **computed(Path(sys.argv[1])))
