"""The workers, as the coordinator sees them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from album.distributed.transport import Present

READY = 1
"""Chunks that wait at a worker beside those that it is at."""
SILENT_S = 30.0
"""A worker that holds something and says nothing for so long, or for the time that a file may take
if that is longer, has hung up or stopped."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a worker has been given.

    Attributes
    ----------
    owner : str
        Whose it is; empty for a greeting.
    silence : float or None
        Seconds that the worker may say nothing meanwhile; None: forever.
    """

    owner: str
    silence: float | None


@dataclass(slots=True)
class Hand:
    """One worker.

    Attributes
    ----------
    address : str
    present : Present
        As the scheduler sees it.
    is_fit : bool
        It has answered the greeting as it should.
    unfit_for : set of str
        Owners whose files it can't read; `""` stands for all.
    held : dict of int to Held
        By ticket.
    is_alone : bool
        It holds one file under suspicion, and gets nothing beside it.
    host : str
        What it calls its machine.
    heard : float
        When the scheduler heard of it, on this process's clock.
    """

    address: str
    present: Present
    is_fit: bool = False
    unfit_for: set[str] = field(default_factory=set)
    held: dict[int, Held] = field(default_factory=dict)
    is_alone: bool = False
    host: str = ""
    heard: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.host} ({self.present.name})" if self.host else self.present.name

    @property
    def room(self) -> int:
        """How many chunks it can take."""
        if self.is_alone or not self.is_fit:
            return 0
        return self.present.threads + READY - len(self.held)

    def is_for(self, owner: str) -> bool:
        """Tell whether it may read for somebody."""
        return self.is_fit and not self.unfit_for & {owner, ""}

    def give(self, ticket: int, held: Held, *, alone: bool = False) -> None:
        """Note what it was given."""
        self.held[ticket] = held
        self.is_alone = alone

    def take_back(self, ticket: int) -> Held:
        """Note what it has answered."""
        self.is_alone = False
        return self.held.pop(ticket)

    def see(self, present: Present) -> None:
        """Note what the scheduler says of it."""
        if present.seen != self.present.seen:
            self.heard = time.monotonic()
        self.present = present

    def hangs(self, now: float) -> str:
        """Return why it seems to hang, empty if it does not.

        How long a file takes is its own business: it gives up files by itself, and may be at
        somebody else's before it comes to ours.
        """
        silences = [held.silence for held in self.held.values() if held.silence is not None]
        if not silences:
            return ""
        silence = max(SILENT_S, *silences)
        if now - self.heard > silence:
            return f"has said nothing for {silence:.0f} seconds"
        return ""


def idlest(hands: Iterable[Hand]) -> Hand | None:
    """Return who has least to do for each thread; None where there is nobody."""
    return min(hands, key=lambda hand: len(hand.held) / hand.present.threads, default=None)
