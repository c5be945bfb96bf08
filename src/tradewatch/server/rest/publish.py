"""`POST /publish`: a batch of quotes from a program."""

import asyncio
from collections.abc import Iterator

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from tradewatch.access.entry import enter
from tradewatch.access.key import Scope
from tradewatch.access.keyring import KeyRing
from tradewatch.errors import BatchRefusedError
from tradewatch.protocol import publish
from tradewatch.protocol.messages import MessageError
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.publishing.publisher import Publisher
from tradewatch.server.rest.errors import RefusedError

#: Nobody is left to read it, and it is no fault of the server that its log should show.
_CUT_SHORT = Refusal(400, RefusalReason.BAD_REQUEST, "the body did not come whole")


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
                "content": {"application/json": {"schema": _schema(), "example": _EXAMPLE}},
            }
        },
    )
    async def post_batch(request: Request) -> Response:
        """Take a batch of quotes, once, whole or not at all; answer with their positions."""
        key = enter(ring, request.headers, request.query_params, scope=Scope.PUBLISH)
        if isinstance(key, Refusal):
            raise RefusedError(key)
        try:
            batch = publish.decode_batch(await _body(request, body_bytes), most_quotes=publisher.most_quotes)
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


async def _body(request: Request, limit_bytes: int) -> bytes:
    """The body, as long as it is within the limit; what is said to be larger is not read at all."""
    chunks: list[bytes] = []
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isdecimal() else 0
    if size <= limit_bytes:
        size = 0
        try:
            async for chunk in request.stream():
                chunks.append(chunk)
                size += len(chunk)
                if size > limit_bytes:
                    break
        except ClientDisconnect:
            raise RefusedError(_CUT_SHORT) from None
    if size > limit_bytes:
        text = f"the batch is larger than {limit_bytes:,} bytes; split it"
        raise RefusedError(Refusal(413, RefusalReason.BODY_TOO_LARGE, text))
    return b"".join(chunks)


def _schema() -> dict[str, object]:
    """What the body must be, for `/openapi.json`."""
    (schema,), components = msgspec.json.schema_components([publish.Batch], ref_template="{name}")
    batch = components[schema["$ref"]]
    batch["properties"]["quotes"]["items"] = components["PublishedQuote"]
    return dict(batch)


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
