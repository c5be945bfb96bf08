"""A storm of connections beside clients that receive: how fast it is taken in, and what the others feel.

`python -m bench.storm listen|connect ...` are the two load processes of the scenario; see `measure_storm`.
"""

import json
import os
import re
import resource
import select
import socket
import statistics
import struct
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from bench.contestants import Tradewatch
from bench.load import Access
from bench.process import Cores, ServerProcess, starved_s
from bench.report import say
from bench.scenario import SCENARIOS, symbol

CONNECTIONS = 5_000
LISTENERS = 200
#: Quotes per second in, each of which every listener gets: as many as one Python process reads with ease.
RATE = 50
_SYMBOLS = 20
#: Handshakes under way at one time; more would only wait in the backlog of the listening socket.
_IN_FLIGHT = 1_000
_SETTLE_S = 2.0
_PATIENCE_S = 60.0
_RECEIVED = re.compile(rb'"received_ns":"(\d+)"')


@dataclass(frozen=True)
class Felt:
    """The quotes of all listeners in a window.

    Attributes:
        quotes: how many arrived.
        p50_ms: median age, from the time the server had a quote to the time a listener read it.
        p99_ms: the age that one of a hundred exceeds.
        starved: share of the window in which the listeners could have run and others had their core.
    """

    quotes: int
    p50_ms: float
    p99_ms: float
    starved: float


@dataclass(frozen=True)
class Round:
    """A calm, and the storm behind it.

    Attributes:
        calm: what the listeners felt without it.
        storm: what they felt until the last handshake was done.
        handshakes_per_s: how fast they were done.
        handshake_p99_ms: the time that one of a hundred took longer than.
        refused: handshakes that did not end with a 101.
    """

    calm: Felt
    storm: Felt
    handshakes_per_s: float
    handshake_p99_ms: float
    refused: int


def measure_storm(rounds: int, window_s: float, cores: Cores) -> list[Round]:
    """Calm and storm in turn, against one server; the listeners stay, the storm goes after each round."""
    raise_file_limit()
    scenario = replace(SCENARIOS["calm"], rate=RATE, symbols=_SYMBOLS)
    measured: list[Round] = []
    with (
        Tradewatch(paced=False).serve(scenario, core=cores.server) as (server, access),
        _listeners(server, access, cores.load) as ask,
    ):
        for number in range(rounds):
            time.sleep(_SETTLE_S)
            ask("begin")
            time.sleep(window_s)
            calm = ask("end")
            ask("begin")
            came = _connect(server, access, cores.load)
            storm = ask("end")
            measured.append(Round(calm=Felt(**calm), storm=Felt(**storm), **came))
            say(
                f"round {number + 1} of {rounds}: {came['handshakes_per_s']:,.0f} handshakes/s,"
                f" p99 {calm['p99_ms']:.1f} ms in the calm, {storm['p99_ms']:.1f} ms in the storm"
            )
            _await_calm(server)
    return measured


def table(rounds: list[Round]) -> list[list[str]]:
    """Medians over the rounds."""

    def middle(read: Callable[[Round], float]) -> float:
        return statistics.median(map(read, rounds))

    per_s, took_ms = middle(lambda each: each.handshakes_per_s), middle(lambda each: each.handshake_p99_ms)
    refused = sum(each.refused for each in rounds)
    return [
        [f"{LISTENERS} listeners, {RATE} quotes/s each", "p50 ms", "p99 ms", "starved"],
        *(
            [
                name,
                f"{middle(lambda each, name=name: getattr(each, name).p50_ms):.2f}",  # type: ignore[misc]
                f"{middle(lambda each, name=name: getattr(each, name).p99_ms):.2f}",  # type: ignore[misc]
                f"{middle(lambda each, name=name: getattr(each, name).starved):.0%}",  # type: ignore[misc]
            ]
            for name in ("calm", "storm")
        ),
        [
            f"storm of {CONNECTIONS:,}",
            f"{per_s:,.0f} handshakes/s, p99 of one {took_ms:,.0f} ms, refused {refused:,}",
        ],
    ]


def as_json(rounds: list[Round]) -> dict[str, Any]:
    """For a results file."""
    return {
        "connections": CONNECTIONS,
        "listeners": LISTENERS,
        "quotes_per_s": RATE,
        "rounds": [asdict(each) for each in rounds],
    }


def raise_file_limit() -> None:
    """As many open files as this user may have, for this process and its children."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def request(access: Access) -> bytes:
    """The head of a handshake, ready to be sent any number of times."""
    lines = [
        f"GET {access.path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol: tradewatch.v2",
        f"api-key: {access.api_key}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def percentile_ms(values_ns: "array[int]", share: float) -> float:
    """The value that so large a share does not exceed; 0 where there are none."""
    ordered = sorted(values_ns)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e6 if ordered else 0.0


def _connect(server: ServerProcess, access: Access, core: int) -> dict[str, Any]:
    """Run the storm once, in a process of its own that yields to the listeners."""
    command = [sys.executable, "-m", "bench.storm", "connect", str(server.port), access.path, access.api_key]
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        timeout=2 * _PATIENCE_S,
        preexec_fn=partial(_yield_on, core),
    )
    came: dict[str, Any] = json.loads(done.stdout)
    return came


def _yield_on(core: int) -> None:
    """This process shares a core, and stands back."""
    os.sched_setaffinity(0, {core})
    os.nice(10)


@contextmanager
def _listeners(server: ServerProcess, access: Access, core: int) -> Iterator[Callable[[str], dict[str, Any]]]:
    """All listeners, in a process that is told when a window begins and ends."""
    command = [sys.executable, "-m", "bench.storm", "listen", str(server.port), access.path, access.api_key]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    os.sched_setaffinity(process.pid, {core})
    stdin, stdout = process.stdin, process.stdout
    assert stdin
    assert stdout
    begin = (0.0, 0.0)

    def ask(word: str) -> dict[str, Any]:
        nonlocal begin
        now = (time.monotonic(), starved_s(process.pid))
        stdin.write(f"{word}\n")
        answer: dict[str, Any] = json.loads(stdout.readline())
        if word == "begin":
            begin = now
        else:
            answer["starved"] = (now[1] - begin[1]) / (now[0] - begin[0])
        return answer

    try:
        assert json.loads(stdout.readline()) == {"listening": LISTENERS}
        yield ask
    finally:
        process.kill()
        process.wait()


def _await_calm(server: ServerProcess) -> None:
    """The server has noticed that the storm is over."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while server.counters()["connections"] > LISTENERS + 1:  # the canary is one
        if time.monotonic() > deadline_s:
            sys.exit("bench: the server keeps connections whose clients are gone")
        time.sleep(0.1)


def _storm(port: int, access: Access) -> dict[str, float]:
    """Open all connections as fast as they are taken, and drop them."""
    head = request(access)
    poll = select.epoll()
    begun: dict[int, tuple[socket.socket, int]] = {}
    opened: list[socket.socket] = []
    took_ns = array("q")
    refused = started = 0
    begin_ns = time.monotonic_ns()
    while started < CONNECTIONS or begun:
        while started < CONNECTIONS and len(begun) < _IN_FLIGHT:
            one = socket.socket()
            one.settimeout(0)
            one.connect_ex(("127.0.0.1", port))
            poll.register(one.fileno(), select.EPOLLOUT)
            begun[one.fileno()] = (one, time.monotonic_ns())
            started += 1
        for number, events in poll.poll(_PATIENCE_S):
            one, since_ns = begun[number]
            if events == select.EPOLLOUT:
                one.send(head)
                poll.modify(number, select.EPOLLIN)
                continue
            answer = _answer(one)
            refused += not answer.startswith(b"HTTP/1.1 101 ")
            took_ns.append(time.monotonic_ns() - since_ns)
            poll.unregister(number)
            opened.append(begun.pop(number)[0])
    seconds = (time.monotonic_ns() - begin_ns) / 1e9
    for one in opened:  # gone without TIME_WAIT, which would use up the ports
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()
    return {
        "handshakes_per_s": CONNECTIONS / seconds,
        "handshake_p99_ms": percentile_ms(took_ns, 0.99),
        "refused": refused,
    }


def _answer(one: socket.socket) -> bytes:
    try:
        return one.recv(4_096)
    except OSError:
        return b""


def _listen(port: int, access: Access) -> None:
    """Receive on all connections; answer `begin` and `end` on stdin."""
    poll = select.epoll()
    streams: dict[int, socket.socket] = {}
    for _ in range(LISTENERS):
        one = _subscribed(port, access)
        poll.register(one.fileno(), select.EPOLLIN)
        streams[one.fileno()] = one
    stdin = sys.stdin.fileno()
    poll.register(stdin, select.EPOLLIN)
    ages_ns = array("q")
    _tell({"listening": LISTENERS})
    while True:
        for number, _ in poll.poll():
            if number == stdin:
                if (word := sys.stdin.readline().strip()) == "end":
                    p50_ms, p99_ms = (percentile_ms(ages_ns, share) for share in (0.5, 0.99))
                    _tell({"quotes": len(ages_ns), "p50_ms": p50_ms, "p99_ms": p99_ms})
                elif word == "begin":
                    ages_ns = array("q")
                    _tell({})
                else:
                    return
                continue
            data = streams[number].recv(1 << 16)
            if not data:
                sys.exit("bench: the server closed a listener")
            now_ns = time.time_ns()
            ages_ns.extend(now_ns - int(received) for received in _RECEIVED.findall(data))


def _subscribed(port: int, access: Access) -> socket.socket:
    """A connection of v2 that hears every symbol."""
    one = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
    one.sendall(request(access))
    if not one.recv(4_096).startswith(b"HTTP/1.1 101 "):
        sys.exit("bench: a listener was refused")
    symbols = [symbol(number) for number in range(_SYMBOLS)]
    payload = json.dumps({"action": "subscribe", "symbols": symbols, "snapshot": False}).encode()
    one.sendall(struct.pack("!BBH", 0x81, 0x80 | 126, len(payload)) + bytes(4) + payload)
    return one


def _tell(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


def _main() -> None:
    part, port, path, key = sys.argv[1:]
    access = Access(path=path, api_key=key)
    if part == "connect":
        _tell(_storm(int(port), access))
    else:
        _listen(int(port), access)


if __name__ == "__main__":
    _main()
