"""The random walk of many instruments at once, in whole ticks: no float is near a price."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradewatch.feeds.character import Character

Integers = NDArray[np.int64]

#: Quotes made in one go, however they are handed over: the same seed must give the same walk at any pace.
BLOCK_QUOTES = 1_024

#: A price stays within its base ± 1 / so much of it.
_BAND_DIVISOR = 20
#: At the edge of the band one move in so many is turned back towards the base, near the base none.
_PULL_DIVISOR = 4

#: Of 100 quotes so many repeat the one before, move the ask alone, move the bid alone; the rest move both.
_REPEATED, _ASK_ALONE, _BID_ALONE = 10, 20, 20


class Block(NamedTuple):
    """Quotes in the order in which they happen, one per place.

    Attributes:
        chosen: which instrument, by its place in the list the walk was made with.
        bids: in ticks of that instrument, above zero.
        asks: likewise, above the bid.
    """

    chosen: Integers
    bids: Integers
    asks: Integers


class Walk:
    """Instruments that quote in a fixed order, each its own way around its base.

    The first instrument quotes most often, as in a market: the one of rank r has 1 + n / 2r turns in each
    round. In a round every instrument has its turn, so none is silent for longer than two rounds.
    """

    def __init__(self, characters: Sequence[Character], *, seed: int) -> None:
        """Begin at the bases.

        Args:
            characters: the instruments, the busiest first.
            seed: the same seed and the same characters give the same walk.
        """
        self._random = np.random.Generator(np.random.PCG64(seed))
        columns = np.array(characters, dtype=np.int64).T
        _, self._bases, self._spreads, self._steps = columns
        self._bands = np.maximum(self._bases // _BAND_DIVISOR, 2)
        count = len(characters)
        ranks = np.arange(1, count + 1)
        self._turns = self._random.permutation(np.repeat(np.arange(count), 1 + count // (2 * ranks)))
        self._next_turn = 0
        self._offsets = np.zeros(count, dtype=np.int64)  # of the bid from its base
        self._extras = np.zeros(count, dtype=np.int64)  # of the spread beyond its narrowest

    def block(self) -> Block:
        """The next `BLOCK_QUOTES` quotes."""
        chosen = self._turns[(self._next_turn + np.arange(BLOCK_QUOTES)) % len(self._turns)]
        self._next_turn = (self._next_turn + BLOCK_QUOTES) % len(self._turns)
        bid_moves, spread_moves = self._moves(chosen)
        steps = _Runs(chosen)
        bands, spreads = self._bands[chosen], self._spreads[chosen]
        offsets = steps.follow(bid_moves, self._offsets, lowest=-bands, width=2 * bands)
        extras = steps.follow(spread_moves, self._extras, lowest=np.zeros_like(spreads), width=spreads)
        bids = self._bases[chosen] + offsets
        return Block(chosen, bids, bids + spreads + extras)

    def _moves(self, chosen: Integers) -> tuple[Integers, Integers]:
        """How far each quote moves its bid and its spread."""
        draw = self._random.integers
        size = draw(1, self._steps[chosen], endpoint=True)
        direction = 2 * draw(0, 2, size=len(chosen)) - 1
        offsets = self._offsets[chosen]
        pulled = draw(0, _PULL_DIVISOR * self._bands[chosen]) < np.abs(offsets)
        move = size * np.where(pulled, -np.sign(offsets), direction)
        kind = draw(0, 100, size=len(chosen))
        ask_alone = (kind >= _REPEATED) & (kind < _REPEATED + _ASK_ALONE)
        bid_alone = (kind >= _REPEATED + _ASK_ALONE) & (kind < _REPEATED + _ASK_ALONE + _BID_ALONE)
        bid_moves = np.where((kind < _REPEATED) | ask_alone, 0, move)
        spread_moves = np.where(ask_alone, move, np.where(bid_alone, -move, 0))
        return bid_moves, spread_moves


class _Runs:
    """The places of a block sorted by instrument, so that the moves of each can be added up."""

    def __init__(self, chosen: Integers) -> None:
        self._order = np.argsort(chosen, kind="stable")
        self._sorted = chosen[self._order]
        changes = np.flatnonzero(self._sorted[1:] != self._sorted[:-1]) + 1
        self._firsts = np.concatenate(([0], changes))
        self._lasts = np.concatenate((changes, [len(chosen)])) - 1

    def follow(self, moves: Integers, state: Integers, *, lowest: Integers, width: Integers) -> Integers:
        """Where each move leads, thrown back at the ends of the range; `state` is moved on.

        Args:
            moves: per place of the block.
            state: per instrument, where it stands.
            lowest: per place, the lower end of the range.
            width: per place, how far the upper end is from the lower, above 0.
        """
        ordered = moves[self._order]
        total = np.cumsum(ordered)
        before = total[self._firsts] - ordered[self._firsts]
        lengths = self._lasts - self._firsts + 1
        free = total - np.repeat(before, lengths) + state[self._sorted]
        lowest, width = lowest[self._order], width[self._order]
        folded = (free - lowest) % (2 * width)
        path = np.minimum(folded, 2 * width - folded) + lowest
        state[self._sorted[self._lasts]] = path[self._lasts]
        places: Integers = np.empty_like(path)
        places[self._order] = path
        return places
