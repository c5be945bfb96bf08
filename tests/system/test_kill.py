"""`kill -9` under load: the tape goes on seq for seq, and has everything that a client saw."""

import asyncio
import json
import random
from collections import defaultdict
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.system.server import Server
from tests.tape.reading import read_tape

KILLS = 20
RATE = 5_000

Row = tuple[str, str, str, str]


async def listen_until_killed(server: Server, *, after_quotes: int) -> list[Row]:
    """What a client hears of all classes until the server is killed."""
    heard: list[Row] = []
    async with server.stream("/") as stream:
        await stream.send('{"action": "subscribe", "symbols": ["*"]}')
        try:
            while True:
                message = json.loads(await stream.recv())
                if "bid" in message:
                    heard.append((message["symbol"], message["timestamp"], message["bid"], message["ask"]))
                if len(heard) == after_quotes:
                    server.process.kill()
        except ConnectionClosed:
            return heard


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_twenty_kills_at_5000_quotes_a_second(serve: Any) -> None:
    chance = random.Random(20_261_122)
    heard: list[list[Row]] = []
    for _ in range(KILLS):
        server = serve("--feed", f"simulated?symbols=200&rate={RATE}")
        heard.append(await listen_until_killed(server, after_quotes=chance.randint(500, 4_000)))
        await asyncio.to_thread(server.process.wait, 10)
    last = serve("--feed", "simulated?symbols=200&rate=100")
    assert last.stop() == 0

    tape = read_tape(last.data_dir)
    assert len(tape.epochs) == 1, "a killed process ends no epoch"
    on_tape: dict[str, list[Row]] = defaultdict(list)
    next_seq: dict[str, int] = defaultdict(lambda: 1)
    for record in tape.records:
        symbol = record.instrument.symbol
        assert record.seq == next_seq[symbol], symbol
        next_seq[symbol] += 1
        on_tape[symbol].append((symbol, str(record.event_ns // 1_000_000), record.bid.text, record.ask.text))
    assert sum(map(len, heard)) > KILLS * 500

    places = dict.fromkeys(on_tape, 0)
    for life in heard:
        for row in life:
            places[row[0]] = on_tape[row[0]].index(row, places[row[0]]) + 1
