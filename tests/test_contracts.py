"""The documents of the API and of the stream are right, and what would be wrong with them is noticed."""

import copy
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from tools import contracts

from tradewatch.protocol.asyncapi.document import document
from tradewatch.server.stream.admission import Admission


@pytest.fixture(scope="module")
def api() -> FastAPI:
    return contracts.application()


@pytest.fixture
def rest(api: FastAPI) -> dict[str, Any]:
    return contracts.as_sent(api.openapi())


@pytest.fixture
def stream() -> dict[str, Any]:
    return contracts.as_sent(document(version="0", subprotocols=Admission.subprotocols))


def test_both_are_right(api: FastAPI, rest: dict[str, Any], stream: dict[str, Any]) -> None:
    assert [*contracts.faults_of_openapi(api, rest)] == []
    assert [*contracts.faults_of_asyncapi(stream)] == []
    assert contracts.main() == 0


def test_what_is_wrong_with_openapi_is_noticed(api: FastAPI, rest: dict[str, Any]) -> None:
    def noticed(change: str) -> list[str]:
        wrong = copy.deepcopy(rest)
        exec(change, {"paths": wrong["paths"], "quote": wrong["paths"]["/crypto/quote"]["get"], "all": wrong})
        return [*contracts.faults_of_openapi(api, wrong)]

    assert noticed("paths['/metrics'] = {}") == ["GET /metrics is not described"]
    assert noticed("del quote['summary']") == ["GET /crypto/quote: says too little of itself"]
    assert noticed("del quote['responses']['403']") == [
        "GET /crypto/quote: does not say what it answers with 403"
    ]
    assert noticed("quote['operationId'] = 'get_metrics'")[-1] == "the operation get_metrics is there twice"
    (said,) = noticed("quote['responses']['200']['content']['application/json']['example']['ask'] = 'much'")
    assert said == "GET /crypto/quote: an example does not fit: $.ask: 'much' is not of type 'number'"
    (said,) = noticed("del quote['responses']['200']['content']['application/json']['example']")
    assert said == "GET /crypto/quote: has no example or no schema of application/json: The answer."
    assert noticed("del quote['parameters'][0]['example']") == ["GET /crypto/quote: has no example of symbol"]
    assert noticed("del all['components']['headers']['ETag']") == [
        "#/components/headers/ETag is referred to, and is not there"
    ]
    assert noticed("all['openapi'] = 3")[0].startswith("not OpenAPI: ")


def test_a_route_that_nobody_described_is_noticed() -> None:
    api = contracts.application()
    routes = APIRouter()
    routes.add_api_route("/secret", lambda: None, include_in_schema=False)
    api.include_router(routes)
    assert [*contracts.faults_of_openapi(api, contracts.as_sent(api.openapi()))] == [
        "GET /secret is not described"
    ]


def test_what_is_wrong_with_asyncapi_is_noticed(stream: dict[str, Any]) -> None:
    def noticed(change: str) -> list[str]:
        wrong = copy.deepcopy(stream)
        exec(change, {"all": wrong, "schemas": wrong["components"]["schemas"], "info": wrong["info"]})
        return [*contracts.faults_of_asyncapi(wrong)]

    assert noticed("info['x-close-codes'].pop(0)") == ["the close code 1001 is not described"]
    assert noticed("info['x-refusals'].append('because')") == ["there is no refusal because"]
    assert "the error code invalid_json is not described" in noticed(
        "schemas['ErrorCode']['enum'].remove('invalid_json')"
    )
    assert "the publishing code not_allowed is not described" in noticed(
        "schemas['PublishCode']['enum'].remove('not_allowed')"
    )
    assert noticed("del schemas['Lag']") == ["#/components/schemas/Lag is referred to, and is not there"]
    without_lag = "schemas['Lag']['properties'].pop('event')"
    assert "the event lag is not described" in noticed(without_lag)
    without_ping = "[schemas[name]['properties'].pop('action') for name in ('Ping', 'PingRequest')]"
    assert "the action ping is not described" in noticed(without_ping)
    assert noticed("all['channels']['all']['address'] = '/everything'") == [
        "the path / is not described",
        "there is no path /everything",
    ]
    assert "not AsyncAPI" in noticed("all['operations']['send_all']['action'] = 'sing'")[0]
    (said,) = noticed("schemas['V1Pong']['properties']['timestamp'] = {'type': 'integer'}")
    assert said == "v1.pong: an example does not fit: $.timestamp: '1767389239253' is not of type 'integer'"
