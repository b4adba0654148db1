"""What this package needs of a cluster; `album.distributed.dask` provides it."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class SchedulerLost(Exception):  # noqa: N818 - the name says what happened
    """The connection to the scheduler is lost, and with it every call that was submitted."""


class WorkerDied(Exception):  # noqa: N818
    """The workers that a call was running on have died, or are gone."""


class CallFailed(Exception):  # noqa: N818
    """A call has raised; the text is the type and the message of what it raised.

    `worker` is the address of the worker, empty where it is not known.
    """

    def __init__(self, problem: str, worker: str = "") -> None:
        self.worker = worker
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that the scheduler knows.

    Attributes
    ----------
    address : str
    name : str
        For people: the name of its host, and its own.
    threads : int
        Calls that it runs at the same time.
    version : str or None
        `album.distributed.work.VERSION` there; empty where there is no such program, and None
        while it has not answered yet.
    """

    address: str
    name: str
    threads: int
    version: str | None


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What a call has returned, and the address of the worker that ran it."""

    worker: str
    value: T


class Cluster(Protocol):
    """A scheduler and its workers.

    Attributes
    ----------
    address : str
        Of the scheduler; empty where it and its workers are this process's own.
    """

    address: str

    def workers(self) -> Mapping[str, Worker]:
        """Return the workers by address.

        Raises
        ------
        SchedulerLost
            There is no connection to the scheduler now. It is being restored.
        ClusterError
            The scheduler has been gone for too long.
        """
        ...

    def submit(
        self, workers: Collection[str], call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> "Future[Reply[T]]":
        """Have one of some workers call something.

        Parameters
        ----------
        workers : collection of str
            Addresses.
        call : callable
            It is pickled by name, its arguments and its result by value.
        args, kwargs
            Its arguments; some may come from `scatter`.

        Returns
        -------
        Future
            Its exception is `SchedulerLost`, `WorkerDied` or `CallFailed`. The call is given up
            when somebody else completes the future.

        Raises
        ------
        SchedulerLost
            There is no connection to the scheduler now.
        """
        ...

    def scatter(self, workers: Collection[str], value: T) -> T:
        """Send a value to one of some workers once.

        Returns
        -------
        object
            Stands for the value among the arguments of `submit`. Calls with it fail when the
            workers that hold it are gone.

        Raises
        ------
        SchedulerLost
            There is no connection to the scheduler now.
        """
        ...

    def close(self) -> None:
        """Leave the cluster, and end what was started for it."""
        ...


def fail(future: "Future[Any]", error: Exception) -> None:
    """Complete a future with an exception, unless it is complete already."""
    with suppress(InvalidStateError):
        future.set_exception(error)
