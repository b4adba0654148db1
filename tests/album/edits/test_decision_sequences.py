"""Random sequences of decisions; ``ALBUM_SEQUENCES`` says how many the slow test runs."""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.album.decision_machine import Decisions, Desk, WithIndex

COMMON = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "print_blob": True,
}
SEQUENCES = int(os.environ.get("ALBUM_SEQUENCES", "10000"))


def run(machine, examples, steps):
    options = settings(max_examples=examples, stateful_step_count=steps, **COMMON)
    desk = Desk()
    try:
        run_state_machine_as_test(type("Run", (machine,), {"desk": desk}), settings=options)
    finally:
        desk.close()


@pytest.mark.parametrize("machine", [Decisions, WithIndex])
def test_sequences(machine):
    run(machine, 20, 12)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [Decisions, WithIndex])
def test_ten_thousand_sequences(machine):
    run(machine, SEQUENCES // 2, 12)
