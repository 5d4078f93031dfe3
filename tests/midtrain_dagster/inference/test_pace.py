import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.inference.pace import Pace, StoppedError


def test_steady_answers_lead_to_the_most() -> None:
    pace = Pace(16)
    assert pace.limit == 4
    for _ in range(200):
        pace.answered(0.1)
    assert pace.limit == 16


def test_a_refusal_halves_once_a_round_trip() -> None:
    pace = Pace(64)
    for _ in range(5):
        pace.answered(1000.0)
    before = pace.limit
    for _ in range(9):
        pace.overloaded()
    assert pace.limit == before / 2


def test_answers_that_become_slow_halve() -> None:
    pace = Pace(16)
    for _ in range(200):
        pace.answered(0.001)
    for _ in range(3):
        pace.answered(0.02)
    assert pace.limit <= 9
    low = pace.limit
    for _ in range(200):
        pace.answered(0.02)
    assert pace.limit > low, "what stays slow is the usual time, and no sign any more"


EVENTS = st.lists(st.one_of(st.none(), st.floats(1e-6, 100)), max_size=200)


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.integers(1, 64))
def test_the_limit_stays_between_one_and_the_most(events: list[float | None], most: int) -> None:
    pace = Pace(most)
    for seconds in events:
        if seconds is None:
            pace.overloaded()
        else:
            pace.answered(seconds)
        assert 1 <= pace.limit <= most


def test_no_more_than_the_limit_are_in_flight() -> None:
    pace, lock = Pace(12), threading.Lock()
    flying, most = 0, 0

    def ask(_: int) -> None:
        nonlocal flying, most
        with pace.turn():
            with lock:
                flying += 1
                most = max(most, flying)
            threading.Event().wait(0.002)
            with lock:
                flying -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(ask, range(60)))
    assert 1 <= most <= 3


def test_who_waits_is_woken_by_a_stop() -> None:
    pace = Pace(1)
    pace.overloaded(pause=3600)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(pace.wait, 3600), pool.submit(pace.turn().__enter__)]
        pace.stop()
        for each in waiting:
            with pytest.raises(StoppedError):
                each.result(timeout=30)
    with pytest.raises(StoppedError), pace.turn():
        pass
