"""What a live table knows of each symbol."""

import pytest

from tradewatch.cli.board import Board, Tick


def tick(bid: str, ask: str, *, symbol: str = "EURUSD", asset_class: str = "", time_ms: int = 5) -> Tick:
    return Tick(symbol=symbol, timestamp=str(time_ms), bid=bid, ask=ask, asset_class=asset_class)


def test_a_price_shows_where_it_went_and_only_for_a_while():
    board = Board()
    board.take(tick("1.17164", "1.17174"), 10.0)
    (line,) = board.lines(10.0)
    assert (line.bid.direction, line.ask.direction) == (0, 0)
    board.take(tick("1.17165", "1.17173"), 10.5)
    (line,) = board.lines(10.5)
    assert (line.bid.direction, line.ask.direction) == (1, -1)
    board.take(tick("1.17165", "1.17173"), 11.0)
    assert [(each.bid.direction, each.ask.direction) for each in board.lines(11.0)] == [(1, -1)]
    assert [(each.bid.direction, each.ask.direction) for each in board.lines(11.6)] == [(0, 0)]


@pytest.mark.parametrize(
    ("bid", "ask", "spread"),
    [
        ("0.00000011", "0.00000013", "0.00000002"),
        ("61837.63", "61837.64", "0.01"),
        ("-37.63", "-37.5", "0.13"),
        ("100", "101", "1"),
    ],
)
def test_the_spread_is_exact(bid: str, ask: str, spread: str):
    board = Board()
    board.take(tick(bid, ask), 0)
    assert board.lines(0)[0].spread == spread


def test_a_rate_counts_the_last_seconds():
    board = Board()
    for number in range(100):
        board.take(tick("1", "2"), number / 10)
    (line,) = board.lines(10)
    assert line.rate(9.9) == 10.0
    assert line.rate(14.95) == 5.0
    assert line.rate(100) == 0.0


def test_a_rate_beyond_what_is_remembered_is_not_too_low():
    board = Board()
    for number in range(4_000):
        board.take(tick("1", "2"), number / 2_000)
    assert 1_900 < board.lines(2)[0].rate(2) < 2_100


def test_symbols_of_several_classes_stand_apart_in_the_order_they_came():
    board = Board()
    board.take(tick("1", "2", symbol="GOLD", asset_class="commodities"), 0)
    board.take(tick("3", "4", symbol="GOLD", asset_class="stocks"), 0)
    board.take(tick("5", "6", symbol="GOLD", asset_class="commodities", time_ms=9), 0)
    assert [(line.name, line.bid.text, line.event_ms) for line in board.lines(0)] == [
        ("commodities:GOLD", "5", 9),
        ("stocks:GOLD", "3", 5),
    ]
    assert board.quotes == 3
