"""What goes wrong beside a running server, and that it goes on."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.system.server import Server, receive

QUOTES = ("--feed", "simulated?symbols=5")

KEY_POLL_FAILS = """
from tradewatch.access.store import KeyStore
def fail(self):
    raise ZeroDivisionError("a fault of ours")
KeyStore.changed = fail
from tradewatch.cli.main import run
run()
"""


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_key_store_that_does_not_answer_ends_nothing(serve: Any) -> None:
    """One poll that met a broken database took the whole server down, streams and all."""
    server: Server = serve(*QUOTES)
    key = server.create_key("reader")
    store = sqlite3.connect(server.data_dir / "access.db", isolation_level=None)
    store.execute("ALTER TABLE key_changes RENAME TO gone")
    wait_for(lambda: "changes of the API keys are not seen" in server.errors)
    assert server.publish({}, key=key).json()["error"]["reason"] == "scope_missing", (
        "it is known all the same"
    )
    store.execute("ALTER TABLE gone RENAME TO key_changes")
    store.close()
    server.keys("revoke", "reader")
    wait_for(lambda: server.publish({}, key=key).json()["error"]["reason"] == "key_revoked")
    assert server.errors.count("are not seen") == 1
    assert server.stop() == 0


async def test_a_fault_of_one_part_ends_the_server_in_order_and_is_named(serve: Any) -> None:
    server: Server = serve(*QUOTES, program=("-c", KEY_POLL_FAILS))
    with pytest.raises(ConnectionClosed) as closed:
        async with server.stream("/crypto/quotes") as stream:
            while True:
                await receive(stream)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    assert server.wait() == 1
    assert server.errors.splitlines()[-1].startswith(
        "tradewatch: unexpected ZeroDivisionError: a fault of ours"
    )
    assert "ExceptionGroup" not in server.errors


def test_a_publisher_that_leaves_in_the_middle_of_a_batch_is_no_fault(serve: Any) -> None:
    server: Server = serve(*QUOTES)
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port))) as publisher:
        head = (
            f"POST /publish HTTP/1.1\r\nHost: x\r\napi-key: {server.demo_key}\r\nContent-Length: 99\r\n\r\n{{"
        )
        publisher.sendall(head.encode())
    assert server.publish({}).status_code == 422
    assert server.stop() == 0
    assert "Traceback" not in server.errors


def test_a_batch_that_is_still_coming_when_the_server_goes_down_is_told_so(serve: Any) -> None:
    """It was answered by a 500 in plain text, and by a traceback in the log."""
    server: Server = serve(*QUOTES)
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port))) as publisher:
        head = f"POST /publish HTTP/1.1\r\nHost: x\r\napi-key: {server.demo_key}\r\nContent-Length: 99\r\n"
        publisher.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert publisher.recv(1024).startswith(b"HTTP/1.1 100 "), "the batch is waited for"
        server.process.send_signal(signal.SIGTERM)
        publisher.settimeout(10)
        told, _, body = b"".join(iter(lambda: publisher.recv(4096), b"")).partition(b"\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: " in told.lower()
    assert json.loads(body)["error"]["reason"] == "draining"
    assert server.wait() == 0
    assert "Traceback" not in server.errors


def test_a_slash_too_many_is_no_redirect_which_would_take_the_key_along(serve: Any) -> None:
    server: Server = serve(*QUOTES)
    answer = httpx.post(f"{server.http}/publish/", headers={"api-key": server.demo_key, "host": "elsewhere"})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "not_found")


def test_no_secret_is_in_the_log_at_any_level(serve: Any) -> None:
    """The canary's client logged its own request, with the token that opens the canary's path."""
    server: Server = serve(*QUOTES, "--log-level", "debug")
    wait_for(lambda: server.get("/health/ready").status_code == 200)
    assert server.publish({}).status_code == 422
    assert server.stop() == 0
    assert "token" not in server.errors
    assert server.demo_key not in server.errors


def test_the_banner_is_printed_in_the_letters_that_the_terminal_has(tmp_path: Path, serve: Any) -> None:
    recording = tmp_path / "crypto-\u00fcbung.csv"
    recording.write_text("ts_ms,symbol,bid,ask\n1,A,1,2\n")
    ascii_only = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "ascii"}
    server: Server = serve("--feed", f"replay:{recording}", env=ascii_only)
    assert "crypto-\\xfcbung.csv" in server.output
    assert server.stop() == 0


def test_a_server_whose_banner_nobody_reads_serves(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "tradewatch", "serve", "--port", str(port), "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE, text=True) as deaf:
        os.close(writing)
        try:
            wait_for(lambda: deaf.poll() is not None or is_ready(port))
            deaf.terminate()
            errors = deaf.communicate(timeout=15)[1]
        finally:
            deaf.kill()
    assert deaf.returncode == 0
    assert "Traceback" not in errors


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    except httpx.TransportError:
        return False
