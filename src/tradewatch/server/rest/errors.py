"""Errors over HTTP: whatever goes wrong, a client reads `{"error": {"code", "message", "reason"}}`."""

import asyncio
import logging
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradewatch.errors import KeyRequestError, KeyStoreError
from tradewatch.protocol.refusal import Refusal, RefusalReason

_log = logging.getLogger("tradewatch.rest")

_REASONS = {
    404: RefusalReason.NOT_FOUND,
    405: RefusalReason.METHOD_NOT_ALLOWED,
    413: RefusalReason.BODY_TOO_LARGE,
}


_GOING_DOWN = Refusal(503, RefusalReason.DRAINING, "the server is going down", retry_after_s=5)


_NO_STORE = Refusal(
    503, RefusalReason.ACCESS_UNAVAILABLE, "the store of keys and usage does not answer", retry_after_s=5
)


class RefusedError(Exception):
    """Raised by a route to answer with a refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def answer(refusal: Refusal) -> Response:
    """The refusal as a response."""
    return Response(refusal.body, refusal.status, headers=dict(refusal.headers))


def install(api: FastAPI) -> None:
    """Give an application the one shape of errors."""

    @api.exception_handler(RefusedError)
    async def refused(_request: Request, error: RefusedError) -> Response:
        return answer(error.refusal)

    @api.exception_handler(KeyRequestError)
    async def key_refused(_request: Request, error: KeyRequestError) -> Response:
        return answer(Refusal(error.status, error.reason, str(error)))

    @api.exception_handler(KeyStoreError)
    async def no_store(request: Request, error: KeyStoreError) -> Response:
        _log.error("%s %s failed: %s", request.method, request.url.path, error)
        return answer(_NO_STORE)

    @api.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        reason = _REASONS.get(error.status_code, RefusalReason.BAD_REQUEST)
        response = answer(Refusal(error.status_code, reason, HTTPStatus(error.status_code).phrase.lower()))
        response.headers.update(error.headers or {})
        if error.status_code == 405:
            response.headers["Allow"] = _allowed(api, request)
        return response

    @api.exception_handler(RequestValidationError)
    async def wrong_values(_request: Request, error: RequestValidationError) -> Response:
        detail = [{name: item[name] for name in ("loc", "msg", "type")} for item in error.errors()]
        return JSONResponse({"detail": detail}, 422)

    @api.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return answer(Refusal(500, RefusalReason.INTERNAL_ERROR, "the server failed; its log says why"))


def _allowed(api: FastAPI, request: Request) -> str:
    """The methods that a path takes: all of them, and not those of one of its routes alone."""
    routes = (each.original_route for each in iter_route_contexts(api.routes))
    there = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for route in there for method in getattr(route, "methods", None) or ()}))


class CutShort:
    """An ASGI application that answers when the end of the server cuts it short; uvicorn would say 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as the application does, or say that the server goes down."""
        begun = scope["type"] != "http"

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            if begun:
                raise
            await answer(_GOING_DOWN)(scope, receive, send)
