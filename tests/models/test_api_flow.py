"""As many requests at a time as a server bears, and as soon as it allows."""

from __future__ import annotations

import threading
import time

from handful.models.api.flow import Flow


def going():
    return False


def test_refusals_halve_the_number_and_whole_rounds_of_answers_add_one():
    flow = Flow(most=16)
    round = flow.enter(going)
    flow.refused(round, None)
    assert flow.limit == 8
    for _ in range(8):
        flow.answered()
    assert 8.9 < flow.limit <= 9.0
    for _ in range(1000):
        flow.answered()
    assert flow.limit == 16


def test_of_requests_refused_together_one_counts():
    flow = Flow(most=16)
    rounds = [flow.enter(going) for _ in range(16)]
    for round in rounds:
        flow.refused(round, None)
    assert flow.limit == 8


def test_one_at_a_time_is_the_least():
    flow = Flow(most=4)
    for _ in range(10):
        flow.refused(flow.round, None)
    assert flow.limit == 1
    assert flow.enter(going) is not None


def test_no_more_enter_than_the_limit_and_one_that_leaves_makes_place():
    flow = Flow(most=2)
    flow.enter(going)
    flow.enter(going)
    entered = threading.Event()
    waiter = threading.Thread(target=lambda: (flow.enter(going), entered.set()))
    waiter.start()
    assert not entered.wait(0.05)
    flow.leave()
    assert entered.wait(2)
    waiter.join()


def test_nobody_asks_before_the_time_that_the_server_says():
    flow = Flow(most=4)
    flow.refused(flow.enter(going), 0.2)
    start = time.monotonic()
    flow.enter(going)
    assert 0.18 < time.monotonic() - start < 1.0


def test_requests_are_spread_over_the_minute():
    flow = Flow(most=8, per_minute=1200)  # one each 50 ms
    start = time.monotonic()
    for _ in range(5):
        flow.enter(going)
    assert 0.19 < time.monotonic() - start < 0.8


def test_who_waits_sees_that_the_run_has_stopped():
    flow = Flow(most=1)
    flow.enter(going)
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    assert flow.enter(stop.is_set) is None
    assert flow.inside == 1
