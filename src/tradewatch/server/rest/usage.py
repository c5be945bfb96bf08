"""`GET /usage`: what a key used, by the hour or the day."""

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from tradewatch.access.usage import DAY_S, HOUR_S, NOTHING, Counts, hour_of, start_of
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.access.usage_store import UsageStore
from tradewatch.clock import Clock
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.rest.documented import ERRORS, Responses, answered, parameter, refusal
from tradewatch.server.rest.errors import RefusedError
from tradewatch.server.rest.gate import Gate
from tradewatch.server.stream.registry import Connections
from tradewatch.server.stream.usage_sweep import UsageSweep

MOST_INTERVALS = 168
_INTERVALS_S = {"1h": HOUR_S, "1d": DAY_S}
#: Connections whose account is brought up to now for an answer; those behind them are so within a second.
_LOOKED_AT = 100


def usage_routes(
    gate: Gate,
    *,
    connections: Connections,
    sweep: UsageSweep,
    meter: UsageMeter,
    store: UsageStore,
    clock: Clock,
) -> APIRouter:
    """`/usage` and `/account/usage`, which are the same.

    Args:
        gate: knows who asks.
        connections: the connections there are.
        sweep: accounts for them.
        meter: what is not yet in the store.
        store: what is.
        clock: the time.
    """
    routes = APIRouter(tags=["account"])

    async def usage(request: Request) -> Response:
        """What the key that asks used over HTTP and WebSocket, by when each interval began (Unix seconds).

        `requests` are HTTP requests, WebSocket connections and the messages that came over them; `data` is
        in bytes. The last `limit` intervals are meant, the running one among them; those without any use are
        left out. This request is in the next answer.
        """
        key = gate.enter(request, free=True).key
        limit, interval_s = _asked(request)
        now_ns = clock.now_ns()
        end_s = hour_of(now_ns) + HOUR_S
        from_s = start_of(end_s - HOUR_S, interval_s) - (limit - 1) * interval_s
        sweep.look(connections.of_key(key.id)[:_LOOKED_AT])
        rows = meter.rows(key.id)  # before the store: what the meter hands over meanwhile is not missed
        used = await asyncio.to_thread(store.sums, key.id, from_s, end_s, interval_s=interval_s, without=rows)
        for row in rows:
            if from_s <= row.hour_s < end_s:
                start_s = start_of(row.hour_s, interval_s)
                used[start_s] = used.get(start_s, NOTHING).plus(row.usage.counts)
        body = {str(start_s): _entry(counts) for start_s, counts in sorted(used.items())}
        return Response(msgspec.json.encode(body), media_type="application/json")

    for path in ("/usage", "/account/usage"):
        routes.add_api_route(
            path,
            usage,
            methods=["GET"],
            summary="What your key used, by the hour or the day",
            responses=answered(_SCHEMA, _EXAMPLE) | ERRORS | _INVALID,
            openapi_extra={"parameters": _PARAMETERS},
        )
    return routes


def _asked(request: Request) -> tuple[int, int]:
    """How many intervals are asked for, and how long they are in seconds."""
    query = request.query_params
    text = query.get("limit", "24")
    if not (text.isascii() and text.removeprefix("-").isdecimal() and len(text) <= 18):
        raise _wrong("limit: value is not a valid integer")
    limit = int(text)
    if not 1 <= limit <= MOST_INTERVALS:
        raise _wrong(f"limit: value is not from 1 to {MOST_INTERVALS}")
    interval = query.get("interval", "1h")
    if interval not in _INTERVALS_S:
        raise _wrong(f"interval: value is not one of {', '.join(_INTERVALS_S)}")
    return limit, _INTERVALS_S[interval]


def _wrong(message: str) -> RefusedError:
    """A parameter does not fit; the public service has a shape of its own for it on these paths."""
    return RefusedError(Refusal(422, RefusalReason.INVALID_REQUEST, message))


def _entry(counts: Counts) -> dict[str, object]:
    return {
        "requests": counts.requests + counts.connections + counts.messages_in,
        "data": {
            "request": counts.bytes_in + counts.rest_bytes_in,
            "response": counts.bytes_out + counts.rest_bytes_out,
        },
    }


_PARAMETERS = [
    parameter(
        "limit",
        f"How many intervals to look back, the running one among them: 1 to {MOST_INTERVALS}, 24 by default.",
        {"type": "integer", "minimum": 1, "maximum": MOST_INTERVALS, "default": 24},
        example=24,
    ),
    parameter(
        "interval",
        "The length of an interval: an hour, or a day from 00:00 UTC.",
        {"type": "string", "enum": list(_INTERVALS_S), "default": "1h"},
        example="1h",
    ),
]

_EXAMPLE = {"1767387600": {"requests": 25, "data": {"request": 25372, "response": 23928708}}}

_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["requests", "data"],
        "properties": {
            "requests": _COUNT,
            "data": {
                "type": "object",
                "required": ["request", "response"],
                "properties": {"request": _COUNT, "response": _COUNT},
            },
        },
    },
}

_INVALID: Responses = {
    422: refusal(
        "A parameter does not fit.", "invalid_request", "limit: value is not a valid integer", status=422
    )
}
