"""A world without time and without sockets: a real tape, hub and channels; the rest is a count of bytes."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from tests.fanout.ledger import HeadsAt, Ledger, Occasion, Sequence
from tradewatch.access.key import mint
from tradewatch.access.permit import Permit
from tradewatch.access.plan import Plan
from tradewatch.clock import ManualClock
from tradewatch.fanout.hub import Hub
from tradewatch.fanout.intake import Intake
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.position import position_text
from tradewatch.model.price import Price
from tradewatch.model.record import Record, side_flags
from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.delivery import INTERVALS_MS
from tradewatch.protocol.frame import text_frame
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.rights import EVERYTHING_HEARD
from tradewatch.protocol.session import Session
from tradewatch.protocol.suggestions import Suggestions
from tradewatch.protocol.v2.encoding import JSON, MSGPACK
from tradewatch.protocol.v2.session import V2Session
from tradewatch.reference.catalogue import Catalogue
from tradewatch.server.stream.channel import Channel
from tradewatch.server.stream.dialects import Dialects
from tradewatch.server.stream.subscriber import Subscriber
from tradewatch.server.stream.v2_subscriber import HEARTBEAT_S, V2Subscriber
from tradewatch.tape.memory import MemoryLog
from tradewatch.tape.tape import Tape

_EVERYTHING = 1 << 30
_KEY, _ = mint(name="virtual", plan="unlimited", now_ns=0)
#: What every client may have.
PERMIT = Permit(_KEY, Plan(name="unlimited"), ConnectionLimits(), EVERYTHING_HEARD, None)


class Buffer(NamedTuple):
    """The marks of a send buffer, in bytes."""

    high: int
    low: int


class Pipe:
    """A connection: it pauses within `write`, as uvloop does, and resumes where it is read."""

    id = "virtual"

    def __init__(self, world: "World", client: object, buffer: Buffer) -> None:
        self.channel: Channel
        self.occasions: deque[tuple[int, Occasion]] = deque()
        self.closed_with: CloseCode | None = None
        self._world = world
        self._client = client
        self._marks = buffer
        self._waiting = bytearray()
        self._written = 0
        self._paused = False

    @property
    def queued_bytes(self) -> int:
        return len(self._waiting)

    def send(self, payload: bytes) -> None:
        self.write(text_frame(payload))

    def write(self, frames: bytes) -> None:
        self._waiting += frames
        self._written += len(frames)
        self.occasions.append((self._written, self._world.occasion))
        if not self._paused and len(self._waiting) > self._marks.high:
            self._paused = True
            self.channel.paused()

    def close(self, code: CloseCode) -> None:
        self.closed_with = code

    def take(self, size: int) -> bytes:
        """The peer takes so many bytes."""
        taken = bytes(self._waiting[:size])
        del self._waiting[:size]
        if self._paused and len(self._waiting) <= self._marks.low:
            self._paused = False
            with_occasion = self._world.occasion
            self._world.happens("resume", client=self._client)
            self.channel.resumed()
            self._world.occasion = with_occasion
        return taken


class Peer:
    """A client that reads at once, unless it stops reading."""

    channel: Subscriber | V2Subscriber

    def __init__(self, world: "World", buffer: Buffer) -> None:
        self.reading = True
        self.pipe = Pipe(world, self, buffer)
        self._world = world
        self._inbox = bytearray()
        self._read = 0

    def read(self, size: int = _EVERYTHING) -> None:
        """Read so many bytes, and think about every message that is whole."""
        self._inbox += self.pipe.take(size)
        for payload in self._payloads():
            while self.pipe.occasions[0][0] < self._read:
                self.pipe.occasions.popleft()
            self.think(payload, self.pipe.occasions[0][1])

    def read_all(self) -> None:
        """Read until nothing more comes."""
        while self.pipe.queued_bytes:
            self.read()

    def say(self, request: dict[str, Any]) -> None:
        """Send a message."""
        self._world.happens("request", client=self)
        self.channel.received([self.encoded(request)])

    def encoded(self, request: dict[str, Any]) -> bytes:
        return msgspec.json.encode(request)

    def think(self, payload: bytes, occasion: Occasion) -> None:
        raise NotImplementedError

    def _payloads(self) -> Iterator[bytes]:
        inbox = self._inbox
        while len(inbox) > 1:
            size, head = inbox[1], 2
            if size >= 126:
                head = 4 if size == 126 else 10
                size = int.from_bytes(inbox[2:head])
            if len(inbox) < head + size:
                return
            payload = bytes(inbox[head : head + size])
            del inbox[: head + size]
            self._read += head + size
            yield payload


class V2Client(Peer):
    """A client of dialect v2, with its ledger."""

    def __init__(
        self,
        world: "World",
        buffer: Buffer,
        *,
        binary: bool,
        symbols: int = 10_000,
        max_quotes_per_s: int | None = None,
    ) -> None:
        super().__init__(world, buffer)
        self.ledger = Ledger(self, world.tape.epoch, world.heads_at, metered=max_quotes_per_s is not None)
        self.session = V2Session(
            world.catalogue,
            world.hub,
            world.suggestions,
            name="virtual",
            epoch=world.tape.epoch,
            scope=None,
            limits=ConnectionLimits(symbols=symbols),
            encoding=MSGPACK if binary else JSON,
            heartbeat_s=HEARTBEAT_S,
        )
        self.channel: V2Subscriber = V2Subscriber(
            self.session,
            world.hub,
            catalogue=world.catalogue,
            dialect=world.dialects.v2_msgpack if binary else world.dialects.v2_json,
            binary=binary,
            permit=PERMIT,
            as_of=world.as_of,
            clock=world.clock,
        )
        self.pipe.channel = self.channel
        world.hub.limit(self.channel._member, max_quotes_per_s)
        self._codec = msgspec.msgpack if binary else msgspec.json
        self._requests = 0
        self.channel.opened(self.pipe)

    def say(self, request: dict[str, Any]) -> None:
        self._requests += 1
        self.ledger.asks(self._requests, snapshot=request.get("snapshot", True))
        super().say({**request, "id": self._requests})

    def encoded(self, request: dict[str, Any]) -> bytes:
        encoded: bytes = self._codec.encode(request)
        return encoded

    def think(self, payload: bytes, occasion: Occasion) -> None:
        for event in self._codec.decode(payload):
            self.ledger.take(event, occasion)

    def check_rest(self) -> None:
        """When all is quiet and read, the client has the newest of everything it hears."""
        wanted = {
            instrument.key: delivery.interval_ms
            for instrument in self._world.instruments
            if (delivery := self.session.delivery_of(instrument)) is not None
        }
        assert {key: account.interval_ms for key, account in self.ledger.accounts.items()} == wanted
        assert self.ledger.pending == 0
        for instrument in self._world.instruments:
            if account := self.ledger.accounts.get(instrument.key):
                newest = self._world.tape.newest(instrument)
                assert account.position == self._world.tape.head(instrument)
                if newest is not None and account.position > account.start:
                    assert account.bid == (newest.bid.text if newest.bid else None)


class V1Client(Peer):
    """A client of dialect v1 on all classes."""

    def __init__(self, world: "World", buffer: Buffer) -> None:
        super().__init__(world, buffer)
        self.sequence = Sequence()
        self._session = Session(world.catalogue, scope=None, limits=ConnectionLimits())
        self.channel: Subscriber = Subscriber(
            self._session,
            world.hub,
            catalogue=world.catalogue,
            dialect=world.dialects.v1(scoped=True),
            permit=PERMIT,
            clock=world.clock,
        )
        self.pipe.channel = self.channel
        self._since: dict[str, int] = {}
        self.channel.opened(self.pipe)

    def say(self, request: dict[str, Any]) -> None:
        self.sequence.snapshots |= request.get("snapshot", False)
        super().say(request)
        hub = self._world.hub
        heard = {each.key: hub.head(each) for each in self._world.instruments if self._hears(each)}
        self._since = {key: self._since.get(key, head) for key, head in heard.items()}

    def think(self, payload: bytes, occasion: Occasion) -> None:
        self.sequence.take(msgspec.json.decode(payload))

    def check_rest(self) -> None:
        """When all is quiet and read, the client has the newest of everything it hears."""
        for instrument in self._world.instruments:
            whole = self._world.whole.get(instrument.key)
            if self._hears(instrument) and whole and whole.seq > self._since.get(instrument.key, 0):
                assert whole.bid is not None
                assert self.sequence.bids[instrument.key] == whole.bid.text

    def _hears(self, instrument: Instrument) -> bool:
        return instrument.key in self._session.names or instrument.asset_class in self._session.classes


class World:
    """Everything between a feed and its clients, by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.catalogue = Catalogue(limit=1_000)
        log = MemoryLog(clock=self.clock)
        self.tape = Tape(log, log.recovered, catalogue=self.catalogue, clock=self.clock)
        self.hub = Hub(call_soon=self._call_soon, seed=1)
        self.catalogue.watch(self.hub.appear)
        self.dialects = Dialects(self.tape.names.shown)
        self.suggestions = Suggestions(self.catalogue)
        self.instruments: list[Instrument] = []
        self.whole: dict[str, Record] = {}
        self.clients: list[V2Client | V1Client] = []
        self.heads_at: HeadsAt = {self.end_of_tape(): {}}
        self.occasion = Occasion(0, "start")
        self._intake = Intake(self.tape, self.hub)
        self._end_of_turn: list[Callable[[], None]] = []
        self._heads: dict[str, int] = {}
        self._quotes = 0

    def happens(self, kind: str, *, interval_ms: int = 0, client: object = None) -> None:
        """From here on what is written is written on this occasion."""
        self.occasion = Occasion(self.occasion.number + 1, kind, interval_ms, client)

    def as_of(self) -> str:
        """The point of the tape up to which clients hear."""
        return self.end_of_tape()

    def end_of_tape(self) -> str:
        """The point of the tape that the next record stands at."""
        return position_text(self.tape.epoch, self.tape.log.next_offset)

    def appear(self, key: str) -> None:
        """An instrument that nobody knew, `class:SYMBOL`."""
        asset_class, _, symbol = key.partition(":")
        self.happens("appear")
        self.instruments.append(self.catalogue.add(AssetClass(asset_class), symbol, decimals=0))

    def publish(self, *instruments: Instrument, one_sided: bool = False) -> None:
        """One quote of each; every bid is greater than all before."""
        self.happens("flush")
        now_ns = self.clock.now_ns()
        records: list[Record] = []
        for instrument in instruments:
            self._quotes += 1
            bid, ask = Price(self._quotes, 0), None if one_sided else Price(self._quotes + 1, 0)
            records.append(Record(instrument, now_ns, now_ns, bid, ask, flags=side_flags(bid, ask)))
        self._intake.take(records)
        for record in records:
            self._heads[record.instrument.key] = record.seq
            if not one_sided:
                self.whole[record.instrument.key] = record
        self.heads_at[self.end_of_tape()] = dict(self._heads)

    def end_turn(self) -> None:
        """What waits for the end of the turn happens."""
        self.happens("flush")
        waiting, self._end_of_turn = self._end_of_turn, []
        for callback in waiting:
            callback()

    def tick(self, interval_ms: int) -> None:
        """An interval has passed."""
        self.clock.advance(interval_ms / 1_000)
        self.happens("tick", interval_ms=interval_ms)
        self.hub.tick(interval_ms)

    def allow(self, seconds: float = 0.25) -> None:
        """Time has passed for who may have so many quotes a second."""
        self.clock.advance(seconds)
        self.happens("allow")
        self.hub.allow(self.clock.monotonic_s())

    def heartbeat(self, client: V2Client) -> None:
        """One client's heartbeat is due."""
        self.happens("heartbeat")
        client.channel.heartbeat()

    def beat(self, client: V2Client | V1Client) -> None:
        """So much time has passed that one client's heartbeat, or a word on its lag, is due."""
        self.clock.advance(HEARTBEAT_S)
        self.happens("heartbeat")
        client.channel.beat(self.clock.monotonic_s())

    def close(self, client: V2Client | V1Client) -> None:
        """A client is gone."""
        self.clients.remove(client)
        client.channel.closed()

    def read_all(self) -> None:
        """Every client that is reading has read everything."""
        for client in self.clients:
            if client.reading:
                client.read_all()

    def quiet(self) -> None:
        """The sources are quiet, intervals pass, everybody reads; then everybody has the newest."""
        for client in self.clients:
            client.reading = True
        self.end_turn()
        self.read_all()
        for interval_ms in INTERVALS_MS:
            self.tick(interval_ms)
            self.read_all()
        for _ in range(8):
            self.allow(1)
            self.read_all()
        for client in self.clients:
            if isinstance(client, V2Client):
                self.heartbeat(client)
                client.read_all()
            client.check_rest()

    def close_all(self) -> None:
        """Everybody is gone, and nothing is left of them."""
        for client in list(self.clients):
            self.close(client)
        assert not self.hub._members
        assert not self.hub._standing.behind
        assert not self.hub._standing._metered
        for lane in self.hub._lanes.values():
            assert not any((lane._by_slot, lane._marks, lane._known, lane._patterns, lane._routes._slots))
            assert not any(lane._latest.values())

    def _call_soon(self, callback: Callable[[], None]) -> None:
        self._end_of_turn.append(callback)
