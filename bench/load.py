"""One run of the load client against a server, and what both saw of it."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from bench.compiler import compiled
from bench.process import ServerProcess, starved_s


@dataclass(frozen=True)
class Access:
    """How a client reaches the stream of a server.

    Attributes:
        path: of the WebSocket.
        api_key: empty where none is needed.
        subprotocol: empty for none.
        arrays: whether a message is an array of events, and not one quote.
    """

    path: str = "/"
    api_key: str = ""
    subprotocol: str = ""
    arrays: bool = False


#: From this share on a window says more about the machine than about the server.
BUSY = 0.05


@dataclass(frozen=True)
class Measured:
    """One window.

    Attributes:
        delivered_per_s: quotes that reached the client, per second, over all connections.
        cpu_us_per_quote: CPU of the server's whole process group by delivered quote.
        cpu_share: the same by time: 1.0 is one core.
        starved: share of the window in which the server, or the load client, was ready to run and others had
            its core; the greater of both.
        p50_ms: median age of a quote when it was read, from the time its source gave it.
        p99_ms: the age that one quote of a hundred exceeds.
        bytes_per_quote: payload, without the header of the frame.
        flushes_per_s: how often the server wrote to its connections.
        skipped: quotes that the server left out, in warm-up and window.
        load_share: CPU of the load client; near 1.0 it is the bottleneck, and not the server.
        closed: connections that the server ended.
    """

    delivered_per_s: float
    cpu_us_per_quote: float
    cpu_share: float
    starved: float
    p50_ms: float
    p99_ms: float
    bytes_per_quote: float
    flushes_per_s: float
    skipped: int
    load_share: float
    closed: int

    def as_json(self) -> dict[str, float]:
        """For a results file."""
        return asdict(self)


class LoadClient:
    """The load client, from its first connection on; leaving the context ends it."""

    def __init__(
        self,
        server: ServerProcess,
        access: Access,
        subscriptions: Path,
        *,
        warm_up_s: float,
        window_s: float,
        core: int,
    ) -> None:
        options = [
            f"--port={server.port}",
            f"--path={access.path}",
            f"--api-key={access.api_key}",
            f"--subprotocol={access.subprotocol}",
            f"--subscriptions={subscriptions}",
            f"--warm-up-s={warm_up_s}",
            f"--window-s={window_s}",
            *(["--arrays"] if access.arrays else []),
        ]
        self._process = subprocess.Popen(
            [compiled("load"), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.sched_setaffinity(self._process.pid, {core})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()

    @property
    def id(self) -> int:
        """Its process id."""
        return self._process.pid

    def await_phase(self, phase: str) -> None:
        """Wait until it says `ready`, `begin` or `end`; anything else ends the benchmark."""
        assert self._process.stderr
        line = self._process.stderr.readline().strip()
        if line != phase:
            sys.exit(f"bench: the load client failed: {line or 'it ended'}")

    def counts(self) -> dict[str, Any]:
        """What it counted in the window."""
        assert self._process.stdout
        counts: dict[str, Any] = json.loads(self._process.stdout.readline())
        return counts


class _Sample(NamedTuple):
    """Where server and load client stand at one time."""

    at_s: float
    cpu_s: float
    server_starved_s: float
    load_starved_s: float

    @classmethod
    def of(cls, server: ServerProcess, client: LoadClient) -> Self:
        return cls(time.monotonic(), server.cpu_s(), starved_s(server.id), starved_s(client.id))


def measure(
    server: ServerProcess,
    access: Access,
    subscriptions: Path,
    *,
    warm_up_s: float,
    window_s: float,
    core: int,
) -> Measured:
    """Load a server for a warm-up and a window."""
    with (
        ThreadPoolExecutor(1) as beside,  # a server at its limit is slow to tell its counters
        LoadClient(
            server, access, subscriptions, warm_up_s=warm_up_s, window_s=window_s, core=core
        ) as client,
    ):
        client.await_phase("ready")
        reading_before = beside.submit(_read_counters, server)
        client.await_phase("begin")
        begin = _Sample.of(server, client)
        client.await_phase("end")
        end = _Sample.of(server, client)
        (before_s, before), (after_s, after) = reading_before.result(), _read_counters(server)
        counts = client.counts()
    seconds = end.at_s - begin.at_s
    cpu_share = (end.cpu_s - begin.cpu_s) / seconds
    return Measured(
        delivered_per_s=counts["quotes_per_s"],
        cpu_us_per_quote=cpu_share * 1e6 / max(counts["quotes_per_s"], 1.0),
        cpu_share=cpu_share,
        starved=max(end.server_starved_s - begin.server_starved_s, end.load_starved_s - begin.load_starved_s)
        / seconds,
        p50_ms=counts["p50_ms"],
        p99_ms=counts["p99_ms"],
        bytes_per_quote=counts["bytes_per_quote"],
        flushes_per_s=(after["flushes_total"] - before["flushes_total"]) / (after_s - before_s),
        skipped=int(after["quotes_skipped_total"] - before["quotes_skipped_total"]),
        load_share=counts["cpu_share"],
        closed=counts["closed"],
    )


def _read_counters(server: ServerProcess) -> tuple[float, dict[str, float]]:
    """The counters of a server, and when they came."""
    counters = server.counters()
    return time.monotonic(), counters
