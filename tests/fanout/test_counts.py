"""What the fan-out costs, counted: numbers that are the same on every machine, and in every run."""

import gc
import json
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import msgspec
import pytest

from tradewatch.fanout.hub import Hub
from tradewatch.fanout.listening import Listening
from tradewatch.fanout.member import Member
from tradewatch.fanout.routes import Routes
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Record
from tradewatch.protocol.deflate import Deflated
from tradewatch.protocol.dialect import Dialect
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.suggestions import Suggestions
from tradewatch.protocol.v1 import V1
from tradewatch.protocol.v2.encoding import JSON
from tradewatch.protocol.v2.json import V2Json
from tradewatch.protocol.v2.msgpack import V2Msgpack
from tradewatch.protocol.v2.session import V2Session
from tradewatch.reference.catalogue import Catalogue

NOW_NS = 1_704_067_261_000_000_000


class Client:
    """A connection that counts what is written to it, and keeps nothing of it."""

    def __init__(self, hub: Hub, catalogue: Catalogue, dialect: Dialect) -> None:
        self.writes = 0
        self.member: Member = hub.member(self, dialect)
        self.listening = Listening(hub, self.member, catalogue)

    def write(self, frames: bytes) -> None:
        self.writes += 1

    def appeared(self, instrument: Instrument) -> bool:
        return True


class Counted:
    """A dialect that counts its encodings."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.name = inner.name
        self.encoded = 0
        self.joined = 0

    def body(self, record: Record) -> bytes:
        self.encoded += 1
        body: bytes = self.inner.body(record)
        return body

    def drained(self, body: bytes, *, skipped: int, snapshot: bool, replay: bool = False) -> bytes:
        drained: bytes = self.inner.drained(body, skipped=skipped, snapshot=snapshot, replay=replay)
        return drained

    def event(self, event: msgspec.Struct) -> bytes:
        encoded: bytes = self.inner.event(event)
        return encoded

    def frames(self, bodies: Sequence[bytes]) -> bytes:
        self.joined += 1
        frames: bytes = self.inner.frames(bodies)
        return frames


class World:
    """A hub over a catalogue, and what clients it has."""

    def __init__(self, instruments: int) -> None:
        self.catalogue = Catalogue(limit=20_000)
        self.instruments = [
            self.catalogue.add(AssetClass.CRYPTO, f"SYM{number:05}", decimals=2)
            for number in range(instruments)
        ]
        self.hub = Hub(call_soon=lambda _: None, seed=7)
        self._seqs: dict[int, int] = {}

    def client(self, dialect: Dialect) -> Client:
        return Client(self.hub, self.catalogue, dialect)

    def records(self, instruments: Sequence[Instrument]) -> list[Record]:
        """The next quote of each."""
        made = []
        for instrument in instruments:
            seq = self._seqs[instrument.id] = self._seqs.get(instrument.id, 0) + 1
            made.append(Record(instrument, NOW_NS, NOW_NS, Price(150 + seq, -2), Price(1, 3), seq=seq))
        return made

    def flush(self, *instruments: Instrument) -> None:
        """One flush with a quote of each."""
        self.hub.offer(self.records(instruments))
        self.hub.flush()


def unnamed(number: int) -> str | None:
    return None


DIALECTS: list[Callable[[], Dialect]] = [
    lambda: V1(scoped=True),
    lambda: V2Json(unnamed),
    lambda: V2Msgpack(unnamed),
]


def calls_during(work: Callable[[], object]) -> int:
    """How many functions, Python's and C's, were called."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("make", DIALECTS)
@pytest.mark.parametrize("quotes", [1, 10, 200])
def test_one_write_per_flush_for_each_leg_that_heard_something(
    make: Callable[[], Dialect], quotes: int
) -> None:
    world = World(400)
    dialect = make()
    same = [world.client(dialect) for _ in range(20)]
    for client in same:
        client.listening.hear(world.instruments[:200])
    own = [world.client(dialect) for _ in range(20)]
    for number, client in enumerate(own):
        client.listening.hear([*world.instruments[:200], world.instruments[300 + number]])
    two_legs = world.client(dialect)
    two_legs.listening.hear(world.instruments[:100])
    two_legs.listening.hear_class(AssetClass.CRYPTO)
    deaf = world.client(dialect)
    deaf.listening.hear(world.instruments[399:])
    before = two_legs.writes
    for _ in range(10):
        world.flush(*world.instruments[:quotes])
    assert [client.writes for client in same + own] == [10] * 40
    assert two_legs.writes - before == 10 * (1 if quotes <= 100 else 2)
    assert deaf.writes == 0


def test_a_tick_is_one_write_however_many_quotes_there_were() -> None:
    world = World(100)
    clients = [world.client(V2Json(unnamed)) for _ in range(5)]
    for client in clients:
        client.listening.hear(world.instruments, interval_ms=100)
    for _ in range(50):
        world.flush(*world.instruments)
    assert [client.writes for client in clients] == [0] * 5
    world.hub.tick(100)
    assert [client.writes for client in clients] == [1] * 5
    world.hub.tick(100)
    assert [client.writes for client in clients] == [1] * 5, "nothing moved"


def test_a_quote_is_encoded_once_per_dialect_however_many_hear_it() -> None:
    world = World(60)
    dialects = [Counted(make()) for make in DIALECTS]
    clients: list[Client] = []
    for dialect in dialects:
        for number in range(30):
            client = world.client(dialect)
            client.listening.hear(world.instruments[: 30 + number])
            clients.append(client)
        client = world.client(dialect)
        client.listening.hear(world.instruments, interval_ms=250)
        clients.append(client)
    for _ in range(10):
        world.flush(*world.instruments[:30])
    world.hub.tick(250)
    assert [dialect.encoded for dialect in dialects] == [300] * 3

    behind = clients[:5] + clients[35:40]
    for client in behind:
        world.hub.pause(client.member)
    world.flush(*world.instruments[:30])
    for client in behind:
        world.hub.resume(client.member)
    late = world.client(dialects[0])
    late.listening.hear(world.instruments[:30], snapshot=True)
    world.hub.show(late.member, [instrument.id for instrument in world.instruments[:30]])
    assert [dialect.encoded for dialect in dialects] == [330] * 3, "drains and snapshots reuse the body"


def test_a_message_is_joined_and_compressed_once_for_all_who_hear_the_same() -> None:
    world = World(50)
    dialect = Counted(Deflated(V2Json(unnamed), 12))
    clients = [world.client(dialect) for _ in range(50)]
    for client in clients:
        client.listening.hear(world.instruments)
    for _ in range(10):
        world.flush(*world.instruments)
    assert dialect.joined == 10
    assert [client.writes for client in clients] == [10] * 50


def test_a_quote_that_nobody_hears_is_not_encoded() -> None:
    world = World(10)
    dialect = Counted(V2Json(unnamed))
    client = world.client(dialect)
    client.listening.hear(world.instruments[:1])
    world.flush(*world.instruments)
    assert dialect.encoded == 1


@pytest.mark.parametrize("quotes", [1, 200])
def test_a_connection_that_is_behind_costs_nothing_per_quote(quotes: int) -> None:
    world = World(200)
    dialect = V2Json(unnamed)
    world.client(dialect).listening.hear(world.instruments)
    work = [*world.records(world.instruments[:quotes])]

    def flush() -> None:
        world.hub.offer(work)
        world.hub.flush()

    flush()
    alone = calls_during(flush)
    slow = [world.client(dialect) for _ in range(300)]
    for number, client in enumerate(slow):
        client.listening.hear(world.instruments, interval_ms=(0, 50)[number % 2])
    assert calls_during(flush) > alone, "live ones do cost"
    for client in slow:
        world.hub.pause(client.member)
    writes = [client.writes for client in slow]
    assert calls_during(flush) == alone
    assert [client.writes for client in slow] == writes


def test_flushes_leave_nothing_behind() -> None:
    world = World(100)
    clients = [world.client(make()) for make in DIALECTS for _ in range(10)]
    for number, client in enumerate(clients):
        client.listening.hear(world.instruments, interval_ms=(0, 0, 50)[number % 3])
    world.hub.pause(clients[0].member)

    def flushes(count: int) -> None:
        for _ in range(count):
            world.flush(*world.instruments)
            world.hub.tick(50)

    flushes(20)
    gc.collect()
    before = sys.getallocatedblocks()
    flushes(200)
    gc.collect()
    grown = sys.getallocatedblocks() - before
    assert grown < 500, f"{grown} blocks more after 20,000 quotes, of which the hub keeps the newest 100"


@pytest.mark.parametrize("interval_ms", [0, 100])
def test_one_changed_symbol_of_10000_changes_one_route(
    monkeypatch: pytest.MonkeyPatch, interval_ms: int
) -> None:
    world = World(10_001)
    client = world.client(V2Json(unnamed))
    client.listening.hear(world.instruments[:10_000], interval_ms=interval_ms)
    changes: list[tuple[str, int]] = []
    for name in ("add", "remove"):
        original = getattr(Routes, name)

        def count(routes: Routes, what: Any, slot: int, name: str = name, original: Any = original) -> None:
            changes.extend((name, each) for each in ([what] if isinstance(what, int) else what))
            original(routes, what, slot)

        monkeypatch.setattr(Routes, name, count)
    one, other = world.instruments[5_000], world.instruments[10_000]
    calls = calls_during(lambda: client.listening.forget([one]))
    calls += calls_during(lambda: client.listening.hear([other], interval_ms=interval_ms))
    assert changes == ([] if interval_ms else [("remove", one.id), ("add", other.id)])
    assert calls < 300


def test_5000_unknown_names_are_looked_for_at_five_places(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(10_000)
    session = V2Session(
        world.catalogue,
        world.hub,
        Suggestions(world.catalogue),
        name="s",
        epoch="0mlcjp2x3",
        scope=None,
        limits=ConnectionLimits(),
        encoding=JSON,
        heartbeat_s=5,
    )
    asked: list[str] = []
    original = Suggestions.close_to

    def count(suggestions: Suggestions, symbol: str, classes: Any) -> list[Instrument]:
        asked.append(symbol)
        return original(suggestions, symbol, classes)

    monkeypatch.setattr(Suggestions, "close_to", count)
    names = [f"SYM{number:05}X" for number in range(5_000)]
    message = json.dumps({"action": "subscribe", "symbols": names}).encode()
    calls = calls_during(lambda: session.receive([message], now_ns=NOW_NS))
    assert asked == names[:5]
    assert calls < 60 * 5_000
