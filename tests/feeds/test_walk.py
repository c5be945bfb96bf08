import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.feeds.character import Character
from tradewatch.feeds.walk import BLOCK_QUOTES, Walk

_CHARACTERS = st.builds(
    lambda base, spread, step: Character(-2, base, max(1, base // spread), max(1, base // step)),
    st.integers(100, 10**12),
    st.integers(1_000, 10**6),
    st.integers(1_000, 10**6),
)


@settings(deadline=None)
@given(st.lists(_CHARACTERS, min_size=1, max_size=50), st.integers(0, 2**63 - 1))
def test_prices_stay_near_their_base_and_the_ask_above_the_bid(
    characters: list[Character], seed: int
) -> None:
    walk = Walk(characters, seed=seed)
    _, bases, spreads, _ = np.array(characters, dtype=np.int64).T
    for _ in range(5):
        chosen, bids, asks = walk.block()
        base, spread = bases[chosen], spreads[chosen]
        assert (np.abs(bids - base) <= np.maximum(base // 20, 2)).all()
        assert (bids > 0).all()
        assert (asks - bids >= spread).all()
        assert (asks - bids <= 2 * spread).all()


def test_each_quote_moves_from_the_one_before_of_its_instrument() -> None:
    characters = [Character(-2, 1_000_000, 5_000, 7), Character(-2, 500_000, 2_000, 3)]
    walk = Walk(characters, seed=3)
    last: dict[int, tuple[int, int]] = {}
    kinds = {"same": 0, "bid": 0, "ask": 0, "both": 0}
    for _ in range(20):
        for index, bid, ask in zip(*(column.tolist() for column in walk.block()), strict=True):
            before_bid, before_ask = last.get(index, (bid, ask))
            assert abs(bid - before_bid) <= characters[index].step_ticks
            kind = {(0, 0): "same", (1, 0): "bid", (0, 1): "ask", (1, 1): "both"}
            kinds[kind[int(bid != before_bid), int(ask != before_ask)]] += 1
            last[index] = (bid, ask)
    total = 20 * BLOCK_QUOTES
    expected = {"same": 0.1, "bid": 0.2, "ask": 0.2, "both": 0.5}
    assert {name: count / total for name, count in kinds.items()} == pytest.approx(expected, abs=0.03)


def test_it_returns_to_the_base() -> None:
    """Over a long time the mean is the base; a walk without a pull would stand anywhere in its band."""
    base = 10_000
    walk = Walk([Character(-2, base, 1, 5)], seed=1)
    bids = np.concatenate([walk.block().bids for _ in range(300)])
    assert abs(bids.mean() - base) < base / 200
    assert bids.std() < base / 50
    assert bids.max() > base + 20
    assert bids.min() < base - 20


def test_majors_tick_more_often_and_everybody_ticks() -> None:
    count = 100
    walk = Walk([Character(-2, 10_000, 1, 1)] * count, seed=0)
    chosen = np.concatenate([walk.block().chosen for _ in range(10)])
    ticks = np.bincount(chosen, minlength=count)
    assert ticks[0] > ticks[1] > ticks[9] > ticks[60] > 0
    silence = max(np.diff(np.flatnonzero(chosen == index)).max() for index in range(count))
    assert silence <= 4 * 200  # four seconds at the default rate


def test_the_same_seed_is_the_same_walk_and_another_is_another() -> None:
    characters = [Character(-2, 10_000, 3, 2)] * 5
    first, same, other = Walk(characters, seed=1), Walk(characters, seed=1), Walk(characters, seed=2)
    for _ in range(3):
        block = first.block()
        assert all((a == b).all() for a, b in zip(block, same.block(), strict=True))
        assert not (block.bids == other.block().bids).all()
