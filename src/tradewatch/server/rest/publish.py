"""`POST /publish`: a batch of quotes from a program."""

import asyncio
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response

from tradewatch.access.entry import enter
from tradewatch.access.key import Scope
from tradewatch.access.keyring import KeyRing
from tradewatch.errors import BatchRefusedError
from tradewatch.protocol import publish
from tradewatch.protocol.messages import MessageError
from tradewatch.protocol.refusal import Refusal
from tradewatch.publishing.publisher import Publisher
from tradewatch.server.rest.body import read_body, schema_of
from tradewatch.server.rest.errors import RefusedError


def publish_routes(publisher: Publisher, ring: KeyRing, *, body_bytes: int) -> APIRouter:
    """The publishing route.

    Args:
        publisher: takes the batches.
        ring: the keys that are good now.
        body_bytes: the largest batch, as it arrives.
    """
    routes = APIRouter(tags=["publishing"])

    @routes.post(
        "/publish",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": schema_of(publish.Batch), "example": _EXAMPLE}},
            }
        },
    )
    async def post_batch(request: Request) -> Response:
        """Take a batch of quotes, once, whole or not at all; answer with their positions."""
        key = enter(ring, request.headers, request.query_params, scope=Scope.PUBLISH)
        if isinstance(key, Refusal):
            raise RefusedError(key)
        request.state.key_id = key.id
        try:
            batch = publish.decode_batch(
                await read_body(request, body_bytes, what="batch"), most_quotes=publisher.most_quotes
            )
        except MessageError as error:
            raise RefusedError(Refusal(422, error.code, str(error))) from error
        try:
            answer = await _answered(publisher.in_turns(batch, key_id=key.id, grant=key.grant))
        except BatchRefusedError as error:
            raise RefusedError(Refusal(error.status, error.code, str(error))) from error
        return Response(publish.published(answer), media_type="application/json")

    return routes


async def _answered(turns: Iterator[publish.Published | None]) -> publish.Published:
    """The answer to a batch; the loop turns while its quotes are read."""
    answer = next(turns)
    while answer is None:
        await asyncio.sleep(0)
        answer = next(turns)
    return answer


_EXAMPLE = {
    "producer": "p1",
    "batch": 12,
    "quotes": [
        {
            "asset_class": "crypto",
            "symbol": "BTCUSD",
            "timestamp": "1767389239253",
            "bid": "61837.63",
            "ask": "61837.64",
        }
    ],
}
