"""Bad input, case by case, against real servers, beside a client that must not notice."""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.exceptions import ConnectionClosed

from tests.conformance.peer import TEXT, Peer, frame
from tests.system.bad_input import Case, handshake
from tests.system.bad_input_cases import CASES
from tests.system.intruder import Intruder, Witness, ask
from tests.system.server import Server, run_command
from tests.system.v2_client import closing

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
_KEYS = {
    "%KEY%": ("--scope", "publish"),
    "%READER%": (),
    "%NARROW%": ("--scope", "publish", "--publish-class", "stocks", "--known-symbols-only"),
    "%REVOKED%": (),
}


class Scene(NamedTuple):
    """A server, the keys that it knows, who tries it, and who must not notice."""

    server: Server
    keys: dict[str, str]
    intruder: Intruder
    witness: Witness


def set_scene(data_dir: Path, feed: str, heard: list[str], environment: dict[str, str]) -> Scene:
    keys = {name: make_key(data_dir, name.strip("%").lower(), *scopes) for name, scopes in _KEYS.items()}
    run_command("keys", "revoke", "revoked", "--data-dir", str(data_dir), check=True)
    server = Server(data_dir, "--feed", feed, env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"})
    for asset_class in ("crypto", "stocks"):
        quote = {"asset_class": asset_class, "symbol": "TWIN", "bid": "1", "ask": "2"}
        batch = {"producer": asset_class, "batch": 1, "quotes": [quote]}
        assert server.publish(batch, key=keys["%KEY%"]).status_code == 200
    return Scene(server, keys, Intruder(server, keys), Witness(server, keys["%KEY%"], heard))


def make_key(data_dir: Path, name: str, *scopes: str) -> str:
    made = run_command(
        "keys",
        "create",
        "--name",
        name,
        "--plan",
        "unlimited",
        *scopes,
        "--data-dir",
        str(data_dir),
        check=True,
    )
    return made.stdout.splitlines()[-1]


def end_scene(scene: Scene) -> None:
    """The witness was well to the end, and no secret stands in the log."""
    heartbeats = scene.witness.leave()
    assert scene.server.stop() == 0
    last = heartbeats[-1]
    assert int(last["published"]) == sum(
        int(last[name]) for name in ("delivered", "skipped", "missing", "pending")
    )
    assert (last["skipped"], last["missing"]) == (0, 0)
    assert "Traceback" not in scene.server.errors
    for name, key in {**scene.keys, "demo": scene.server.demo_key}.items():
        assert key not in scene.server.errors, f"the log shows {name}"
        assert key.rpartition("_")[2] not in scene.server.errors, f"the log shows the secret of {name}"


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A server with the defaults."""
    data_dir = tmp_path_factory.mktemp("patient")
    feed = "simulated?symbols=20&rate=200&prefix=SYM"
    scene = set_scene(data_dir, feed, ["*"], {"TRADEWATCH_STREAM_DEFLATE": "true"})
    other = {"asset_class": "crypto", "symbol": "OTHER", "bid": "1", "ask": "2"}
    batch = {"producer": "ordered", "batch": 5, "quotes": [other]}
    assert scene.server.publish(batch, key=scene.keys["%KEY%"]).status_code == 200
    try:
        yield scene
        end_scene(scene)
    finally:
        scene.server.kill()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A server with short deadlines and small limits."""
    feed = "simulated?symbols=12&rate=3000&prefix=SYM"
    heard = [f"SYM{number:05}" for number in range(5)]
    scene = set_scene(tmp_path_factory.mktemp("impatient"), feed, heard, _IMPATIENT)
    try:
        yield scene
        end_scene(scene)
    finally:
        scene.server.kill()


def parameters() -> list[Any]:
    return [
        pytest.param(
            case,
            id=case.name,
            marks=[pytest.mark.skip(f"waits for: {case.pending.reason}")] if case.pending else [],
        )
        for case in CASES
    ]


def test_the_table_is_long_enough() -> None:
    assert sum(case.pending is None for case in CASES) >= 80


@pytest.mark.parametrize("case", parameters())
def test_bad_input_gets_what_is_documented(request: pytest.FixtureRequest, case: Case) -> None:
    scene: Scene = request.getfixturevalue("impatient" if case.impatient else "patient")
    scene.intruder.try_case(case)
    scene.witness.await_quote()


async def test_who_subscribes_to_nothing_is_closed(impatient: Scene) -> None:
    async with impatient.server.stream("/", key=impatient.keys["%READER%"]) as stream:
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await stream.recv()
    assert closing(closed.value) == (4001, "idle")


def test_who_never_reads_is_closed(impatient: Scene) -> None:
    """It asks for more and more, until its answers fill every buffer between here and the server."""
    port = int(impatient.server.address.rpartition(":")[2])
    message = json.dumps({"action": "subscribe", "symbols": [f"{n:060}" for n in range(5_000)]}).encode()
    with socket.socket() as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stream.connect(("127.0.0.1", port))
        stream.sendall(handshake("/", key=impatient.keys["%READER%"]))
        stream.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            for _ in range(60):
                stream.sendall(frame(TEXT, message))
        await_metric(impatient.server, 'tradewatch_connections_closed_total{reason="too_slow"}', 1)
    impatient.witness.await_quote()


def test_there_is_room_for_so_many_and_no_more(impatient: Scene) -> None:
    port = int(impatient.server.address.rpartition(":")[2])
    key = impatient.keys["%READER%"]
    held: list[socket.socket] = []
    answer = b""
    while not answer and len(held) < 50:
        stream = socket.create_connection(("127.0.0.1", port))
        held.append(stream)
        stream.sendall(handshake(key=key))
        head = stream.recv(4_096)
        answer = b"" if head.startswith(b"HTTP/1.1 101 ") else head
    for stream in held:
        stream.close()
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b'"reason":"too_many_connections"' in answer
    assert b"Retry-After: " in answer
    assert 30 < len(held) <= 40
    impatient.witness.await_quote()


def test_who_does_not_finish_the_closing_handshake_is_cut_off(impatient: Scene) -> None:
    port = int(impatient.server.address.rpartition(":")[2])
    with Peer(port, key=impatient.keys["%READER%"]) as peer:
        begin_s = time.monotonic()
        peer.exchange([], 100)  # it is closed with 4001 or 4002, and does not answer
        assert [event.code for event in peer.events if event.kind == "close"] in ([4001], [4002])
        assert peer.events[-1].kind == "end"
        assert time.monotonic() - begin_s < 8


def test_half_a_tls_handshake_is_cut_off(tmp_path: Path, serve: Any) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
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


def await_metric(server: Server, name: str, value: float) -> None:
    """Wait until the metric is at least so large."""
    deadline_s = time.monotonic() + 20
    while True:
        for line in server.get("/metrics").text.splitlines():
            if line.startswith(f"{name} ") and float(line.rpartition(" ")[2]) >= value:
                return
        assert time.monotonic() < deadline_s, f"{name} does not come to {value}"
        time.sleep(0.05)
