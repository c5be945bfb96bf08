"""What a plan, or the list of origins, does not include is refused with its reason; nobody else notices."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.peer import PING, TEXT, frame
from tests.system.bad_input import V1, V2, Case, ErrorEvent, ResultCode, asks, closes, framed, handshake, said
from tests.system.intruder import knock
from tests.system.scene import KEYS, Scene, Terms, play
from tests.system.v2_client import JSON, V2Client
from tradewatch.access.grant import EVERYTHING

_CONFIG = """
origins = ["https://app.example.com", "https://*.example.org:8443"]

[plans.paper]
websocket = false

[plans.small]
asset_classes = ["crypto"]
wildcard = false
symbols = 3
symbols_per_message = 5
messages_per_10_s = 20

[plans.single]
connections = 1
"""
_KEYS = KEYS | {
    "%PAPER%": Terms("paper"),
    "%SMALL%": Terms("small"),
    "%SINGLE%": Terms("single", publishes=EVERYTHING),
    "%ORPHAN%": Terms("of yesterday", publishes=EVERYTHING),
}
_FOUR = [f"SYM{number:05}" for number in range(4)]


def _asking(*symbols: str, action: str = "subscribe") -> dict[str, Any]:
    return {"action": action, "symbols": list(symbols)}


def _named(name: str, symbols: list[str], code: str) -> list[Case]:
    """Symbols in a subscribe on the small plan, in both dialects."""
    request = _asking(*symbols)
    return [
        said(name, request, code, key="%SMALL%"),
        Case(f"v2: {name}", [framed(request, V2)], ResultCode(code), V2, "%SMALL%"),
    ]


def _at_once(dialect: str) -> Case:
    request = _asking(*_FOUR, *_FOUR)
    return said("eight symbols of five", request, "too_many_symbols", dialect=dialect, key="%SMALL%")


def _restless(dialect: str) -> Case:
    """30 symbols come, and 30 go, where 50 changes may be made."""
    asked = [_asking(*["SYM00000"] * 30, action=action) for action in ("subscribe", "unsubscribe")]
    chunks = [framed(message, dialect) for message in asked]
    return Case(f"{dialect}: 60 changes of 50", chunks, ErrorEvent("too_many_symbols"), dialect)


def _page(origin: str) -> Case:
    return asks(f"a page of {origin}", handshake("/quotes", f"Origin: {origin}"), 403, "origin_refused")


_CASES = [
    asks("no stream in the plan", handshake(key="%PAPER%"), 403, "plan_without_websocket"),
    asks("another class", handshake("/stocks/quotes", key="%SMALL%"), 403, "plan_without_class"),
    asks("a plan that is no more", handshake(key="%ORPHAN%"), 403, "plan_unknown"),
    asks("to publish on a plan that is no more", handshake("/publish", key="%ORPHAN%"), 403, "plan_unknown"),
    *_named("a symbol of another class", ["stocks:TWIN"], "symbol_not_included"),
    *_named("everything", ["*"], "wildcard_not_included"),
    *_named("everything of a class", ["crypto:*"], "wildcard_not_included"),
    *_named("four symbols of three", _FOUR, "too_many_symbols"),
    _at_once(V1),
    _at_once(V2),
    closes("31 messages of 20", frame(TEXT, b"x") * 31, 4004, key="%SMALL%", warned=3),
    closes("31 pings of 20", frame(PING) * 31, 4004, dialect=V2, key="%SMALL%", warned=3),
    _restless(V1),
    _restless(V2),
    _page("http://app.example.com"),
    _page("https://app.example.com:8443"),
    _page("https://app.example.com.evil.example"),
    _page("https://a.b.example.org:8443"),
    _page("https://example.org:8443"),
    _page("https://a.example.org"),
]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A server with plans and origins of its own, on which few symbols may come and go."""
    with play(
        tmp_path_factory.mktemp("plans"),
        feed="simulated?symbols=12&rate=400&class=crypto&prefix=SYM",
        heard=_FOUR,
        environment={"TRADEWATCH_LIMITS_SYMBOL_CHANGES_PER_10_S": "50"},
        keys=_KEYS,
        config=_CONFIG,
    ) as played:
        yield played


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in _CASES])
def test_what_is_not_included_is_refused(scene: Scene, case: Case) -> None:
    scene.try_case(case)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["Origin: http://localhost"],
        ["Origin: https://localhost"],
        ["Origin: https://app.example.com"],
        ["Origin: https://APP.example.com:443"],
        ["Origin: https://any.example.org:8443"],
    ],
)
def test_our_own_pages_and_those_of_the_list_may_connect(scene: Scene, headers: list[str]) -> None:
    assert scene.answer("/quotes", *headers).status == 101
    scene.witness.await_quote()


@pytest.mark.parametrize("path", ["/crypto/quotes", "/quotes", "/publish"])
def test_one_connection_too_many_is_told_who_has_the_others(scene: Scene, path: str) -> None:
    request = handshake(path, key=scene.keys["%SINGLE%"])
    stream, opened = knock(scene.port, request, source="127.0.0.7")
    refused = scene.answer(path, key="%SINGLE%")
    stream.close()
    assert (opened.status, refused.status, refused.reason) == (101, 429, "too_many_connections")
    assert refused.headers["retry-after"] == "5"
    (holder,) = refused.error["holders"]
    assert holder["address"] == "127.0.0.7"
    assert 0 <= holder["age_s"] < 20
    scene.await_calm()
    assert scene.answer(path, key="%SINGLE%").status == 101
    scene.await_calm()
    scene.witness.await_quote()


async def test_what_is_right_beside_it_takes_effect(scene: Scene) -> None:
    async with scene.server.stream("/", key=scene.keys["%SMALL%"], subprotocol=JSON) as stream:
        client = V2Client(stream)
        answer = await client.ask("subscribe", symbols=["stocks:TWIN", "SYM00001", "*"])
        assert [(each["symbol"], each.get("code")) for each in answer["results"]] == [
            ("stocks:TWIN", "symbol_not_included"),
            ("SYM00001", None),
            ("*", "wildcard_not_included"),
        ]
        await client.until_quotes(3)
        assert {quote["symbol"] for quote in client.quotes} == {"SYM00001"}


async def test_the_welcome_tells_what_a_plan_binds(scene: Scene) -> None:
    key = scene.keys["%SMALL%"]
    async with asyncio.timeout(20), scene.server.stream("/", key=key, subprotocol=JSON) as stream:
        limits = json.loads(await stream.recv())[0]["limits"]
    bound = {"symbols": 3, "symbols_per_message": 5, "messages_per_10_s": 20, "wildcard": False}
    assert {name: limits[name] for name in bound} == bound
    assert limits["symbol_changes_per_10_s"] == 50


@pytest.mark.parametrize(
    ("key", "path", "reason"),
    [
        ("%PAPER%", "/quotes", "plan_without_websocket"),
        ("%SMALL%", "/stocks/quotes", "plan_without_class"),
        ("%ORPHAN%", "/quotes", "plan_unknown"),
    ],
)
def test_a_refusal_is_counted_under_its_reason(scene: Scene, key: str, path: str, reason: str) -> None:
    name = f'tradewatch_refusals_total{{reason="{reason}"}}'
    before = scene.metric(name)
    assert scene.answer(path, key=key).reason == reason
    assert scene.metric(name) == before + 1
