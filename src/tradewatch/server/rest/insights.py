"""Insights over HTTP: what operators say about the markets, the newest first."""

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from tradewatch.insights.insight import Insight, MetaData
from tradewatch.insights.store import InsightStore
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.cursor import Cursors
from tradewatch.server.rest.direct import DirectRoute
from tradewatch.server.rest.documented import ERRORS, INVALID, answered, parameter
from tradewatch.server.rest.gate import Gate
from tradewatch.server.rest.pages import Page, asked_cursor, page_body, page_schema
from tradewatch.server.rest.parameters import whole_number

_DEFAULT_SIZE = 50
_MAX_SIZE = 1_000


def insight_routes(store: InsightStore, gate: Gate, cursors: Cursors) -> APIRouter:
    """`GET /<class>/insights` of every class.

    Args:
        store: has the insights.
        gate: lets requests in.
        cursors: writes and reads the cursors of pages.
    """
    routes = APIRouter(route_class=DirectRoute)

    def add(asset_class: AssetClass) -> None:
        place = f"insights/{asset_class}"

        async def insights(request: Request) -> Response:
            gate.enter(request, asset_class)
            cursor = asked_cursor(request, cursors, place)
            size = whole_number(request, "size", lowest=1, highest=_MAX_SIZE) or _DEFAULT_SIZE
            page = Page(*await asyncio.to_thread(store.page, asset_class, cursor, size=size))
            return Response(page_body(page, msgspec.Raw, cursors, place), media_type="application/json")

        routes.add_api_route(
            f"/{asset_class}/insights",
            insights,
            tags=[asset_class.value],
            name=f"{asset_class}_insights",
            summary=f"What operators say about {asset_class}, the newest first",
            description="A page of insights. None is invented: `tradewatch insights add` brings them in.",
            responses=answered(page_schema(_ITEM), _EXAMPLE) | ERRORS | INVALID,
            openapi_extra={"parameters": _PARAMETERS},
        )

    for asset_class in AssetClass:
        add(asset_class)
    return routes


def _tags(description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "description": description}


_ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["timestamp", "content", "meta_data"],
    "properties": {
        "timestamp": {"type": "integer", "description": "When it was said; Unix milliseconds."},
        "content": {"type": "string", "description": "The text."},
        "meta_data": {
            "type": "object",
            "properties": {
                "markets": _tags("Markets it is about; absent where there are none."),
                "tickets": _tags("Ticker symbols it is about, spelt as the public service does."),
                "hashtags": _tags("Words to find it by."),
            },
        },
    },
}
_EXAMPLE = {
    "items": [
        msgspec.to_builtins(
            Insight(
                timestamp=1_767_389_239_253,
                content="EURUSD holds above 1.17 ahead of the payrolls.",
                meta_data=MetaData(markets=("forex",), tickets=("EURUSD",), hashtags=("payrolls",)),
            )
        )
    ],
    "total": 1,
    "current_page": "Bq3...",
    "current_page_backwards": "x0R...",
    "previous_page": None,
    "next_page": None,
}
_PARAMETERS = [
    parameter("cursor", "Where the page begins; the newest without.", {"type": "string"}),
    parameter(
        "size",
        "Insights of a page.",
        {"type": "integer", "minimum": 1, "maximum": _MAX_SIZE, "default": _DEFAULT_SIZE},
        example=20,
    ),
]
