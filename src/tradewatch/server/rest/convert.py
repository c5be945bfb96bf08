"""`/currencies/convert/{from}/{to}` and `/crypto/convert/{from}/{to}`: amounts of one currency in another."""

from fractions import Fraction
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from tradewatch.clock import Clock
from tradewatch.errors import InvalidPriceError
from tradewatch.fanout.hub import Hub
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import MAX_DECIMALS, Price, mid, nearest
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.protocol.rights import Rights
from tradewatch.reference.catalogue import Catalogue
from tradewatch.reference.conversion import PAIRED, Conversions
from tradewatch.server.rest.direct import DirectRoute
from tradewatch.server.rest.documented import ERRORS, INVALID, NOT_FOUND, SYMBOL, answered, parameter
from tradewatch.server.rest.errors import RefusedError
from tradewatch.server.rest.gate import Gate
from tradewatch.server.rest.parameters import whole_number, wrong_value
from tradewatch.server.rest.quote_text import timestamp_ms
from tradewatch.server.stream.views import Views

_DEFAULT_AMOUNT = Price(10, 0)
_LEAST_AMOUNT = {AssetClass.CURRENCIES: Price(1, -2), AssetClass.CRYPTO: Price(1, -8)}
#: A rate has so many decimals, and where it is below one so many digits.
_RATE_DIGITS = 10
_SHOWN_CHARS = 40


def convert_routes(gate: Gate, catalogue: Catalogue, views: Views, *, clock: Clock) -> APIRouter:
    """Conversions between currencies and between crypto assets.

    Args:
        gate: decides who may ask.
        catalogue: has the pairs.
        views: have the quotes, each as old as a plan shows them.
        clock: tells how old a rate is.
    """
    routes = APIRouter(route_class=DirectRoute)
    conversions = Conversions()
    for asset_class in PAIRED:
        for instrument in catalogue.members(asset_class):
            conversions.add(instrument)
    catalogue.watch(conversions.add)

    def add_route(asset_class: AssetClass) -> None:
        @routes.get(
            f"/{asset_class.value}/convert/{{from}}/{{to}}",
            tags=[asset_class.value],
            name=f"{asset_class.value}_convert",
            summary="An amount of one currency in another",
            responses={**answered(_CONVERSION, _EXAMPLE), **ERRORS, **NOT_FOUND, **INVALID},
            openapi_extra={"parameters": _parameters(asset_class)},
        )
        async def convert(request: Request) -> Response:
            """The amount at the newest mid prices.

            The rate is that of the pair; else the inverse of the pair written the other way; else it goes
            through one currency, USD, EUR, GBP, BTC and USDT first. It is computed exactly and rounded once,
            half to even: the result to `precision`, the rate to ten decimals, or to ten digits where it is
            below one, and never to fewer decimals than the result. `timestamp` is that of the oldest quote
            used, `path` names the quotes.
            """
            permit = gate.enter(request, asset_class)
            amount = _amount(request, asset_class)
            precision = whole_number(request, "precision", lowest=0, highest=MAX_DECIMALS)
            if precision is None:
                precision = asset_class.mid_decimals
            hub = views.of(permit.limits.delay_s).hub
            classes = _classes(asset_class, permit.rights)
            base, quote = (_code(request, conversions, name, classes) for name in ("from", "to"))
            rate = conversions.rate(base, quote, classes, lambda pair: _mid(hub, pair))
            if rate is None:
                text = f"no quotes lead from {base} to {quote} now"
                raise RefusedError(Refusal(404, RefusalReason.NO_RATE, text))
            now_ms = clock.now_ns() // 1_000_000
            oldest_ms = min(map(timestamp_ms, hub.quotes(rate.path)), default=now_ms)
            return _answer(
                info={
                    "timestamp": oldest_ms,
                    "rate": _number(nearest(rate.value, max(precision, _rate_decimals(rate.value)))),
                    "age_ms": max(0, now_ms - oldest_ms),
                    "path": [pair.symbol for pair in rate.path],
                },
                query={"from": base, "to": quote, "amount": _number(amount), "precision": precision},
                result=_number(nearest(rate.value * amount.fraction, precision)),
            )

    for asset_class in PAIRED:
        add_route(asset_class)
    return routes


def _classes(asset_class: AssetClass, rights: Rights) -> list[AssetClass]:
    """Where quotes are looked for: crypto assets are worth money, whose quotes are those of currencies."""
    if asset_class is AssetClass.CRYPTO and AssetClass.CURRENCIES in rights.classes:
        return [AssetClass.CRYPTO, AssetClass.CURRENCIES]
    return [asset_class]


def _code(request: Request, conversions: Conversions, name: str, classes: list[AssetClass]) -> str:
    """The code that the path says."""
    said: str = request.path_params[name]
    code = said.upper() if said.isascii() else said
    if not conversions.knows(code, classes):
        text = f"no currency {said[:_SHOWN_CHARS]!r} in {' or '.join(each.value for each in classes)}"
        raise RefusedError(Refusal(404, RefusalReason.UNKNOWN_SYMBOL, text))
    return code


def _amount(request: Request, asset_class: AssetClass) -> Price:
    """The amount that a request says, exactly."""
    text = request.query_params.get("amount")
    if text is None:
        return _DEFAULT_AMOUNT
    try:
        amount = Price.parse(text)
    except InvalidPriceError as error:
        raise wrong_value("amount", str(error), "decimal") from None
    least = _LEAST_AMOUNT[asset_class]
    if amount.fraction < least.fraction:
        raise wrong_value("amount", f"less than {least.text}: {amount.text}", "too_small")
    return amount


def _mid(hub: Hub, pair: Instrument) -> Fraction | None:
    """The mid of the newest quote of a pair."""
    for record in hub.quotes([pair]):
        if record.bid is not None and record.ask is not None:
            return mid(record.bid, record.ask, decimals=pair.asset_class.mid_decimals).fraction
    return None


def _rate_decimals(rate: Fraction) -> int:
    """The decimals in which a rate is shown."""
    zeros = 0  # behind the point
    while rate * 10 ** (zeros + 1) < 1:
        zeros += 1
    return _RATE_DIGITS + zeros


def _number(price: Price) -> msgspec.Raw:
    """A JSON number of exactly these digits."""
    return msgspec.Raw(price.text.encode())


def _answer(**fields: object) -> Response:
    return Response(msgspec.json.encode(fields), media_type="application/json")


def _parameters(asset_class: AssetClass) -> list[dict[str, Any]]:
    """What a request may say, for `/openapi.json`."""
    least = _LEAST_AMOUNT[asset_class].text
    crypto = asset_class is AssetClass.CRYPTO
    code = SYMBOL
    return [
        parameter(
            "from", "The currency to convert from.", code, place="path", example="BTC" if crypto else "EUR"
        ),
        parameter("to", "The currency to convert to.", code, place="path", example="USD"),
        parameter(
            "amount",
            f"How much of it, a decimal number of at most 18 digits; at least {least}.",
            {"type": "number", "default": 10, "minimum": float(least)},
        ),
        parameter(
            "precision",
            "The decimals of the result.",
            {"type": "integer", "minimum": 0, "maximum": MAX_DECIMALS, "default": asset_class.mid_decimals},
        ),
    ]


_EXAMPLE: dict[str, Any] = {
    "info": {"timestamp": 1767389239253, "rate": 1.17169, "age_ms": 120, "path": ["EURUSD"]},
    "query": {"from": "EUR", "to": "USD", "amount": 10, "precision": 5},
    "result": 11.7169,
}
_CONVERSION: dict[str, Any] = {
    "type": "object",
    "required": ["info", "query", "result"],
    "properties": {
        "info": {
            "type": "object",
            "required": ["timestamp", "rate", "age_ms", "path"],
            "properties": {
                "timestamp": {"type": "integer", "description": "Of the oldest quote used, in Unix ms."},
                "rate": {"type": "number", "description": "What one unit is worth."},
                "age_ms": {"type": "integer", "description": "How old that quote is."},
                "path": {"type": "array", "items": {"type": "string"}, "description": "The quotes used."},
            },
        },
        "query": {
            "type": "object",
            "required": ["from", "to", "amount", "precision"],
            "properties": {
                "from": {"type": "string"},
                "to": {"type": "string"},
                "amount": {"type": "number"},
                "precision": {"type": "integer"},
            },
        },
        "result": {"type": "number"},
    },
}
