"""Warned, then not heard, then sent away."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.protocol.message_rate import (
    TOLERATED_PER_WINDOW,
    TOLERATED_WINDOWS,
    WARNED_PER_WINDOW,
    MessageRate,
    Verdict,
)

TAKE, WARN, DROP, CLOSE = Verdict


def verdicts(rate: MessageRate, now_s: float, count: int) -> list[Verdict]:
    return [rate.take(now_s) for _ in range(count)]


def test_the_defaults_are_those_of_the_protocol():
    assert verdicts(MessageRate(), 0.0, 120) == [TAKE] * 120
    rate = MessageRate()
    assert verdicts(rate, 0.0, 121)[-1] is WARN
    assert rate.take(9.5) is WARN
    assert rate.take(10.0) is TAKE


def test_one_burst_is_warned_of_then_dropped_then_closes():
    rate = MessageRate(5, 10.0)
    assert verdicts(rate, 0.0, 18) == [TAKE] * 5 + [WARN] * 3 + [DROP] * 7 + [CLOSE] * 3
    assert rate.window.refused == 13


def test_each_window_warns_anew():
    rate = MessageRate(2, 10.0)
    assert verdicts(rate, 0.0, 6) == [TAKE, TAKE, WARN, WARN, WARN, DROP]
    assert verdicts(rate, 10.0, 6) == [TAKE, TAKE, WARN, WARN, WARN, DROP]


def test_the_third_excessive_window_in_a_row_closes():
    rate = MessageRate(2, 10.0)
    assert verdicts(rate, 0.0, 3) == [TAKE, TAKE, WARN]
    assert verdicts(rate, 12.0, 3) == [TAKE, TAKE, WARN]
    assert verdicts(rate, 24.0, 3) == [TAKE, TAKE, CLOSE]


def test_a_window_that_was_kept_to_ends_the_row():
    rate = MessageRate(2, 10.0)
    for start_s in (0.0, 10.0, 30.0, 40.0):
        assert verdicts(rate, start_s, 3) == [TAKE, TAKE, WARN], start_s
        if start_s == 10.0:
            assert verdicts(rate, 20.0, 2) == [TAKE, TAKE]


def test_a_pause_as_long_as_a_window_ends_the_row():
    rate = MessageRate(2, 10.0)
    for start_s in (0.0, 10.0, 30.0, 40.0):
        assert verdicts(rate, start_s, 3) == [TAKE, TAKE, WARN], start_s
    assert verdicts(rate, 50.0, 3) == [TAKE, TAKE, CLOSE]


def test_a_plan_may_change_the_limit():
    rate = MessageRate(2, 10.0)
    rate.window.limit = 4
    assert verdicts(rate, 0.0, 5) == [TAKE] * 4 + [WARN]


@settings(deadline=None)
@given(st.lists(st.integers(0, 40).map(lambda eighths: eighths / 8), max_size=200), st.integers(0, 4))
def test_windows_decide(steps, limit):
    """Against the rules said with whole windows: which they are, and how many messages each was sent."""
    rate = MessageRate(limit, 8.0)
    windows: list[list[float]] = []
    now_s, row = 0.0, 0
    for step_s in steps:
        now_s += step_s
        if not windows or now_s - windows[-1][0] >= 8.0:
            windows.append([])
        windows[-1].append(now_s)
        excess = len(windows[-1]) - limit
        row = 1
        for before, after in reversed(list(pairwise(windows))):
            if len(before) <= limit or after[0] - before[0] >= 16.0:
                break
            row += 1
        if excess <= 0:
            expected = TAKE
        elif excess > TOLERATED_PER_WINDOW or row > TOLERATED_WINDOWS:
            expected = CLOSE
        else:
            expected = WARN if excess <= WARNED_PER_WINDOW else DROP
        assert rate.take(now_s) is expected
        if expected is CLOSE:
            return


@settings(deadline=None)
@given(st.lists(st.integers(0, 200).map(lambda eighths: eighths / 80), max_size=300))
def test_warnings_are_few(steps):
    rate = MessageRate(3, 8.0)
    now_s, warned = 0.0, []
    for step_s in steps:
        now_s += step_s
        if rate.take(now_s) is WARN:
            warned.append(now_s)
        assert sum(now_s - then_s < 8.0 for then_s in warned) <= 2 * WARNED_PER_WINDOW
