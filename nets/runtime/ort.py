"""The only module that imports ONNX Runtime: with its telemetry off.

Since 1.32 the published builds of ONNX Runtime report to Microsoft from Linux and macOS, too,
unless ``ORT_DISABLE_TELEMETRY=1`` is in the environment when the package is first imported. By the
time ``onnxruntime.disable_telemetry_events()`` can be called, an id of the device has been written
and the first events are on their way.

Import this module inside the function that needs it: ONNX Runtime takes a while to load.
"""

import os
import sys
import warnings
from types import ModuleType
from typing import cast

VARIABLE = "ORT_DISABLE_TELEMETRY"

if "onnxruntime" in sys.modules and os.environ.get(VARIABLE) != "1":
    warnings.warn(
        "onnxruntime was imported before album-people could turn its telemetry off, so it may "
        f"contact Microsoft; set {VARIABLE}=1 in the environment before the first "
        "`import onnxruntime`.",
        RuntimeWarning,
        stacklevel=2,
    )
# Any other value is overwritten as well: the program promises to send nothing, and a variable that
# is meant for other programs on the machine must not break that promise. Processes started from
# here inherit it.
os.environ[VARIABLE] = "1"

import onnxruntime  # noqa: E402

__all__ = ["onnxruntime", "quantization"]


def quantization() -> ModuleType:
    """Return `onnxruntime.quantization`, which needs the package onnx."""
    import onnxruntime.quantization as module

    return cast(ModuleType, module)
