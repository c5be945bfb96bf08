"""How many quotes a second one core takes in, through `async for`, beside a plain client.

A sender in another process has all messages ready as frames and writes them into the socket; so what is
measured is the client alone.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import uvloop
from websockets.asyncio.client import connect as connect_plainly
from websockets.typing import Subprotocol

import tradewatch.client
from bench.client_sender import SYMBOLS
from bench.process import Cores

#: Quotes of a run by the quotes in one message.
_QUOTES = {1: 20_000, 10: 100_000, 100: 200_000}
_ROUNDS = 3

#: Takes so many quotes from a URL; the seconds that it took.
Client = Callable[[str, int], float]


@dataclass(frozen=True)
class Taken:
    """One client at one size of message; the best of a few rounds.

    Attributes:
        name: of the client.
        per_message: quotes in one message.
        quotes_per_s: quotes taken in per second of time.
    """

    name: str
    per_message: int
    quotes_per_s: float


def measure_clients(cores: Cores) -> list[Taken]:
    """Each client with each size of message, on one core, the sender on another."""
    here = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores.load})
    try:
        return [
            Taken(name, size, max(_round(client, size, cores.server) for _ in range(_ROUNDS)))
            for size in _QUOTES
            for name, client in _CLIENTS.items()
        ]
    finally:
        os.sched_setaffinity(0, here)


def table(measured: list[Taken]) -> list[list[str]]:
    """For people."""
    rows = [["quotes/s by quotes per message", *(f"{size}" for size in _QUOTES)]]
    for name in _CLIENTS:
        rates = {taken.per_message: taken.quotes_per_s for taken in measured if taken.name == name}
        rows.append([name, *(f"{rates[size]:,.0f}" for size in _QUOTES)])
    return rows


def _round(client: Client, per_message: int, core: int) -> float:
    """Quotes per second of one run."""
    quotes = _QUOTES[per_message]
    command = [sys.executable, "-m", "bench.client_sender", str(quotes), str(per_message)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        os.sched_setaffinity(sender.pid, {core})
        assert sender.stdout
        try:
            seconds = client(f"ws://127.0.0.1:{int(sender.stdout.readline())}", quotes)
        finally:
            sender.terminate()
    return quotes / seconds


async def _iterate(url: str, quotes: int) -> float:
    async with tradewatch.client.connect(url, policy="block") as stream:
        await stream.subscribe(*SYMBOLS)
        began_s = time.perf_counter()
        count = 0
        async for _ in stream:
            count += 1
            if count == quotes:
                break
        seconds = time.perf_counter() - began_s
        assert (stream.ledger.delivered, stream.ledger.broken) == (quotes, 0)
    return seconds


def _iterate_in_thread(url: str, quotes: int) -> float:
    with tradewatch.client.sync.connect(url, policy="block") as stream:
        stream.subscribe(*SYMBOLS)
        began_s = time.perf_counter()
        for count, _ in enumerate(stream, 1):
            if count == quotes:
                break
        return time.perf_counter() - began_s


async def _load_plainly(url: str, quotes: int) -> float:
    subprotocols = [Subprotocol("tradewatch.v2")]
    async with connect_plainly(url, subprotocols=subprotocols, proxy=None, compression=None) as socket:
        await socket.send(json.dumps({"action": "subscribe", "id": 1, "symbols": SYMBOLS}))
        count = 0
        began_s = time.perf_counter()
        async for message in socket:
            for event in json.loads(message):
                if event["event"] == "quote":
                    count += 1
            if count == quotes:
                break
        return time.perf_counter() - began_s


def _on_loop(
    client: Callable[[str, int], Coroutine[Any, Any, float]], loop: Callable[[], asyncio.AbstractEventLoop]
) -> Client:
    def run(url: str, quotes: int) -> float:
        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(client(url, quotes))

    return run


_CLIENTS: dict[str, Client] = {
    "tradewatch.client, async for": _on_loop(_iterate, asyncio.new_event_loop),
    "the same on uvloop": _on_loop(_iterate, uvloop.new_event_loop),
    "tradewatch.client.sync, for": _iterate_in_thread,
    "websockets and json.loads": _on_loop(_load_plainly, asyncio.new_event_loop),
    "these on uvloop": _on_loop(_load_plainly, uvloop.new_event_loop),
}
