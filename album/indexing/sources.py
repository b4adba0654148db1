"""Where outcomes come from: threads of this process, or workers (`album.distributed`)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from album.analysis.analyse import Analyser, Outcome, Task, outcomes
from album.analysis.workers import Clock
from album.events import WorkersChanged
from album.indexing.sharing import AT_ONCE
from album.media.clips.frames import Sampling
from clustering.linkage.tiles import TileSearch
from nets.engine import Engine

ReadEvent = Outcome | WorkersChanged
Read = Callable[[Iterable[Task]], Iterator[ReadEvent]]
"""Reads tasks; yields one outcome for each, in their order, and what there is to say meanwhile."""


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """What is to be read, and how.

    Attributes
    ----------
    engine : Engine
    contract : str
        Of photos, see `album.indexing.index.analysis_contract`.
    done : set of str
        Content hashes that need no analysis; grows.
    sizes : mapping of int to tuple of str
        Those of them that a file of so many bytes may have, for the sizes of the tasks.
    forgotten : frozenset of str
        Those of which nothing may be kept.
    view : int
    clips : Sampling or None
    jobs : int
    file_timeout : float
        See `album.indexing.index.IndexOptions`.
    """

    engine: Engine
    contract: str
    done: set[str]
    sizes: Mapping[int, tuple[str, ...]]
    forgotten: frozenset[str]
    view: int
    clips: Sampling | None
    jobs: int
    file_timeout: float


class Source(Protocol):
    """Reads the files of an index."""

    @property
    def at_once(self) -> int:
        """Tasks to be claimed together where several processes share a library."""
        ...

    @property
    def tile_search(self) -> TileSearch | None:
        """Who searches for near faces when these are grouped; None: this process."""
        ...

    def start(self, settings: ReadSettings) -> Read:
        """Return what reads tasks; it may be called several times in one run."""
        ...


@dataclass(frozen=True, slots=True)
class Threads:
    """Reads in threads of this process."""

    at_once: int = AT_ONCE
    tile_search: TileSearch | None = None

    def start(self, settings: ReadSettings) -> Read:
        """Return what reads tasks."""
        analyser = Analyser(
            settings.engine,
            settings.done,
            settings.view,
            settings.clips,
            max(1, settings.jobs),
            clock=Clock(settings.file_timeout),
        )

        def read(tasks: Iterable[Task]) -> Iterator[ReadEvent]:
            yield from outcomes(analyser, tasks, jobs=settings.jobs, stop=analyser.stopped.set)

        return read
