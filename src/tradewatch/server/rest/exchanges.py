"""`/crypto/exchanges`: where crypto assets are traded."""

import msgspec
from fastapi import APIRouter, Request, Response

from tradewatch.model.asset_class import AssetClass
from tradewatch.reference.crypto_exchanges import CryptoExchange, builtin_crypto_exchanges
from tradewatch.server.rest.body import schema_of
from tradewatch.server.rest.direct import DirectRoute
from tradewatch.server.rest.documented import ERRORS, answered, items_of
from tradewatch.server.rest.gate import Gate


def exchange_routes(gate: Gate) -> APIRouter:
    """The crypto exchanges, which come with the package.

    Args:
        gate: decides who may ask.
    """
    routes = APIRouter(route_class=DirectRoute, tags=["crypto"])

    @routes.get(
        "/crypto/exchanges",
        name="crypto_exchanges",
        summary="Crypto exchanges: who they are, and where",
        responses={**answered(items_of(schema_of(CryptoExchange)), _EXAMPLE), **ERRORS},
    )
    async def exchanges(request: Request) -> Response:
        """All exchanges by id. Where nobody told us the year or the country, they are null."""
        gate.enter(request, AssetClass.CRYPTO)
        body = msgspec.json.encode({"items": builtin_crypto_exchanges()})
        return Response(body, media_type="application/json")

    return routes


_EXAMPLE = {
    "items": [
        {
            "id": "kraken",
            "name": "Kraken",
            "year_established": 2011,
            "country": "United States",
            "website": "https://www.kraken.com",
        }
    ]
}
