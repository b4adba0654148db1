"""Wrong passwords wait, longer and longer; what is remembered of them is bounded."""

import heapq

import pytest

from album.web.throttle import LONGEST_S, MOST_ADDRESSES, OVERALL, PER_ADDRESS, Throttle


class Clock:
    """Time that passes when a test says so."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def answered(clock, throttle, addresses, seconds):
    """Guess from every address, again as soon as the last guess is answered; count the answers."""
    start, done = clock.now, 0
    waiting = [(start, one) for one in addresses]
    while waiting[0][0] <= start + seconds:
        clock.now, address = heapq.heappop(waiting)
        heapq.heappush(waiting, (clock.now + throttle.failed(address), address))
        done += 1
    return done


def test_a_typing_error_waits_a_second(clock):
    throttle = Throttle(clock)
    assert [throttle.failed("127.0.0.1") for _ in range(3)] == [1.0, 1.0, 1.0]
    assert throttle.failed("127.0.0.1") == pytest.approx(PER_ADDRESS.every_s)
    clock.now += 60
    assert throttle.failed("127.0.0.1") == 1.0


def test_one_address_gets_one_guess_in_five_seconds(clock):
    hour = 3600
    guesses = answered(clock, Throttle(clock), ["192.0.2.1"], hour)
    assert hour / PER_ADDRESS.every_s * 0.9 < guesses < hour / PER_ADDRESS.every_s + 10


def test_many_addresses_together_get_few(clock):
    """As many as there may be connections, each from an address of its own."""
    guesses = answered(clock, Throttle(clock), [f"192.0.2.{i}" for i in range(256)], 3600)
    assert guesses < 3600 * 256 / LONGEST_S + OVERALL.free + 256


def test_nobody_waits_longer_than_the_bound(clock):
    throttle = Throttle(clock)
    assert max(throttle.failed("192.0.2.1") for _ in range(100_000)) == LONGEST_S
    assert throttle.failed("192.0.2.2") <= LONGEST_S
    clock.now += LONGEST_S + OVERALL.free * OVERALL.every_s
    assert throttle.failed("192.0.2.2") == 1.0


def test_memory_is_bounded(clock):
    throttle = Throttle(clock)
    for number in range(20_000):
        throttle.failed(f"10.0.{number // 250}.{number % 250}")
    assert len(throttle._due) == MOST_ADDRESSES


@pytest.mark.parametrize("other", ["2001:db8::ffff:1", "2001:db8:0:0:1::9%eth0"])
def test_addresses_of_one_network_share_a_delay(clock, other):
    throttle = Throttle(clock)
    for _ in range(3):
        throttle.failed("2001:db8::1")
    assert throttle.failed(other) > 1.0
    assert throttle.failed("2001:db8:0:1::1") == 1.0
    assert throttle.failed("no address") == 1.0
