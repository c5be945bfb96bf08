"""The HTTP application and what every one of its routes shares."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

import tradewatch
from tradewatch.server.rest import errors
from tradewatch.server.rest.docs_page import docs_page_routes
from tradewatch.server.rest.openapi import DocumentedApi, about, openapi_routes, operation_id


def build_api(routers: Sequence[APIRouter]) -> FastAPI:
    """The application that serves `routers`, the document about them, and the page that shows it.

    Args:
        routers: the rooms' routes.
    """
    api = DocumentedApi(
        title="tradewatch",
        version=tradewatch.__version__,
        summary="Market data over WebSocket, and REST beside it.",
        openapi_url=None,  # which would encode the document for each request
        redirect_slashes=False,  # a redirect would show the key to whatever the Host header named
        telemetry={"tracing": False, "metrics": False},
        generate_unique_id_function=operation_id,
        **about(),
    )
    for router in [*routers, openapi_routes(api), docs_page_routes()]:
        api.include_router(router)
    errors.install(api)
    return api
