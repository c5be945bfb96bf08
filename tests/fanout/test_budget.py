"""A budget: what is earned with time, saved up for a second, and counted afterwards."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.fanout.budget import Budget


def test_a_second_is_there_at_the_start_and_no_more_is_saved_up():
    budget = Budget(10)
    assert (budget.left, budget.full) == (10, True)
    budget.earn(100.0)
    budget.earn(200.0)
    assert (budget.left, budget.full) == (10, True)


def test_what_was_written_is_counted_once():
    budget = Budget(10)
    assert not budget.count(4)
    assert not budget.count(4)
    assert budget.left == 6
    assert budget.count(10)
    assert (budget.left, budget.full) == (0, False)


def test_time_pays_from_the_first_look_at_the_clock_on():
    budget = Budget(8)
    budget.count(8)
    budget.earn(100.0)
    assert budget.left == 0
    budget.earn(100.25)
    assert budget.left == 2
    assert not budget.count(9)
    assert budget.count(10)


def test_nobody_owes_more_than_a_second():
    budget = Budget(10)
    budget.earn(0.0)
    assert budget.count(1_000_000)
    budget.earn(1.0)
    assert budget.left == 0
    budget.earn(1.5)
    assert budget.left == 5
    budget.earn(2.0)
    assert budget.full


def test_what_was_written_before_it_began_is_not_owed():
    budget = Budget(10, delivered=1_000)
    assert not budget.count(1_000)
    assert budget.full
    assert not budget.count(1_003)
    assert budget.left == 7


@settings(deadline=None)
@given(
    rate=st.integers(1, 1_000),
    steps=st.lists(st.tuples(st.floats(0.01, 2), st.integers(0, 1_000)), max_size=60),
)
def test_who_writes_what_is_left_keeps_to_the_rate(rate: int, steps: list[tuple[float, int]]):
    """Over any time: no more than the rate and the second that was saved up."""
    budget, now_s, delivered = Budget(rate), 0.0, 0
    budget.earn(now_s)
    for step_s, wanted in steps:
        now_s += step_s
        budget.earn(now_s)
        delivered += min(wanted, budget.left)
        budget.count(delivered)
        assert delivered <= rate * (now_s + 1) + 1e-6
