"""`/asyncapi.json`: the stream as a document."""

from collections.abc import Sequence

import msgspec
from fastapi import APIRouter, Request, Response

import tradewatch
from tradewatch.protocol.asyncapi.document import document
from tradewatch.server.rest.documented import KEYLESS, answered


def asyncapi_routes(subprotocols: Sequence[str]) -> APIRouter:
    """`GET /asyncapi.json`.

    Args:
        subprotocols: those that the stream speaks.
    """
    routes = APIRouter(tags=["documents"])
    body = msgspec.json.encode(document(version=tradewatch.__version__, subprotocols=subprotocols))

    @routes.get(
        "/asyncapi.json",
        summary="The stream as a document",
        responses=answered({"type": "object"}, {"asyncapi": "3.0.0"}),
        openapi_extra=KEYLESS,
    )
    async def asyncapi(request: Request) -> Response:
        """Paths, messages and codes of the stream, in AsyncAPI 3.0."""
        return Response(body, media_type="application/json")

    return routes
