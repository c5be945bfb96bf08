"""Histories of a whole server without time and without sockets: whatever may happen, in any order.

Every client keeps its own ledger (`ledger.py`) of what it reads; the rules only make things happen.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.fanout.virtual import Buffer, V1Client, V2Client, World

KNOWN = ["currencies:EURUSD", "currencies:GBPUSD", "crypto:BTCUSD", "crypto:ETHUSD"]
NEW = ["crypto:SOLUSD", "currencies:USDJPY", "stocks:AAPL"]
WANTED = [
    ["currencies:EURUSD"],
    ["crypto:BTCUSD"],
    ["currencies:EURUSD", "crypto:ETHUSD"],
    KNOWN,
    ["*"],
    ["crypto:*"],
    ["*", "crypto:BTCUSD"],
    ["crypto:SOLUSD"],
]
EVERY, LATEST_50, LATEST_250 = (
    {"mode": "every"},
    {"mode": "latest", "interval_ms": 50},
    {"mode": "latest", "interval_ms": 101},
)
SUBSCRIBES = [
    {"action": "subscribe", "symbols": symbols, "delivery": delivery, "snapshot": snapshot}
    for symbols, delivery, snapshot in product(WANTED, (EVERY, LATEST_50, LATEST_250), (True, False))
]
UNSUBSCRIBES = [{"action": "unsubscribe", "symbols": symbols} for symbols in WANTED]
SMALL, LARGE = Buffer(600, 200), Buffer(3_000, 1_000)
KINDS: Sequence[Callable[[World], V2Client | V1Client]] = [
    lambda world: V2Client(world, SMALL, binary=False),
    lambda world: V2Client(world, LARGE, binary=False),
    lambda world: V2Client(world, SMALL, binary=False, symbols=4),
    lambda world: V2Client(world, SMALL, binary=True),
    lambda world: V2Client(world, LARGE, binary=False, max_quotes_per_s=2),
    lambda world: V1Client(world, SMALL),
]
MOST_CLIENTS = 4

indexes = st.integers(0, MOST_CLIENTS - 1)
#: Which instruments are quoted, as bits of their index, and how often.
bursts = st.tuples(st.integers(1, 15), st.sampled_from([1, 1, 2, 3, 9]))


class Histories(RuleBasedStateMachine):
    """Whatever may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        for key in KNOWN:
            self.world.appear(key)
        self.world.clients += [KINDS[0](self.world), KINDS[0](self.world)]

    @initialize(kind=st.sampled_from(KINDS), request=st.sampled_from(SUBSCRIBES))
    def begin(self, kind: Callable[[World], V2Client | V1Client], request: dict[str, Any]) -> None:
        self.world.clients.append(kind(self.world))
        self.all_subscribe(request)

    def client(self, index: int) -> V2Client | V1Client:
        return self.world.clients[index % len(self.world.clients)]

    @rule(burst=bursts, one_sided=st.booleans())
    def publish(self, burst: tuple[int, int], one_sided: bool) -> None:
        bits, times = burst
        chosen = [each for at, each in enumerate(self.world.instruments) if bits >> (at % 4) & 1]
        for _ in range(times):
            self.world.publish(*chosen, one_sided=one_sided)
        self.world.read_all()

    @rule(bits=st.integers(1, 15), turns=st.integers(1, 3), interval_ms=st.sampled_from([0, 50, 250]))
    def go_on(self, bits: int, turns: int, interval_ms: int) -> None:
        """Some turns of quotes, and perhaps a tick."""
        for turn in range(turns):
            self.publish((bits, turn + 1), one_sided=False)
            self.end_turn()
        if interval_ms:
            self.tick(interval_ms)

    @rule()
    def end_turn(self) -> None:
        self.world.end_turn()
        self.world.read_all()

    @rule(interval_ms=st.sampled_from([50, 250]))
    def tick(self, interval_ms: int) -> None:
        self.world.tick(interval_ms)
        self.world.read_all()

    @rule(seconds=st.sampled_from([0.25, 1]))
    def allow(self, seconds: float) -> None:
        self.world.allow(seconds)
        self.world.read_all()

    @rule(index=indexes, request=st.sampled_from(SUBSCRIBES))
    def subscribe(self, index: int, request: dict[str, Any]) -> None:
        self.client(index).say(request)
        self.world.read_all()

    @rule(request=st.sampled_from(SUBSCRIBES))
    def all_subscribe(self, request: dict[str, Any]) -> None:
        for client in self.world.clients:
            client.say(request)
        self.world.read_all()

    @rule(index=indexes, request=st.sampled_from(UNSUBSCRIBES))
    def unsubscribe(self, index: int, request: dict[str, Any]) -> None:
        self.client(index).say(request)
        self.world.read_all()

    @rule(index=indexes)
    def stop_reading(self, index: int) -> None:
        self.client(index).reading = False

    @rule(index=indexes, size=st.sampled_from([150, 500, 2_000]))
    def read_some(self, index: int, size: int) -> None:
        self.client(index).read(size)

    @rule(index=indexes)
    def start_reading(self, index: int) -> None:
        self.client(index).reading = True
        self.world.read_all()

    @rule(index=indexes)
    def beat(self, index: int) -> None:
        self.world.beat(self.client(index))
        self.world.read_all()

    @rule(index=indexes)
    def heartbeat(self, index: int) -> None:
        client = self.client(index)
        if isinstance(client, V2Client):
            self.world.heartbeat(client)
        else:
            client.say({"action": "ping"})
        self.world.read_all()

    @precondition(lambda self: len(self.world.instruments) < len(KNOWN) + len(NEW))
    @rule()
    def appear(self) -> None:
        self.world.appear(NEW[len(self.world.instruments) - len(KNOWN)])
        self.world.read_all()

    @precondition(lambda self: len(self.world.clients) < MOST_CLIENTS)
    @rule(kind=st.sampled_from(KINDS))
    def connect(self, kind: Callable[[World], V2Client | V1Client]) -> None:
        self.world.clients.append(kind(self.world))

    @precondition(lambda self: len(self.world.clients) > 1)
    @rule(index=indexes)
    def close(self, index: int) -> None:
        self.world.close(self.client(index))

    def teardown(self) -> None:
        self.world.quiet()
        self.world.close_all()


def run(examples: int, number: int, *, shrink: bool = True) -> None:
    """Run histories that depend on nothing but the seed."""

    @seed(number)
    class Seeded(Histories):
        pass

    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    run_state_machine_as_test(
        Seeded,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            report_multiple_bugs=False,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )
