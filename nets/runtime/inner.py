"""Lets ONNX Runtime give out a tensor inside a net, whose file stays as it is.

An ONNX file is one protobuf message, and of messages that are written one after the other the
repeated fields add up (Protocol Buffers, "Encoding", section "Last One Wins"). So a few bytes
behind the file make one more output, and nobody needs a package for it. The file, its digest and
what the net says otherwise remain, so that vectors in libraries stay comparable.
"""

GRAPH, OUTPUT, NAME, TYPE, TENSOR = 7, 12, 1, 2, 1
"""Numbers of the fields ModelProto.graph, GraphProto.output, ValueInfoProto.name and .type, and
TypeProto.tensor_type in onnx.proto."""
FLOAT = b"\x08\x01"
"""Of a tensor type: elem_type is FLOAT; the shape is left open."""


def with_outputs(model: bytes, tensors: tuple[str, ...]) -> bytes:
    """Return an ONNX file with more outputs.

    Parameters
    ----------
    model : bytes
        The file.
    tensors : tuple of str
        Names of float32 tensors in its graph, each shorter than 100 characters.
    """
    return model + b"".join(_output(name) for name in tensors)


def _output(name: str) -> bytes:
    kind = _field(TYPE, _field(TENSOR, FLOAT))
    return _field(GRAPH, _field(OUTPUT, _field(NAME, name.encode("ascii")) + kind))


def _field(number: int, content: bytes) -> bytes:
    """Write a field of the wire type LEN, shorter than 128 bytes."""
    if len(content) > 127:
        raise ValueError("too long for a length of one byte")
    return bytes([number << 3 | 2, len(content)]) + content
