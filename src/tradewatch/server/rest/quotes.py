"""`/<class>/quote` and `/<class>/quotes`: the newest quotes, in one answer."""

import asyncio
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request, Response

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import MAX_DECIMALS
from tradewatch.model.record import Record
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.reference.catalogue import Catalogue
from tradewatch.server.rest.direct import DirectRoute
from tradewatch.server.rest.documented import (
    ERRORS,
    EXAMPLE_SYMBOLS,
    INVALID,
    NOT_FOUND,
    SYMBOL,
    answered,
    items_of,
    parameter,
)
from tradewatch.server.rest.errors import RefusedError
from tradewatch.server.rest.gate import Gate
from tradewatch.server.rest.parameters import missing_value, whole_number, wrong_value
from tradewatch.server.rest.quote_text import QuoteTexts
from tradewatch.server.stream.views import Views

#: So many symbols may one request name.
MAX_SYMBOLS = 1_000
#: So many quotes are written before the loop may turn.
_PER_TURN = 200
#: So many lists of symbols are remembered with what they name and what they were answered with.
_KEPT_LISTS = 128
_SHOWN_CHARS = 40
_JSON = "application/json"


def quote_routes(gate: Gate, catalogue: Catalogue, views: Views) -> APIRouter:
    """The newest quotes of the five classes.

    Args:
        gate: decides who may ask.
        catalogue: finds the instruments.
        views: have the quotes, each as old as a plan shows them.
    """
    routes = APIRouter(route_class=DirectRoute)
    desk = _Desk(gate, catalogue, views)
    for asset_class in AssetClass:
        _add_quote(routes, asset_class, desk)
        _add_quotes(routes, asset_class, desk)
    return routes


def asked_precision(request: Request) -> int | None:
    """The decimals that the prices of an answer are to have; None where the request does not say."""
    return whole_number(request, "precision", lowest=0, highest=MAX_DECIMALS)


def precision_parameter() -> dict[str, Any]:
    """The same for `/openapi.json`."""
    return parameter(
        "precision",
        "The decimals to round the prices to, half to even; where left out they are those of the source.",
        {"type": "integer", "minimum": 0, "maximum": MAX_DECIMALS},
    )


def found(catalogue: Catalogue, asset_class: AssetClass, symbol: str) -> Instrument:
    """The instrument of a class that a request names.

    Raises:
        RefusedError: 404, there is none; names it.
    """
    instrument = catalogue.get(asset_class, symbol)
    if instrument is None:
        text = f"no symbol {symbol[:_SHOWN_CHARS]!r} in {asset_class.value}"
        raise RefusedError(Refusal(404, RefusalReason.UNKNOWN_SYMBOL, text))
    return instrument


class _Asked:
    """A list of symbols that clients ask for, and what it was answered with last.

    Attributes:
        instruments: what it names.
        answered: the precision and the quotes of that answer; None before the first.
        body: the answer.
    """

    def __init__(self, instruments: list[Instrument]) -> None:
        self.instruments = instruments
        self.answered: tuple[int | None, list[Record]] | None = None
        self.body = b""


class _Desk:
    """Answers for all classes, so that what was written once is there for everybody."""

    def __init__(self, gate: Gate, catalogue: Catalogue, views: Views) -> None:
        self._gate = gate
        self._catalogue = catalogue
        self._views = views
        self._texts = QuoteTexts()
        # Clients ask for the same symbols again and again, and what is in the catalogue stays there.
        self._named = lru_cache(_KEPT_LISTS)(self._resolved)

    async def quote(self, request: Request, asset_class: AssetClass) -> Response:
        permit = self._gate.enter(request, asset_class)
        name = request.query_params.get("symbol", "").strip()
        if not name:
            raise missing_value("symbol")
        precision = asked_precision(request)
        instrument = found(self._catalogue, asset_class, name)
        records = self._views.of(permit.limits.delay_s).hub.quotes([instrument])
        if not records:
            text = f"{instrument.key} has not been quoted on both sides yet"
            raise RefusedError(Refusal(404, RefusalReason.NEVER_QUOTED, text))
        return Response(self._texts.of(records, precision)[0], media_type=_JSON)

    async def quotes(self, request: Request, asset_class: AssetClass) -> Response:
        permit = self._gate.enter(request, asset_class)
        asked = self._named(asset_class, request.query_params.get("symbols", ""))
        precision = asked_precision(request)
        records = self._views.of(permit.limits.delay_s).hub.quotes(asked.instruments)
        if asked.answered != (precision, records):
            texts: list[str] = []
            for first in range(0, len(records), _PER_TURN):
                if first:
                    await asyncio.sleep(0)
                texts += self._texts.of(records[first : first + _PER_TURN], precision)
            asked.body = f'{{"items":[{",".join(texts)}]}}'.encode()
            asked.answered = precision, records
        return Response(asked.body, media_type=_JSON)

    def _resolved(self, asset_class: AssetClass, symbols: str) -> _Asked:
        """What a list of symbols names."""
        names = [name for part in symbols.split(",") if (name := part.strip())]
        if not names:
            raise missing_value("symbols")
        if len(names) > MAX_SYMBOLS:
            said = f"{len(names):,} symbols are more than {MAX_SYMBOLS:,}; ask for some in another request"
            raise wrong_value("symbols", said, "too_many_symbols")
        return _Asked([found(self._catalogue, asset_class, name) for name in names])


def _add_quote(routes: APIRouter, asset_class: AssetClass, desk: _Desk) -> None:
    example = _example(asset_class)

    @routes.get(
        f"/{asset_class.value}/quote",
        tags=[asset_class.value],
        name=f"{asset_class.value}_quote",
        summary="The newest quote of a symbol",
        responses={**answered(_QUOTE, example), **ERRORS, **NOT_FOUND, **INVALID},
        openapi_extra={
            "parameters": [
                parameter(
                    "symbol", "The symbol, in any case.", SYMBOL, required=True, example=example["symbol"]
                ),
                precision_parameter(),
            ]
        },
    )
    async def quote(request: Request) -> Response:
        """The newest quote with both sides, exact to the last digit of its source."""
        return await desk.quote(request, asset_class)


def _add_quotes(routes: APIRouter, asset_class: AssetClass, desk: _Desk) -> None:
    symbols = EXAMPLE_SYMBOLS[asset_class]

    @routes.get(
        f"/{asset_class.value}/quotes",
        tags=[asset_class.value],
        name=f"{asset_class.value}_quotes",
        summary="The newest quotes of many symbols",
        responses={
            **answered(items_of(_QUOTE), {"items": [_example(asset_class)]}),
            **ERRORS,
            **NOT_FOUND,
            **INVALID,
        },
        openapi_extra={
            "parameters": [
                parameter(
                    "symbols",
                    f"The symbols, in any case, with commas between them; at most {MAX_SYMBOLS:,}.",
                    SYMBOL,
                    required=True,
                    example=",".join(symbols),
                ),
                precision_parameter(),
            ]
        },
    )
    async def quotes(request: Request) -> Response:
        """The newest quote with both sides of each symbol, in the order asked for.

        A symbol that has never been quoted is left out. With an upgrade to WebSocket this path is the stream.
        """
        return await desk.quotes(request, asset_class)


def _example(asset_class: AssetClass) -> dict[str, Any]:
    ask, bid, mid = _PRICES[asset_class]
    symbol = EXAMPLE_SYMBOLS[asset_class][0]
    return {"symbol": symbol, "ask": ask, "bid": bid, "mid": mid, "timestamp": 1767389239253}


#: Of the examples: ask, bid and mid.
_PRICES = {
    AssetClass.CURRENCIES: (1.17174, 1.17164, 1.17169),
    AssetClass.CRYPTO: (61837.64, 61837.63, 61837.635),
    AssetClass.STOCKS: (265.02, 265, 265.01),
    AssetClass.INDICES: (48063.3, 48060.9, 48062.1),
    AssetClass.COMMODITIES: (4331.4, 4331, 4331.2),
}
_QUOTE: dict[str, Any] = {
    "type": "object",
    "required": ["symbol", "ask", "bid", "mid", "timestamp"],
    "properties": {
        "symbol": {"type": "string"},
        "ask": {"type": "number", "description": "The price one can buy at."},
        "bid": {"type": "number", "description": "The price one can sell at."},
        "mid": {"type": "number", "description": "Their mean, to at least 5 decimals (crypto: 8)."},
        "timestamp": {"type": "integer", "description": "When it happened, in Unix milliseconds."},
    },
}
