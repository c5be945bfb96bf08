import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.history.drawn import plain_prices, prices

from tradewatch.history.mids import mids, present
from tradewatch.history.ticks import ABSENT
from tradewatch.model.price import Price, mid

Pair = tuple[Price, Price]


def check(pairs: list[Pair], scale: int, decimals: int, *, objects: bool = False) -> None:
    """All mids of columns at one scale, against that of each pair alone."""
    sides = [[pair[side].units(-scale) for pair in pairs] for side in (0, 1)]
    fits = all(abs(mantissa) < 2**63 for side in sides for mantissa in side)
    columns = [np.array(side, np.int64 if fits and not objects else object) for side in sides]
    found, found_scale = mids(*columns, scale=scale, decimals=decimals)
    expected = [mid(*pair, decimals=decimals) for pair in pairs]
    assert found.tolist() == [price.mantissa * 10 ** (found_scale - price.decimals) for price in expected]


def scale_of(pairs: list[Pair], more: int) -> int:
    return min(36, max([more, *(price.decimals for pair in pairs for price in pair)]))


@given(
    st.lists(st.tuples(prices, prices), max_size=12),
    st.integers(0, 36),
    st.sampled_from((5, 8)),
    st.booleans(),
)
@example([(Price(0, 0), Price(0, 0))], 30, 5, False)
@example([(Price(0, 0), Price(1, -25)), (Price(0, 0), Price(0, 0))], 0, 5, False)
@example([(Price(2**59 - 1, 0), Price(2**59 - 1, 0)), (Price(2**59, -6), Price(-1, 0))], 0, 5, False)
@example([(Price(2**63 - 1, -8), Price(2**63 - 1, -8))], 8, 8, False)
@settings(deadline=None, max_examples=300)
def test_every_mid_is_what_the_model_says_of_one_quote(
    pairs: list[Pair], more: int, decimals: int, objects: bool
) -> None:
    check(pairs, scale_of(pairs, more), decimals, objects=objects)


@given(
    st.lists(st.tuples(plain_prices, plain_prices), min_size=1, max_size=30),
    st.integers(0, 9),
    st.sampled_from((0, 2, 5, 8)),
)
@settings(deadline=None, max_examples=300)
def test_so_it_is_of_everyday_prices(pairs: list[Pair], more: int, decimals: int) -> None:
    check(pairs, scale_of(pairs, more), decimals)


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        ("1.00001", "1.00002", "1.00002"),  # up to the even digit
        ("1.00002", "1.00003", "1.00002"),  # down to it
        ("-1.00001", "-1.00002", "-1.00002"),
        ("-37.63", "-37.5", "-37.565"),
        ("1.000001", "1.000002", "1.000002"),  # six digits of its own, to which it is rounded
        ("1", "2", "1.5"),
        ("-1", "1", "0"),
    ],
)
def test_halves_go_to_the_even_digit(bid: str, ask: str, expected: str) -> None:
    pair = (Price.parse(bid), Price.parse(ask))
    assert mid(*pair, decimals=5) == Price.parse(expected)
    for scale in (6, 7, 12):
        check([pair], scale, 5)


def test_no_quotes_have_no_mids() -> None:
    found, scale = mids(np.empty(0, np.int64), np.empty(0, np.int64), scale=3, decimals=5)
    assert (len(found), scale) == (0, 4)


def test_a_quote_has_a_mid_if_both_sides_are_there() -> None:
    bid, ask = np.array([1, ABSENT, 1, ABSENT]), np.array([1, 1, ABSENT, ABSENT])
    assert present(bid, ask).tolist() == [True, False, False, False]
