"""The load client of REST: connections that ask for the same thing again as soon as they are answered.

`python -m bench.http_load PORT CONNECTIONS WARM_UP_S WINDOW_S PATH KEY` prints what it saw as JSON.
"""

import json
import os
import select
import socket
import subprocess
import sys
import time
from array import array
from dataclasses import asdict, dataclass

from bench.storm import percentile_ms

_READ_BYTES = 1 << 18
_LENGTH = b"content-length: "
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Asked:
    """One window.

    Attributes:
        requests: that were answered.
        failed: of these, with something else than a 200.
        seconds: how long it was.
        p50_ms: median time from a request to the last octet of its answer.
        p99_ms: the time that one of a hundred took longer than.
        load_share: CPU of this client by time; near 1.0 it is what limits.
    """

    requests: int
    failed: int
    seconds: float
    p50_ms: float
    p99_ms: float
    load_share: float

    @property
    def per_s(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


class HttpLoad:
    """The client as a process on a core of its own; `begin` comes back when its window begins."""

    def __init__(
        self,
        port: int,
        path: str,
        key: str,
        *,
        connections: int,
        warm_up_s: float,
        window_s: float,
        core: int,
    ) -> None:
        numbers = map(str, (port, connections, warm_up_s, window_s))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.http_load", *numbers, path, key],
            stdout=subprocess.PIPE,
        )
        os.sched_setaffinity(self._process.pid, {core})
        assert self._process.stdout
        self._lines = self._process.stdout

    def begin(self) -> None:
        """Wait until the warm-up is over."""
        if self._lines.readline() != b"begin\n":
            sys.exit("bench: the load client of REST failed")

    def end(self) -> Asked:
        """What it saw, once its window is over."""
        asked = Asked(**json.loads(self._lines.readline()))
        self._process.communicate()
        return asked


class _Client:
    """All connections, each with one request under way."""

    def __init__(self, port: int, connections: int, request: bytes) -> None:
        self._request = request
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._rest: dict[int, bytes] = {}
        self._since_ns: dict[int, int] = {}
        self.took_ns = array("q")
        self.failed = 0
        for _ in range(connections):
            one = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[one.fileno()] = one
            self._rest[one.fileno()] = b""
            self._poll.register(one.fileno(), select.EPOLLIN)
            self._ask(one.fileno())

    def run(self, seconds: float) -> float:
        """Ask and ask again for so long, counting anew; how long it was."""
        self.took_ns, self.failed = array("q"), 0
        begin_s = time.perf_counter()
        while time.perf_counter() - begin_s < seconds:
            for number, _ in self._poll.poll(_PATIENCE_S):
                self._take(number)
        return time.perf_counter() - begin_s

    def _ask(self, number: int) -> None:
        self._since_ns[number] = time.perf_counter_ns()
        self._sockets[number].send(self._request)

    def _take(self, number: int) -> None:
        got = self._sockets[number].recv(_READ_BYTES)
        if not got:
            sys.exit("bench: the server closed a connection")
        data = self._rest[number] + got
        head_end = data.find(b"\r\n\r\n")
        if head_end >= 0:
            at = data.find(_LENGTH, 0, head_end) + len(_LENGTH)
            if len(data) == head_end + 4 + int(data[at : data.index(b"\r\n", at)]):
                self.took_ns.append(time.perf_counter_ns() - self._since_ns[number])
                self.failed += not data.startswith(b"HTTP/1.1 200 ")
                self._rest[number] = b""
                self._ask(number)
                return
        self._rest[number] = data


def main() -> None:
    """Ask, count, tell."""
    port, connections, warm_up_s, window_s, path, key = sys.argv[1:]
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\napi-key: {key}\r\n\r\n".encode()
    client = _Client(int(port), int(connections), request)
    client.run(float(warm_up_s))
    print("begin", flush=True)
    begin_cpu_s = time.process_time()
    seconds = client.run(float(window_s))
    share = (time.process_time() - begin_cpu_s) / seconds
    p50_ms, p99_ms = (percentile_ms(client.took_ns, each) for each in (0.5, 0.99))
    asked = Asked(len(client.took_ns), client.failed, seconds, p50_ms, p99_ms, share)
    print(json.dumps(asdict(asked)), flush=True)


if __name__ == "__main__":
    main()
