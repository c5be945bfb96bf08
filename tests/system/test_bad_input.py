"""Bad input, case by case, against real servers, beside a client that must not notice."""

import contextlib
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.conformance.peer import PING, TEXT, Event, Peer, fragments, frame
from tests.system.bad_input import Case, handshake
from tests.system.bad_messages import FLOODS, MESSAGES, NAMES, V2_ONLY, VIOLATIONS
from tests.system.bad_requests import IMPATIENT, PUBLISHING, REQUESTS, TICKETS
from tests.system.intruder import ask, knock, warnings
from tests.system.scene import Scene, play
from tests.system.server import Server
from tests.system.v2_client import closing

_CASES = [*MESSAGES, *NAMES, *V2_ONLY, *VIOLATIONS, *FLOODS, *REQUESTS, *PUBLISHING, *TICKETS, *IMPATIENT]
_IMPATIENT = {
    "TRADEWATCH_LIMITS_HEAD_S": "1",
    "TRADEWATCH_LIMITS_IDLE_S": "2",
    "TRADEWATCH_LIMITS_PING_INTERVAL_S": "0.5",
    "TRADEWATCH_LIMITS_PONG_TIMEOUT_S": "3",
    "TRADEWATCH_LIMITS_TOO_SLOW_S": "1.5",
    "TRADEWATCH_LIMITS_SYMBOLS_PER_CONNECTION": "10",
    "TRADEWATCH_LIMITS_PRODUCERS_PER_KEY": "2",
    "TRADEWATCH_LIMITS_MAX_CONNECTIONS": "40",
}
_PING = frame(TEXT, b'{"action": "ping"}')


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A server with the defaults."""
    with play(
        tmp_path_factory.mktemp("patient"),
        feed="simulated?symbols=20&rate=200&prefix=SYM",
        heard=[f"SYM{number:05}" for number in range(20)],
        environment={"TRADEWATCH_STREAM_DEFLATE": "true"},
    ) as scene:
        other = {"asset_class": "crypto", "symbol": "OTHER", "bid": "1", "ask": "2"}
        batch = {"producer": "ordered", "batch": 5, "quotes": [other]}
        assert scene.server.publish(batch, key=scene.keys["%KEY%"]).status_code == 200
        yield scene


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A server with short deadlines and small limits."""
    with play(
        tmp_path_factory.mktemp("impatient"),
        feed="simulated?symbols=12&rate=3000&prefix=SYM",
        heard=[f"SYM{number:05}" for number in range(5)],
        environment=_IMPATIENT,
    ) as scene:
        yield scene


def test_no_two_cases_are_the_same() -> None:
    names = [case.name for case in _CASES]
    assert len(names) == len(set(names)) >= 80


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in _CASES])
def test_bad_input_gets_what_is_documented(request: pytest.FixtureRequest, case: Case) -> None:
    scene: Scene = request.getfixturevalue("impatient" if case.impatient else "patient")
    scene.try_case(case)


def test_who_says_too_much_is_warned_then_ignored_then_closed(patient: Scene) -> None:
    """Of 130 messages 120 are answered, three warned of and seven ignored; the next one is the last."""
    with Peer(patient.port, key=patient.keys["%READER%"]) as peer:
        peer.exchange([_PING * 130], 1 + 120 + 3)
        spoken = peer.events[1:]
        assert [b"pong" in event.payload for event in spoken] == [True] * 120 + [False] * 3
        assert warnings(spoken) == 3
        peer.exchange([frame(PING)], 1 + 123 + 2)
        assert peer.events[1 + 123 :][:2] == [Event("pong", b""), Event("close", b"too_many_messages", 4004)]
    patient.witness.await_quote()


def test_a_long_message_may_come_in_a_thousand_fragments(patient: Scene) -> None:
    """What is long enough for its size to bind it does not count as messages."""
    pieces = [b'{"action": "ping"}'.ljust(1_024), *[b" " * 1_024] * 1_000]
    with Peer(patient.port, key=patient.keys["%READER%"]) as peer:
        peer.exchange(fragments(TEXT, pieces), 2)
        assert b"pong" in peer.events[1].payload
        peer.exchange([_PING * 119], 2 + 119)
        assert warnings(peer.events) == 0
    patient.witness.await_quote()


async def test_a_forged_session_is_a_new_one(patient: Scene) -> None:
    """There is no handing over of sessions in this version: what claims one gets a session of its own."""
    forged = "forged-session-0123456789"
    key = patient.keys["%READER%"]
    options = {"key": key, "subprotocol": "tradewatch.v2"}
    async with patient.server.stream(f"/?session={forged}", **options) as stream:
        welcome = json.loads(await stream.recv())[0]
    assert (welcome["event"], len(welcome["session"])) == ("welcome", 22)
    assert forged not in patient.server.errors


async def test_who_subscribes_to_nothing_is_closed(impatient: Scene) -> None:
    async with impatient.server.stream("/", key=impatient.keys["%READER%"]) as stream:
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await stream.recv()
    assert closing(closed.value) == (4001, "idle")


def test_who_never_reads_is_closed(impatient: Scene) -> None:
    """It asks for more and more, until its answers fill every buffer between here and the server."""
    message = json.dumps({"action": "subscribe", "symbols": [f"{n:060}" for n in range(5_000)]}).encode()
    with socket.socket() as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stream.connect(("127.0.0.1", impatient.port))
        stream.sendall(handshake("/", key=impatient.keys["%READER%"]))
        stream.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            for _ in range(60):
                stream.sendall(frame(TEXT, message))
        impatient.await_metric(
            'tradewatch_connections_closed_total{reason="too_slow"}', lambda closed: closed >= 1
        )
    impatient.witness.await_quote()


def test_there_is_room_for_so_many_and_no_more(impatient: Scene) -> None:
    request = handshake(key=impatient.keys["%READER%"])
    held: list[socket.socket] = []
    status = 101
    while status == 101 and len(held) < 50:
        stream, answer = knock(impatient.port, request)
        held.append(stream)
        status = answer.status
    for stream in held:
        stream.close()
    assert (status, answer.reason) == (429, "too_many_connections")
    assert answer.headers["retry-after"] == "5"
    assert 30 < len(held) <= 40
    impatient.witness.await_quote()


def test_who_does_not_finish_the_closing_handshake_is_cut_off(impatient: Scene) -> None:
    with Peer(impatient.port, key=impatient.keys["%READER%"]) as peer:
        begin_s = time.monotonic()
        peer.exchange([], 100)  # it is closed with 4001 or 4002, and does not answer
        assert [event.code for event in peer.events if event.kind == "close"] in ([4001], [4002])
        assert peer.events[-1].kind == "end"
        assert time.monotonic() - begin_s < 8


def test_half_a_tls_handshake_is_cut_off(tmp_path: Path, serve: Any) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    made = ["openssl", "req", "-x509", *kind, "-days", "2", "-subj", "/CN=localhost"]
    try:
        subprocess.run([*made, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs the openssl command to make a certificate")
    server: Server = serve("--feed", "none", "--tls-cert", str(cert), "--tls-key", str(key))
    port = int(server.address.rpartition(":")[2])
    hello = ssl.MemoryBIO()
    context = ssl.create_default_context()
    half = context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    begin_s = time.monotonic()
    assert ask(port, [hello.read()[:100]]) == b""
    assert 5 < time.monotonic() - begin_s < 15
