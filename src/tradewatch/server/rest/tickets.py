"""One-time tickets over HTTP: for web pages, which cannot send a key without showing it."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from tradewatch.access.entry import enter
from tradewatch.access.keyring import KeyRing
from tradewatch.access.tickets import LONGEST_TTL_S, Tickets
from tradewatch.clock import Clock
from tradewatch.errors import TicketError
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.rest.body import read_body
from tradewatch.server.rest.errors import RefusedError

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


def ticket_routes(tickets: Tickets, ring: KeyRing, *, clock: Clock) -> APIRouter:
    """`POST /account/tickets`.

    Args:
        tickets: issues them.
        ring: the keys that are good now.
        clock: the time.
    """
    routes = APIRouter(tags=["account"])
    (schema,), components = msgspec.json.schema_components([TicketRequest], ref_template="{name}")

    @routes.post(
        "/account/tickets",
        status_code=201,
        summary="A ticket that opens one stream, once, within seconds",
        openapi_extra={
            "requestBody": {
                "required": False,
                "content": {
                    "application/json": {
                        "schema": components[schema["$ref"]],
                        "example": {"subject": "page 7", "classes": ["crypto"], "ttl_s": 30},
                    }
                },
            }
        },
        responses={201: {"content": {"application/json": {"example": _EXAMPLE}}}},
    )
    async def issue(request: Request) -> Response:
        """Issue a ticket of the key that asks; it is used as the query parameter `ticket`."""
        key = enter(ring, request.headers, request.query_params)
        if isinstance(key, Refusal):
            raise RefusedError(key)
        request.state.key_id = key.id
        asked = _decoded(await read_body(request, _BODY_BYTES, what="request"))
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


def _decoded(body: bytes) -> TicketRequest:
    try:
        return msgspec.json.decode(body, type=TicketRequest) if body.strip() else TicketRequest()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(Refusal(422, RefusalReason.INVALID_REQUEST, str(error))) from error


_EXAMPLE = {"ticket": "twt_" + "A" * 43, "expires_in_s": 30, "subject": "page 7"}
