"""The document of the API and the page that shows it, as the server sends them."""

import base64
import hashlib
import re
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Request, Response
from tests.server.rest.conftest import House

from tradewatch.protocol.schema import schemas_of
from tradewatch.protocol.v2 import events
from tradewatch.server.rest.asyncapi import asyncapi_routes
from tradewatch.server.rest.documented import KEYLESS, answered
from tradewatch.server.rest.health import health_routes

TODAY = {"day": "monday", "holiday": None}


def routes() -> APIRouter:
    """A path with two methods, and one without a key."""
    made = APIRouter(tags=["stocks"])

    @made.get("/days/{day}", summary="A day", responses=answered({"default": None}, TODAY))
    @made.delete("/days/{day}", summary="No day", status_code=204)
    async def day(request: Request) -> Response:
        """What is known of it."""
        return Response()

    @made.get("/today", summary="Today", openapi_extra=KEYLESS)
    async def today(request: Request) -> Response:
        return Response()

    return made


@pytest.fixture
def site(house: House) -> httpx.AsyncClient:
    health = health_routes(trouble=lambda: "", details=dict)
    return house.client(routes(), health, asyncapi_routes(["tradewatch.v1"]))


async def described(site: httpx.AsyncClient) -> Any:
    answer = await site.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    return answer.json()


async def test_operations_are_named_by_method_and_path(site: httpx.AsyncClient) -> None:
    paths = (await described(site))["paths"]
    assert {name: each["operationId"] for name, each in paths["/days/{day}"].items()} == {
        "get": "get_days_day",
        "delete": "delete_days_day",
    }


async def test_nulls_of_examples_and_schemas_are_there(site: httpx.AsyncClient) -> None:
    answers = (await described(site))["paths"]["/days/{day}"]["get"]["responses"]
    assert answers["200"]["content"] == {"application/json": {"schema": {"default": None}, "example": TODAY}}


async def test_what_holds_for_all_routes_is_said_of_each(site: httpx.AsyncClient) -> None:
    document = await described(site)
    assert document["security"] == [{"key": []}, {"key_in_query": []}]
    assert {place["in"] for place in document["components"]["securitySchemes"].values()} == {
        "header",
        "query",
    }
    answers = document["paths"]["/days/{day}"]["get"]["responses"]
    assert list(answers) == ["200", "304"]
    assert {"ETag", "RateLimit-Limit"} < set(answers["200"]["headers"])
    keyless = document["paths"]["/today"]["get"]
    assert keyless["security"] == []
    assert set(keyless["responses"]["200"]["headers"]) == {"ETag"}


async def test_a_wrong_method_is_told_all_that_a_path_takes(site: httpx.AsyncClient) -> None:
    answer = await site.post("/days/monday")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET")
    assert (await site.delete("/health/live")).headers["allow"] == "GET, HEAD"


async def test_the_page_loads_nothing_and_runs_its_own_script_only(site: httpx.AsyncClient) -> None:
    answer = await site.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"""(?:src|href|url|import)\s*[=(]?\s*["'(]?\s*(?:https?:)?//""", answer.text)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "connect-src 'self'" in policy
    for kind in ("script", "style"):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "onclick=" not in answer.text
    assert "innerHTML" not in answer.text


async def test_the_stream_has_its_document(site: httpx.AsyncClient) -> None:
    answer = await site.get("/asyncapi.json")
    binding = answer.json()["channels"]["all"]["bindings"]["ws"]
    assert binding["headers"]["properties"]["Sec-WebSocket-Protocol"]["enum"] == ["tradewatch.v1"]
    assert "ticket" not in answer.json()["channels"]["publish"]["bindings"]["ws"]["query"]["properties"]


def test_what_docstrings_say_of_attributes_stands_at_the_properties() -> None:
    schema = schemas_of([events.Lag])["Lag"]
    assert schema["description"] == "The client is behind."
    assert schema["properties"]["queued_bytes"] == {
        "description": "written and not yet taken, the kernel's send queue included.",
        "type": "integer",
    }
    assert "discriminator" not in str(schemas_of([events.Subscribed]))
