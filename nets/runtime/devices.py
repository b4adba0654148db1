"""What the nets run on: the processor, or an accelerator through ONNX Runtime's providers."""

from collections.abc import Mapping

from nets.core.errors import DeviceMissing

DEVICES = ("auto", "cpu", "cuda", "coreml", "openvino")

PROVIDERS: Mapping[str, tuple[str, str]] = {
    "cuda": ("CUDAExecutionProvider", "install onnxruntime-gpu in place of onnxruntime"),
    "coreml": ("CoreMLExecutionProvider", "it is part of onnxruntime on macOS only"),
    "openvino": ("OpenVINOExecutionProvider", "install onnxruntime-openvino beside it"),
}
"""ONNX Runtime's name of each, and how it is had."""
CPU = "CPUExecutionProvider"


def providers(device: str, available: list[str] | None = None) -> list[str]:
    """Return the providers for a device, the processor always last.

    ``auto`` takes CUDA where ONNX Runtime has it, else the processor: the others start slowly and
    pay only for some machines, so they are used when asked for.

    Parameters
    ----------
    device : str
        One of `DEVICES`.
    available : list of str, optional
        What ONNX Runtime offers here; else it is asked.

    Raises
    ------
    ValueError
        If there is no such device.
    DeviceMissing
    """
    if device not in DEVICES:
        raise ValueError(f"There is no device {device!r}; choose one of {', '.join(DEVICES)}.")
    if device == "cpu":
        return [CPU]
    if available is None:
        from nets.runtime.ort import onnxruntime

        available = list(onnxruntime.get_available_providers())
    if device == "auto":
        return [name for name in (PROVIDERS["cuda"][0], CPU) if name in available]
    name, how = PROVIDERS[device]
    if name not in available:
        raise DeviceMissing(f"ONNX Runtime has no {device} on this machine ({how}).")
    return [name, CPU]
