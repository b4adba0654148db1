"""RetinaFace as published, step by step in NumPy: the oracle of the graph and of the decoding."""

import numpy as np

from nets.detectors.retinaface_weights import LAYERS

SOURCES = {layer.name: layer.source for layer in LAYERS}


def convolve(x, kernel, bias=None, *, stride=1, groups=1):
    side = kernel.shape[2] // 2
    x = np.pad(x, ((0, 0), (side, side), (side, side)))
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], axis=(1, 2))
    windows = windows[:, ::stride, ::stride]
    if groups > 1:
        out = np.einsum("chwij,cij->chw", windows, kernel[:, 0])
    else:
        out = np.einsum("chwij,ocij->ohw", windows, kernel, optimize=True)
    return out if bias is None else out + bias[:, None, None]


class Oracle:
    def __init__(self, tensors):
        self.tensors = {name: np.asarray(value, np.float64) for name, value in tensors.items()}

    def block(self, x, source, *, stride=1, groups=1, relu=True):
        stem, _, number = source.rpartition(".")
        norm = f"{stem}.{int(number) + 1}"
        t = self.tensors
        x = convolve(x, t[f"{source}.weight"], stride=stride, groups=groups)
        x = (x - t[f"{norm}.running_mean"][:, None, None]) / np.sqrt(
            t[f"{norm}.running_var"] + 1e-5
        )[:, None, None]
        x = x * t[f"{norm}.weight"][:, None, None] + t[f"{norm}.bias"][:, None, None]
        return np.maximum(x, 0) if relu else x

    def separable(self, x, name, stride):
        x = self.block(x, f"{name}.0", stride=stride, groups=len(x))
        return self.block(x, f"{name}.3")

    def context(self, x, name):
        near = self.block(x, f"{name}.conv3X3.0", relu=False)
        inner = self.block(x, f"{name}.conv5X5_1.0")
        middle = self.block(inner, f"{name}.conv5X5_2.0", relu=False)
        far = self.block(inner, f"{name}.conv7X7_2.0")
        far = self.block(far, f"{name}.conv7x7_3.0", relu=False)
        return np.maximum(np.concatenate([near, middle, far]), 0)

    def levels(self, rgb):
        x = rgb[:, :, ::-1].astype(np.float64) - (104, 117, 123)
        x = self.block(x.transpose(2, 0, 1), "body.stage1.0.0", stride=2)
        stages = []
        for stage, strides in (
            ("stage1", {1: 1, 2: 2, 3: 1, 4: 2, 5: 1}),
            ("stage2", {0: 2, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1}),
            ("stage3", {0: 2, 1: 1}),
        ):
            for number, stride in strides.items():
                x = self.separable(x, f"body.{stage}.{number}", stride)
            stages.append(x)
        one, two, three = (self.block(x, f"fpn.output{n}.0") for n, x in enumerate(stages, 1))
        two = self.block(two + three.repeat(2, 1).repeat(2, 2), "fpn.merge2.0")
        one = self.block(one + two.repeat(2, 1).repeat(2, 2), "fpn.merge1.0")
        return [self.context(x, f"ssh{n}") for n, x in enumerate((one, two, three), 1)]

    def faces(self, rgb):
        """Return probability, box and landmarks of every anchor, level by level, row by row."""
        found = []
        sizes = ((8, (10, 20)), (16, (32, 64)), (32, (128, 256)))
        for number, (x, (stride, sides)) in enumerate(zip(self.levels(rgb), sizes, strict=True)):
            heads = {}
            for head in ("ClassHead", "BboxHead", "LandmarkHead"):
                name = f"{head}.{number}.conv1x1"
                heads[head] = convolve(
                    x, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
                )
            for row in range(x.shape[1]):
                for column in range(x.shape[2]):
                    for anchor, side in enumerate(sides):
                        found.append(one_face(heads, row, column, anchor, side, stride))
        return found


def one_face(heads, row, column, anchor, side, stride):
    background, face = heads["ClassHead"][2 * anchor : 2 * anchor + 2, row, column]
    dx, dy, dw, dh = heads["BboxHead"][4 * anchor : 4 * anchor + 4, row, column]
    points = heads["LandmarkHead"][10 * anchor : 10 * anchor + 10, row, column]
    x, y = (column + 0.5) * stride, (row + 0.5) * stride
    cx, cy = x + dx * 0.1 * side, y + dy * 0.1 * side
    w, h = side * np.exp(0.2 * dw), side * np.exp(0.2 * dh)
    probability = np.exp(face) / (np.exp(face) + np.exp(background))
    box = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
    return (
        probability,
        box,
        [(x + px * 0.1 * side, y + py * 0.1 * side) for px, py in points.reshape(5, 2)],
    )
