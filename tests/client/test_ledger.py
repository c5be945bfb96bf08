"""The ledger counts what is handed over, and notices what does not follow the law."""

import pytest

from tests.client.messages import (
    EPOCH,
    NEXT_EPOCH,
    Event,
    gap,
    message,
    quote,
    result,
    subscribed,
    unsubscribed,
)
from tradewatch.client.events import Violation
from tradewatch.client.ledger import Balance, Ledger
from tradewatch.client.reading import read_events


def take(ledger: Ledger, *events: Event) -> Ledger:
    for event in read_events(message(*events)):
        ledger.take(event)  # type: ignore[arg-type]
    return ledger


def test_every_seq_is_in_one_column() -> None:
    ledger = take(
        Ledger(),
        subscribed(result(4), result(0, "ETHUSD")),
        quote(5),
        quote(8, skipped=2),
        gap(9, 12),
        quote(1, "ETHUSD"),
        quote(13),
        gap(14, None, next_epoch=NEXT_EPOCH),
        quote(3, skipped=2),
    )
    assert (ledger.delivered, ledger.skipped, ledger.missing) == (5, 4, 4)
    assert (ledger.endless, ledger.broken) == (1, 0)
    assert ledger.positions == {"crypto:BTCUSD": f"{NEXT_EPOCH}:3", "crypto:ETHUSD": f"{EPOCH}:1"}


def test_a_saved_position_is_where_it_begins() -> None:
    ledger = take(Ledger({"crypto:BTCUSD": (EPOCH, 7)}), subscribed(result(99)), gap(8, 9), quote(10))
    assert (ledger.missing, ledger.delivered, ledger.broken) == (2, 1, 0)


def test_what_is_given_up_has_no_position() -> None:
    ledger = take(Ledger(), subscribed(result(4)), quote(5), unsubscribed("BTCUSD"))
    assert ledger.positions == {}
    take(ledger, subscribed(result(30)), quote(31))
    assert (ledger.delivered, ledger.broken) == (2, 0)


@pytest.mark.parametrize(
    "events",
    [
        [quote(6)],
        [quote(5, skipped=1)],
        [quote(4)],
        [quote(1, "ETHUSD")],
        [gap(6, 7)],
        [gap(5, 3)],
        [gap(5, 9, epoch=NEXT_EPOCH)],
        [gap(1, 2, "ETHUSD")],
    ],
)
def test_what_breaks_the_law_is_counted(events: list[Event]) -> None:
    assert take(Ledger(), subscribed(result(4)), *events).broken == 1


def test_what_the_server_broke_is_counted() -> None:
    ledger = Ledger()
    ledger.take(Violation(message="x"))
    assert ledger.broken == 1


def test_a_balance_adds_up_or_not() -> None:
    assert Balance(10, 5, 2, 2, 1).adds_up
    assert not Balance(10, 5, 2, 2, 0).adds_up
