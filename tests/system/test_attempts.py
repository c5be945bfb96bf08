"""Attempts on a real server: who comes too often is banned for a while, alone, and nobody else notices."""

import socket
import struct
from collections.abc import Iterator

import httpx
import pytest

from tests.system.bad_input import handshake
from tests.system.intruder import Answer, knock
from tests.system.scene import KEYS, Scene, Terms, play

#: An attempt each, all of them refused.
_WRONG = "%REVOKED%"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A server at which an address has five attempts, behind a proxy at 127.0.0.1."""
    with play(
        tmp_path_factory.mktemp("attempts"),
        feed="simulated?symbols=10&rate=400&class=crypto&prefix=SYM",
        heard=[f"SYM{number:05}" for number in range(10)],
        environment={
            "TRADEWATCH_LIMITS_ATTEMPTS_PER_ADDRESS": "5",
            "TRADEWATCH_TRUSTED_PROXIES": "127.0.0.1",
        },
        keys=KEYS | {"%STANDARD%": Terms("standard")},
    ) as played:
        yield played


def ban(scene: Scene, *headers: str, source: str = "127.0.0.1", key: str = _WRONG) -> Answer:
    """Use an address's attempts up; the first answer that says so."""
    first = [scene.answer("/", *headers, key=key, source=source) for _ in range(5)]
    assert {answer.status for answer in first} == {101 if key != _WRONG else 401}
    return scene.answer("/", *headers, key=key, source=source)


def is_banned(answer: Answer) -> bool:
    assert (answer.status == 429) == (answer.reason == "too_many_attempts")
    if answer.status == 429:
        assert 1 <= int(answer.headers["retry-after"]) <= 10
    return answer.status == 429


def test_an_address_that_comes_too_often_is_banned(scene: Scene) -> None:
    bans = scene.metric("tradewatch_bans_total")
    refused = scene.metric('tradewatch_refusals_total{reason="too_many_attempts"}')
    assert is_banned(ban(scene, source="127.0.0.2"))
    assert is_banned(scene.answer("/", key="%KEY%", source="127.0.0.2")), "a good key does not help"
    assert is_banned(scene.answer("/nowhere", key="%KEY%", source="127.0.0.2"))
    assert scene.metric("tradewatch_bans_total") == bans + 1
    assert scene.metric("tradewatch_banned_networks") >= 1
    assert scene.metric('tradewatch_refusals_total{reason="too_many_attempts"}') == refused + 3
    assert not is_banned(scene.answer("/", key="%KEY%"))
    scene.witness.await_quote()


@pytest.mark.parametrize(
    ("source", "request_line"),
    [
        ("127.0.0.3", b"PUT / HTTP/1.1"),
        ("127.0.0.4", b"GET /nowhere HTTP/1.1"),
        ("127.0.0.5", b"GET /%zz HTTP/1.1"),
    ],
)
def test_attempts_that_make_no_sense_count(scene: Scene, source: str, request_line: bytes) -> None:
    _, _, fields = handshake(key=None).partition(b"\r\n")
    octets = request_line + b"\r\n" + fields
    for expected in (False,) * 5 + (True,):
        stream, answer = knock(scene.port, octets, source=source)
        stream.close()
        assert is_banned(answer) == expected


def test_what_an_unlimited_key_opens_does_not_count(scene: Scene) -> None:
    opened = [scene.answer("/", key="%READER%", source="127.0.0.6") for _ in range(20)]
    assert {answer.status for answer in opened} == {101}
    assert is_banned(ban(scene, source="127.0.0.6", key="%STANDARD%")), "what another one opens does"


def test_a_stranger_has_no_say_in_its_address(scene: Scene) -> None:
    said = [f"X-Forwarded-For: 203.0.113.{number}" for number in range(6)]
    answers = [scene.answer("/", header, key=_WRONG, source="127.0.0.8") for header in said]
    assert [is_banned(answer) for answer in answers] == [False] * 5 + [True]


def test_the_clients_of_a_proxy_are_told_apart(scene: Scene) -> None:
    one, other = "X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 203.0.113.10"
    assert is_banned(ban(scene, one))
    assert is_banned(scene.answer("/", "X-Forwarded-For: 198.51.100.1, 203.0.113.9")), "made up in front"
    assert not is_banned(scene.answer("/", other))
    assert not is_banned(scene.answer("/")), "the proxy itself"
    scene.witness.await_quote()


def test_a_network_of_ipv6_counts_as_one(scene: Scene) -> None:
    said = [f"X-Forwarded-For: 2001:db8:0:1::{number}" for number in range(6)]
    answers = [scene.answer("/", header, key=_WRONG) for header in said]
    assert [is_banned(answer) for answer in answers] == [False] * 5 + [True]
    assert not is_banned(scene.answer("/", "X-Forwarded-For: 2001:db8:0:2::1"))


def test_a_thousand_connects_disturb_nobody(scene: Scene) -> None:
    """As fast as they come: no octet, half a head, refused, let in; every other one is cut off."""
    port = scene.port
    good = handshake("/", key=scene.keys["%READER%"])
    wrong = handshake("/", key=scene.keys[_WRONG])
    requests = [(b"", 1), (good[:50], 1), (wrong, 10), (good, 1), (good, 1)]
    opened = scene.metric("tradewatch_connections_opened_total")
    for _ in range(20):
        wave = [
            (socket.create_connection(("127.0.0.1", port), 20, (f"127.0.0.{host}", 0)), octets)
            for octets, host in requests * 10
        ]
        for stream, octets in wave:
            stream.sendall(octets)
        for number, (stream, octets) in enumerate(wave):
            if octets == good:
                assert stream.recv(4_096).startswith(b"HTTP/1.1 101 ")
            if number % 2:  # cut off
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.close()
    scene.await_calm()
    assert scene.metric("tradewatch_connections_opened_total") == opened + 400
    assert scene.server.get("/health/ready").status_code == 200
    scene.witness.await_quote()


def test_a_ban_is_about_streams_only(scene: Scene) -> None:
    """Last, since it bans where everybody comes from: the proxy, the canary and the witness."""
    assert is_banned(ban(scene))
    for address in ("127.0.0.1", "127.0.0.11"):
        with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as client:
            assert client.get(f"{scene.server.http}/health/ready").status_code == 200
            assert client.get(f"{scene.server.http}/health/live").status_code == 200
    assert scene.post("/account/tickets", {}, key="%READER%").status_code == 201
    assert is_banned(scene.answer("/"))
    scene.witness.await_quote()
