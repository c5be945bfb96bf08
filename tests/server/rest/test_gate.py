"""The gate of the REST API: who is let in, what others are told, and what every answer says of the rate."""

from typing import Any

import pytest
from fastapi import APIRouter, Request
from tests.server.rest.conftest import House

from tradewatch.access.key import Scope
from tradewatch.access.permit import Permits
from tradewatch.access.plan import Plans
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.limits import ConnectionLimits

RATE_HEADERS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy")


def doors(house: House) -> APIRouter:
    """A path for each way to ask."""
    routes = APIRouter()
    asked: dict[str, dict[str, Any]] = {
        "/crypto": {"asset_class": AssetClass.CRYPTO},
        "/stocks": {"asset_class": AssetClass.STOCKS},
        "/history": {"asset_class": AssetClass.CRYPTO, "history": True},
        "/admin": {"scope": Scope.ADMIN},
        "/free": {"free": True},
    }
    for path, options in asked.items():

        async def enter(request: Request, options: dict[str, Any] = options) -> str:
            return house.gate.enter(request, **options).key.id

        routes.add_api_route(path, enter, methods=["GET"])
    return routes


async def test_a_key_is_let_in_and_named(house: House) -> None:
    key, text = house.key()
    async with house.client(doors(house)) as client:
        for shown in ({"headers": {"api-key": text}}, {"params": {"api-key": text}}):
            answer = await client.get("/crypto", **shown)  # type: ignore[arg-type]  # either is one
            assert (answer.status_code, answer.json()) == (200, key.id)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            None,
            {
                "code": 401,
                "message": "an API key is needed, in the header api-key or the query parameter api-key",
                "reason": "key_missing",
            },
        ),
        ("tw_no", {"code": 401, "message": "nobody has this API key", "reason": "key_unknown"}),
    ],
)
async def test_who_has_no_key_is_told_so_and_nothing_of_rates(
    house: House, text: str | None, error: dict[str, object]
) -> None:
    async with house.client(doors(house), key=text) as client:
        answer = await client.get("/free")
    assert (answer.status_code, answer.json()) == (401, {"error": error})
    assert not set(RATE_HEADERS) & set(answer.headers)


@pytest.mark.parametrize(
    ("plan", "path", "reason", "message"),
    [
        ("stream", "/crypto", "plan_without_rest", "plan 'stream' has no REST API"),
        ("stream", "/history", "plan_without_rest", "plan 'stream' has no REST API"),
        ("now", "/history", "plan_without_history", "plan 'now' has no history"),
        ("coins", "/stocks", "plan_without_class", "plan 'coins' does not show stocks"),
        ("gone", "/free", "plan_unknown", "the server has no plan called 'gone', which this key is on"),
        ("standard", "/admin", "scope_missing", "this API key does not have the admin scope"),
    ],
)
async def test_what_a_plan_or_key_does_not_have_is_refused(
    house: House, plan: str, path: str, reason: str, message: str
) -> None:
    _, text = house.key(plan)
    async with house.client(doors(house), key=text) as client:
        answer = await client.get(path)
    assert answer.status_code == 403
    assert answer.json() == {"error": {"code": 403, "message": message, "reason": reason}}


@pytest.mark.parametrize(("plan", "path"), [("stream", "/free"), ("now", "/crypto"), ("coins", "/history")])
async def test_what_a_plan_has_is_answered(house: House, plan: str, path: str) -> None:
    key, text = house.key(plan)
    async with house.client(doors(house), key=text) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()) == (200, key.id)


async def test_every_answer_says_what_is_left(house: House) -> None:
    """It is 21:27:19.253: one second to the next ten of them, 41 to the next minute."""
    _, text = house.key("small")
    policy = "2;w=10, 5;w=60, 7;w=86400"

    async def told(path: str) -> tuple[int, list[str], str | None]:
        answer = await client.get(path)
        said = [answer.headers[name] for name in RATE_HEADERS]
        assert said.pop() == policy
        return answer.status_code, said, answer.headers.get("retry-after")

    async with house.client(doors(house), key=text) as client:
        assert await told("/crypto") == (200, ["2", "1", "1"], None)
        assert await told("/free") == (200, ["2", "0", "1"], None)
        assert await told("/free") == (429, ["2", "0", "1"], "1")
        house.clock.advance(1)
        assert await told("/crypto") == (200, ["2", "1", "10"], None)
        assert await told("/crypto") == (200, ["2", "0", "10"], None)
        house.clock.advance(10)
        assert await told("/crypto") == (200, ["5", "0", "30"], None)
        assert await told("/crypto") == (429, ["5", "0", "30"], "30")
        house.clock.advance(30)
        assert await told("/crypto") == (200, ["7", "1", "9120"], None)


async def test_one_too_many_is_told_why_and_when_to_come_back(house: House) -> None:
    _, text = house.key("small")
    async with house.client(doors(house), key=text) as client:
        for _ in range(2):
            await client.get("/free")
        answer = await client.get("/crypto")
    assert answer.json() == {
        "error": {
            "code": 429,
            "message": "plan 'small' allows 2 requests in this window; come back in 1 s",
            "reason": "too_many_requests",
        }
    }
    assert house.rates.refused == 1


async def test_a_refusal_by_the_plan_counts_and_says_what_is_left(house: House) -> None:
    _, text = house.key("stream")
    async with house.client(doors(house), key=text) as client:
        answer = await client.get("/crypto")
    assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (403, "1999")


async def test_who_is_not_limited_is_told_nothing_of_rates(house: House) -> None:
    _, text = house.key("unlimited")
    async with house.client(doors(house), key=text) as client:
        answer = await client.get("/history")
    assert answer.status_code == 200
    assert not set(RATE_HEADERS) & set(answer.headers)


async def test_plans_are_those_of_now(house: House) -> None:
    _, text = house.key()
    async with house.client(doors(house), key=text) as client:
        assert (await client.get("/crypto")).status_code == 200
        house.permits = Permits(Plans({"standard": {"rest": False}}), ConnectionLimits())
        assert (await client.get("/crypto")).status_code == 403
