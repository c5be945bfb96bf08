"""What `/docs` and `/openapi.json` say of the routes of the history."""

from typing import Any

from tradewatch.history.candles import RESOLUTIONS_S
from tradewatch.history.request import Format, Sides
from tradewatch.history.span import LAST_MS
from tradewatch.model.asset_class import AssetClass
from tradewatch.server.rest.documented import (
    ERRORS,
    EXAMPLE_SYMBOLS,
    INVALID,
    NOT_FOUND,
    SYMBOL,
    Responses,
    parameter,
    refusal,
)
from tradewatch.server.rest.pages import page_schema

#: What one answer in JSON holds at most; other formats are streamed, and hold all that is asked for.
MAX_CANDLES = 100_000
MAX_TICKS = 10_000
DEFAULT_TICKS = 100
LAST_S = LAST_MS // 1_000
FORMATS = {form.name.lower(): form for form in Format}

_CANDLE = {
    "type": "object",
    "required": ["time"],
    "properties": {
        "time": {"type": "integer", "description": "When the candle began; Unix seconds."},
        **{
            f"{name}_{price}": {"type": "number"}
            for price in ("ask", "bid", "mid")
            for name in ("open", "high", "low", "close")
        },
    },
}
_CANDLES = {
    "type": "object",
    "required": ["symbol", "resolution", "items"],
    "properties": {
        "symbol": {"type": "string"},
        "resolution": {"type": "string", "description": "The length of a candle in seconds."},
        "items": {"type": "array", "items": _CANDLE},
    },
}
_CANDLES_EXAMPLE = {
    "symbol": "EURUSD",
    "resolution": "60",
    "items": [
        {
            "time": 1399507200,
            "open_ask": 1.39114,
            "high_ask": 1.39118,
            "low_ask": 1.39114,
            "close_ask": 1.39116,
            "open_bid": 1.39101,
            "high_bid": 1.39104,
            "low_bid": 1.39101,
            "close_bid": 1.39102,
        }
    ],
}
_TICK = {
    "type": "object",
    "required": ["time", "ask", "bid", "mid", "position"],
    "properties": {
        "time": {"type": "string", "format": "date-time"},
        **{name: {"type": ["number", "null"]} for name in ("ask", "bid", "mid")},
        "position": {"type": "string", "description": "Its position in the stream: `<epoch>:<seq>`."},
    },
}
_TICKS = page_schema(_TICK)
_TICKS["properties"]["total"] = {"type": "null", "description": "Ticks are not counted."}
_TICKS_EXAMPLE = {
    "items": [
        {
            "time": "2014-05-08T00:00:08.715Z",
            "ask": 1.39114,
            "bid": 1.39101,
            "mid": 1.39108,
            "position": "0mws6fkir:1",
        }
    ],
    "total": None,
    "current_page": "AAAA",
    "current_page_backwards": "BBBB",
    "previous_page": None,
    "next_page": "CCCC",
}
_STATUS_EXAMPLE = {
    "recorded_offset": 206_782,
    "behind_ms": 96,
    "trouble": "",
    "totals": {"instruments": 6, "rows": 180_500, "hot_rows": 26_276, "holes": 0, "missing": 0},
    "holes": [],
}
_GONE: Responses = {
    503: refusal(
        "The history cannot be read just now (`history_unavailable`), or the server is going down"
        " (`draining`); `Retry-After` says when to try again.",
        "history_unavailable",
        "the store process does not answer",
        503,
    )
}
_DAY_S = (1_399_507_200, 1_399_593_600)
_SECONDS = {"type": "integer", "minimum": 0, "maximum": LAST_S}
_FORMAT = parameter(
    "format",
    "How the rows are written, in place of the header `Accept`; JSON where neither says it. CSV, Arrow and"
    " Parquet are streamed, whatever their size.",
    {"type": "string", "enum": list(FORMATS)},
)
_CANDLE_PARAMETERS = [
    parameter(
        "resolution",
        "The length of a candle in seconds.",
        {"type": "string", "enum": [str(resolution_s) for resolution_s in RESOLUTIONS_S]},
        required=True,
        example="60",
    ),
    parameter(
        "start",
        "Unix seconds; the first candle begins then or later.",
        _SECONDS,
        required=True,
        example=_DAY_S[0],
    ),
    parameter(
        "end",
        f"Unix seconds; all candles begin before. At most {MAX_CANDLES:,} in JSON.",
        _SECONDS,
        required=True,
        example=_DAY_S[1],
    ),
    parameter(
        "fields",
        "Which prices are shown, comma separated: `bid`, `ask`, `mid`; bid and ask by default.",
        {"type": "string"},
        example="bid,ask,mid",
    ),
    _FORMAT,
]
_TICK_PARAMETERS = [
    parameter(
        "start",
        "Unix seconds, inclusive; needed unless a position is named.",
        _SECONDS,
        example=_DAY_S[0],
    ),
    parameter(
        "end", "Unix seconds, exclusive; needed unless a position is named.", _SECONDS, example=_DAY_S[1]
    ),
    parameter(
        "limit",
        f"The most ticks of a page, 1 to {MAX_TICKS:,}, by default {DEFAULT_TICKS}; of other formats than"
        " JSON the most ticks at all, by default all.",
        {"type": "integer", "minimum": 1},
    ),
    parameter("cursor", "Where the page begins, as an earlier page said.", {"type": "string"}),
    parameter("from", "The lowest position, inclusive: `<epoch>:<seq>`.", {"type": "string"}),
    parameter("to", "The highest position, inclusive.", {"type": "string"}),
    parameter("after", "A position that all must lie behind.", {"type": "string"}),
    parameter(
        "sides",
        "`both`: quotes with bid and ask only (the default); `any`: one-sided ones, too, with nulls.",
        {"type": "string", "enum": list(Sides)},
    ),
    _FORMAT,
]


def candle_parameters(asset_class: AssetClass) -> list[dict[str, Any]]:
    """What a request for candles may say."""
    return [_symbol(asset_class), *_CANDLE_PARAMETERS]


def tick_parameters(asset_class: AssetClass) -> list[dict[str, Any]]:
    """What a request for ticks may say."""
    return [_symbol(asset_class), *_TICK_PARAMETERS]


def _symbol(asset_class: AssetClass) -> dict[str, Any]:
    example = EXAMPLE_SYMBOLS[asset_class][0]
    return parameter("symbol", "The symbol, in any case.", SYMBOL, place="path", example=example)


def _documented(schema: dict[str, Any], example: object, *, tables: bool = False) -> Responses:
    """The good answer; `tables`: in all formats that rows are written in."""
    content: dict[str, Any] = {"application/json": {"schema": schema, "example": example}}
    if tables:
        binary = {"schema": {"type": "string", "format": "binary"}}
        content |= {Format.CSV.value: {"schema": {"type": "string"}}}
        content |= {Format.ARROW.value: binary, Format.PARQUET.value: binary}
    return {200: {"description": "The answer.", "content": content}}


CANDLES_ANSWERS: Responses = {
    **_documented(_CANDLES, _CANDLES_EXAMPLE, tables=True),
    **NOT_FOUND,
    **ERRORS,
    **INVALID,
    **_GONE,
}
TICKS_ANSWERS: Responses = {
    **_documented(_TICKS, _TICKS_EXAMPLE, tables=True),
    **NOT_FOUND,
    **ERRORS,
    **INVALID,
    **_GONE,
}
STATUS_ANSWERS: Responses = {**_documented({"type": "object"}, _STATUS_EXAMPLE), **ERRORS, **_GONE}
