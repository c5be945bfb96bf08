"""`/metrics` on a real server: what a scraper reads is what clients did, and names nobody's key."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import InvalidStatus

from tests.system.server import Server
from tests.system.slow_client import SlowClient
from tests.system.test_v2 import client, publish
from tests.system.v2_client import JSON
from tradewatch.server.rest import readings
from tradewatch.server.rest.history_readings import history_readings
from tradewatch.server.rest.metrics import Reading

#: The server's own subscriber, which watches whether quotes travel.
CANARY = 1
NAMES = [f"SYM{number:05}" for number in range(50)]


def scraped(server: Server) -> dict[str, Metric]:
    """The families of `/metrics`, by name without the product's prefix."""
    answer = server.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {family.name.removeprefix("tradewatch_"): family for family in families}


def value(metrics: dict[str, Metric], name: str, **labels: str) -> float:
    """One number; 0 where nothing has counted yet."""
    found = [
        sample.value
        for sample in metrics[name].samples
        if sample.labels == labels and not sample.name.endswith(("_bucket", "_created", "_sum"))
    ]
    assert len(found) <= 1
    return sum(found)


def declared() -> list[Reading]:
    """Every reading that the server has, read from nothing."""
    nothing: Any = Mock()
    return [
        *readings.stream_readings(nothing, nothing, nothing),
        *readings.door_readings(nothing, nothing, nothing, nothing),
        *readings.quote_readings(nothing, nothing, nothing, nothing, nothing),
        *readings.usage_readings(nothing),
        *readings.feed_readings([]),
        *history_readings(nothing),
    ]


async def until(server: Server, condition: Callable[[dict[str, Metric]], bool]) -> dict[str, Metric]:
    """The first scrape of which this is true."""
    async with asyncio.timeout(20):
        while not condition(metrics := await asyncio.to_thread(scraped, server)):
            await asyncio.sleep(0.1)
    return metrics


async def test_what_clients_do_is_what_a_scraper_reads(serve: Any, tmp_path: Path) -> None:
    (tmp_path / "tradewatch.toml").write_text("[plans.demo]\nmax_quotes_per_s = 20\n")
    server: Server = serve(
        "--config",
        str(tmp_path / "tradewatch.toml"),
        *("--feed", "simulated?symbols=50&rate=500&prefix=SYM&class=crypto"),
    )
    keys = [server.demo_key, server.create_key("free")]
    before = await until(server, lambda metrics: value(metrics, "subscribers", state="live") == CANARY)
    assert {reading.name for reading in declared()} == before.keys()
    for reading in declared():
        assert before[reading.name].documentation == reading.meaning
        assert all(set(sample.labels) <= {reading.label, "le"} for sample in before[reading.name].samples)

    async with (
        client(server, key=keys[1]) as free,
        client(server) as held,
        server.stream("/", key=keys[1]) as plain,
        SlowClient(server, "/crypto/quotes", subprotocol=JSON) as slow,
    ):
        server_side = {"live": 2 + CANARY, "behind": 1, "held": 1}
        with contextlib.suppress(InvalidStatus):
            await server.stream("/bonds/quotes")
        await plain.send(json.dumps({"action": "subscribe", "symbols": NAMES}))
        for each in (free, held):
            await each.ask("subscribe", symbols=NAMES)
        ask = json.dumps({"action": "subscribe", "symbols": ["*"], "id": "x" * 50}).encode()
        for _ in range(100):  # answers, which it does not take
            await slow.say(ask)

        def settled(metrics: dict[str, Metric]) -> bool:
            return all(
                value(metrics, "subscribers", state=state) == count for state, count in server_side.items()
            )

        metrics = await until(server, settled)
        assert value(metrics, "connections") == sum(server_side.values())
        opened = value(metrics, "connections_opened") - value(before, "connections_opened")
        assert opened == 4
        assert value(metrics, "refusals", reason="not_found") == 1
        assert value(metrics, "messages_in") - value(before, "messages_in") >= 3
        assert value(metrics, "quotes_in") > value(before, "quotes_in")
        assert value(metrics, "quotes_out") > value(before, "quotes_out")
        assert value(metrics, "flushes") > 0

        (slowest,) = metrics["slow_connection_queue_bytes"].samples
        assert slowest.labels["connection"].startswith("c")
        assert slowest.value >= 256 << 10
        assert value(metrics, "queue_bytes") >= 256 << 10
        costs = [sample for sample in metrics["flush_seconds"].samples if sample.name.endswith("_bucket")]
        assert costs[-1].labels["le"] == "+Inf"
        assert [sample.value for sample in costs] == sorted(sample.value for sample in costs)

        await until(server, lambda metrics: value(metrics, "quotes_skipped") > 0)
        publish(server, 1, ("SYM00000", "1", "2"))
        assert value(scraped(server), "batches") == 1

    closed = await until(server, lambda metrics: value(metrics, "connections") == CANARY)
    assert value(closed, "connections_closed", reason="client") >= 3
    assert sum(sample.value for sample in closed["connections_closed"].samples) >= 4
    text = server.get("/metrics").text
    for key in keys:
        _, key_id, secret = key.split("_")
        assert key_id not in text
        assert secret not in text
