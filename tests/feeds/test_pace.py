import logging

import pytest

from tradewatch.feeds.pace import Pace
from tradewatch.feeds.source import SourceState


def _pace(timeline, state: SourceState) -> Pace:
    return Pace("x", state, clock=timeline.clock, sleep=timeline.sleep)


async def test_it_waits_for_the_rest_and_never_less_than_a_turn(timeline) -> None:
    pace = _pace(timeline, SourceState())
    await pace.wait_until(2_500_000_000)
    assert pace.elapsed_ns() == 2_500_000_000
    await pace.wait_until(1_000_000_000)
    assert timeline.slept == [2.5, 0.0]


def test_a_batch_is_counted_with_its_lateness(timeline, caplog: pytest.LogCaptureFixture) -> None:
    state = SourceState()
    pace = _pace(timeline, state)
    timeline.clock.advance(3)
    pace.handed_over(10, due_ns=2_500_000_000)
    assert (state.quotes, state.behind_s) == (10, 0.5)
    pace.handed_over(5, due_ns=None)
    assert (state.quotes, state.behind_s) == (15, 0.0)
    assert caplog.messages == []


def test_lateness_is_said_once_in_ten_seconds(timeline, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    pace = _pace(timeline, SourceState())
    for _ in range(25):
        timeline.clock.advance(1)
        pace.handed_over(1, due_ns=0)
    assert caplog.messages == [f"feed x is {seconds}.0 s behind its schedule" for seconds in (2, 12, 22)]


def test_the_wall_goes_with_the_schedule_until_somebody_sets_it(timeline) -> None:
    clock = timeline.clock
    start_ns = clock.now_ns()
    pace = _pace(timeline, SourceState())
    clock.advance(5)
    assert pace.wall_ns(pace.elapsed_ns()) == start_ns + 5_000_000_000
    clock._now_ns += 900_000_000  # within what two clocks may part
    assert pace.wall_ns(pace.elapsed_ns()) == start_ns + 5_000_000_000
    clock._now_ns += 3_600_000_000_000  # the machine slept for an hour
    assert pace.wall_ns(pace.elapsed_ns()) == clock.now_ns()
