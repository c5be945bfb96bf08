"""Health: alive is answering; ready is quotes that really travel."""

from collections.abc import Callable, Mapping

import msgspec
from fastapi import APIRouter, Response

_JSON = "application/json"


def health_routes(*, trouble: Callable[[], str], details: Callable[[], Mapping[str, object]]) -> APIRouter:
    """`/health/live` and `/health/ready`; neither needs a key.

    Args:
        trouble: why no quote would reach a client now; empty while they do.
        details: what else a person wants to see beside it.
    """
    routes = APIRouter(tags=["health"])

    @routes.head("/health/live", include_in_schema=False)
    @routes.get("/health/live")
    async def live() -> Response:
        """The process answers."""
        return Response(b'{"status":"alive"}', media_type=_JSON)

    @routes.head("/health/ready", include_in_schema=False)
    @routes.get(
        "/health/ready", responses={503: {"description": "Quotes do not travel; `trouble` says why."}}
    )
    async def ready() -> Response:
        """A canary quote has just passed through tape, fan-out and a loopback subscriber."""
        wrong = trouble()
        body = {"status": "not ready" if wrong else "ready", "trouble": wrong, **details()}
        return Response(msgspec.json.encode(body), 503 if wrong else 200, media_type=_JSON)

    return routes
