"""Positions: written, read back, and never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewatch.model.position import (
    InvalidPositionError,
    epoch_ms,
    epoch_text,
    parse_position,
    position_text,
)


@given(st.integers(0, 36**9 - 1), st.integers(0, 10**18))
def test_a_position_is_read_back(moment_ms: int, seq: int) -> None:
    epoch = epoch_text(moment_ms)
    assert epoch_ms(epoch) == moment_ms
    assert parse_position(position_text(epoch, seq)) == (epoch, seq)


@given(st.integers(0, 36**9 - 1), st.integers(0, 36**9 - 1))
def test_epochs_sort_as_text_as_they_do_in_time(one: int, other: int) -> None:
    assert (epoch_text(one) < epoch_text(other)) == (one < other)


@pytest.mark.parametrize(
    "text", ["", ":", "abc", "abc:", ":5", "abc:-1", "abc:05", "ABC:5", "abc:5 ", "a b:5", "abc:5:6"]
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(InvalidPositionError):
        parse_position(text)
