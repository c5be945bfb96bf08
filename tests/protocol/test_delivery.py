"""Deliveries: what is asked for, and what one gets."""

import pytest

from tradewatch.protocol.delivery import EVERY, INTERVALS_MS, Every, Latest, effective


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        (1, 50),
        (50, 50),
        (51, 100),
        (101, 250),
        (400, 500),
        (501, 1_000),
        (1_999, 2_000),
        (4_999, 5_000),
        (5_000, 5_000),
        (5_001, 5_000),
        (10**30, 5_000),
    ],
)
def test_intervals_are_rounded_up_to_those_there_are(asked: int, got: int) -> None:
    assert effective(Latest(asked)) == Latest(got)


def test_every_quote_is_an_interval_of_nothing() -> None:
    assert effective(Every()) is EVERY
    assert EVERY.interval_ms == 0
    assert [effective(Latest(each)).interval_ms for each in INTERVALS_MS] == list(INTERVALS_MS)
    assert len({EVERY, Every(), Latest(50), Latest(50), Latest(100)}) == 3
