"""A session over its connections: what it asks, what it restores, what it answers."""

import json
from typing import Any

import pytest

from tests.client.messages import EPOCH, Event, message, quote, result, subscribed, unsubscribed, welcome
from tradewatch.client.events import Connected, Gap, NotRestored, Quote, StreamEvent
from tradewatch.client.requests import every, latest
from tradewatch.client.session import ClientAnswer, Session
from tradewatch.errors import RequestRefusedError
from tradewatch.protocol.v2.events import Drain, Pong, Status, Subscribed


def opened(session: Session, **limits: int) -> list[StreamEvent]:
    session.opened()
    return session.receive(message(welcome(**limits)))


def said(session: Session) -> list[Any]:
    messages = [json.loads(each) for each in session.outgoing]
    session.outgoing.clear()
    return messages


def answers(session: Session) -> list[tuple[int, ClientAnswer]]:
    taken, session.answered[:] = list(session.answered), []
    return taken


def test_nothing_is_said_before_the_welcome() -> None:
    session = Session()
    session.opened()
    (asked,) = session.subscribe(["BTCUSD"], every(), snapshot=False)
    assert said(session) == []
    (connected,) = session.receive(message(welcome(symbols=7)))
    assert isinstance(connected, Connected)
    assert (connected.session, connected.limits.symbols, session.limits.symbols) == ("s1", 7, 7)
    assert said(session) == [{"action": "subscribe", "symbols": ["BTCUSD"], "id": asked, "snapshot": False,
                              "delivery": {"mode": "every"}}]  # fmt: skip


def test_an_answer_in_parts_is_one() -> None:
    session = Session()
    opened(session)
    (asked,) = session.subscribe(["BTCUSD", "ETHUSD", "nonsense"], every(), snapshot=True)
    assert session.waiting
    refused: Event = {"symbol": "nonsense", "ok": False, "code": "unknown_symbol", "suggestions": ["SENSE"]}
    session.receive(message(subscribed(result(1), id=asked, part=1, parts=2), quote(2)))
    assert answers(session) == []
    session.receive(message(subscribed(result(2, "ETHUSD"), refused, id=asked, part=2, parts=2)))
    ((answered, answer),) = answers(session)
    assert isinstance(answer, Subscribed)
    assert answered == asked
    assert [(each.symbol, each.ok) for each in answer.results] == [
        ("BTCUSD", True), ("ETHUSD", True), ("nonsense", False)]  # fmt: skip
    assert answer.results[2].suggestions == ["SENSE"]
    assert not session.waiting


def test_status_and_ping_and_a_refused_request() -> None:
    session = Session()
    opened(session)
    status, ping, (wrong,) = session.status(), session.ping(), session.unsubscribe(["X"])
    assert [each["action"] for each in said(session)] == ["status", "ping", "unsubscribe"]
    in_parts = {"event": "status", "id": status, "patterns": ["stocks:*"], "parts": 2}
    session.receive(
        message(
            {**in_parts, "part": 1, "symbols": ["a"]},
            {"event": "error", "id": wrong, "code": "too_many_symbols", "message": "m", "symbols": ["X"]},
            {"event": "pong", "id": ping, "timestamp": "1"},
            {**in_parts, "part": 2, "symbols": ["b"]},
        )
    )
    by_id = dict(answers(session))
    refusal = by_id[wrong]
    assert isinstance(refusal, RequestRefusedError)
    assert (refusal.code, refusal.symbols, str(refusal)) == (
        "too_many_symbols",
        ("X",),
        "too_many_symbols: m",
    )
    assert by_id[ping] == Pong(id=ping, timestamp="1")
    assert by_id[status] == Status(id=status, patterns=["stocks:*"], symbols=["a", "b"])


def test_many_names_are_asked_for_in_portions() -> None:
    session = Session()
    opened(session, symbols_per_message=2)
    asked = session.subscribe(["A", "B", "A", "C"], every(), snapshot=True)
    assert [(each["id"], each["symbols"]) for each in said(session)] == [
        (asked[0], ["A", "B"]), (asked[1], ["C"])]  # fmt: skip


def test_a_new_connection_restores_names_patterns_and_deliveries() -> None:
    session = Session()
    opened(session)
    slowly = {"mode": "latest", "interval_ms": 250}
    session.subscribe(["x"], every(), snapshot=False)
    session.receive(
        message(
            subscribed(
                result(4),
                result(9, "ETHUSD", delivery=slowly),
                {"symbol": "stocks:*", "ok": True, "matched": 1, "delivery": slowly},
                result(0, "AAPL", asset_class="stocks", via="stocks:*", delivery=slowly),
                result(3, "GONE"),
                {"symbol": "nonsense", "ok": False, "code": "unknown_symbol"},
                id=1,
            )
        )
    )
    session.receive(message(unsubscribed("GONE"), quote(5)))
    said(session)
    answers(session)
    session.lost()
    events = opened(session)
    assert [type(event) for event in events] == [Connected]
    first, second = said(session)
    assert (first["symbols"], first["delivery"]) == (["crypto:BTCUSD"], {"mode": "every"})
    assert (second["symbols"], second["delivery"]) == (["crypto:ETHUSD", "stocks:*"], slowly)
    assert first["snapshot"] is second["snapshot"] is True, "what is newest is told at once"
    events = session.receive(message(subscribed(result(7), id=first["id"]), quote(8, snapshot=True)))
    assert [type(event) for event in events] == [Gap, Quote]
    assert answers(session) == [], "nobody asked for it"


def test_what_was_not_answered_is_asked_again_behind_what_is_restored() -> None:
    session = Session()
    opened(session)
    (first,) = session.subscribe(["BTCUSD"], every(), snapshot=True)
    session.receive(message(subscribed(result(4), id=first)))
    (second,) = session.subscribe(["ETHUSD"], latest(100), snapshot=False)
    (third,) = session.unsubscribe(["BTCUSD"])
    forgotten = session.ping()
    session.forget(forgotten)
    session.receive(message(subscribed(result(4, "ETHUSD"), id=second, part=1, parts=2)))
    session.lost()
    assert said(session) == []
    opened(session)
    restored, *again = said(session)
    assert restored["symbols"] == ["crypto:BTCUSD"] or restored["symbols"] == [
        "crypto:BTCUSD",
        "crypto:ETHUSD",
    ]
    assert [each["id"] for each in again[-2:]] == [second, third]
    answers(session)
    session.receive(message(subscribed(result(5, "ETHUSD"), id=second), unsubscribed("BTCUSD", id=third)))
    assert [each for each, _ in answers(session)] == [second, third]


def test_what_cannot_be_restored_is_told_and_asked_for_again() -> None:
    session = Session()
    opened(session)
    (first,) = session.subscribe(["BTCUSD"], every(), snapshot=True)
    session.receive(message(subscribed(result(4), id=first)))
    for _ in range(2):
        session.lost()
        opened(session)
        restored = said(session)[-1]
        assert restored["symbols"] == ["crypto:BTCUSD"]
        refused = {"symbol": "crypto:BTCUSD", "ok": False, "code": "unknown_symbol"}
        (told,) = session.receive(message(subscribed(refused, id=restored["id"])))
        assert isinstance(told, NotRestored)
        assert told.results[0].code == "unknown_symbol"


def test_a_connection_that_is_lost_while_it_restores_is_restored_once() -> None:
    session = Session()
    opened(session)
    (first,) = session.subscribe(["BTCUSD"], every(), snapshot=True)
    session.receive(message(subscribed(result(4), id=first)))
    for _ in range(3):
        session.lost()
        opened(session)
    (restored,) = said(session)[-1:]
    assert restored["symbols"] == ["crypto:BTCUSD"]
    session.lost()
    opened(session)
    assert len(said(session)) == 1


def test_a_draining_server_says_when_to_come_back() -> None:
    session = Session()
    opened(session)
    drain = {"event": "drain", "deadline_ms": 100, "reconnect_in_ms": 1500}
    (event,) = session.receive(message(drain))
    assert event == session.drain == Drain(deadline_ms=100, reconnect_in_ms=1500)
    opened(session)
    assert session.drain is None


def test_a_changed_limit_binds_from_then_on() -> None:
    session = Session()
    opened(session)
    session.receive(message({"event": "limits", "limits": {"symbols_per_message": 1}}))
    assert len(session.subscribe(["A", "B"], every(), snapshot=True)) == 2


def test_positions_are_where_it_goes_on() -> None:
    session = Session({"crypto:BTCUSD": (EPOCH, 2)})
    opened(session)
    events = session.receive(message(subscribed(result(4))))
    assert [type(event) for event in events] == [Gap]


def test_an_interval_is_above_zero() -> None:
    with pytest.raises(ValueError, match="at least 1 ms"):
        latest(0)
