"""Real servers: `tradewatch serve` as a process, and how a plain client reaches it."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

_LISTENS = re.compile(r"listens on (https?)://(\S+):(\d+)")
_KEY = re.compile(r"\btw_[0-9a-z]{12}_[0-9A-Za-z]{43}\b")
_START_S = 30.0


class Server:
    """One `tradewatch serve`, from its start to its end."""

    def __init__(
        self, data_dir: Path, *arguments: str, program: tuple[str, ...] = ("-m", "tradewatch"), **process: Any
    ) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [sys.executable, *program, "serve", "--port", "0", "--data-dir", str(data_dir), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **process,
        )
        self._lines: list[str] = []
        self._errors: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self._lines), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self._errors), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        self._await_banner()

    @staticmethod
    def _read(pipe: Any, lines: list[str]) -> None:
        lines.extend(iter(pipe.readline, ""))

    def _await_banner(self) -> None:
        deadline = time.monotonic() + _START_S
        while "stream quotes" not in self.output.lower() and "keys create" not in self.output:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the server did not start:\n{self.output}\n{self.errors}")
            time.sleep(0.02)
        listens = _LISTENS.search(self.output)
        assert listens, self.output
        self.secure = listens[1] == "https"
        self.address = f"{listens[2]}:{listens[3]}"
        key = _KEY.search(self.output)
        self.demo_key = key[0] if key else ""

    @property
    def output(self) -> str:
        return "".join(self._lines)

    @property
    def errors(self) -> str:
        return "".join(self._errors)

    @property
    def http(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.address}"

    def stream(self, path: str, *, key: str | None = None, **options: Any) -> connect:
        """A plain client's connection to a path of the stream."""
        if subprotocol := options.pop("subprotocol", None):
            options["subprotocols"] = [Subprotocol(subprotocol)]
        return connect(
            f"{'wss' if self.secure else 'ws'}://{self.address}{path}",
            additional_headers={"api-key": self.demo_key if key is None else key},
            proxy=None,
            max_queue=None,
            **options,
        )

    def handshake(self, path: str) -> bytes:
        """The request that opens a WebSocket, for a client that does nothing but what a test says."""
        return (
            f"GET {path}?api-key={self.demo_key} HTTP/1.1\r\nHost: {self.address}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n"
        ).encode()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(self.http + path, timeout=10, **options)

    def publish(self, batch: dict[str, Any], *, key: str | None = None) -> httpx.Response:
        headers = {"api-key": self.demo_key if key is None else key}
        return httpx.post(f"{self.http}/publish", json=batch, headers=headers, timeout=30)

    def keys(self, *arguments: str) -> str:
        """Run `tradewatch keys ...` beside the server; its stdout."""
        return run_command("keys", *arguments, "--data-dir", str(self.data_dir)).stdout

    def create_key(self, name: str, *arguments: str) -> str:
        """Create a key and wait until the server knows it."""
        key = self.keys("create", "--name", name, *arguments).splitlines()[-1]
        deadline = time.monotonic() + 5
        while self.publish({}, key=key).status_code == 401:
            assert time.monotonic() < deadline, "the server does not take the new key"
            time.sleep(0.02)
        return key

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(15)
        self._read_to_the_end()
        return code

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(10)
        self._read_to_the_end()

    def _read_to_the_end(self) -> None:
        for reader, pipe in zip(self._readers, (self.process.stdout, self.process.stderr), strict=True):
            reader.join(5)
            if pipe is not None and not reader.is_alive():  # a child that outlives it may hold the pipe
                pipe.close()


def run_command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `tradewatch ...` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tradewatch", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


async def receive(stream: ClientConnection, count: int = 1) -> list[dict[str, Any]]:
    """The next `count` messages."""
    async with asyncio.timeout(30):
        return [json.loads(await stream.recv()) for _ in range(count)]
