"""`/account/connections`: the open connections of a key, and how its holder closes one."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from tradewatch.clock import Clock
from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.rest.body import schema_of
from tradewatch.server.rest.documented import ERRORS, answered, parameter, refusal
from tradewatch.server.rest.errors import RefusedError
from tradewatch.server.rest.gate import Gate
from tradewatch.server.stream.registry import Connections, Member

#: So many connections are listed, the oldest first.
MOST_LISTED = 1_000
#: Each is asked for what its kernel holds.
_SLICE = 50


_SHOWN_CHARS = 40

_NOT_FOUND = refusal(
    "The key has no such connection.", "not_found", "this key has no open connection 'c12'", 404
)

_EXAMPLE = {
    "items": [
        {
            "id": "c12",
            "address": "192.0.2.7",
            "opened": "2026-01-02T21:27:19Z",
            "age_s": 61.5,
            "subject": None,
            "queued_bytes": 0,
            "lag_ms": 0,
        }
    ],
    "total": 1,
}

_ID = parameter("connection_id", "Its id, from the list.", {"type": "string"}, place="path", example="c12")


class ShownConnection(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of an open connection.

    Attributes:
        id: what the log calls it.
        address: the client's IP address.
        opened: when it was let in, in UTC.
        age_s: how long ago that was.
        subject: whom its ticket was meant for; null where it has none.
        queued_bytes: bytes that wait for the client, the kernel's queue included.
        lag_ms: for how long the client has been behind; 0 where it is not.
    """

    id: str
    address: str
    opened: str
    age_s: float
    subject: str | None
    queued_bytes: int
    lag_ms: int

    @classmethod
    def of(cls, member: Member, clock: Clock) -> "ShownConnection":
        """A connection as it is now."""
        now_s, behind_since_s = clock.monotonic_s(), member.behind_since_s
        age_s = now_s - member.opened_s
        opened = datetime.fromtimestamp(clock.now_ns() / 1e9 - age_s, UTC)
        return cls(
            id=member.id,
            address=member.address,
            opened=f"{opened:%Y-%m-%dT%H:%M:%SZ}",
            age_s=round(age_s, 1),
            subject=member.ticket.subject if member.ticket else None,
            queued_bytes=member.queued_bytes,
            lag_ms=0 if behind_since_s is None else round((now_s - behind_since_s) * 1_000),
        )


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["items", "total"],
    "properties": {
        "items": {"type": "array", "items": schema_of(ShownConnection)},
        "total": {"type": "integer", "description": "How many connections the key has open."},
    },
}


def connection_routes(gate: Gate, connections: Connections, *, clock: Clock) -> APIRouter:
    """`GET` and `DELETE` of `/account/connections`.

    Args:
        gate: knows who asks.
        connections: the connections there are.
        clock: the time.
    """
    routes = APIRouter(tags=["account"])

    @routes.get(
        "/account/connections",
        summary="The open WebSocket connections of your key, the oldest first",
        responses=answered(_SCHEMA, _EXAMPLE) | ERRORS,
    )
    async def listed(request: Request) -> Response:
        """Those that the key opened, and those that its tickets did; the first 1,000 of `total`."""
        key = gate.enter(request, free=True).key
        members = connections.of_key(key.id)
        shown: list[ShownConnection] = []
        for first in range(0, min(len(members), MOST_LISTED), _SLICE):
            if first:
                await asyncio.sleep(0)  # the loop's turn, in which some may go
            there = set(connections.of_key(key.id))
            some = members[first : first + _SLICE]
            shown += [ShownConnection.of(member, clock) for member in some if member in there]
        return Response(
            msgspec.json.encode({"items": shown, "total": len(members)}), media_type="application/json"
        )

    @routes.delete(
        "/account/connections/{connection_id}",
        status_code=204,
        summary="Close a connection of your key",
        responses={404: _NOT_FOUND, **ERRORS},
        openapi_extra={"parameters": [_ID]},
    )
    async def close(request: Request) -> Response:
        """It is closed with 4503, which tells clients not to come back."""
        key = gate.enter(request, free=True).key
        wanted = request.path_params["connection_id"]
        for member in connections.of_key(key.id):
            if member.id == wanted:
                member.close(CloseCode.CLOSED_BY_OWNER)
                return Response(status_code=204)
        text = f"this key has no open connection {wanted[:_SHOWN_CHARS]!r}"
        raise RefusedError(Refusal(404, RefusalReason.NOT_FOUND, text))

    return routes
