"""Health: alive is answering; ready is quotes that really travel."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from tradewatch.server.rest.documented import KEYLESS, answered

_JSON = "application/json"


def health_routes(*, trouble: Callable[[], str], details: Callable[[], Mapping[str, object]]) -> APIRouter:
    """`/health/live` and `/health/ready`; neither needs a key.

    Args:
        trouble: why no quote would reach a client now; empty while they do.
        details: what else a person wants to see beside it.
    """
    routes = APIRouter(tags=["health"])

    @routes.head("/health/live", include_in_schema=False)
    @routes.get(
        "/health/live",
        summary="Whether the process answers",
        responses=answered(_schema("alive"), {"status": "alive"}),
        openapi_extra=KEYLESS,
    )
    async def live() -> Response:
        """The process answers."""
        return Response(b'{"status":"alive"}', media_type=_JSON)

    @routes.head("/health/ready", include_in_schema=False)
    @routes.get(
        "/health/ready",
        summary="Whether quotes travel",
        responses={
            **answered(_READY, _READY_EXAMPLE),
            503: {
                "description": "Quotes do not travel; `trouble` says why.",
                "content": {"application/json": {"schema": _NOT_READY, "example": _NOT_READY_EXAMPLE}},
            },
        },
        openapi_extra=KEYLESS,
    )
    async def ready() -> Response:
        """A canary quote has just passed through tape, fan-out and a loopback subscriber."""
        wrong = trouble()
        body = {"status": "not ready" if wrong else "ready", "trouble": wrong, **details()}
        return Response(msgspec.json.encode(body), 503 if wrong else 200, media_type=_JSON)

    return routes


def _schema(status: str, **properties: Any) -> dict[str, Any]:
    properties = {"status": {"enum": [status]}, **properties}
    return {"type": "object", "required": list(properties), "properties": properties}


_SAID = {
    "trouble": {"type": "string", "description": "Why no quote would reach a client; empty while they do."},
    "log": {"type": "string", "description": "What keeps the log from keeping records, if anything."},
    "epoch": {"type": "string", "description": "The epoch of the tape."},
}
_READY, _NOT_READY = _schema("ready", **_SAID), _schema("not ready", **_SAID)
_READY_EXAMPLE = {"status": "ready", "trouble": "", "log": "keeps every record", "epoch": "0mlcjp2x3"}
_NOT_READY_EXAMPLE = {**_READY_EXAMPLE, "status": "not ready", "trouble": "draining"}
