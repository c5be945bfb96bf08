"""A full disk: streaming goes on, the loss is counted and said, and the tape goes on when there is room."""

import resource
import time
from typing import Any

from tests.system.server import Server, receive
from tests.system.test_publish import batch, seqs

ROW = [{"symbol": "ACME", "ts_ms": "1", "bid": "1", "ask": "2"}]


def limit_files(server: Server, size_bytes: int) -> None:
    """What the kernel lets the server write into a file; beyond it, writes fail as on a full disk."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


def metric(server: Server, name: str) -> float:
    lines = server.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"tradewatch_{name} "))


def wait_until(server: Server, name: str, value: float) -> None:
    deadline = time.monotonic() + 10
    while metric(server, name) != value:
        assert time.monotonic() < deadline, f"{name} is not {value}"


async def test_streaming_goes_on_while_the_disk_is_full(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=20&rate=1000")
    assert server.publish(batch(1, ROW)).json()["stored"] is True
    async with server.stream("/") as stream:
        await stream.send('{"action": "subscribe", "symbols": ["*"]}')
        await receive(stream, 1_000)
        limit_files(server, 1 << 10)
        wait_until(server, "log_failing", 1)
        refused = server.publish(batch(2, ROW)).json()
        assert (refused["stored"], seqs(refused)) == (False, [2])
        await receive(stream, 2_000)
        assert server.get("/health/ready").json()["log"] == "File too large"
        assert "the tape cannot be written" in server.errors

        limit_files(server, resource.RLIM_INFINITY)
        wait_until(server, "log_failing", 0)
        kept = server.publish(batch(3, ROW)).json()
        assert (kept["stored"], seqs(kept)) == (True, [3])
        assert metric(server, "log_lost_records_total") > 0
        assert "lost" in server.errors
    server.kill()
    server = serve("--feed", "simulated?symbols=20")
    assert seqs(server.publish(batch(3, ROW), key=server.demo_key).json())[0] == 4, "the numbers go on"


def test_a_server_killed_while_its_disk_was_full_begins_a_new_epoch(serve: Any) -> None:
    """Clients saw records that no log has: their numbers must not be given out again as if they were new."""
    server = serve("--feed", "simulated?symbols=5&rate=100")
    before = server.publish(batch(1, ROW)).json()["results"][0]["position"].partition(":")[0]
    limit_files(server, 1 << 10)
    wait_until(server, "log_failing", 1)
    server.kill()
    server = serve("--feed", "simulated?symbols=5&rate=100")
    after = server.publish(batch(1, ROW)).json()["results"][0]["position"].partition(":")[0]
    assert after > before
