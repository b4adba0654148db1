"""All workers of a cluster, shared by those who deal files out to them.

A pool greets every worker that comes: only one with this version gets anything. It sees who has
gone and who hangs, keeps what is in flight within bounds, and divides the workers fairly: each
owner gets its share of what all of them may have in flight, by weight. It may be used from several
threads, one for each owner.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import album
from album.distributed.hands import Hand, Held, idlest
from album.distributed.transport import Answer, Gone, KilledWorker, Transport
from album.distributed.work import PROTOCOL, about
from album.errors import ClusterError, NoWorkers
from album.events import WorkersChanged

LOOK_S = 1.0
"""Between two looks at who is there."""
PUMP_S = 0.2
"""How long one owner waits for answers before another may."""
JOIN_S = 120.0
"""How long a run waits for a first worker, or for another when all are gone."""
UNFIT_S = 5.0
"""How long it waits when those who are there can't be used."""
HUNGRY_S = 2.0
"""An owner that has dealt nothing for so long leaves its share to the others."""
GREET_S = 120.0
VERSION = f"{album.__version__}.{PROTOCOL}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of something dealt out.

    Attributes
    ----------
    ticket : int
    worker, name : str
        Who had it: the address, and what people call it.
    value : object
        What the call returned.
    is_lost : bool
        The worker was lost with it, or the call failed.
    is_returned : bool
        It never ran, or nobody will know, and nothing is to blame: deal it again.
    error : str
        What the call failed with.
    """

    ticket: int
    worker: str = ""
    name: str = ""
    value: Any = None
    is_lost: bool = False
    is_returned: bool = False
    error: str = ""


@dataclass(slots=True)
class _Owner:
    weight: float
    most: int | None
    inbox: list[Delivery] = field(default_factory=list)
    notices: list[WorkersChanged] = field(default_factory=list)
    held: int = 0
    asked: float = 0.0
    problem: str = ""
    without: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Pool:
    """The workers of one cluster.

    Parameters
    ----------
    transport : Transport
    """

    transport: Transport
    _hands: dict[str, Hand] = field(default_factory=dict)
    _owners: dict[str, _Owner] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)
    _looked: float = -LOOK_S
    _kept: str = ""

    @contextmanager
    def owner(self, name: str, *, weight: float = 1.0, most: int | None = None) -> Iterator[None]:
        """Deal and gather under a name, with a share of the workers; at the end want nothing more.

        Parameters
        ----------
        name : str
        weight : float
            Of the share, beside those of the others.
        most : int, optional
            Chunks in flight.
        """
        with self._lock:
            self._owners[name] = _Owner(weight, most)
            count = self._fit(name)
            self._owners[name].notices += [WorkersChanged(count)] if count else []
        try:
            yield
        finally:
            with self._lock:
                del self._owners[name]
                self._kept = ""
                for hand in self._hands.values():
                    hand.unfit_for.discard(name)
                    for ticket in [t for t, held in hand.held.items() if held.owner == name]:
                        self.transport.drop(ticket)
                        hand.take_back(ticket)

    def deal(
        self,
        call: Callable[..., Any],
        *args: Any,
        held: Held,
        alone: bool = False,
        avoid: tuple[str, ...] = (),
    ) -> int | None:
        """Give somebody something to do; return the ticket, None where nobody can take it now.

        Parameters
        ----------
        call, args
            What is to be called.
        held : Held
            Whose it is, and how long it may take.
        alone : bool
            Whether the worker must hold nothing beside it.
        avoid : tuple of str
            Names of workers that should not get it where there are others.
        """
        with self._lock:
            owner = self._owners[held.owner]
            owner.asked = time.monotonic()
            if owner.held >= self._share(owner):
                return None
            hand = self._alone(held.owner, avoid) if alone else self._free(held.owner)
            if hand is None:
                return None
            try:
                ticket = self.transport.submit(hand.address, call, *args)
            except Gone:
                self._come_back()
                return None
            hand.give(ticket, held, alone=alone)
            owner.held += 1
            return ticket

    def gather(self, name: str) -> tuple[list[Delivery], list[WorkersChanged]]:
        """Wait a moment for what was dealt; return it, and what there is to say of the workers.

        Raises
        ------
        ClusterError
            Nobody is left to deal to, or the scheduler does not come back.
        """
        with self._lock:
            owner = self._owners[name]
            if not owner.inbox:
                self._pump()
            self._require_somebody(name, owner)
            came, told = owner.inbox, owner.notices
            owner.inbox, owner.notices = [], []
            return came, told

    def refuse(self, name: str, worker: str, sentence: str) -> None:
        """Give a worker nothing more of an owner; `sentence` says why, without its name."""
        with self._lock:
            hand = self._hands.get(worker)
            if hand is not None and hand.is_for(name):
                hand.unfit_for.add(name)
                self._tell(name, f"Worker {hand.name} {sentence}")

    @property
    def is_lost(self) -> bool:
        """Whether there is no worker that anybody could use."""
        with self._lock:
            return not any(hand.is_fit for hand in self._hands.values())

    def _share(self, owner: _Owner) -> float:
        """Return how many chunks an owner may have in flight."""
        now = time.monotonic()
        hungry = [one for one in self._owners.values() if now - one.asked <= HUNGRY_S]
        slots = sum(hand.present.threads + 1 for hand in self._hands.values() if hand.is_fit)
        share = max(1.0, slots * owner.weight / sum(one.weight for one in hungry))
        return min(share, owner.most or share)

    def _free(self, name: str) -> Hand | None:
        hands = (hand for hand in self._hands.values() if hand.is_for(name) and hand.room > 0)
        return idlest(hand for hand in hands if hand.address != self._kept)

    def _alone(self, name: str, avoid: tuple[str, ...]) -> Hand | None:
        """Return who has nothing to do, or have somebody get nothing more meanwhile."""
        for_it = [hand for hand in self._hands.values() if hand.is_for(name)]
        for_it = [hand for hand in for_it if hand.name not in avoid] or for_it
        idle = next((hand for hand in for_it if not hand.held), None)
        waiting = idle or idlest(for_it)
        # Kept free of other work until it has nothing left: else it might never be alone.
        self._kept = waiting.address if waiting and not idle else ""
        return idle

    def _pump(self) -> None:
        try:
            self._look()
            for answer in self.transport.answers(PUMP_S):
                self._route(answer)
        except Gone:
            self._come_back()

    def _route(self, answer: Answer) -> None:
        hand = next((one for one in self._hands.values() if answer.ticket in one.held), None)
        if hand is None:
            return
        held = hand.take_back(answer.ticket)
        if not held.owner:
            self._greeted(hand, answer)
            return
        error = "" if answer.error is None else type(answer.error).__name__
        if error and str(answer.error):
            error = f"{error}: {' '.join(str(answer.error).split())[:200]}"
        self._deliver(
            held.owner,
            Delivery(
                *(answer.ticket, hand.address, hand.name, answer.value),
                is_lost=answer.error is not None,
                error="" if isinstance(answer.error, KilledWorker) else error,
            ),
        )

    def _deliver(self, name: str, delivery: Delivery) -> None:
        owner = self._owners.get(name)
        if owner is not None:
            owner.held -= 1
            owner.inbox.append(delivery)

    def _look(self) -> None:
        """See who has come, who has gone and who hangs."""
        now = time.monotonic()
        if now - self._looked < (PUMP_S if self.is_lost else LOOK_S):
            return
        self._looked = now
        present = self.transport.workers()
        for address, hand in list(self._hands.items()):
            seen = present.get(address)
            if seen is None or seen.id != hand.present.id:
                self._lose(hand, "is gone")
                continue
            hand.see(seen)
            if reason := hand.hangs(now):
                self.transport.replace(address)
                self._lose(hand, reason)
        for address in present.keys() - self._hands.keys():
            hand = self._hands[address] = Hand(address, present[address])
            hand.give(self.transport.submit(address, about), Held("", GREET_S))

    def _greeted(self, hand: Hand, answer: Answer) -> None:
        told = answer.value if isinstance(answer.value, dict) else {}
        if told.get("version") == VERSION:
            hand.is_fit = True
            hand.host = told["host"]
            self._tell_all("")
            return
        hand.unfit_for.add("")
        has = f"has version {told['version']}" if "version" in told else "has no album-people"
        self._tell_all(
            f"Worker {hand.name} {has} instead of {VERSION} and is not used; "
            f"install this version there."
        )

    def _lose(self, hand: Hand, reason: str) -> None:
        """Take a worker off the list; what it had goes back to its owners."""
        del self._hands[hand.address]
        for ticket, held in list(hand.held.items()):
            self.transport.drop(ticket)
            if held.owner:
                lost = Delivery(ticket, hand.address, hand.name, is_lost=True)
                self._deliver(held.owner, lost)
        if hand.is_fit:
            what = "; what it had goes to others" if hand.held else ""
            self._tell_all(f"Worker {hand.name} {reason}{what}.")

    def _come_back(self) -> None:
        """Connect again, and give everything back: nothing of it is to blame."""
        self._tell_all("The scheduler is gone; waiting for it to come back.")
        for hand in self._hands.values():
            for ticket, held in hand.held.items():
                if held.owner:
                    self._deliver(held.owner, Delivery(ticket, is_returned=True))
        self._hands.clear()
        self._kept = ""
        self.transport.again()
        for owner in self._owners.values():
            owner.without = time.monotonic()

    def _require_somebody(self, name: str, owner: _Owner) -> None:
        """Raise where nobody has been there for an owner for too long."""
        now = time.monotonic()
        greeting = any(not hand.is_fit and not hand.unfit_for for hand in self._hands.values())
        if owner.inbox or self._fit(name):
            owner.without = now
        elif self._hands and not greeting and now - owner.without > UNFIT_S:
            raise ClusterError(f"No worker can be used. {owner.problem}")
        elif now - owner.without > JOIN_S:
            raise NoWorkers(self.transport.address, JOIN_S)

    def _fit(self, name: str) -> int:
        return sum(hand.is_for(name) for hand in self._hands.values())

    def _tell_all(self, problem: str) -> None:
        for name in self._owners:
            self._tell(name, problem)

    def _tell(self, name: str, problem: str) -> None:
        owner = self._owners[name]
        owner.problem = problem or owner.problem
        owner.notices.append(WorkersChanged(self._fit(name), problem))
