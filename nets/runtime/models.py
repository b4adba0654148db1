"""The nets in `nets/weights` at run time: ONNX Runtime sessions behind the Protocol `Net`."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nets.core.api import Floats, Image
from nets.core.crops import CROPS
from nets.core.errors import WeightsError
from nets.runtime.devices import CPU, providers
from nets.runtime.inner import with_outputs

WEIGHTS = Path(__file__).parents[1] / "weights"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """What the manifest says of one net.

    Attributes
    ----------
    name : str
        Name of the net.
    path : Path
        The ONNX file.
    sha256 : str
        Its digest.
    crop : str or None
        The name in `nets.core.crops.CROPS` of the chips that it takes; None for parts of a
        detector.
    preprocessing : int
        Version of what the graph does to pixels before the first layer.
    facts : mapping
        Everything, as it is in ``manifest.json``: source, licence, training data, parity and so on.
    """

    name: str
    path: Path
    sha256: str
    crop: str | None
    preprocessing: int
    facts: Mapping[str, Any]


def load_manifest(folder: Path = WEIGHTS) -> dict[str, Entry]:
    """Return what there is to know of each net in `folder`, by name.

    Raises
    ------
    WeightsError
        If there is no manifest, or it is of a format that this version can't read.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} can't be read; install the program again.") from error
    if manifest["format"] != FORMAT:
        raise WeightsError(f"{path} was written by another version of the program.")
    return {name: _entry(name, folder, facts) for name, facts in manifest["nets"].items()}


def _entry(name: str, folder: Path, facts: Mapping[str, Any]) -> Entry:
    return Entry(
        name=name,
        path=folder / facts["file"],
        sha256=facts["sha256"],
        crop=facts["crop"],
        preprocessing=facts["preprocessing"],
        facts=facts,
    )


def digest(*parts: object) -> str:
    """Return a contract: 16 hexadecimal digits that change when any part changes."""
    text = "\n".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def open_session(
    entry: Entry, *, threads: int = 1, device: str = "cpu", inner: tuple[str, ...] = ()
) -> Any:
    """Check a net's file against the manifest and load it.

    Parameters
    ----------
    entry : Entry
        The net.
    threads : int
        Cores that one call may use; 0 means all.
    device : str
        One of `nets.runtime.devices.DEVICES`.
    inner : tuple of str
        Tensors inside the net to be given out, too; see `nets.runtime.inner`.

    Returns
    -------
    onnxruntime.InferenceSession

    Raises
    ------
    WeightsError
        If the file is absent or damaged.
    ModelMissing
        If ONNX Runtime can't use the device.
    """
    model = with_outputs(read_weights(entry), inner)
    return _session(model, _options(threads), device)


def open_template(
    path: Path, weights: Mapping[str, Floats], *, threads: int = 1, device: str = "cpu"
) -> Any:
    """Load a graph whose weights are not in its file; see `open_session`.

    Parameters
    ----------
    path : Path
        The graph, with every weight declared as external data.
    weights : mapping of str to ndarray of float32
        All of them, by name.
    threads : int
        Cores that one call may use; 0 means all.
    device : str
        One of `nets.runtime.devices.DEVICES`.
    """
    from nets.runtime.ort import onnxruntime

    options = _options(threads)
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
    options.add_external_initializers(list(weights), values)
    return _session(path.read_bytes(), options, device)


def _options(threads: int) -> Any:
    from nets.runtime.ort import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Threads that wait by spinning take the cores from the decoder and from the other nets.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _session(model: bytes, options: Any, device: str) -> Any:
    from nets.runtime.ort import onnxruntime

    return onnxruntime.InferenceSession(model, options, providers=providers(device))


def read_weights(entry: Entry) -> bytes:
    """Return the contents of a net's file.

    Raises
    ------
    WeightsError
        If the file is absent, or is not the one that the manifest describes.
    """
    try:
        data = entry.path.read_bytes()
    except OSError as error:
        message = f"The weights {entry.path} can't be read; install the program again."
        raise WeightsError(message) from error
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise WeightsError(f"The weights {entry.path} are damaged; install the program again.")
    return data


PIXELS = 2 * 224**2
"""Of the chips in one call on the processor. What a net makes of two chips of 224 pixels stays in
its cache; of eight, each takes 15 % longer."""
MANY_PIXELS = 32 * 224**2
"""On an accelerator."""


class OnnxNet:
    """One net on ONNX Runtime; implements `nets.core.api.Net`.

    The file is read when the net is first run.

    Parameters
    ----------
    entry : Entry
        The net; it must take chips.
    threads : int
        Cores that one call may use; 0 means all.
    batch : int, optional
        Chips in one call of the runtime, which bounds the memory; else as many as `PIXELS` allows.
    device : str
        One of `nets.runtime.devices.DEVICES`; no part of the contract, since the vectors are the
        same.
    inner : bool
        Whether to name what the manifest has as ``inner`` among the outputs; no part of it, either.
    """

    def __init__(
        self,
        entry: Entry,
        *,
        threads: int = 1,
        batch: int | None = None,
        device: str = "cpu",
        inner: bool = False,
    ) -> None:
        if entry.crop is None:
            raise ValueError(f"{entry.name} does not take face chips")
        self.name = entry.name
        self.crop = entry.crop
        crop = CROPS[entry.crop]
        self.contract = digest(entry.sha256, crop.name, crop.version, entry.preprocessing)
        self.size = crop.size
        self._entry = entry
        self._threads = threads
        self._asked = batch
        self._device = device
        given: Mapping[str, str] = entry.facts.get("inner", {}) if inner else {}
        self._names = {tensor: name for name, tensor in given.items()}

    @cached_property
    def _batch(self) -> int:
        on_processor = providers(self._device)[0] == CPU
        return self._asked or (PIXELS if on_processor else MANY_PIXELS) // self.size**2 or 1

    @cached_property
    def _session(self) -> Any:
        return open_session(
            self._entry, threads=self._threads, device=self._device, inner=tuple(self._names)
        )

    def run(self, chips: Image) -> Mapping[str, Floats]:
        """Run the net on face chips.

        Parameters
        ----------
        chips : ndarray of uint8, shape (n, size, size, 3)
            RGB, any n >= 0.

        Returns
        -------
        mapping of str to ndarray of float32, shape (n, ...)
            As the manifest describes the outputs.

        Raises
        ------
        ValueError
            If the chips have another shape or type.
        WeightsError
            If the file of the weights is absent or damaged.
        """
        if chips.shape[1:] != (self.size, self.size, 3) or chips.dtype != np.uint8:
            raise ValueError(
                f"{self.name} wants uint8 chips (n, {self.size}, {self.size}, 3), "
                f"not {chips.dtype} {chips.shape}"
            )
        # One empty call keeps the shapes of the outputs known when there is no face.
        starts = range(0, max(len(chips), 1), self._batch)
        parts = [self._call(chips[start : start + self._batch]) for start in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _call(self, chips: Image) -> dict[str, Floats]:
        names = [output.name for output in self._session.get_outputs()]
        values = self._session.run(names, {"chips": np.ascontiguousarray(chips)})
        return {
            self._names.get(name, name): value for name, value in zip(names, values, strict=True)
        }
