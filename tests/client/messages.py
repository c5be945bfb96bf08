"""Messages as a server writes them, and a server that is nothing but its tape."""

from typing import Any

import msgspec

EPOCH, NEXT_EPOCH = "0mwrzjxgx", "0mwrzjxgy"

Event = dict[str, Any]


def message(*events: Event) -> bytes:
    return msgspec.json.encode(events)


def welcome(**limits: int) -> Event:
    return {
        "event": "welcome",
        "session": "s1",
        "server_time_ns": "1",
        "heartbeat_s": 5.0,
        "limits": limits,
    }


def quote(seq: int, symbol: str = "BTCUSD", **fields: Any) -> Event:
    return {
        "event": "quote",
        "asset_class": "crypto",
        "symbol": symbol,
        "seq": seq,
        "timestamp": "1767389239253",
        "event_ns": "1767389239253000000",
        "received_ns": "1767389239254000000",
        "bid": f"{seq}.10",
        "ask": f"{seq}.2",
        "mid": f"{seq}.15",
        **fields,
    }


def result(seq: int, symbol: str = "BTCUSD", *, epoch: str = EPOCH, **fields: Any) -> Event:
    return {
        "asset_class": "crypto",
        "symbol": symbol,
        "ok": True,
        "epoch": epoch,
        "seq": seq,
        "state": "unknown",
        "delivery": {"mode": "every"},
        **fields,
    }


def subscribed(*results: Event, **fields: Any) -> Event:
    return {"event": "subscribed", "results": list(results), **fields}


def unsubscribed(*symbols: str, **fields: Any) -> Event:
    results = []
    for symbol in symbols:
        left = result(0, symbol)
        del left["delivery"]
        results.append(left)
    return {"event": "unsubscribed", "results": results, **fields}


def gap(first: int, last: int | None, symbol: str = "BTCUSD", **fields: Any) -> Event:
    return {
        "event": "gap",
        "asset_class": "crypto",
        "symbol": symbol,
        "epoch": EPOCH,
        "from": first,
        "to": last,
        "cause": "aged_out",
        "fill": None,
        **fields,
    }
