"""The rates of keys: windows in step with the UTC clock, and nothing else."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.access.plan import Plan
from tradewatch.access.rates import SPANS_S, UNLIMITED, Rate, Rates

S = 10**9
NO_LIMIT = Plan(name="none", requests_per_10_s=None, requests_per_minute=None, requests_per_day=None)


def at(text: str) -> int:
    """Unix nanoseconds of a time of the second of January 2026."""
    return int(datetime.fromisoformat(f"2026-01-02T{text}").replace(tzinfo=UTC).timestamp() * S)


def plan(*limits: int | None) -> Plan:
    """A plan with these limits in 10 seconds, a minute and a day."""
    in_10_s, in_a_minute, in_a_day = limits
    return Plan(
        name="p", requests_per_10_s=in_10_s, requests_per_minute=in_a_minute, requests_per_day=in_a_day
    )


def test_a_plan_without_limits_is_told_nothing() -> None:
    rates = Rates()
    assert [rates.take("one", NO_LIMIT, at("10:00:00")) for _ in range(3)] == [UNLIMITED] * 3
    assert rates.refused == 0


def test_what_is_told_is_of_the_window_with_the_fewest_left() -> None:
    rates, three = Rates(), plan(2, 3, 100)
    policy = ((2, 10), (3, 60), (100, 86_400))
    now_ns = at("21:27:19.253")
    assert rates.take("one", three, now_ns) == Rate(True, policy, limit=2, remaining=1, reset_s=1)
    assert rates.take("one", three, now_ns) == Rate(True, policy, limit=2, remaining=0, reset_s=1)
    assert rates.take("one", three, now_ns) == Rate(False, policy, limit=2, remaining=0, reset_s=1)
    now_ns = at("21:27:20")
    assert rates.take("one", three, now_ns) == Rate(True, policy, limit=3, remaining=0, reset_s=40)
    assert rates.take("one", three, now_ns) == Rate(False, policy, limit=3, remaining=0, reset_s=40)
    assert rates.refused == 2


@pytest.mark.parametrize(
    ("limits", "before", "after"),
    [
        ((1, None, None), "10:00:09.999999999", "10:00:10"),
        ((None, 1, None), "10:00:59.999999999", "10:01:00"),
        ((None, None, 1), "23:59:59.999999999", "24:00:00"),
    ],
)
def test_windows_begin_with_the_clock_and_not_with_the_first_request(
    limits: tuple[int | None, ...], before: str, after: str
) -> None:
    rates, one = Rates(), plan(*limits)
    then_ns = at(before)
    now_ns = at("00:00:00") + 86_400 * S if after == "24:00:00" else at(after)
    assert rates.take("one", one, then_ns).allowed
    refused = rates.take("one", one, then_ns)
    assert (refused.allowed, refused.reset_s) == (False, 1), "the next window is one second away, rounded up"
    assert now_ns - then_ns <= S
    assert rates.take("one", one, now_ns).allowed


def test_refused_requests_are_not_counted() -> None:
    rates, two = Rates(), plan(1, 2, None)
    assert rates.take("one", two, at("10:00:00")).allowed
    for _ in range(10):
        assert not rates.take("one", two, at("10:00:01")).allowed
    assert rates.take("one", two, at("10:00:10")).allowed, "the minute has had one request, not eleven"


def test_keys_do_not_share_their_windows() -> None:
    rates, one = Rates(), plan(1, None, None)
    assert rates.take("a", one, at("10:00:00")).allowed
    assert rates.take("b", one, at("10:00:00")).allowed
    assert not rates.take("a", one, at("10:00:00")).allowed


def test_where_several_windows_are_full_the_longest_is_told() -> None:
    rates, two = Rates(), plan(1, 1, 5)
    rates.take("one", two, at("10:00:05"))
    refused = rates.take("one", two, at("10:00:05"))
    assert (refused.limit, refused.reset_s) == (1, 55)


def test_a_key_on_a_narrower_plan_has_nothing_left() -> None:
    rates = Rates()
    for _ in range(5):
        rates.take("one", plan(10, None, 10), at("10:00:00"))
    refused = rates.take("one", plan(1, None, 5), at("10:00:00"))
    assert (refused.allowed, refused.remaining, refused.reset_s) == (False, 0, 14 * 3_600)


def test_the_day_goes_on_after_a_restart() -> None:
    rates, five = Rates(), plan(5, 5, 5)
    rates.restore("one", 3, at("10:00:00"))
    assert rates.take("one", five, at("10:00:00")).remaining == 1
    assert rates.take("one", five, at("10:00:00")).remaining == 0
    assert rates.take("one", five, at("10:00:00")) == Rate(
        False, ((5, 10), (5, 60), (5, 86_400)), limit=5, remaining=0, reset_s=14 * 3_600
    )
    assert rates.take("two", five, at("10:00:00")).remaining == 4
    assert rates.take("one", five, at("00:00:00") + 86_400 * S).remaining == 4


_LIMITS = st.tuples(*[st.none() | st.integers(1, 6)] * 3)
_STEPS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40)), max_size=60)


@settings(deadline=None)
@given(limits=_LIMITS, start_s=st.integers(1_767_312_000 - 200, 1_767_312_000 + 200), steps=_STEPS)
def test_a_window_is_a_list_of_requests(
    limits: tuple[int | None, int | None, int | None], start_s: int, steps: list[tuple[str, int]]
) -> None:
    """Against a model that keeps every request and counts anew each time."""
    rates, bound = Rates(), plan(*limits)
    taken: list[tuple[str, int]] = []
    now_s = start_s
    for key_id, wait_s in steps:
        now_s += wait_s
        left = {
            span_s: limit
            - sum(each == key_id and then_s // span_s == now_s // span_s for each, then_s in taken)
            for limit, span_s in zip(limits, SPANS_S, strict=True)
            if limit is not None
        }
        rate = rates.take(key_id, bound, now_s * S)
        assert rate.allowed == all(each > 0 for each in left.values())
        assert rate.policy == tuple((limits[SPANS_S.index(span_s)], span_s) for span_s in left)
        if left:
            fewest = min(left.values())
            longest = max(span_s for span_s, each in left.items() if each == fewest)
            assert rate.remaining == (fewest - 1 if rate.allowed else 0)
            assert (rate.limit, rate.reset_s) == (limits[SPANS_S.index(longest)], longest - now_s % longest)
        if rate.allowed:
            taken.append((key_id, now_s))
