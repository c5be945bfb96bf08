"""The stream's paths when somebody asks for them without an upgrade."""

from fastapi import APIRouter

from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.rest.errors import RefusedError


def stream_path_routes() -> APIRouter:
    """`/`, `/quotes` and `/publish`: 426, with a word on what is expected.

    Each `/<class>/quotes` answers plain requests with quotes (`quotes.py`).
    """
    routes = APIRouter(include_in_schema=False)

    async def upgrade_required() -> None:
        raise RefusedError(
            Refusal(426, RefusalReason.UPGRADE_REQUIRED, "this path is for WebSockets: connect with one")
        )

    for path in ("/", "/quotes", "/publish"):
        routes.add_api_route(path, upgrade_required, methods=["GET"])
    return routes
