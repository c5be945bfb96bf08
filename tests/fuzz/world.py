"""A server without sockets: real edge, door, admission, hub and REST, and a neighbour who obeys the law."""

import asyncio
import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import msgspec
import uvicorn
from uvicorn.server import ServerState

from tests.conformance.peer import TEXT, Event, ServerFrames, frame
from tests.fuzz.transport import FakeTransport
from tradewatch.access.attempts import Attempts
from tradewatch.access.key import Scope, mint
from tradewatch.access.keyring import KeyRing
from tradewatch.access.permit import Permits
from tradewatch.access.plan import Plans
from tradewatch.access.tickets import Tickets
from tradewatch.clock import ManualClock
from tradewatch.fanout.claims import Claims
from tradewatch.fanout.delayed import Delayed
from tradewatch.fanout.hub import Hub
from tradewatch.fanout.intake import Intake
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.position import position_text
from tradewatch.model.price import Price
from tradewatch.model.record import Record
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.origin import OriginRule
from tradewatch.publishing.publisher import Limits, Publisher
from tradewatch.publishing.quote import QuoteReader
from tradewatch.reference.catalogue import Catalogue
from tradewatch.server.access_log import AccessLog
from tradewatch.server.rest.api import build_api
from tradewatch.server.rest.publish import publish_routes
from tradewatch.server.rest.stream_paths import stream_path_routes
from tradewatch.server.stream.admission import Admission
from tradewatch.server.stream.door import Door, DoorLimits
from tradewatch.server.stream.edge import StreamEdge
from tradewatch.server.stream.entrance import Entrance
from tradewatch.server.stream.registry import Connections
from tradewatch.server.stream.views import View, Views
from tradewatch.tape.memory import MemoryLog
from tradewatch.tape.tape import Tape

#: Symbols that every world has; some are in several classes.
SYMBOLS = {
    AssetClass.CURRENCIES: ("EURUSD", "USDJPY", "XAUUSD", "SAME"),
    AssetClass.CRYPTO: ("BTCUSD", "ETHUSD", "SAME"),
    AssetClass.STOCKS: ("AAPL", "BRK.B", "SAME"),
    AssetClass.INDICES: ("SPX", "DAX-40"),
    AssetClass.COMMODITIES: ("WTI", "XAUUSD"),
}
_MAX_INSTRUMENTS = 400
_TURNS = 200
#: So much time passes with each example that nobody attempts too often.
_EXAMPLE_S = 0.05


class Faults(logging.Handler):
    """Keeps every logged exception, and whatever the event loop could not place."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        if record.exc_info or record.levelno >= logging.ERROR:
            self.found.append(logging.Formatter().format(record))


class World:
    """Everything behind the listening socket; connections are made by hand.

    Attributes:
        key: good for reading and publishing.
        revoked: was good once.
        faults: what must stay empty.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.faults = Faults()
        self.loop.set_exception_handler(lambda _, context: self.faults.found.append(str(context)))
        self.clock = ManualClock()
        self.catalogue = Catalogue(limit=_MAX_INSTRUMENTS)
        for asset_class, symbols in SYMBOLS.items():
            for symbol in symbols:
                self.catalogue.add(asset_class, symbol, decimals=2)
        log = MemoryLog(clock=self.clock)
        self.tape = Tape(log, log.recovered, catalogue=self.catalogue, clock=self.clock)
        self.hub = Hub(call_soon=self._call_soon, seed=1)
        self.catalogue.watch(self.hub.appear)
        self.intake = Intake(self.tape, self.hub)
        self.publisher = Publisher(
            self.intake,
            QuoteReader(self.catalogue, Claims()),
            clock=self.clock,
            limits=Limits(quotes=50, producers_per_key=100_000),
        )
        ring, self.key, self.revoked = self._keys()
        self.gateway = self._gateway(ring)
        limits = DoorLimits(head_bytes=4_096, headers=20)
        access_log = AccessLog(self.clock, enabled=False)
        self._door = functools.partial(Door, limits, self.gateway.counters, access_log, lambda: True)
        self.state = ServerState()
        self._transports: list[FakeTransport] = []
        self._waiting: list[Callable[[], None]] = []
        self._config = self._http(ring)
        self._made = 0
        self.neighbour = Neighbour(self)

    def _keys(self) -> tuple[KeyRing, str, str]:
        ring = KeyRing()
        good, text = mint(name="fuzz", plan="unlimited", scopes=[Scope.PUBLISH], now_ns=1)
        gone, gone_text = mint(name="gone", plan="unlimited", now_ns=1)
        ring.add_memory_key(good)
        ring.replace([replace(gone, revoked_ns=2)])
        return ring, text, gone_text

    def _gateway(self, ring: KeyRing) -> Admission:
        limits = ConnectionLimits(symbols=100, symbols_per_message=50, message_bytes=64 << 10)
        connections = Connections(max_connections=50)
        live = View(self.hub, lambda: position_text(self.tape.epoch, self.tape.log.next_offset))
        return Admission(
            entrance=Entrance(
                ring=ring,
                tickets=Tickets(),
                permits=Permits(Plans(), limits),
                attempts=Attempts(),
                origins=OriginRule((), setting="origins"),
                connections=connections,
                clock=self.clock,
            ),
            views=Views(live, delayed=_no_delay),
            catalogue=self.catalogue,
            tape=self.tape,
            publisher=self.publisher,
            limits=limits,
            connections=connections,
            clock=self.clock,
            canary_token="canary-token",
            simulated=lambda: True,
            deflate=True,
            trusted_proxies=(),
            access_log=AccessLog(self.clock),
        )

    def _http(self, ring: KeyRing) -> uvicorn.Config:
        api = build_api([publish_routes(self.publisher, ring, body_bytes=64 << 10), stream_path_routes()])
        config = uvicorn.Config(
            api,
            http=cast("Any", self._door),
            ws=cast("Any", functools.partial(StreamEdge, self.gateway)),
            lifespan="off",
            proxy_headers=False,
            log_config=None,
            access_log=False,
            server_header=False,
        )
        config.load()
        return config

    def door(self, *, reading: bool = True) -> FakeTransport:
        """A connection at the door."""
        door = self._door(
            config=self._config,
            server_state=self.state,
            app_state={},
            _loop=self.loop,
        )
        return self._noted(FakeTransport(door, reading=reading))

    def edge(self, *, reading: bool = True) -> FakeTransport:
        """A connection that the door has let pass."""
        edge = StreamEdge(self.gateway, config=self._config, server_state=self.state, app_state={})
        return self._noted(FakeTransport(edge, reading=reading))

    def _noted(self, transport: FakeTransport) -> FakeTransport:
        self._transports.append(transport)
        return transport

    def open(
        self, path: str = "/", *, subprotocol: str = "", extensions: str = "", reading: bool = True
    ) -> FakeTransport:
        """A finished handshake; its answer is taken off."""
        transport = self.edge(reading=reading)
        transport.feed(handshake(path, self.key, subprotocol=subprotocol, extensions=extensions))
        head, _, rest = bytes(transport.written).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        assert (b"permessage-deflate" in head) == bool(extensions)
        transport.written[:] = rest
        return transport

    def turn(self) -> None:
        """The loop turns until nothing is under way."""

        async def settle() -> None:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
                if not self.state.tasks:
                    return

        self.loop.run_until_complete(settle())
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()

    def quote(self) -> None:
        """A quote of each known symbol comes in, and is flushed."""
        self._made += 1
        now_ns = self.clock.now_ns()
        price = Price(self._made, 0)
        self.intake.take(
            [
                Record(instrument, now_ns, now_ns, price, price)
                for asset_class, symbols in SYMBOLS.items()
                for symbol in symbols
                if (instrument := self.catalogue.get(asset_class, symbol)) is not None
            ]
        )
        self.turn()

    def beat(self, seconds: float) -> None:
        """Time passes, and the keep-alive visits everybody."""
        self.clock.advance(seconds)
        for member in self.gateway.connections:
            member.check(self.clock.monotonic_s())

    @contextmanager
    def watched(self) -> Iterator[None]:
        """One example: nothing is logged as a fault meanwhile, nobody is left, and the neighbour is well."""
        root = logging.getLogger()
        root.addHandler(self.faults)
        self._transports.clear()
        try:
            yield
            self.clock.advance(_EXAMPLE_S)
            self.turn()
            self.neighbour.check()
            assert not self.faults.found, "\n".join(self.faults.found)
            secrets = (self.key, self.revoked, "canary-token")
            assert not any(secret in line for line in self.faults.lines for secret in secrets)
            left: list[object] = [*self.gateway.connections, *self.state.connections]
            assert left == [self.neighbour.transport.get_protocol()] * 2
        finally:
            for transport in self._transports:  # what failed leaves nothing to the next example
                transport.lose()
            root.removeHandler(self.faults)
            self.faults.lines.clear()
            self.faults.found.clear()

    def _call_soon(self, callback: Callable[[], None]) -> None:
        self._waiting.append(callback)


def _no_delay(delay_s: float) -> Delayed:
    raise AssertionError(f"no plan here has a delay of {delay_s} s")


class Neighbour:
    """A well-behaved client of v2 that hears everything, on a connection of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.transport = world.open(subprotocol="tradewatch.v2")
        self._frames = ServerFrames()
        self._positions: dict[str, int] = {}
        self.transport.feed(frame(TEXT, b'{"action": "subscribe", "symbols": ["*"], "snapshot": false}'))
        self._take()
        assert len(self._positions) == sum(map(len, SYMBOLS.values()))

    def check(self) -> None:
        """A quote of everything comes in, and it hears each exactly once, in its turn."""
        before = dict(self._positions)
        self._world.quote()
        self._take()
        for asset_class, symbols in SYMBOLS.items():
            for symbol in symbols:
                name = f"{asset_class.value}:{symbol}"
                assert self._positions[name] > before[name], f"the neighbour does not hear {name}"

    def _take(self) -> None:
        self._frames.feed(bytes(self.transport.written))
        self.transport.written.clear()
        for kind, payload, _ in self._frames.events:
            if kind == "text":
                for event in msgspec.json.decode(payload):
                    self._note(event)
            else:
                assert kind == "ping", f"the neighbour got a {kind}"
        self._frames.events.clear()
        assert not self.transport.is_closing()

    def _note(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "subscribed":
                for result in event["results"]:
                    if "seq" in result:
                        self._positions.setdefault(
                            f"{result['asset_class']}:{result['symbol']}", result["seq"]
                        )
            case "quote":
                name = f"{event['asset_class']}:{event['symbol']}"
                assert event["seq"] == self._positions[name] + 1, f"{name}: {event}"
                assert "skipped" not in event
                self._positions[name] = event["seq"]
            case other:
                assert other in ("welcome", "heartbeat"), event


def handshake(path: str, key: str, *, subprotocol: str = "", extensions: str = "") -> bytes:
    """A request that opens a WebSocket."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"api-key: {key}",
        *([f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []),
        *([f"Sec-WebSocket-Extensions: {extensions}"] if extensions else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def events_of(transport: FakeTransport, *, deflated: bool = False) -> Sequence[Event]:
    """Everything a server sent on a connection, each frame as it has to be."""
    frames = ServerFrames()
    frames.deflated = deflated
    frames.feed(bytes(transport.written))
    return frames.events
