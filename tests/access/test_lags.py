"""Lags: what a percentile read from slots may say."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.access.lags import MAX_LAG_US, Lags

LAGS_US = st.lists(st.integers(0, MAX_LAG_US) | st.integers(0, 1_000), min_size=1, max_size=200)


def lags_of(samples_us: list[int]) -> Lags:
    lags = Lags()
    for lag_us in samples_us:
        lags.add(lag_us)
    return lags


@given(samples_us=LAGS_US, percent=st.integers(1, 100))
@settings(deadline=None)
def test_a_percentile_is_the_true_one_or_less_than_an_eighth_above(samples_us: list[int], percent: int):
    true_us = next(
        lag_us
        for lag_us in sorted(samples_us)
        if sum(other <= lag_us for other in samples_us) * 100 >= percent * len(samples_us)
    )
    read_us = lags_of(samples_us).percentile_us(percent)
    assert read_us is not None
    assert true_us <= read_us
    assert (read_us - true_us) * 8 < max(true_us, 1)


@given(first=LAGS_US, second=LAGS_US)
@settings(deadline=None)
def test_samples_taken_in_are_as_if_added_here_and_survive_keeping(first: list[int], second: list[int]):
    lags = lags_of(first)
    lags.include(lags_of(second))
    assert lags == lags_of(first + second)
    assert Lags(lags.counts) == lags
    assert len(lags.counts) <= 240


def test_a_hundred_samples_by_hand():
    lags = lags_of([5] * 98 + [1_000, 2_000_000])
    assert lags.percentile_us(50) == 5
    assert lags.percentile_us(98) == 5
    assert lags.percentile_us(99) == 1_023  # the slot from 960 on
    assert lags.percentile_us(100) == 2_097_151
    assert lags.counts == [(5, 98), (63, 1), (151, 1)]


def test_without_samples_there_is_nothing_to_read():
    assert Lags().percentile_us(99) is None


def test_what_is_below_zero_or_too_long_counts_at_the_ends():
    lags = lags_of([-5, 2**40])
    assert lags.counts == [(0, 1), (239, 1)]
    assert lags.percentile_us(1) == 0
    assert lags.percentile_us(99) == MAX_LAG_US


def test_a_copy_stands_apart():
    lags = lags_of([1])
    copy = lags.copy()
    copy.add(1)
    assert (lags.counts, copy.counts) == ([(1, 1)], [(1, 2)])
