"""Scenarios: how many connections hear how many symbols of how many quotes."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

SYMBOLS = 1_000
CONNECTIONS = 500

_SEED = 20_140_508


def symbol(number: int) -> str:
    """The name that every server of a comparison gives its n-th symbol."""
    return f"SYM{number:05d}"


def turns(symbols: int) -> list[int]:
    """How often each symbol quotes in one round: the one of rank r, from 1, has 1 + n // 2r turns."""
    return [1 + symbols // (2 * rank) for rank in range(1, symbols + 1)]


@dataclass(frozen=True)
class Scenario:
    """Who asks for what.

    Attributes:
        name: its name on the command line and in results.
        sharing: who asks for what, as a person reads it.
        rate: quotes per second that arrive, all symbols together.
        owned: symbols that each connection asks for.
        sets: different subscription sets; connections take them in turn.
        competitors: whether other servers than ours and C are measured too.
        symbols: symbols that are quoted.
        connections: WebSocket connections.
        cadence_ms: time between two flushes of every server that has such a thing.
    """

    name: str
    sharing: str
    rate: int
    owned: int
    sets: int
    competitors: bool = True
    symbols: int = SYMBOLS
    connections: int = CONNECTIONS
    cadence_ms: int = 5

    @property
    def title(self) -> str:
        """All of it, as a person reads it."""
        return (
            f"{self.sharing} of {self.symbols:,} symbols, {self.rate:,} quotes/s in, a flush each"
            f" {self.cadence_ms} ms"
        )

    def subscriptions(self) -> list[list[int]]:
        """The numbers of the symbols of each connection; the same at each run."""
        chance = random.Random(_SEED)
        sets = [sorted(chance.sample(range(self.symbols), self.owned)) for _ in range(self.sets)]
        return [sets[number % self.sets] for number in range(self.connections)]

    def wanted_per_s(self) -> float:
        """Quotes per second that a server has to deliver, over all connections, to keep up."""
        weights = turns(self.symbols)
        heard = sum(weights[number] for owned in self.subscriptions() for number in owned)
        return self.rate * heard / sum(weights)

    def write_subscriptions(self, path: Path) -> Path:
        """One subscribe message per connection and line."""
        messages = (
            {"action": "subscribe", "symbols": [symbol(number) for number in owned]}
            for owned in self.subscriptions()
        )
        path.write_text("".join(f"{json.dumps(message)}\n" for message in messages))
        return path


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("own-500", "500 distinct sets of 500", 20_000, 500, CONNECTIONS),
        Scenario("own-50", "500 distinct sets of 50", 160_000, 50, CONNECTIONS),
        Scenario("calm", "500 distinct sets of 500", 4_000, 500, CONNECTIONS),
        Scenario("grouped", "20 sets, 25 connections each, of 500", 20_000, 500, 20, competitors=False),
        Scenario("identical", "one set of 500 for all", 20_000, 500, 1, competitors=False),
    )
}
