"""The REST API: what is served over plain HTTP, a line for each room's routes."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from tradewatch.access.attempts import Attempts
from tradewatch.access.keyring import KeyRing
from tradewatch.access.rates import Rates
from tradewatch.access.tickets import Tickets
from tradewatch.access.usage import DAY_S, start_of
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.clock import Clock
from tradewatch.composition.core import Core
from tradewatch.composition.stores import Stores
from tradewatch.feeds.runner import FeedRunner
from tradewatch.model.asset_class import AssetClass
from tradewatch.publishing.publisher import Publisher
from tradewatch.reference.roster import Roster
from tradewatch.server.key_watch import KeyWatch
from tradewatch.server.rest.accounted import AccountedRequests
from tradewatch.server.rest.api import build_api
from tradewatch.server.rest.asyncapi import asyncapi_routes
from tradewatch.server.rest.conditional import Conditional
from tradewatch.server.rest.connections import connection_routes
from tradewatch.server.rest.convert import convert_routes
from tradewatch.server.rest.errors import CutShort
from tradewatch.server.rest.exchanges import exchange_routes
from tradewatch.server.rest.gate import Gate, RateHeaders
from tradewatch.server.rest.health import health_routes
from tradewatch.server.rest.history import history_routes
from tradewatch.server.rest.history_readings import history_readings
from tradewatch.server.rest.insights import insight_routes
from tradewatch.server.rest.keys import key_routes
from tradewatch.server.rest.markets import market_routes
from tradewatch.server.rest.metrics import Reading, metrics_routes
from tradewatch.server.rest.publish import publish_routes
from tradewatch.server.rest.quotes import quote_routes
from tradewatch.server.rest.readings import (
    door_readings,
    feed_readings,
    quote_readings,
    stream_readings,
    usage_readings,
)
from tradewatch.server.rest.shortcut import Shortcut
from tradewatch.server.rest.stock import stock_routes
from tradewatch.server.rest.stream_paths import stream_path_routes
from tradewatch.server.rest.symbols import symbol_routes
from tradewatch.server.rest.tickets import ticket_routes
from tradewatch.server.rest.usage import usage_routes
from tradewatch.server.stream.admission import Admission
from tradewatch.server.stream.canary import Canary
from tradewatch.server.stream.counters import StreamCounters
from tradewatch.server.stream.entrance import Entrance
from tradewatch.server.stream.registry import Connections
from tradewatch.server.stream.usage_sweep import UsageSweep
from tradewatch.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the routes are made of; each is described where it is defined."""

    settings: Settings
    core: Core
    feeds: Sequence[FeedRunner]
    stores: Stores
    ring: KeyRing
    key_watch: KeyWatch
    tickets: Tickets
    attempts: Attempts
    entrance: Entrance
    publisher: Publisher
    connections: Connections
    counters: StreamCounters
    canary: Canary
    meter: UsageMeter
    sweep: UsageSweep
    clock: Clock


def build_rest(parts: Parts) -> ASGIApp:
    """The REST API, whose requests are on the account of their keys.

    Raises:
        KeyStoreError: the usage of this day cannot be read.
    """
    rates = Rates()
    now_ns = parts.clock.now_ns()
    for key_id, requests in parts.stores.usage.requests_since(start_of(now_ns // 10**9, DAY_S)).items():
        rates.restore(key_id, requests, now_ns)
    api = rest_api(parts, rates)
    api.openapi()  # takes so long that it would be noticed later
    served = RateHeaders(Conditional(CutShort(Shortcut(api))))
    return AccountedRequests(served, parts.meter, clock=parts.clock)


def rest_api(parts: Parts, rates: Rates) -> FastAPI:
    """The routes of the REST API and the document about them, and nothing around them."""
    return build_api(_routers(parts, rates))


def _routers(parts: Parts, rates: Rates) -> list[APIRouter]:
    clock, connections, entrance = parts.clock, parts.connections, parts.entrance
    gate = Gate(parts.ring, permits=lambda: entrance.permits, rates=rates, clock=clock)
    catalogue, views, cursors = parts.core.catalogue, parts.core.views, parts.stores.cursors
    roster = Roster(catalogue)
    return [
        quote_routes(gate, catalogue, views),  # first, as it is asked the most
        symbol_routes(gate, roster, cursors),
        convert_routes(gate, catalogue, views, clock=clock),
        *_history(parts, gate),
        insight_routes(parts.stores.insights, gate, cursors),
        market_routes(gate, clock=clock),
        exchange_routes(gate),
        health_routes(
            trouble=lambda: "draining" if connections.draining else parts.canary.trouble,
            details=lambda: {
                "log": parts.core.tape.log.failing or "keeps every record",
                "epoch": parts.core.tape.epoch,
            },
        ),
        metrics_routes(_readings(parts, rates)),
        publish_routes(parts.publisher, parts.ring, body_bytes=parts.settings.limits.publish_bytes),
        ticket_routes(parts.tickets, gate, clock=clock),
        usage_routes(
            gate,
            connections=connections,
            sweep=parts.sweep,
            meter=parts.meter,
            store=parts.stores.usage,
            clock=clock,
        ),
        key_routes(
            gate,
            parts.stores.keys,
            parts.ring,
            permits=lambda: entrance.permits,
            cursors=cursors,
            refresh=parts.key_watch.look,
        ),
        connection_routes(gate, connections, clock=clock),
        stream_path_routes(),
        asyncapi_routes(Admission.subprotocols),
        stock_routes(gate, catalogue, roster, views),  # last: any word may be a symbol
    ]


def _history(parts: Parts, gate: Gate) -> list[APIRouter]:
    """The routes of what is recorded; none where nothing is."""
    keeper, catalogue = parts.stores.keeper, parts.core.catalogue
    if keeper is None:
        return []

    def known(asset_class: AssetClass, symbol: str) -> bool:
        return catalogue.get(asset_class, symbol) is not None

    return [history_routes(gate, keeper.client, clock=parts.clock, known=known)]


def _readings(parts: Parts, rates: Rates) -> list[Reading]:
    core = parts.core
    return [
        *stream_readings(parts.counters, parts.connections, core.views),
        *door_readings(parts.attempts, parts.tickets, rates, parts.clock),
        *quote_readings(core.intake, core.views, core.watch, core.tape.log, parts.publisher),
        *usage_readings(parts.meter),
        *feed_readings(parts.feeds),
        *([] if parts.stores.keeper is None else history_readings(parts.stores.keeper)),
    ]
