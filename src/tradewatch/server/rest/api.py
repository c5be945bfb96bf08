"""The HTTP application and what every one of its routes shares."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

import tradewatch
from tradewatch.server.rest import errors


def build_api(routers: Sequence[APIRouter]) -> FastAPI:
    """The application that serves `routers`.

    Args:
        routers: the rooms' routes.
    """
    api = FastAPI(
        title="tradewatch",
        version=tradewatch.__version__,
        summary="Market data over WebSocket, and REST beside it.",
        redoc_url=None,
        redirect_slashes=False,  # a redirect would show the key to whatever the Host header named
        telemetry={"tracing": False, "metrics": False},
    )
    for router in routers:
        api.include_router(router)
    errors.install(api)
    return api
