"""`/<class>/symbols`, `/commodities/types` and `/stocks/countries`: what there is."""

import re
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.cursor import Cursors
from tradewatch.reference.roster import Entry, Roster
from tradewatch.server.rest.direct import DirectRoute
from tradewatch.server.rest.documented import ERRORS, EXAMPLE_SYMBOLS, INVALID, answered, items_of, parameter
from tradewatch.server.rest.gate import Gate
from tradewatch.server.rest.pages import asked_cursor, page_body, page_of, page_schema
from tradewatch.server.rest.parameters import choice, whole_number, wrong_value

_DEFAULT_SIZE = 50
_MAX_SIZE = 1_000
_MODES = ("full", "base")
#: The types of commodities that the public service has; the catalogue may have more.
_COMMODITY_TYPES = ("agricultural", "energy", "metal")
_EVERY_TYPE = "all"
_MAX_SEARCH_CHARS = 64
_SHOWN_CHARS = 40
_COUNTRY = re.compile(r"[a-z]{2}")
_JSON = "application/json"
_EXAMPLE_NAMES = {
    AssetClass.CURRENCIES: "Euro / US Dollar",
    AssetClass.CRYPTO: "Bitcoin / US Dollar",
    AssetClass.STOCKS: "Apple Inc.",
    AssetClass.INDICES: "Dow Jones Industrial Average",
    AssetClass.COMMODITIES: "Gold",
}


def symbol_routes(gate: Gate, roster: Roster, cursors: Cursors) -> APIRouter:
    """The lists of instruments, of types of commodities, and of countries of stocks.

    Args:
        gate: decides who may ask.
        roster: has the instruments in their order.
        cursors: writes and reads the places between pages.
    """
    routes = APIRouter(route_class=DirectRoute)

    def add_list(asset_class: AssetClass) -> None:
        place = f"symbols/{asset_class.value}"
        item = _schema(asset_class)

        @routes.get(
            f"/{asset_class.value}/symbols",
            tags=[asset_class.value],
            name=f"{asset_class.value}_symbols",
            summary="The symbols there are, page by page",
            responses={**answered(page_schema(item), _example(asset_class)), **ERRORS, **INVALID},
            openapi_extra={"parameters": _parameters(asset_class)},
        )
        async def symbols(request: Request) -> Response:
            """The instruments of the class in the order of their symbols.

            A cursor stands between two symbols, so what is added in the meantime neither repeats nor hides
            another. What is chosen by the parameters has to be said again with a cursor.
            """
            gate.enter(request, asset_class)
            size = whole_number(request, "size", lowest=1, highest=_MAX_SIZE) or _DEFAULT_SIZE
            base = choice(request, "mode", _MODES) == "base"
            entries = roster.entries(
                asset_class, kind=_kind(request, asset_class, roster), country=_country(request)
            )
            if wanted := _search(request):
                entries = roster.found(wanted, asset_class, entries)
            page = page_of(entries, _key, asked_cursor(request, cursors, place), size=size)
            shown = _base if base else _full_stock if asset_class is AssetClass.STOCKS else _full
            return Response(page_body(page, shown, cursors, place), media_type=_JSON)

    for asset_class in AssetClass:
        add_list(asset_class)
    _add_items(routes, gate, roster)
    return routes


def _add_items(routes: APIRouter, gate: Gate, roster: Roster) -> None:
    """The short lists of what symbols can be chosen by."""
    item = {"type": "object", "required": ["symbol"], "properties": {"symbol": {"type": "string"}}}

    @routes.get(
        "/commodities/types",
        tags=[AssetClass.COMMODITIES.value],
        summary="The types of commodities",
        responses={**answered(items_of(item), {"items": [{"symbol": "metal"}]}), **ERRORS},
    )
    async def types(request: Request) -> Response:
        """What `/commodities/symbols` takes as `type`, besides `all`."""
        gate.enter(request, AssetClass.COMMODITIES)
        return _items(_types(roster))

    @routes.get(
        "/stocks/countries",
        tags=[AssetClass.STOCKS.value],
        summary="The countries of stocks",
        responses={**answered(items_of(item), {"items": [{"symbol": "de"}, {"symbol": "us"}]}), **ERRORS},
    )
    async def countries(request: Request) -> Response:
        """What `/stocks/symbols` takes as `country`: two letters, ISO 3166-1."""
        gate.enter(request, AssetClass.STOCKS)
        return _items(roster.countries(AssetClass.STOCKS))


def _items(symbols: list[str]) -> Response:
    body = msgspec.json.encode({"items": [{"symbol": symbol} for symbol in symbols]})
    return Response(body, media_type=_JSON)


def _types(roster: Roster) -> list[str]:
    return sorted({*_COMMODITY_TYPES, *roster.types(AssetClass.COMMODITIES)})


def _kind(request: Request, asset_class: AssetClass, roster: Roster) -> str:
    """The type that a request chooses; empty where it takes all."""
    if asset_class is AssetClass.COMMODITIES:
        chosen = choice(request, "type", (*_types(roster), _EVERY_TYPE))
    else:
        chosen = request.query_params.get("type", "").lower()
    return "" if chosen is None or chosen == _EVERY_TYPE else chosen


def _country(request: Request) -> str:
    """The country that a request chooses; empty where it takes all."""
    text = request.query_params.get("country")
    if text is None:
        return ""
    country = text.lower()
    if not _COUNTRY.fullmatch(country):
        said = f"not a country's two letters (ISO 3166-1): {text[:_SHOWN_CHARS]!r}"
        raise wrong_value("country", said, "country")
    return country


def _search(request: Request) -> str:
    """What a request searches for; empty where it does not."""
    text = request.query_params.get("search", "").strip()
    if len(text) > _MAX_SEARCH_CHARS:
        raise wrong_value("search", f"more than {_MAX_SEARCH_CHARS} characters", "too_long")
    return text


def _key(entry: Entry) -> tuple[str]:
    return (entry.symbol,)


def _base(entry: Entry) -> dict[str, str]:
    """The symbol alone; the other fields are empty, since the clients of the public service need them."""
    shown = _full_stock(entry) if entry.instrument.asset_class is AssetClass.STOCKS else _full(entry)
    return {**dict.fromkeys(shown, ""), "symbol": entry.symbol}


def _full(entry: Entry) -> dict[str, str]:
    return {"symbol": entry.symbol, "name": entry.instrument.name}


def _full_stock(entry: Entry) -> dict[str, str]:
    return {**_full(entry), "country": entry.country, "description": ""}


def _schema(asset_class: AssetClass) -> dict[str, Any]:
    """What stands in a page."""
    fields = {
        "symbol": "The symbol.",
        "name": "What people call it; empty in the mode `base`, as all but the symbol is.",
    }
    if asset_class is AssetClass.STOCKS:
        fields |= {"country": "Where it is listed: `de`.", "description": "Empty where unknown."}
    properties = {name: {"type": "string", "description": said} for name, said in fields.items()}
    return {"type": "object", "required": ["symbol"], "properties": properties}


def _example(asset_class: AssetClass) -> dict[str, Any]:
    item = {"symbol": EXAMPLE_SYMBOLS[asset_class][0], "name": _EXAMPLE_NAMES[asset_class]}
    if asset_class is AssetClass.STOCKS:
        item |= {"country": "us", "description": ""}
    return {"items": [item], "total": 1, "previous_page": None, "next_page": None}


def _parameters(asset_class: AssetClass) -> list[dict[str, Any]]:
    """What a request may say, for `/openapi.json`."""
    text: dict[str, Any] = {"type": "string"}
    kinds = {**text, "enum": [*_COMMODITY_TYPES, _EVERY_TYPE]}
    return [
        parameter(
            "size",
            "How many symbols a page has at most.",
            {"type": "integer", "minimum": 1, "maximum": _MAX_SIZE, "default": _DEFAULT_SIZE},
        ),
        parameter(
            "mode", "`base` for the symbols alone.", {**text, "enum": list(_MODES), "default": _MODES[0]}
        ),
        parameter(
            "type", "Only those of this type.", kinds if asset_class is AssetClass.COMMODITIES else text
        ),
        parameter(
            "country", "Only those of this country, ISO 3166-1 alpha-2.", {**text, "pattern": "^[A-Za-z]{2}$"}
        ),
        parameter(
            "search",
            "Only those with this text in their symbol or name.",
            {**text, "maxLength": _MAX_SEARCH_CHARS},
        ),
        parameter("cursor", "A cursor of another page of this list.", text),
    ]
