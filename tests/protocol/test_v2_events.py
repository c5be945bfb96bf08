"""The events of dialect v2 as a client reads them, field by field."""

import json
from typing import Any

import msgspec
import pytest

from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.delivery import EVERY, Latest
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.v2.encoding import JSON, MSGPACK
from tradewatch.protocol.v2.events import (
    Drain,
    Error,
    Event,
    Gap,
    Heartbeat,
    Lag,
    LimitsChanged,
    Result,
    Subscribed,
    Unsubscribed,
)

AGED_OUT = {
    "asset_class": AssetClass.CRYPTO,
    "symbol": "BTCUSD",
    "epoch": "0mlcjp2x3",
    "first": 42,
    "cause": "aged_out",
}

EXAMPLES: list[tuple[Event, dict[str, Any]]] = [
    (
        Lag(queued_bytes=5, oldest_ms=6, skipped=0),
        {"event": "lag", "queued_bytes": 5, "oldest_ms": 6, "skipped": 0},
    ),
    (
        Heartbeat(timestamp="1", published=5, delivered=2, skipped=0, missing=1, pending=2, as_of="e:7"),
        {
            "event": "heartbeat",
            "timestamp": "1",
            "published": 5,
            "delivered": 2,
            "skipped": 0,
            "missing": 1,
            "pending": 2,
            "as_of": "e:7",
        },
    ),
    (
        Drain(deadline_ms=10, reconnect_in_ms=0),
        {"event": "drain", "deadline_ms": 10, "reconnect_in_ms": 0},
    ),
    (
        LimitsChanged(limits=ConnectionLimits(symbols=5)),
        {"event": "limits", "limits": msgspec.to_builtins(ConnectionLimits(symbols=5))},
    ),
    (
        Error(code="too_many_symbols", message="m"),
        {"event": "error", "code": "too_many_symbols", "message": "m"},
    ),
    (
        Gap(**AGED_OUT, last=50, fill="/crypto/BTCUSD/ticks?from=e:42&to=e:50"),
        {
            "event": "gap",
            "asset_class": "crypto",
            "symbol": "BTCUSD",
            "epoch": "0mlcjp2x3",
            "from": 42,
            "to": 50,
            "cause": "aged_out",
            "fill": "/crypto/BTCUSD/ticks?from=e:42&to=e:50",
        },
    ),
    (
        Gap(**AGED_OUT | {"cause": "restart"}, last=None, fill=None, next_epoch="0mlcjp2x4"),
        {
            "event": "gap",
            "asset_class": "crypto",
            "symbol": "BTCUSD",
            "epoch": "0mlcjp2x3",
            "from": 42,
            "to": None,
            "cause": "restart",
            "fill": None,
            "next_epoch": "0mlcjp2x4",
        },
    ),
    (
        Gap(**AGED_OUT | {"cause": "upstream", "first": None}, seq=9, missing=None, source="kraken"),
        {
            "event": "gap",
            "asset_class": "crypto",
            "symbol": "BTCUSD",
            "epoch": "0mlcjp2x3",
            "cause": "upstream",
            "seq": 9,
            "missing": None,
            "source": "kraken",
        },
    ),
    (
        Subscribed(
            id=0,
            part=1,
            parts=2,
            results=[
                Result(symbol="*", ok=True, matched=0, delivery=EVERY),
                Result(
                    asset_class=AssetClass.CRYPTO,
                    symbol="BTCUSD",
                    ok=True,
                    via="*",
                    epoch="e",
                    seq=0,
                    state="unknown",
                    delivery=Latest(250),
                ),
            ],
        ),
        {
            "event": "subscribed",
            "id": 0,
            "part": 1,
            "parts": 2,
            "results": [
                {"symbol": "*", "ok": True, "delivery": {"mode": "every"}, "matched": 0},
                {
                    "asset_class": "crypto",
                    "symbol": "BTCUSD",
                    "ok": True,
                    "via": "*",
                    "epoch": "e",
                    "seq": 0,
                    "state": "unknown",
                    "delivery": {"mode": "latest", "interval_ms": 250},
                },
            ],
        },
    ),
    (
        Unsubscribed(results=[Result(symbol="X", ok=False, code="unknown_symbol")]),
        {"event": "unsubscribed", "results": [{"symbol": "X", "ok": False, "code": "unknown_symbol"}]},
    ),
]


@pytest.mark.parametrize(("event", "expected"), EXAMPLES, ids=lambda each: type(each).__name__)
def test_an_event_has_these_fields_in_this_order(event: Event, expected: dict[str, Any]) -> None:
    assert list(json.loads(JSON.encode(event)).items()) == list(expected.items())
    assert list(msgspec.msgpack.decode(MSGPACK.encode(event)).items()) == list(expected.items())


@pytest.mark.parametrize("event", [event for event, _ in EXAMPLES], ids=lambda each: type(each).__name__)
def test_a_client_can_read_an_event_with_the_same_types(event: Event) -> None:
    assert msgspec.json.decode(JSON.encode(event), type=type(event)) == event
    assert msgspec.msgpack.decode(MSGPACK.encode(event), type=type(event)) == event
