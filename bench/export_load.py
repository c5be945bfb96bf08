"""The load client of exports: connections that each pull one, and begin anew when it is done.

`python -m bench.export_load PORT KEY PATH...` has a connection for each path. It says `begun` once the first
of them reads an export, counts from then on until its stdin ends, and prints that as JSON.
"""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

_READ_BYTES = 1 << 18
_PATIENCE_S = 120.0
#: The load clients of the stream go before it, where both want a core.
_NICENESS = 10


@dataclass(frozen=True)
class Pulled:
    """What all connections read.

    Attributes:
        bytes: of bodies and heads.
        done: exports that came to their end.
        refused: requests that were answered with something else than a 200.
        seconds: how long it was.
    """

    bytes: int
    done: int
    refused: int
    seconds: float


class Pulling:
    """The client while it runs.

    Attributes:
        pulled: what it read; there once the context of `pulling` has ended.
    """

    pulled: Pulled


@contextmanager
def pulling(port: int, key: str, paths: Sequence[str], *, core: int) -> Iterator[Pulling]:
    """Pull these, each on a connection of its own, for as long as the context lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.export_load", str(port), key, *paths],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    os.sched_setaffinity(process.pid, {core})
    os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    running = Pulling()
    assert process.stdout
    assert process.stdin
    try:
        if process.stdout.readline() != b"begun\n":
            sys.exit("bench: the load client of exports failed")
        yield running
        process.stdin.close()
        running.pulled = Pulled(**json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class _Client:
    def __init__(self, port: int, key: str, paths: Sequence[str]) -> None:
        self._port = port
        self._key = key
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._paths: dict[int, str] = {}
        self._begun: set[int] = set()
        self.bytes = self.done = self.refused = 0
        for path in paths:
            self._ask(path)

    @property
    def reads(self) -> bool:
        """Whether any connection reads an export."""
        return bool(self._begun)

    def turn(self, poll_s: float) -> None:
        """Read what is there."""
        for number, _ in self._poll.poll(poll_s):
            data = self._sockets[number].recv(_READ_BYTES)
            self.bytes += len(data)
            if not data:
                self.done += number in self._begun
                self._ask(self._closed(number))
            elif number not in self._begun:
                if data.startswith(b"HTTP/1.1 200 "):
                    self._begun.add(number)
                else:
                    self.refused += 1
                    self._ask(self._closed(number))

    def reset(self) -> None:
        """Count from here on."""
        self.bytes = self.done = self.refused = 0

    def _ask(self, path: str) -> None:
        one = socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE_S)
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\napi-key: {self._key}\r\n\r\n"
        one.sendall(head.encode())
        self._sockets[one.fileno()] = one
        self._paths[one.fileno()] = path
        self._poll.register(one.fileno(), select.EPOLLIN)

    def _closed(self, number: int) -> str:
        """Close a connection; what it asked for."""
        self._poll.unregister(number)
        self._begun.discard(number)
        self._sockets.pop(number).close()
        return self._paths.pop(number)


def main() -> None:
    """Pull until stdin ends."""
    port, key, *paths = sys.argv[1:]
    client = _Client(int(port), key, paths)
    while not client.reads:
        client.turn(_PATIENCE_S)
    client.reset()
    begin_s = time.perf_counter()
    print("begun", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        client.turn(0.05)
    seconds = time.perf_counter() - begin_s
    print(json.dumps(asdict(Pulled(client.bytes, client.done, client.refused, seconds))), flush=True)


if __name__ == "__main__":
    main()
