"""What a connection costs that hears nothing: resident memory of the server, before and after many."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from bench.contestants import Tradewatch
from bench.load import LoadClient
from bench.process import Cores
from bench.scenario import SCENARIOS

_CONNECTIONS = 2_000
_OWNED = 10
_SETTLE_S = 2.0


@dataclass(frozen=True)
class Idle:
    """Memory of idle connections.

    Attributes:
        connections: how many.
        before_bytes: resident memory of the server without any.
        after_bytes: with all of them.
    """

    connections: int
    before_bytes: int
    after_bytes: int

    @property
    def bytes_per_connection(self) -> float:
        """What one costs."""
        return (self.after_bytes - self.before_bytes) / self.connections


def measure_idle(cores: Cores) -> Idle:
    """Open connections with ten symbols of their own each, and wait until they have settled."""
    scenario = replace(SCENARIOS["own-50"], rate=1, owned=_OWNED, sets=_CONNECTIONS, connections=_CONNECTIONS)
    with (
        tempfile.TemporaryDirectory(prefix="tradewatch-bench-") as folder,
        Tradewatch().serve(scenario, core=cores.server) as (server, access),
    ):
        subscriptions = scenario.write_subscriptions(Path(folder) / "subscriptions.jsonl")
        server.counters()  # the first request makes the HTTP side take its memory
        before_bytes = server.resident_bytes()
        with LoadClient(
            server, access, subscriptions, warm_up_s=_SETTLE_S, window_s=0.1, core=cores.load
        ) as client:
            client.await_phase("ready")
            client.await_phase("begin")
            after_bytes = server.resident_bytes()
            client.await_phase("end")
    return Idle(_CONNECTIONS, before_bytes, after_bytes)


def table(idle: Idle) -> list[list[str]]:
    """One row."""
    return [
        ["idle connections", "server before", "server after", "bytes per connection"],
        [
            f"{idle.connections:,} with {_OWNED} symbols each",
            f"{idle.before_bytes / 1e6:.1f} MB",
            f"{idle.after_bytes / 1e6:.1f} MB",
            f"{idle.bytes_per_connection:,.0f}",
        ],
    ]
