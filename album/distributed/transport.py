"""What dealing needs of a cluster, whoever carries it (`album.distributed.dask`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Gone(Exception):  # noqa: N818 - the name says what happened
    """The connection to the scheduler is lost, and with it everything that was submitted."""


class KilledWorker(Exception):  # noqa: N818
    """What was submitted has ended its worker."""


@dataclass(frozen=True, slots=True)
class Present:
    """A worker that the scheduler knows.

    Attributes
    ----------
    id : str
        Another for each process, even at the same address.
    name : str
        For people: what its host is called, or its address.
    threads : int
        Calls that it runs at the same time.
    seen : float
        When the scheduler heard of it last, by the scheduler's clock: only changes mean anything.
    """

    id: str
    name: str
    threads: int
    seen: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one call: a value, or an error."""

    ticket: int
    value: Any = None
    error: BaseException | None = None


class Transport(Protocol):
    """Carries calls to workers, each to the one it is meant for."""

    address: str
    """Of the scheduler; empty where it and its workers are this process's own."""

    @property
    def client(self) -> Any:
        """What searches for pairs of faces (`album.distributed.pairs`) talk to."""
        ...

    def workers(self) -> Mapping[str, Present]:
        """Return the workers by address; raises `Gone`."""
        ...

    def submit(self, worker: str, call: Callable[..., Any], *args: Any) -> int:
        """Have a worker call something; return a ticket for the answer. Raises `Gone`."""
        ...

    def answers(self, timeout: float) -> list[Answer]:
        """Wait until something is answered, at most for so many seconds; raises `Gone`."""
        ...

    def drop(self, ticket: int) -> None:
        """Want no answer any more."""
        ...

    def replace(self, worker: str) -> None:
        """End a worker that does not answer and start another, where that can be done."""
        ...

    def again(self) -> None:
        """Connect anew after `Gone`; raises `ClusterError` where that does not come about."""
        ...

    def close(self) -> None:
        """Leave the cluster, and end what was started for it."""
        ...
