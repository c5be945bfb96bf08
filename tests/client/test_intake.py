"""The law of positions from connection to connection: what came, what did not, and what came twice."""

from typing import Any

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
from tradewatch.client.events import Gap, Quote, StreamEvent, Violation
from tradewatch.client.intake import Intake
from tradewatch.client.reading import read_events


def take(intake: Intake, *events: Event) -> list[StreamEvent]:
    return intake.take(read_events(message(*events)))[0]


def heard(*results: Event, **positions: Any) -> Intake:
    intake = Intake(**positions)
    take(intake, subscribed(*results))
    return intake


def brief(events: list[StreamEvent]) -> list[object]:
    """Quotes as (seq, skipped), gaps as (epoch, from, to, cause, next_epoch), violations as text."""
    told: list[object] = []
    for event in events:
        if isinstance(event, Quote):
            told.append((event.seq, event.skipped))
        elif isinstance(event, Gap):
            told.append((event.epoch, event.from_seq, event.to_seq, event.cause, event.next_epoch))
        elif isinstance(event, Violation):
            told.append(event.message)
    return told


def test_quotes_in_order_are_handed_on_as_they_are() -> None:
    intake = heard(result(4))
    assert brief(take(intake, quote(5), quote(9, skipped=3), quote(10))) == [(5, 0), (9, 3), (10, 0)]
    assert (intake.published, intake.violations, intake.repeated) == (6, 0, 0)


def test_what_was_given_to_others_meanwhile_is_a_gap() -> None:
    intake = heard(result(4))
    take(intake, quote(5))
    intake.connected()
    events = take(intake, subscribed(result(11)), quote(12, snapshot=True), quote(13))
    assert brief(events) == [(EPOCH, 6, 11, "disconnected", None), (12, 0), (13, 0)]
    assert intake.published == 9


def test_nothing_happened_meanwhile_and_the_snapshot_is_known() -> None:
    intake = heard(result(4))
    take(intake, quote(5))
    intake.connected()
    assert brief(take(intake, subscribed(result(4)), quote(5, snapshot=True), quote(6))) == [(6, 0)]
    assert (intake.repeated, intake.violations) == (1, 0)


def test_a_server_that_is_not_so_far_repeats_itself() -> None:
    intake = heard(result(0))
    take(intake, *(quote(seq) for seq in range(1, 9)))
    intake.connected()
    events = take(
        intake, subscribed(result(4)), quote(5), quote(7, skipped=1), quote(11, skipped=3), quote(12)
    )
    assert brief(events) == [(11, 2), (12, 0)]
    assert (intake.repeated, intake.violations, intake.published) == (2, 0, 12)


def test_an_epoch_that_ended_meanwhile_has_no_known_end() -> None:
    intake = heard(result(4))
    intake.connected()
    events = take(intake, subscribed(result(7, epoch=NEXT_EPOCH)), quote(8, snapshot=True))
    assert brief(events) == [
        (EPOCH, 5, None, "disconnected", NEXT_EPOCH),
        (NEXT_EPOCH, 1, 7, "disconnected", None),
        (8, 0),
    ]
    assert intake.published == 8


def test_a_saved_position_goes_on() -> None:
    intake = Intake({"crypto:BTCUSD": (EPOCH, 40), "crypto:OTHER": (EPOCH, 1)})
    assert brief(take(intake, subscribed(result(50)), quote(51))) == [
        (EPOCH, 41, 50, "disconnected", None),
        (51, 0),
    ]


def test_a_gap_of_the_server_moves_the_position() -> None:
    intake = heard(result(4))
    events = take(intake, gap(5, 9), quote(10), gap(11, 14, next_epoch=NEXT_EPOCH), quote(3, skipped=2))
    assert brief(events) == [
        (EPOCH, 5, 9, "aged_out", None),
        (10, 0),
        (EPOCH, 11, 14, "aged_out", NEXT_EPOCH),
        (3, 2),
    ]
    assert (intake.violations, intake.published) == (0, 13)


def test_a_gap_without_an_end_gets_one_with_the_next_quote() -> None:
    intake = heard(result(4))
    events = take(intake, gap(5, None), quote(20, skipped=3), quote(21))
    assert brief(events) == [
        (EPOCH, 5, None, "aged_out", None),
        (EPOCH, 5, 16, "aged_out", None),
        (20, 3),
        (21, 0),
    ]
    assert (intake.violations, intake.published) == (0, 17)


def test_a_loss_upstream_has_a_place_of_its_own() -> None:
    intake = heard(result(4))
    loss = {**gap(0, 0), "seq": 6, "cause": "upstream", "missing": 17, "source": "kraken"}
    del loss["from"], loss["to"]
    events = take(intake, quote(5), loss, quote(7))
    assert brief(events) == [(5, 0), (EPOCH, 6, 6, "upstream", None), (7, 0)]
    told = events[1]
    assert isinstance(told, Gap)
    assert (told.missing, told.source, told.seq) == (17, "kraken", 6)


def test_a_loss_upstream_comes_before_what_a_slow_client_skips() -> None:
    """At a drain the notice comes first, and `skipped` does not count it."""
    intake = heard(result(4))
    loss = {**gap(0, 0), "seq": 7, "cause": "upstream"}
    assert brief(take(intake, loss, quote(10, skipped=4), quote(11))) == [
        (EPOCH, 5, 7, "upstream", None),
        (10, 2),
        (11, 0),
    ]
    assert (intake.violations, intake.published) == (0, 7)


def test_a_hole_that_nobody_told_is_a_violation_and_a_gap() -> None:
    intake = heard(result(4))
    events = take(intake, quote(5), quote(9, skipped=1), quote(10))
    assert brief(events) == [
        (5, 0),
        "crypto:BTCUSD: seq 9 after 5, 1 skipped, instead of 7",
        (EPOCH, 6, 7, "unexplained", None),
        (9, 1),
        (10, 0),
    ]
    assert intake.violations == 1


def test_what_comes_twice_or_unasked_is_a_violation_and_left_out() -> None:
    intake = heard(result(4))
    events = take(intake, quote(5), quote(5), quote(4), quote(1, "ETHUSD"), gap(2, 3, "ETHUSD"), quote(6))
    told = brief(events)
    assert [each for each in told if isinstance(each, tuple)] == [(5, 0), (6, 0)]
    assert (len(told), intake.violations) == (6, 4)


def test_another_delivery_in_place_moves_nothing() -> None:
    intake = heard(result(4))
    events = take(
        intake, quote(5), subscribed(result(5, delivery={"mode": "latest", "interval_ms": 50})), quote(6)
    )
    assert brief(events) == [(5, 0), (6, 0)]
    assert intake.violations == 0
    assert len(brief(take(intake, subscribed(result(9))))) == intake.violations == 1


def test_what_is_given_up_and_asked_for_again_begins_anew() -> None:
    intake = heard(result(4))
    take(intake, quote(5), unsubscribed("BTCUSD"))
    assert brief(take(intake, subscribed(result(30)), quote(31))) == [(31, 0)]
    assert (intake.published, intake.violations) == (2, 0)


def test_the_counts_of_the_server_are_compared() -> None:
    def beat(delivered: int, skipped: int) -> Event:
        counts = {"published": 0, "missing": 0, "pending": 0}
        return {"event": "heartbeat", "timestamp": "1", "as_of": f"{EPOCH}:1", "delivered": delivered,
                "skipped": skipped, **counts}  # fmt: skip

    intake = heard(result(4))
    take(intake, quote(5), quote(9, skipped=3), beat(2, 3))
    assert intake.violations == 0
    take(intake, beat(3, 3), beat(2, 4))
    assert intake.violations == 2
    intake.connected()
    take(intake, subscribed(result(8)), quote(9), beat(1, 0))
    assert intake.violations == 2, "the counts of a connection begin with it, and repeated quotes count"
