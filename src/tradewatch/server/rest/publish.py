"""`POST /publish`: a batch of quotes from a program."""

import asyncio
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response

from tradewatch.access.entry import enter
from tradewatch.access.key import Scope
from tradewatch.access.keyring import KeyRing
from tradewatch.errors import BatchRefusedError
from tradewatch.protocol import publish
from tradewatch.protocol.codes import PublishCode
from tradewatch.protocol.messages import MessageError
from tradewatch.protocol.refusal import Refusal
from tradewatch.publishing.publisher import Publisher
from tradewatch.server.rest.body import read_body, schema_of
from tradewatch.server.rest.documented import ERRORS, Responses, answered, refusal
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
        summary="A batch of quotes from you",
        responses=_ANSWERS,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _BATCH, "example": _EXAMPLE}},
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
_BATCH = schema_of(publish.Batch)
_BATCH["properties"]["action"] = {"enum": ["publish"], "description": "May be left out."}
_RESULT = {
    "type": "object",
    "required": ["symbol"],
    "properties": {
        "symbol": {"description": "As it was sent."},
        "position": {"type": "string", "description": "`<epoch>:<seq>`, of a quote that is on the tape."},
        "ok": {"const": False, "description": "There where the quote is not on the tape."},
        "code": {"enum": [code.value for code in PublishCode], "description": "Why it is not."},
    },
}
_PUBLISHED = {
    "type": "object",
    "required": ["event", "batch", "stored", "results"],
    "properties": {
        "event": {"enum": ["published"]},
        "batch": {"type": "integer"},
        "stored": {"type": "boolean", "description": "Whether a restart will know the quotes."},
        "results": {"type": "array", "items": _RESULT, "description": "One of each quote, in their order."},
    },
}
_PUBLISHED_EXAMPLE = {
    "event": "published",
    "batch": 12,
    "stored": True,
    "results": [
        {"symbol": "BTCUSD", "position": "0mlcjp2x3:41"},
        {"symbol": "BTCUSX!", "ok": False, "code": "invalid_symbol"},
    ],
}
_ANSWERS: Responses = {
    **answered(_PUBLISHED, _PUBLISHED_EXAMPLE, "What became of each quote."),
    401: ERRORS[401],
    403: refusal(
        "The key does not have the scope.",
        "scope_missing",
        "this API key does not have the publish scope",
        403,
    ),
    409: refusal(
        "This number of a batch cannot be taken: `batch_conflict`, `batch_out_of_order`, `batch_too_old`.",
        "batch_out_of_order",
        "batch 12 comes after 40, and was never taken",
        409,
    ),
    413: refusal(
        "Too large: `body_too_large`, `too_many_quotes`.", "too_many_quotes", "at most 5,000 quotes", 413
    ),
    422: refusal(
        "No batch: `invalid_json`, `invalid_message`, `unknown_action`, `message_too_large`.",
        "invalid_message",
        "publish: Object missing required field `producer`",
        422,
    ),
    429: refusal(
        "The key has too many producers.", "too_many_producers", "at most 100 producers of a key", 429
    ),
    503: ERRORS[503],
}
