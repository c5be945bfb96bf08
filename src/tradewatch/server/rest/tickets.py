"""One-time tickets over HTTP: for web pages, which cannot send a key without showing it."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from tradewatch.access.tickets import LONGEST_TTL_S, Tickets
from tradewatch.clock import Clock
from tradewatch.errors import TicketError
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.rest.body import decode_body, read_body, schema_of
from tradewatch.server.rest.documented import ERRORS, TOO_LARGE, refusal, wrong_body
from tradewatch.server.rest.errors import RefusedError
from tradewatch.server.rest.gate import Gate

_BODY_BYTES = 64 << 10


class TicketRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What may be said of a ticket; it can have no more than the key that asks for it.

    Attributes:
        subject: whom it is meant for.
        classes: the asset classes it shows; all of the key's where none are named.
        symbols: patterns of the symbols it shows; all of them where none are named.
        max_connections: connections of its subject at a time.
        ttl_s: seconds for which it is good.
    """

    subject: str | None = None
    classes: list[AssetClass] | None = None
    symbols: list[str] | None = None
    max_connections: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    ttl_s: Annotated[int, Meta(ge=1, le=LONGEST_TTL_S)] = LONGEST_TTL_S


def ticket_routes(tickets: Tickets, gate: Gate, *, clock: Clock) -> APIRouter:
    """`POST /account/tickets`.

    Args:
        tickets: issues them.
        gate: knows who asks.
        clock: the time.
    """
    routes = APIRouter(tags=["account"])

    @routes.post(
        "/account/tickets",
        status_code=201,
        summary="A ticket that opens one stream, once, within seconds",
        openapi_extra={
            "requestBody": {
                "required": False,
                "content": {
                    "application/json": {
                        "schema": schema_of(TicketRequest),
                        "example": {"subject": "page 7", "classes": ["crypto"], "ttl_s": 30},
                    }
                },
            }
        },
        responses={
            201: {
                "description": "The ticket; its text is shown this one time.",
                "content": {"application/json": {"schema": _TICKET, "example": _EXAMPLE}},
            },
            **ERRORS,
            **TOO_LARGE,
            **wrong_body("The body is not what it must be.", "Expected `int` <= 30 - at `$.ttl_s`"),
            429: refusal(
                "Too many tickets are open (`too_many_tickets`), or too many requests (`too_many_requests`);"
                " `Retry-After` says when to come back.",
                "too_many_tickets",
                "this key has 1,000 tickets open",
                429,
            ),
        },
    )
    async def issue(request: Request) -> Response:
        """Issue a ticket of the key that asks; it is used as the query parameter `ticket`."""
        key = gate.enter(request, free=True).key
        asked = decode_body(await read_body(request, _BODY_BYTES, what="request"), TicketRequest)
        try:
            text, ticket = tickets.issue(key.id, **msgspec.structs.asdict(asked), now_s=clock.monotonic_s())
        except TicketError as error:
            status = 422 if error.retry_after_s is None else 429
            reason = RefusalReason.INVALID_REQUEST if status == 422 else RefusalReason.TOO_MANY_TICKETS
            raise RefusedError(Refusal(status, reason, str(error), error.retry_after_s)) from error
        body = {"ticket": text, "expires_in_s": ticket.ttl_s, "subject": ticket.subject}
        return Response(
            msgspec.json.encode(body),
            status_code=201,
            media_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    return routes


_EXAMPLE = {"ticket": "twt_" + "A" * 43, "expires_in_s": 30, "subject": "page 7"}
_TICKET = {
    "type": "object",
    "required": ["ticket", "expires_in_s", "subject"],
    "properties": {
        "ticket": {"type": "string", "description": "Goes into the query parameter `ticket` of the stream."},
        "expires_in_s": {"type": "integer", "description": "For how long it is good."},
        "subject": {"type": ["string", "null"], "description": "As it was asked for."},
    },
}
