"""The shortcut: paths without parameters are answered without the router, which costs as much again."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Receive, Scope, Send

from tradewatch.server.rest.direct import DirectRoute

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class Shortcut:
    """An application in front of another: it knows the endpoints of its direct routes by their paths.

    What they raise is answered by the handlers of the application, as it would be there.

    Args:
        api: the application behind it, with all its routes.
    """

    def __init__(self, api: FastAPI) -> None:
        self._api: ASGIApp = api
        self._handlers = api.exception_handlers
        self._endpoints: dict[str, Endpoint] = {
            route.path: route.endpoint
            for route in (each.original_route for each in iter_route_contexts(api.routes))
            if isinstance(route, DirectRoute) and route.methods == {"GET"} and "{" not in route.path
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, here or there."""
        endpoint = self._endpoints.get(scope.get("path", "")) if scope.get("method") == "GET" else None
        if endpoint is None:
            await self._api(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except Exception as error:  # noqa: BLE001 - the application has a handler for whatever it is
            response = await self._handled(request, error)
        await response(scope, receive, send)

    async def _handled(self, request: Request, error: Exception) -> Response:
        """The answer to a fault."""
        for kind in type(error).__mro__:
            handler = self._handlers.get(kind)
            if handler is not None:
                answered: Response = await handler(request, error)  # type: ignore[misc]  # all are coroutines
                return answered
        raise error
