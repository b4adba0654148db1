"""RetinaFace with MobileNet-0.25 as a graph without weights, which the user's checkpoint fills.

Deng et al., "RetinaFace: Single-shot Multi-level Face Localisation in the Wild", CVPR 2020, in the
form of the public checkpoint of biubug6/Face-Detector-1MB-with-landmark. No package ships it: the
graph names its weights as external data, and `nets.detectors.retinaface` hands them to the runtime.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from onnx import TensorProto, helper

from nets.convert.graph import IR_VERSION, OPSET
from nets.detectors.retinaface_weights import CHANNELS, LAYERS, MEAN, Layer

TEMPLATE = Path(__file__).parents[1] / "templates" / "retinaface.onnx"


class _Template:
    """Nodes of the net; every convolution has its weights elsewhere."""

    def __init__(self) -> None:
        self.nodes: list[object] = []
        self.weights: list[object] = []

    def node(self, op: str, *inputs: str, output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, list(inputs), [output], output, **attributes))
        return output

    def constant(self, name: str, values: Sequence[float], shape: Sequence[int]) -> str:
        self.weights.append(helper.make_tensor(name, TensorProto.FLOAT, shape, values))
        return name

    def conv(self, x: str, layer: Layer) -> str:
        """Convolve by weights that are not in the file, and rectify where the layer says so."""
        for part, shape in (("weight", layer.shape), ("bias", layer.shape[:1])):
            self.weights.append(_elsewhere(f"{layer.name}.{part}", shape))
        side = layer.shape[2] // 2
        output = self.node(
            *("Conv", x, f"{layer.name}.weight", f"{layer.name}.bias"),
            output=f"{layer.name}.out",
            kernel_shape=list(layer.shape[2:]),
            strides=[layer.stride, layer.stride],
            pads=[side] * 4,
            group=layer.groups,
        )
        return self.node("Relu", output, output=f"{layer.name}.relu") if layer.relu else output


def _elsewhere(name: str, shape: Sequence[int]) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="checkpoint")
    return tensor


def build() -> bytes:
    """Return the graph: ``image`` uint8 (1, height, width, 3), RGB, both multiples of 32, to
    ``level8``, ``level16`` and ``level32``, each (1, 30, rows, columns): for the two anchors of a
    place the log-odds of a face, then four offsets of each, then ten of the landmarks of each.
    """  # noqa: D205
    graph = _Template()
    layers = {layer.name: layer for layer in LAYERS}
    x = graph.node("Transpose", "image", output="planes", perm=[0, 3, 1, 2])
    x = graph.node("Cast", x, output="pixels", to=TensorProto.FLOAT)
    x = graph.node("Sub", x, graph.constant("mean", MEAN, [1, 3, 1, 1]), output="centred")
    stages = []
    for stage in ("stage1", "stage2", "stage3"):
        for layer in LAYERS:
            if layer.name.startswith(f"body.{stage}."):
                x = graph.conv(x, layer)
        stages.append(x)
    levels = _pyramid(graph, layers, stages)
    outputs = []
    for number, (level, stride) in enumerate(zip(levels, (8, 16, 32), strict=True), 1):
        name = f"level{stride}"
        head = graph.conv(_context(graph, layers, level, number), layers[f"head{number}"])
        graph.node("Identity", head, output=name)
        outputs.append(
            helper.make_tensor_value_info(
                name, TensorProto.FLOAT, [1, CHANNELS, f"rows{stride}", f"columns{stride}"]
            )
        )
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, "height", "width", 3])
    made = helper.make_graph(graph.nodes, "retinaface", [image], outputs, initializer=graph.weights)
    model = helper.make_model(
        made,
        producer_name="album-people",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    serialized: bytes = model.SerializeToString(deterministic=True)
    return serialized


def _pyramid(graph: _Template, layers: Mapping[str, Layer], stages: Sequence[str]) -> list[str]:
    """Join what deep layers know to what shallow ones see, from the deepest on."""
    one, two, three = (graph.conv(x, layers[f"fpn.output{n}"]) for n, x in enumerate(stages, 1))
    scales = graph.constant("twice", (1.0, 1.0, 2.0, 2.0), [4])

    def larger(x: str, name: str) -> str:
        return graph.node(
            *("Resize", x, "", scales),
            output=name,
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )

    two = graph.node("Add", two, larger(three, "up3"), output="sum2")
    two = graph.conv(two, layers["fpn.merge2"])
    one = graph.node("Add", one, larger(two, "up2"), output="sum1")
    return [graph.conv(one, layers["fpn.merge1"]), two, three]


def _context(graph: _Template, layers: Mapping[str, Layer], x: str, number: int) -> str:
    """Look at the surroundings by one, two and three convolutions side by side (SSH)."""
    near = graph.conv(x, layers[f"ssh{number}.conv3X3"])
    inner = graph.conv(x, layers[f"ssh{number}.conv5X5_1"])
    middle = graph.conv(inner, layers[f"ssh{number}.conv5X5_2"])
    far = graph.conv(inner, layers[f"ssh{number}.conv7X7_2"])
    far = graph.conv(far, layers[f"ssh{number}.conv7x7_3"])
    joined = graph.node("Concat", near, middle, far, output=f"ssh{number}.all", axis=1)
    return graph.node("Relu", joined, output=f"ssh{number}.relu")
