"""`/stocks/{symbol}`: a stock and its newest price, in one answer."""

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.routing import Match
from starlette.types import Scope

from tradewatch.model.asset_class import AssetClass
from tradewatch.reference.catalogue import Catalogue
from tradewatch.reference.roster import Roster
from tradewatch.server.rest.direct import DirectRoute
from tradewatch.server.rest.documented import ERRORS, INVALID, NOT_FOUND, SYMBOL, answered, parameter
from tradewatch.server.rest.gate import Gate
from tradewatch.server.rest.quote_text import prices_of, timestamp_ms
from tradewatch.server.rest.quotes import asked_precision, found, precision_parameter
from tradewatch.server.stream.views import Views

#: Paths of their own below `/stocks/`, so written; a stock called so is found in upper case.
_OTHER_PATHS = frozenset({"quote", "quotes", "symbols", "countries", "markets", "insights"})


class _StockRoute(DirectRoute):
    """Leaves the paths that are not stocks to their own routes, whichever was added first."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        if match is not Match.NONE and child_scope["path_params"].get("symbol") in _OTHER_PATHS:
            return Match.NONE, {}
        return match, child_scope


def stock_routes(gate: Gate, catalogue: Catalogue, roster: Roster, views: Views) -> APIRouter:
    """One stock.

    Args:
        gate: decides who may ask.
        catalogue: finds the stock.
        roster: knows where it is listed.
        views: have its quotes, each as old as a plan shows them.
    """
    routes = APIRouter(tags=[AssetClass.STOCKS.value], route_class=_StockRoute)

    @routes.get(
        "/stocks/{symbol}",
        summary="A stock and its newest price",
        responses={**answered(_STOCK, _EXAMPLE), **ERRORS, **NOT_FOUND, **INVALID},
        openapi_extra={
            "parameters": [
                parameter("symbol", "The symbol, in any case.", SYMBOL, place="path", example="AAPL"),
                precision_parameter(),
            ]
        },
    )
    async def stock(request: Request) -> Response:
        """What is known of the stock, and its newest quote with both sides where it has one."""
        permit = gate.enter(request, AssetClass.STOCKS)
        precision = asked_precision(request)
        instrument = found(catalogue, AssetClass.STOCKS, request.path_params["symbol"])
        entry = roster.entry(instrument)
        known: dict[str, object] = {
            "symbol": instrument.symbol,
            "name": instrument.name,
            "country": entry.country,
            "mic": entry.mic,
            "type": entry.kind,
            "description": "",
        }
        for record in views.of(permit.limits.delay_s).hub.quotes([instrument]):
            prices = prices_of(record, precision)
            for name, text in (("ask", prices.ask), ("bid", prices.bid), ("mid", prices.mid)):
                known[name] = msgspec.Raw(text.encode())
            known["timestamp"] = timestamp_ms(record)
        return Response(msgspec.json.encode(known), media_type="application/json")

    return routes


_EXAMPLE = {
    "symbol": "AAPL",
    "name": "Apple Inc.",
    "country": "us",
    "mic": "XNAS",
    "type": "",
    "description": "",
    "ask": 265.02,
    "bid": 265,
    "mid": 265.01,
    "timestamp": 1767389239253,
}
_STOCK = {
    "type": "object",
    "required": ["symbol", "name", "country", "mic", "type", "description"],
    "properties": {
        "symbol": {"type": "string"},
        "name": {"type": "string", "description": "Empty where unknown, like the texts that follow."},
        "country": {"type": "string", "description": "ISO 3166-1 alpha-2, lower case."},
        "mic": {"type": "string", "description": "The market it is listed at, ISO 10383."},
        "type": {"type": "string"},
        "description": {"type": "string"},
        "ask": {"type": "number", "description": "Not there before the first quote, like what follows."},
        "bid": {"type": "number"},
        "mid": {"type": "number"},
        "timestamp": {"type": "integer", "description": "When it was quoted, in Unix milliseconds."},
    },
}
