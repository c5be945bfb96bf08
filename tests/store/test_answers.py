"""Answers: every kind of request in every format says the same, digit for digit."""

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet
import pytest
from tests.store.quoting import CRYPTO, CURRENCIES, FIRST_EPOCH_MS, LAG_MS, START_MS, Quoting

from tradewatch.history.request import (
    CandlesRequest,
    Format,
    Head,
    InstrumentsRequest,
    Request,
    Sides,
    StatusRequest,
    TicksRequest,
)
from tradewatch.model.position import epoch_text
from tradewatch.store.answers import Answers

START_S = START_MS // 1_000
STREAMED = [Format.CSV, Format.ARROW, Format.PARQUET]
EPOCH = epoch_text(FIRST_EPOCH_MS)


def whole(answers: Answers, request: Request) -> tuple[Head, bytes]:
    """The head of an answer, and all its bytes."""
    head, *pieces = answers.answer(request)
    assert isinstance(head, Head)
    body = b"".join(pieces)  # type: ignore[arg-type]
    assert head.length in (None, len(body))
    return head, body


def read_json(answers: Answers, request: Request) -> Any:
    head, body = whole(answers, request)
    assert (head.status, head.media_type, head.length) == (200, "application/json", len(body)), head
    return json.loads(body, parse_float=Decimal, parse_int=Decimal)


def read_table(form: Format, body: bytes) -> list[dict[str, Any]]:
    """The rows of an export."""
    match form:
        case Format.CSV:
            texts = pa.csv.read_csv(
                io.BytesIO(body),
                convert_options=pa.csv.ConvertOptions(
                    column_types={name: pa.string() for name in body.split(b"\n")[0].decode().split(",")},
                    strings_can_be_null=True,
                ),
            )
            rows: list[dict[str, Any]] = texts.to_pylist()
        case Format.ARROW:
            rows = pa.ipc.open_stream(body).read_all().to_pylist()
        case _:
            rows = pa.parquet.read_table(io.BytesIO(body)).to_pylist()
    return rows


def candles(**fields: Any) -> CandlesRequest:
    request = {
        "asset_class": CURRENCIES,
        "symbol": "EURUSD",
        "resolution_s": 60,
        "start_s": START_S,
        "end_s": START_S + 3_600,
        "prices": ("bid", "ask"),
        "format": Format.JSON,
    }
    return CandlesRequest(**{**request, **fields})


def ticks(**fields: Any) -> TicksRequest:
    request = {
        "asset_class": CURRENCIES,
        "symbol": "EURUSD",
        "start_s": START_S,
        "end_s": START_S + 3_600,
        "first": None,
        "last": None,
        "after": None,
        "cursor": None,
        "limit": None if fields.get("format", Format.JSON) is not Format.JSON else 100,
        "sides": Sides.BOTH,
        "format": Format.JSON,
    }
    return TicksRequest(**{**request, **fields})


@pytest.fixture
def some(quoting: Quoting) -> Quoting:
    """Prices of different lengths, one side that is missing, nanoseconds, two minutes."""
    quoting.quote("EURUSD", 0, "1.39101", "1.39114")
    quoting.quote("EURUSD", 1_500, "1.3912", "1.39125")
    quoting.quote("EURUSD", 59_999.000_001, "1.39", "1.391075")
    quoting.quote("EURUSD", 60_000, None, "1.5")
    quoting.quote("EURUSD", 61_000, "1.4", "1.41")
    quoting.quote("BTCUSD", 0, "61837.63", "61837.64", asset_class=CRYPTO)
    quoting.record()
    return quoting


def test_candles_to_the_byte(answers: Answers, some: Quoting) -> None:
    head, body = whole(answers, candles())
    assert head.media_type == "application/json"
    assert body.decode() == (
        '{"symbol":"EURUSD","resolution":"60","items":['
        f'{{"time":{START_S},"open_ask":1.39114,"high_ask":1.39125,"low_ask":1.391075,"close_ask":1.391075,'
        '"open_bid":1.39101,"high_bid":1.3912,"low_bid":1.39,"close_bid":1.39},'
        f'{{"time":{START_S + 60},"open_ask":1.41,"high_ask":1.41,"low_ask":1.41,"close_ask":1.41,'
        '"open_bid":1.4,"high_bid":1.4,"low_bid":1.4,"close_bid":1.4}]}'
    )


def test_candles_of_the_mid_alone(answers: Answers, some: Quoting) -> None:
    items = read_json(answers, candles(prices=("mid",), end_s=START_S + 60))["items"]
    low, high = Decimal("1.3905375"), Decimal("1.391225")
    low = low.quantize(Decimal("0.000001"))  # half even at the six decimals that the quote has
    opened = Decimal("1.391075")
    assert items == [
        {
            "time": START_S,
            "open_mid": opened.quantize(Decimal("0.00001")),
            "high_mid": Decimal("1.39122"),
            "low_mid": low,
            "close_mid": low,
        }
    ]
    assert high not in items[0].values()


@pytest.mark.parametrize(
    ("start", "end", "times"),
    [
        (0, 3_600, [0, 60]),
        (1, 3_600, [60]),
        (0, 60, [0]),
        (0, 61, [0, 60]),
        (-59, 1, [0]),
        (61, 3_600, []),
        (60, 60, []),
        (60, 0, []),
    ],
)
def test_candles_that_begin_in_the_span_are_whole(
    answers: Answers, some: Quoting, start: int, end: int, times: list[int]
) -> None:
    everything = {item["time"]: item for item in read_json(answers, candles())["items"]}
    items = read_json(answers, candles(start_s=START_S + start, end_s=START_S + end))["items"]
    assert items == [everything[START_S + time] for time in times]


def test_ticks_to_the_byte(answers: Answers, some: Quoting) -> None:
    _, body = whole(answers, ticks(limit=1))
    assert body.startswith(
        b'{"items":[{"time":"2026-01-05T08:00:00.000Z","ask":1.39114,"bid":1.39101,"mid":1.39108,'
        b'"position":"' + EPOCH.encode() + b':1"}],"total":null,"current_page":"'
    )


def test_ticks_with_one_side_have_a_null(answers: Answers, some: Quoting) -> None:
    found = read_json(answers, ticks(sides=Sides.ANY))["items"]
    assert [item["bid"] for item in found][3] is None
    assert found[3]["mid"] is None
    assert len(found) == 5
    assert len(read_json(answers, ticks())["items"]) == 4


@pytest.mark.parametrize("form", STREAMED)
def test_exported_candles_are_those_of_json(answers: Answers, some: Quoting, form: Format) -> None:
    head, body = whole(answers, candles(format=form, prices=("bid", "ask", "mid")))
    assert (head.status, head.media_type, head.length) == (200, form.value, None)
    items = read_json(answers, candles(prices=("bid", "ask", "mid")))["items"]
    rows = read_table(form, body)
    for row in rows:
        row["time"] = int(row["time"] if form is Format.CSV else row["time"].timestamp())
    assert [{name: Decimal(value) for name, value in row.items()} for row in rows] == items
    assert [list(row) for row in rows] == [list(item) for item in items]


@pytest.mark.parametrize("form", STREAMED)
def test_exported_ticks_are_those_of_json_and_more(answers: Answers, some: Quoting, form: Format) -> None:
    head, body = whole(answers, ticks(format=form, sides=Sides.ANY))
    assert (head.status, head.media_type, head.length) == (200, form.value, None)
    rows = read_table(form, body)
    items = read_json(answers, ticks(sides=Sides.ANY))["items"]
    for name in ("bid", "ask", "mid"):
        assert [None if row[name] is None else Decimal(row[name]) for row in rows] == [
            item[name] for item in items
        ]
    assert [f"{row['epoch']}:{row['seq']}" for row in rows] == [item["position"] for item in items]
    assert {(row["source"], row["bid_size"], row["ask_size"]) for row in rows} == {("tests", None, None)}
    shown = [row["time"] if form is Format.CSV else row["time"].isoformat() for row in rows]
    assert shown[2].startswith("2026-01-05T08:00:59.999000001")
    received = [row["received"] if form is Format.CSV else row["received"].isoformat() for row in rows]
    assert received[0].startswith(f"2026-01-05T08:00:00.00{LAG_MS}")


@pytest.mark.parametrize("form", Format)
def test_a_symbol_that_is_known_and_never_was_recorded_is_empty(
    answers: Answers, some: Quoting, form: Format
) -> None:
    for request in (candles, ticks):
        head, body = whole(answers, request(symbol="USDJPY", known=True, format=form))
        assert (head.status, head.media_type) == (200, form.value)
        if form is Format.JSON:
            assert json.loads(body)["items"] == []
        else:
            assert read_table(form, body) == []
        filled = whole(answers, request(symbol="EURUSD", format=form))[1]
        if form is Format.CSV:
            assert body.splitlines() == filled.splitlines()[:1]


@pytest.mark.parametrize("symbol", ["USDJPY", "BTCUSD", "eurusd"])
def test_a_symbol_that_nobody_knows_is_refused_by_name(answers: Answers, some: Quoting, symbol: str) -> None:
    for request in (candles, ticks):
        head, body = whole(answers, request(symbol=symbol))
        assert (head.status, head.reason, body) == (404, "unknown_symbol", b"")
        assert f"currencies:{symbol}" in head.message


def test_a_forged_cursor_is_blamed_by_name(answers: Answers, some: Quoting) -> None:
    head, body = whole(answers, ticks(cursor="AAAA"))
    assert (head.status, head.reason, body) == (422, "query.cursor", b"")


@pytest.mark.parametrize("form", STREAMED)
@pytest.mark.parametrize("limit", [1, 3, 4, 5])
def test_an_export_has_no_more_than_its_limit(
    answers: Answers, some: Quoting, form: Format, limit: int
) -> None:
    for first in (None, f"{EPOCH}:1"):
        _, body = whole(answers, ticks(format=form, limit=limit, first=first))
        assert [int(row["seq"]) for row in read_table(form, body)] == [1, 2, 3, 5][:limit]


@pytest.mark.parametrize("form", STREAMED)
def test_an_export_by_position_has_all_stretches(
    answers: Answers, quoting: Quoting, form: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.store.answers._STRIDE_ROWS", 7)
    for number in range(50):
        quoting.quote("EURUSD", (number * 37) % 50 * 1_000)
    quoting.record()
    _, body = whole(answers, ticks(format=form, after=f"{EPOCH}:3", last=f"{EPOCH}:45"))
    assert [int(row["seq"]) for row in read_table(form, body)] == list(range(4, 46))


@pytest.mark.parametrize("form", STREAMED)
def test_finer_prices_that_come_while_an_export_is_read_change_nothing_in_it(
    answers: Answers, quoting: Quoting, form: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.store.answers._STRIDE_ROWS", 10)
    for number in range(100):
        quoting.quote("EURUSD", number, f"1.{number:02}", "2.5")
    quoting.record()
    pieces = answers.answer(ticks(format=form, first=f"{EPOCH}:1"))
    head = next(pieces)
    assert isinstance(head, Head)
    begun = [next(pieces)] if form is not Format.PARQUET else []
    quoting.quote("EURUSD", 100, "1.123456789", "2.5")
    quoting.record()
    rows = read_table(form, b"".join([*begun, *pieces]))  # type: ignore[list-item]
    assert [Decimal(row["bid"]) for row in rows] == [Decimal(f"1.{number:02}") for number in range(100)]


@pytest.mark.parametrize("form", STREAMED)
def test_an_export_leaves_nothing_behind(
    answers: Answers, some: Quoting, history: Path, form: Format
) -> None:
    whole(answers, ticks(format=form))
    begun = answers.answer(ticks(format=form))
    next(begun)
    next(begun)
    begun.close()
    assert list((history / "tmp").glob("*")) == []


def test_what_a_plan_may_not_see_yet_is_in_no_candle(answers: Answers, some: Quoting) -> None:
    before_us = (START_MS + 1_500 + LAG_MS) * 1_000
    (item,) = read_json(answers, candles(received_before_us=before_us))["items"]
    assert item["close_bid"] == Decimal("1.39101")
    (tick,) = read_json(answers, ticks(received_before_us=before_us))["items"]
    assert tick["position"] == f"{EPOCH}:1"
    assert len(read_json(answers, ticks(received_before_us=before_us + 1))["items"]) == 2


def test_the_status_names_what_is_missing(answers: Answers, some: Quoting) -> None:
    some.lose("EURUSD", 3)
    some.quote("EURUSD", 70_000)
    some.record()
    status = read_json(answers, StatusRequest())
    assert status["recorded_offset"] == 7
    assert status["holes"] == [
        {
            "asset_class": "currencies",
            "symbol": "EURUSD",
            "from": f"{EPOCH}:6",
            "to": f"{EPOCH}:8",
            "found_ms": START_MS,
        }
    ]
    assert (status["totals"]["holes"], status["totals"]["hot_rows"]) == (1, 7)


def test_instruments_are_told_from_a_number_on(answers: Answers, some: Quoting) -> None:
    eurusd = {"asset_class": "currencies", "symbol": "EURUSD", "decimals": 6}
    btcusd = {"asset_class": "crypto", "symbol": "BTCUSD", "decimals": 5}
    assert read_json(answers, InstrumentsRequest(0)) == [eurusd, btcusd]
    assert read_json(answers, InstrumentsRequest(1)) == [btcusd]
    assert read_json(answers, InstrumentsRequest(2)) == []
