"""Curves for TensorBoard, without TensorBoard: a file of events is a file of records."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self


class Curves:
    """Writes numbers by step into a folder that TensorBoard can show; a context manager.

    Parameters
    ----------
    folder : Path
        Made if absent. Each run writes a file of its own, so that one that was resumed goes on.
    """

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        folder.mkdir(parents=True, exist_ok=True)
        self._tf = tf.compat.v1
        path = folder / f"events.out.tfevents.{time.time_ns()}.album"
        self._file = tf.io.TFRecordWriter(str(path))
        self._write(self._tf.Event(wall_time=time.time(), file_version="brain.Event:2"))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Write one point of each curve, by its name."""
        said = [self._tf.Summary.Value(tag=k, simple_value=v) for k, v in values.items()]
        summary = self._tf.Summary(value=said)
        self._write(self._tf.Event(wall_time=time.time(), step=step, summary=summary))

    def _write(self, event: object) -> None:
        self._file.write(event.SerializeToString())  # type: ignore[attr-defined]
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
