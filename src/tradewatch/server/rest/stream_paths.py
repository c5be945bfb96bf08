"""The stream's paths when somebody asks for them without an upgrade."""

from fastapi import APIRouter, Request, Response

from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.rest.documented import KEYLESS, Responses, refusal
from tradewatch.server.rest.errors import RefusedError

_SAID = "this path is for WebSockets: connect with one"
_ANSWERS: Responses = {
    426: refusal("Without an upgrade there is nothing here.", "upgrade_required", _SAID, 426),
}


def stream_path_routes() -> APIRouter:
    """`/`, `/quotes` and `/publish`: 426, with a word on what is expected.

    Each `/<class>/quotes` answers plain requests with quotes (`quotes.py`).
    """
    routes = APIRouter(tags=["stream"])

    async def upgrade_required(request: Request) -> Response:
        """The stream; its document is `/asyncapi.json`."""
        raise RefusedError(Refusal(426, RefusalReason.UPGRADE_REQUIRED, _SAID))

    for path in ("/", "/quotes", "/publish"):
        routes.add_api_route(
            path,
            upgrade_required,
            methods=["GET"],
            summary="For WebSockets",
            status_code=426,
            response_class=Response,
            responses=_ANSWERS,
            openapi_extra=KEYLESS,
        )
    return routes
