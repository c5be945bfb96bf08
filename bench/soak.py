"""A soak: clients come, subscribe to much, and leave, for an hour; whether the server stays as it was."""

import asyncio
import itertools
import json
import os
import statistics
import struct
import sys
import time
from array import array
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from bench.contestants import Tradewatch
from bench.load import Access
from bench.process import Cores, ServerProcess
from bench.report import say
from bench.scenario import SCENARIOS, symbol

VISITS_PER_HOUR = 100_000
SYMBOLS = 1_000
#: Quotes per second in: few, so that what grows has grown with the visits.
RATE = 20
_IN_FLIGHT = 8
_SAMPLES = 360
_PATIENCE_S = 30.0
#: More than so much between the second tenth and the last is not flat.
FLAT = 0.02
#: Gauges of the server that count what it keeps for clients, by what their names hold.
_KEPT = ("connections", "tracked", "banned", "tickets", "sessions", "cohorts", "members")


@dataclass(frozen=True)
class Sample:
    """The server at one time.

    Attributes:
        at_s: since the beginning.
        visits: that were over by then.
        resident_bytes: memory of the server's process group.
        files: its open file descriptors.
        gauges: what it says that it keeps.
    """

    at_s: float
    visits: int
    resident_bytes: int
    files: int
    gauges: dict[str, float]


@dataclass(frozen=True)
class Soaked:
    """A whole soak.

    Attributes:
        samples: oldest first.
        failed: visits that did not go as they should.
        latency_p99_ms: from the first octet of a visit to the answer to its subscribe.
    """

    samples: list[Sample]
    failed: int
    latency_p99_ms: float

    def medians(self, read: Callable[[Sample], float]) -> tuple[float, float]:
        """Of the second tenth and of the last."""
        tenth = max(1, len(self.samples) // 10)
        early, late = self.samples[tenth : 2 * tenth], self.samples[-tenth:]
        return statistics.median(map(read, early)), statistics.median(map(read, late))

    @property
    def slope_bytes_per_visit(self) -> float:
        """Of resident memory, without the first tenth, in which a server takes what it needs."""
        steady = self.samples[len(self.samples) // 10 :]
        visits = [each.visits for each in steady]
        return statistics.linear_regression(visits, [each.resident_bytes for each in steady]).slope

    @property
    def is_flat(self) -> bool:
        """Whether neither memory nor open files have grown between the second tenth and the last."""
        memory, files = self.medians(lambda each: each.resident_bytes), self.medians(lambda each: each.files)
        return memory[1] <= memory[0] * (1 + FLAT) and files[1] <= files[0] + _IN_FLIGHT

    def as_json(self) -> dict[str, Any]:
        """For a results file."""
        return {
            "visits": self.samples[-1].visits,
            "seconds": self.samples[-1].at_s,
            "failed": self.failed,
            "latency_p99_ms": self.latency_p99_ms,
            "slope_bytes_per_visit": self.slope_bytes_per_visit,
            "flat": self.is_flat,
            "samples": [msgspec.to_builtins(each) for each in self.samples],
        }


def measure_soak(minutes: float, cores: Cores) -> Soaked:
    """Visit one server at an even pace for so long."""
    scenario = replace(SCENARIOS["calm"], rate=RATE, symbols=SYMBOLS)
    os.sched_setaffinity(0, {cores.load})
    with Tradewatch(paced=False).serve(scenario, core=cores.server) as (server, access):
        return asyncio.run(_Soak(server, access, minutes).run())


def table(soaked: Soaked) -> list[list[str]]:
    """What it was in the second tenth, and what in the last."""

    def row(name: str, read: Callable[[Sample], float], unit: float = 1.0) -> list[str]:
        early, late = (value / unit for value in soaked.medians(read))
        return [name, f"{early:,.1f}", f"{late:,.1f}", f"{late - early:+,.1f}"]

    names = dict.fromkeys(name for each in soaked.samples for name in each.gauges)
    return [
        [f"{soaked.samples[-1].visits:,} visits", "second tenth", "last tenth", "difference"],
        row("resident memory, MB", lambda each: each.resident_bytes, 1e6),
        row("open files", lambda each: each.files),
        *(row(name, lambda each, name=name: each.gauges.get(name, 0.0)) for name in names),  # type: ignore[misc]
        ["slope of memory", f"{soaked.slope_bytes_per_visit:+,.1f} bytes per visit"],
        ["visits that failed", f"{soaked.failed:,}"],
        ["verdict", "flat" if soaked.is_flat else f"NOT FLAT: more than {FLAT:.0%} between the two"],
    ]


class _Soak:
    """The visitors, and who watches the server meanwhile."""

    def __init__(self, server: ServerProcess, access: Access, minutes: float) -> None:
        self._server = server
        self._access = access
        self._seconds = minutes * 60
        self._interval_s = max(1.0, self._seconds / _SAMPLES)
        self._visits = self._failed = 0
        self._latencies_ns = array("q")
        self._begin_s = time.monotonic()
        self._samples: list[Sample] = []

    async def run(self) -> Soaked:
        places = asyncio.Semaphore(_IN_FLIGHT)
        self._begin_s = time.monotonic()
        watch = asyncio.create_task(self._watch())
        under_way: set[asyncio.Task[None]] = set()
        for number in itertools.count():
            due_s = number * 3600 / VISITS_PER_HOUR
            if due_s >= self._seconds or watch.done():
                break
            await asyncio.sleep(due_s - (time.monotonic() - self._begin_s))
            await places.acquire()
            visit = asyncio.create_task(self._visit(number, places))
            under_way.add(visit)
            visit.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        ordered = sorted(self._latencies_ns)
        return Soaked(self._samples, self._failed, ordered[int(len(ordered) * 0.99)] / 1e6)

    async def _watch(self) -> None:
        while True:
            counters = await asyncio.to_thread(self._server.counters)
            sample = Sample(
                at_s=time.monotonic() - self._begin_s,
                visits=self._visits,
                resident_bytes=self._server.resident_bytes(),
                files=_open_files(self._server.id),
                gauges={
                    name: value
                    for name, value in counters.items()
                    if any(word in name for word in _KEPT) and not name.endswith("_total")
                },
            )
            self._samples.append(sample)
            if len(self._samples) % 30 == 0:
                say(
                    f"{sample.at_s:,.0f} s: {sample.visits:,} visits, {sample.resident_bytes / 1e6:.1f} MB,"
                    f" {sample.files} files, {self._failed} failed"
                )
            await asyncio.sleep(self._interval_s)

    async def _visit(self, number: int, places: asyncio.Semaphore) -> None:
        """Come, subscribe, be answered, leave: in turn by a close, by the end of the stream, by a reset."""
        begin_ns = time.monotonic_ns()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._come_and_go(number)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, AssertionError) as error:
            self._failed += 1
            if self._failed <= 10:
                print(f"  visit {number}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        else:
            self._latencies_ns.append(time.monotonic_ns() - begin_ns)
        finally:
            self._visits += 1
            places.release()

    async def _come_and_go(self, number: int) -> None:
        subprotocol = ("tradewatch.v1", "tradewatch.v2", "tradewatch.v2.msgpack")[number % 3]
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        try:
            writer.write(_handshake(self._access, subprotocol))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 "), head[:60]
            writer.write(_SUBSCRIBES[subprotocol])
            answered = False
            while not answered:
                answered = _is_answer(await _payload(reader), subprotocol)
            match number // 3 % 3:
                case 0:
                    writer.write(b"\x88\x82" + bytes(4) + b"\x03\xe8")
                    await reader.read()
                case 1:
                    writer.write_eof()
                    await reader.read()
                case 2:
                    writer.transport.abort()
        finally:
            writer.close()


def _open_files(process_id: int) -> int:
    return sum(1 for _ in Path(f"/proc/{process_id}/fd").iterdir())


def _handshake(access: Access, subprotocol: str) -> bytes:
    return (
        f"GET {access.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Sec-WebSocket-Protocol: {subprotocol}\r\napi-key: {access.api_key}\r\n\r\n"
    ).encode()


def _subscribe(*, binary: bool) -> bytes:
    """The frame that asks for every symbol."""
    message = {"action": "subscribe", "symbols": [symbol(number) for number in range(SYMBOLS)]}
    payload = msgspec.msgpack.encode(message) if binary else json.dumps(message).encode()
    return struct.pack("!BBH", 0x82 if binary else 0x81, 0x80 | 126, len(payload)) + bytes(4) + payload


_SUBSCRIBES = {
    "tradewatch.v1": _subscribe(binary=False),
    "tradewatch.v2": _subscribe(binary=False),
    "tradewatch.v2.msgpack": _subscribe(binary=True),
}


async def _payload(reader: asyncio.StreamReader) -> bytes:
    """Of the next frame."""
    _, size = await reader.readexactly(2)
    if size > 125:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
    return await reader.readexactly(size)


def _is_answer(payload: bytes, subprotocol: str) -> bool:
    """Whether this says that all symbols are subscribed."""
    if subprotocol == "tradewatch.v1":
        return b'"status"' in payload[:40] and payload.count(b"SYM") == SYMBOLS
    return b"subscribed" in payload and payload.count(b"SYM") >= SYMBOLS
