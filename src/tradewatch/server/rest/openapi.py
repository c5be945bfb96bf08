"""`/openapi.json`: the REST API as a document, from its routes and from what holds for all of them."""

import re
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from tradewatch.server.rest.documented import KEYLESS, SCHEMAS, answered

_DESCRIPTION = """\
Show your API key in the header `api-key`, or in the query parameter of this name.

Numbers are exact: each has the digits of its source. Symbols are matched in any case, and answered in upper
case. Parameters that are not described are ignored. An error has the same shape everywhere; parameters that
do not fit are answered with 422, which names them. The stream has [a document of its own](/asyncapi.json).
"""

_TAGS = {
    "currencies": "Currency pairs.",
    "crypto": "Crypto assets, and where they are traded.",
    "stocks": "Stocks, their markets, and when these are open.",
    "indices": "Stock indices.",
    "commodities": "Metals, energy, and what grows.",
    "history": "What is recorded.",
    "publishing": "Quotes from you to the server.",
    "account": "Keys, tickets, connections and usage.",
    "stream": "Quotes as they happen, over WebSocket; described in [asyncapi.json](/asyncapi.json).",
    "health": "Whether it works; without a key.",
    "documents": "What this server says of itself; without a key.",
}

_INTEGER: dict[str, Any] = {"type": "integer", "minimum": 0}
_RATE_HEADERS: dict[str, dict[str, Any]] = {
    "RateLimit-Limit": {
        "description": "Requests of the window nearest to its end. Not there where no rate binds.",
        "schema": _INTEGER,
    },
    "RateLimit-Remaining": {"description": "What is left of it.", "schema": _INTEGER},
    "RateLimit-Reset": {"description": "Seconds until it begins anew.", "schema": _INTEGER},
    "RateLimit-Policy": {
        "description": "All windows: requests, and seconds.",
        "schema": {"type": "string"},
        "example": "100;w=10, 300;w=60",
    },
}
_HEADERS: dict[str, dict[str, Any]] = {
    **_RATE_HEADERS,
    "Retry-After": {"description": "Seconds after which to try again.", "schema": _INTEGER},
    "ETag": {
        "description": "Names this very answer, for `If-None-Match`; not where it is long.",
        "schema": {"type": "string"},
    },
}
_NOT_MODIFIED = {"description": "As `If-None-Match` has it: the client knows this answer already."}
_KEYS = {
    "key": {"type": "apiKey", "in": "header", "name": "api-key", "description": "Your API key."},
    "key_in_query": {
        "type": "apiKey",
        "in": "query",
        "name": "api-key",
        "description": "The same, for where no header can be set. Logs of this server do not show it.",
    },
}


def operation_id(route: APIRoute) -> str:
    """The name of an operation: its method and its path."""
    (method,) = route.methods or {"get"}
    return "_".join([method.lower(), *re.findall(r"\w+", route.path_format)])


class DocumentedApi(FastAPI):
    """An application whose document has what its routes leave to be said once."""

    def openapi(self) -> dict[str, Any]:
        """The document; it is made once."""
        if not self.openapi_schema:
            document = super().openapi()
            document["security"] = [{name: []} for name in _KEYS]
            document["components"] = {"schemas": SCHEMAS, "headers": _HEADERS, "securitySchemes": _KEYS}
            for route in iter_route_contexts(self.routes):
                for method in route.methods or ():
                    operation = document["paths"].get(route.path_format, {}).get(method.lower())
                    if operation is not None:
                        _say_nulls(operation, route)
                        _complete(method, operation)
        return self.openapi_schema or document


def openapi_routes(api: FastAPI) -> APIRouter:
    """`GET /openapi.json`.

    Args:
        api: what it describes.
    """
    routes = APIRouter(tags=["documents"])
    bodies: list[bytes] = []

    @routes.get(
        "/openapi.json",
        summary="This document",
        responses=answered({"type": "object"}, {"openapi": "3.1.0"}),
        openapi_extra=KEYLESS,
    )
    async def openapi(request: Request) -> Response:
        """The REST API in OpenAPI 3.1."""
        if not bodies:
            bodies.append(msgspec.json.encode(api.openapi()))
        return Response(bodies[0], media_type="application/json")

    return routes


def about() -> dict[str, Any]:
    """What an application is told of itself, for the head of the document."""
    return {
        "description": _DESCRIPTION,
        "openapi_tags": [{"name": name, "description": said} for name, said in _TAGS.items()],
    }


def _say_nulls(operation: dict[str, Any], route: RouteContext) -> None:
    """Put what a route says of itself back as it stands there: FastAPI leaves out nulls, of examples too."""
    operation.update(route.openapi_extra or {})
    for status, answer in route.responses.items():
        if "content" in answer:
            operation["responses"][str(status)]["content"] = answer["content"]


def _complete(method: str, operation: dict[str, Any]) -> None:
    """Give an operation the headers and the answer that no route makes itself."""
    answers = operation["responses"]
    if method == "GET" and "application/json" in answers.get("200", {}).get("content", {}):
        _add_headers(answers["200"], ["ETag"])
        answers["304"] = _NOT_MODIFIED
    for status, answer in answers.items():
        if status in {"429", "503"}:
            _add_headers(answer, ["Retry-After"])
        if (
            "security" not in operation
            and operation["tags"] != ["publishing"]
            and status not in {"401", "503"}
        ):
            _add_headers(answer, list(_RATE_HEADERS))
    operation["responses"] = dict(sorted(answers.items()))


def _add_headers(answer: dict[str, Any], names: list[str]) -> None:
    headers = answer.setdefault("headers", {})
    headers.update({name: {"$ref": f"#/components/headers/{name}"} for name in names})
