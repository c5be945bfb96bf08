"""`ohlc`, `ticks` and `/history/status`: what the store is asked, and what a client hears of its answers."""

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.rest.conftest import House
from tests.server.rest.market import fault, reason

from tradewatch.access.permit import Permits
from tradewatch.access.plan import Plans
from tradewatch.history.candles import RESOLUTIONS_S
from tradewatch.history.request import (
    CandlesRequest,
    Format,
    Head,
    Request,
    Sides,
    StatusRequest,
    TicksRequest,
)
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.server.rest.history import history_routes
from tradewatch.store.address import socket_path
from tradewatch.store.answers import Answer
from tradewatch.store.client import HistoryClient
from tradewatch.store.service import Service

OHLC, TICKS = "/currencies/EURUSD/ohlc", "/currencies/EURUSD/ticks"
SPAN = {"start": "0", "end": "600"}
MINUTES = {"resolution": "60", **SPAN}
KNOWN = (AssetClass.CURRENCIES, "EURUSD")
PLANS = {"late": {"delay_s": 0.25}, "now": {"history": False}, "coins": {"asset_classes": ["crypto"]}}
FORMATS = {
    "json": "application/json",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}


class Store:
    """A service that keeps what it was asked, and answers as it is told to."""

    def __init__(self, history: Path) -> None:
        self.asked: list[Request] = []
        self.answer: Callable[[Request], Answer] = _empty
        self.service = Service(socket_path(history), self._answered)
        self._thread = threading.Thread(target=self.service.run)
        self._thread.start()

    def _answered(self, request: Request) -> Answer:
        self.asked.append(request)
        return self.answer(request)

    def refuse(self, **head: Any) -> None:
        def refused(_request: Request) -> Answer:
            yield Head(**head)

        self.answer = refused

    def end(self) -> None:
        self.service.stop()
        self._thread.join(5)


def _empty(request: Request) -> Answer:
    form = getattr(request, "format", Format.JSON)
    if form is not Format.JSON:
        yield Head(media_type=form.value)
        yield b"some,"
        yield b"rows\n"
        return
    yield Head(length=2)
    yield b"{}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.end()


@pytest.fixture
async def api(house: House, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a key of the plan `standard`."""
    house.permits = Permits(Plans(PLANS), ConnectionLimits())
    routes = history_routes(
        house.gate,
        HistoryClient(tmp_path),
        clock=house.clock,
        known=lambda asset_class, symbol: (asset_class, symbol) == KNOWN,
    )
    async with house.client(routes, key=house.key()[1]) as client:
        yield client


def asked_for(store: Store) -> Any:
    (request,) = store.asked
    store.asked.clear()
    return request


async def test_candles_are_asked_for_as_the_client_asks(api: httpx.AsyncClient, store: Store) -> None:
    answer = await api.get(OHLC, params=MINUTES)
    assert (answer.status_code, answer.text) == (200, "{}")
    assert answer.headers["content-type"] == "application/json"
    assert asked_for(store) == CandlesRequest(
        asset_class=AssetClass.CURRENCIES,
        symbol="EURUSD",
        resolution_s=60,
        start_s=0,
        end_s=600,
        prices=("ask", "bid"),
        format=Format.JSON,
        known=True,
        received_before_us=None,
    )


async def test_ticks_are_asked_for_as_the_client_asks(api: httpx.AsyncClient, store: Store) -> None:
    answer = await api.get(TICKS, params=SPAN)
    assert (answer.status_code, answer.text) == (200, "{}")
    assert asked_for(store) == TicksRequest(
        asset_class=AssetClass.CURRENCIES,
        symbol="EURUSD",
        start_s=0,
        end_s=600,
        first=None,
        last=None,
        after=None,
        cursor=None,
        limit=100,
        sides=Sides.BOTH,
        format=Format.JSON,
        known=True,
        received_before_us=None,
    )
    positions = {"from": "0mws6fkir:1", "to": "0mws6fkir:9", "after": "0mws6fkir:0"}
    more = {"cursor": "abc", "limit": "10000", "sides": "ANY", "end": "7"}
    await api.get(TICKS, params={**positions, **more})
    asked = asked_for(store)
    assert (asked.first, asked.last, asked.after) == tuple(positions.values())
    assert (asked.cursor, asked.limit, asked.sides, asked.start_s, asked.end_s) == (
        *("abc", 10_000, Sides.ANY),
        *(None, 7),
    )


@pytest.mark.parametrize("asset_class", AssetClass)
@pytest.mark.parametrize("symbol", ["eurusd", "EURUSD", "BRK.B", "nobody-knows_it"])
async def test_symbols_are_of_any_class_and_case(
    api: httpx.AsyncClient, store: Store, asset_class: AssetClass, symbol: str
) -> None:
    for path, params in (("ohlc", MINUTES), ("ticks", SPAN)):
        await api.get(f"/{asset_class.value}/{symbol}/{path}", params=params)
        asked = asked_for(store)
        assert (asked.asset_class, asked.symbol) == (asset_class, symbol.upper())
        assert asked.known == ((asset_class, symbol.upper()) == KNOWN)


@pytest.mark.parametrize("symbol", ["EUR%20USD", "%C3%A4", "x" * 33, "-X"])
async def test_what_is_no_symbol_is_refused_here(api: httpx.AsyncClient, store: Store, symbol: str) -> None:
    assert reason(await api.get(f"/crypto/{symbol}/ticks", params=SPAN)) == (404, "unknown_symbol")
    assert store.asked == []


@pytest.mark.parametrize("resolution", RESOLUTIONS_S)
async def test_each_length_of_candles_is_taken(api: httpx.AsyncClient, store: Store, resolution: int) -> None:
    await api.get(OHLC, params={**SPAN, "resolution": resolution})
    assert asked_for(store).resolution_s == resolution


@pytest.mark.parametrize(
    ("fields", "prices"),
    [
        ("bid", ("bid",)),
        ("mid,bid", ("mid", "bid")),
        (" ASK , Bid,mid ", ("ask", "bid", "mid")),
        ("ask,ask", ("ask",)),
    ],
)
async def test_prices_are_chosen(
    api: httpx.AsyncClient, store: Store, fields: str, prices: tuple[str, ...]
) -> None:
    await api.get(OHLC, params={**MINUTES, "fields": fields})
    assert asked_for(store).prices == prices


@pytest.mark.parametrize(
    ("path", "changed", "at"),
    [
        (OHLC, {"resolution": None}, "resolution"),
        (OHLC, {"resolution": "61"}, "resolution"),
        (OHLC, {"resolution": ""}, "resolution"),
        (OHLC, {"resolution": "060"}, "resolution"),
        *((OHLC, {"fields": wrong}, "fields") for wrong in ("", "open", "bid,", "bid;ask", "x" * 9_000)),
        *((OHLC, {"format": wrong}, "format") for wrong in ("", "xml", "text/csv")),
        *((TICKS, {"format": wrong}, "format") for wrong in ("xlsx", "json,csv")),
        *(
            (path, {name: wrong}, name)
            for path in (OHLC, TICKS)
            for name in ("start", "end")
            for wrong in (None, "", "x", "1.5", "-1", "1e3", "9" * 18, "9" * 5_000, "2014-05-08", "٣")
        ),
        *((TICKS, {"limit": wrong}, "limit") for wrong in ("0", "10001", "-1", "x", "", "1.0")),
        (TICKS, {"limit": "0", "format": "csv"}, "limit"),
        (TICKS, {"limit": str(2**63), "format": "csv"}, "limit"),
        (TICKS, {"cursor": "abc", "format": "csv"}, "cursor"),
        (TICKS, {"cursor": "abc", "format": "parquet"}, "cursor"),
        *(
            (TICKS, {name: wrong}, name)
            for name in ("from", "to", "after")
            for wrong in (
                "x",
                "0mws6fkir",
                "0mws6fkir:-1",
                "0MWS6FKIR:1",
                "0mws6fkir:01",
                ":1",
                "a:" + "9" * 20,
            )
        ),
        (TICKS, {"sides": "one"}, "sides"),
        (TICKS, {"sides": ""}, "sides"),
    ],
)
async def test_each_parameter_that_does_not_fit_is_named(
    api: httpx.AsyncClient, store: Store, path: str, changed: dict[str, str | None], at: str
) -> None:
    parameters = {**(MINUTES if path == OHLC else SPAN), **changed}
    answer = await api.get(path, params={name: text for name, text in parameters.items() if text is not None})
    loc, message = fault(answer)
    assert loc == ["query", at]
    assert 0 < len(message) < 300
    assert store.asked == []


@pytest.mark.parametrize("resolution", [5, 86_400])
async def test_json_holds_a_hundred_thousand_candles_and_other_formats_all(
    api: httpx.AsyncClient, store: Store, resolution: int
) -> None:
    end = 5 * 100_000 if resolution == 5 else 7_258_118_400
    span = {"resolution": str(resolution), "start": "0", "end": str(end)}
    assert (await api.get(OHLC, params=span)).status_code == 200
    assert (await api.get(OHLC, params={**span, "start": str(end)})).status_code == 200
    store.asked.clear()
    if resolution == 5:
        span["end"] = str(end + 1)
        loc, message = fault(await api.get(OHLC, params=span))
        assert loc == ["query", "end"]
        assert "100,000 candles of 5 s" in message
        assert store.asked == []
        assert (await api.get(OHLC, params={**span, "format": "csv"})).status_code == 200
        assert asked_for(store).end_s == end + 1


@pytest.mark.parametrize(
    ("accept", "parameter", "chosen"),
    [
        ("*/*", None, "json"),
        ("", None, "json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", None, "json"),
        ("text/csv", None, "csv"),
        ("TEXT/CSV; q=0.5", None, "csv"),
        ("text/html, application/vnd.apache.parquet, text/csv", None, "parquet"),
        ("application/vnd.apache.arrow.stream", None, "arrow"),
        ("text/csv", "json", "json"),
        ("application/json", "ARROW", "arrow"),
        ("*/*", "parquet", "parquet"),
    ],
)
async def test_the_format_is_the_parameter_s_or_the_header_s(
    api: httpx.AsyncClient, store: Store, accept: str, parameter: str | None, chosen: str
) -> None:
    for path, params in ((OHLC, MINUTES), (TICKS, SPAN)):
        wanted = params if parameter is None else {**params, "format": parameter}
        answer = await api.get(path, params=wanted, headers={"accept": accept})
        assert answer.headers["content-type"].partition(";")[0] == FORMATS[chosen]
        assert answer.text == ("{}" if chosen == "json" else "some,rows\n")
        assert asked_for(store).format.value == FORMATS[chosen]


async def test_an_export_of_ticks_has_no_limit_but_its_own(api: httpx.AsyncClient, store: Store) -> None:
    await api.get(TICKS, params={**SPAN, "format": "csv"})
    assert asked_for(store).limit is None
    await api.get(TICKS, params={**SPAN, "format": "csv", "limit": "1000000"})
    assert asked_for(store).limit == 1_000_000


async def test_a_plan_with_a_delay_hears_late(api: httpx.AsyncClient, house: House, store: Store) -> None:
    _, key = house.key("late")
    for path, params in ((OHLC, MINUTES), (TICKS, SPAN)):
        await api.get(path, params=params, headers={"api-key": key})
        assert asked_for(store).received_before_us == house.clock.now_ns() // 1_000 - 250_000


@pytest.mark.parametrize("path", [OHLC, TICKS, "/history/status"])
async def test_who_may_not_is_told_why(api: httpx.AsyncClient, house: House, store: Store, path: str) -> None:
    params = {} if path == "/history/status" else MINUTES
    without = await api.get(path, params=params, headers={"api-key": house.key("now")[1]})
    assert reason(without) == (403, "plan_without_history")
    assert (await api.get(path, params=params, headers={"api-key": "no"})).status_code == 401
    if params:
        other = await api.get(path, params=params, headers={"api-key": house.key("coins")[1]})
        assert reason(other) == (403, "plan_without_class")
    assert store.asked == []


async def test_the_status_is_the_store_s(api: httpx.AsyncClient, store: Store) -> None:
    assert (await api.get("/history/status")).text == "{}"
    assert asked_for(store) == StatusRequest()


async def test_without_a_store_clients_are_told_to_come_back(api: httpx.AsyncClient, store: Store) -> None:
    store.end()
    for path, params in ((OHLC, MINUTES), (TICKS, SPAN), ("/history/status", {})):
        answer = await api.get(path, params=params)
        assert reason(answer) == (503, "history_unavailable")
        assert int(answer.headers["retry-after"]) >= 1


async def test_what_the_store_refuses_is_refused(api: httpx.AsyncClient, store: Store) -> None:
    store.refuse(status=404, reason="unknown_symbol", message="nothing is recorded of currencies:X")
    answer = await api.get(TICKS, params=SPAN)
    assert reason(answer) == (404, "unknown_symbol")
    assert "currencies:X" in json.loads(answer.text)["error"]["message"]
    store.refuse(status=422, reason="query.cursor", message="not a cursor of this list")
    answer = await api.get(TICKS, params={**SPAN, "cursor": "AAAA"})
    assert fault(answer) == (["query", "cursor"], "not a cursor of this list")
    store.refuse(status=503, reason="history_unavailable", message="too much to answer at once")
    answer = await api.get(TICKS, params={**SPAN, "format": "csv"})
    assert reason(answer) == (503, "history_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
