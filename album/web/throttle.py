"""How long the answer to a wrong password waits, so that nobody can try many."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

SHORTEST_S, LONGEST_S = 1.0, 30.0
"""Every wrong password waits at least and at most so long."""
MOST_ADDRESSES = 1024
"""Addresses that are remembered; the one that has been quiet longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One wrong password every ``every_s`` seconds, after ``free`` that needn't keep to that."""

    every_s: float
    free: int

    def due(self, before: float, now: float) -> float:
        """Return when the next one is due, given when this one was."""
        latest = now + self.free * self.every_s + LONGEST_S
        return min(max(before, now) + self.every_s, latest)

    def wait(self, due: float, now: float) -> float:
        """Return the seconds that this one waits."""
        return due - now - self.free * self.every_s


PER_ADDRESS = Rate(every_s=5.0, free=3)
OVERALL = Rate(every_s=0.5, free=20)


@dataclass(slots=True)
class Throttle:
    """Delays for wrong passwords, by address and for all addresses together.

    Only failures are delayed. A right password passes at once, also from the address that an
    attack comes from: where owner and attacker share one, as on this machine or behind a proxy,
    anything else would lock the owner out.

    Attributes
    ----------
    clock : callable
        Returns seconds that never go back.
    """

    clock: Callable[[], float] = time.monotonic
    _due: OrderedDict[str, float] = field(default_factory=OrderedDict)
    _overall: float = 0.0

    def failed(self, address: str) -> float:
        """Note a wrong password.

        Parameters
        ----------
        address : str
            Where it came from.

        Returns
        -------
        float
            Seconds until it may be answered.
        """
        now, key = self.clock(), _network(address)
        self._due[key] = PER_ADDRESS.due(self._due.get(key, now), now)
        self._due.move_to_end(key)
        if len(self._due) > MOST_ADDRESSES:
            self._due.popitem(last=False)
        self._overall = OVERALL.due(self._overall, now)
        waits = PER_ADDRESS.wait(self._due[key], now), OVERALL.wait(self._overall, now)
        return max(SHORTEST_S, *waits)


def _network(address: str) -> str:
    """Return what an attacker can't change easily: of IPv6 the first half of the address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return str(found)
