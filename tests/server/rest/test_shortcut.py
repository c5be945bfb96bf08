"""The shortcut answers what the application behind it would, and hands it everything else."""

import httpx
import pytest
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError

from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.rest.api import build_api
from tradewatch.server.rest.direct import DirectRoute
from tradewatch.server.rest.errors import RefusedError
from tradewatch.server.rest.shortcut import Shortcut


def routes(asked: list[str]) -> APIRouter:
    direct = APIRouter(route_class=DirectRoute)

    @direct.get("/good")
    async def good(request: Request) -> Response:
        asked.append(request.query_params.get("of", ""))
        return Response(b"{}", media_type="application/json")

    @direct.get("/refused")
    async def refused(request: Request) -> Response:
        raise RefusedError(Refusal(404, RefusalReason.UNKNOWN_SYMBOL, "nobody knows it", 7))

    @direct.get("/wrong")
    async def wrong(request: Request) -> Response:
        raise RequestValidationError([{"loc": ("query", "of"), "msg": "not so", "type": "choice", "ctx": 1}])

    @direct.get("/fault")
    async def fault(request: Request) -> Response:
        raise ZeroDivisionError

    @direct.get("/{name}/there")
    async def there(request: Request) -> Response:
        return Response(request.path_params["name"])

    return direct


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("path", ["/good", "/refused", "/wrong", "/a/there", "/nowhere", "/good/", "/fault"])
async def test_the_answer_is_that_of_the_application(method: str, path: str) -> None:
    asked: list[str] = []
    api = build_api([routes(asked)])
    answers = []
    for app in (api, Shortcut(api)):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            answer = await client.request(method, path, params={"of": "x"})
            answers.append((answer.status_code, dict(answer.headers), answer.content))
    assert answers[0] == answers[1]
    assert asked == (["x", "x"] if (method, path) == ("GET", "/good") else [])
