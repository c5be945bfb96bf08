"""Does what a case says, and compares; a witness beside it must not notice."""

import asyncio
import select
import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from tests.conformance.peer import PING, Event, Peer, frame
from tests.system.bad_input import MSGPACK, PUBLISH, Answers, Case, Closes, ErrorEvent, ResultCode
from tests.system.server import Server
from tests.system.v2_client import JSON, V2Client

_DEADLINE_S = 20.0
_SUBPROTOCOLS = {
    "v1": "",
    "v2": "tradewatch.v2",
    "v2 deflate": "tradewatch.v2",
    MSGPACK: "tradewatch.v2.msgpack",
}


class Intruder:
    """Sends what a case says to a server.

    Args:
        server: which.
        keys: what stands for which key: `%KEY%` and so on.
    """

    def __init__(self, server: Server, keys: Mapping[str, str]) -> None:
        self._port = int(server.address.rpartition(":")[2])
        self._keys = keys

    def try_case(self, case: Case) -> None:
        """Fails where the server does anything but what is documented."""
        chunks = [self._with_keys(chunk) for chunk in case.sends]
        if isinstance(case.expected, Answers):
            self._ask(chunks, case.expected)
            return
        with self._open(case) as peer:
            peer.exchange([], 1)  # the greeting
            looked_at = len(peer.events)
            peer.exchange(chunks, looked_at + 1)
            while not _is_met(case, peer.events[looked_at:]):
                looked_at = len(peer.events)
                peer.exchange([], looked_at + 1)
            if isinstance(case.expected, Closes):
                assert warnings(peer.events) == case.expected.warned
            else:
                _is_open(peer)

    def _open(self, case: Case) -> Peer:
        key = self._keys[case.key]
        if case.dialect == PUBLISH:
            return Peer(self._port, path="/publish", key=key)
        extensions = "permessage-deflate" if "deflate" in case.dialect else ""
        return Peer(self._port, subprotocol=_SUBPROTOCOLS[case.dialect], extensions=extensions, key=key)

    def _ask(self, chunks: list[bytes], expected: Answers) -> None:
        answer = ask(self._port, chunks)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head, f"no answer at all instead of {expected}"
        for name, key in self._keys.items():
            assert key.encode() not in answer, f"the answer shows {name}"
        assert int(head.split(b" ")[1]) == expected.status, answer
        error = msgspec.json.decode(body)["error"]
        assert (error["code"], error["reason"]) == (expected.status, expected.reason)
        assert error["message"]

    def _with_keys(self, chunk: bytes) -> bytes:
        for name, key in self._keys.items():
            chunk = chunk.replace(name.encode(), key.encode())
        return chunk


def ask(port: int, chunks: Iterable[bytes]) -> bytes:
    """Everything that comes for these octets, up to the end; what the server does not take is not pressed."""
    pending = b"".join(chunks)
    answer = b""
    deadline_s = time.monotonic() + _DEADLINE_S
    with socket.create_connection(("127.0.0.1", port)) as stream:
        stream.setblocking(False)
        while time.monotonic() < deadline_s:
            readable, writable, _ = select.select([stream], [stream] if pending else [], [], 0.5)
            if readable:
                try:
                    data = stream.recv(65_536)
                except ConnectionError:
                    return answer
                if not data:
                    return answer
                answer += data
            elif writable:
                try:
                    pending = pending[stream.send(pending[:262_144]) :]
                except ConnectionError:
                    pending = b""
    raise AssertionError(f"the server did not end the connection; it had said {answer!r}")


class Answer(NamedTuple):
    """What an HTTP request got; `reason` is the error's, where there is one."""

    status: int
    headers: dict[str, str]
    error: dict[str, Any]

    @property
    def reason(self) -> str:
        return str(self.error.get("reason", ""))


def knock(port: int, octets: bytes, *, source: str = "127.0.0.1") -> tuple[socket.socket, Answer]:
    """The answer to a handshake, yes or no, on a connection from this address, which is left open."""
    stream = socket.create_connection(("127.0.0.1", port), timeout=_DEADLINE_S, source_address=(source, 0))
    stream.sendall(octets)
    answer = b""
    while b"\r\n\r\n" not in answer or (b" 101 " not in answer[:13] and not _is_whole(answer)):
        data = stream.recv(65_536)
        assert data, f"the server left behind {answer!r}"
        answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    code = int(status.split(" ")[1])
    return stream, Answer(code, headers, {} if code == 101 else msgspec.json.decode(body)["error"])


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
    return len(body) >= int(length)


def _is_met(case: Case, events: Iterable[Event]) -> bool:
    """Whether these say what was expected; fails where they say something else."""
    for event in events:
        assert event.kind != "end", f"the end, and not {case.expected}"
        if isinstance(case.expected, Closes) and event.kind == "close":
            assert event.code == case.expected.code
            return True
        assert event.kind != "close", f"closed with {event.code}, and not {case.expected}"
        if event.kind in ("text", "binary") and any(_answers(case, said) for said in _said(event)):
            return True
    return False


def _answers(case: Case, said: dict[str, Any]) -> bool:
    """Whether this is the event that was expected; another error is not."""
    if said.get("event") == "error":
        if isinstance(case.expected, Closes) and case.expected.warned:
            return False
        assert case.expected == ErrorEvent(said["code"]), said
        return True
    codes = [each.get("code") for each in said.get("results", ())]
    return isinstance(case.expected, ResultCode) and case.expected.code in codes


def warnings(events: Iterable[Event]) -> int:
    """How often these say that the client says too much."""
    messages = [event for event in events if event.kind in ("text", "binary")]
    return sum(said.get("code") == "too_many_messages" for event in messages for said in _said(event))


def _is_open(peer: Peer) -> None:
    """It answers a ping, and goes on."""
    looked_at = len(peer.events)
    peer.exchange([frame(PING, b"still there?")], looked_at + 1)
    while Event("pong", b"still there?") not in peer.events[looked_at:]:
        assert peer.events[-1].kind not in ("close", "end"), f"{peer.events[-2:]}"
        looked_at = len(peer.events)
        peer.exchange([], looked_at + 1)


def _said(event: Event) -> list[dict[str, Any]]:
    """What stands in a message, whatever the dialect."""
    message = (msgspec.msgpack if event.kind == "binary" else msgspec.json).decode(event.payload)
    return message if isinstance(message, list) else [message]


class Witness:
    """A client of v2, in a thread of its own, that holds all it hears against the law."""

    def __init__(self, server: Server, key: str, symbols: Sequence[str]) -> None:
        self._server = server
        self._key = key
        self._symbols = symbols
        self._client: V2Client | None = None
        self._fault: BaseException | None = None
        self._leaving = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.await_quote()

    def await_quote(self) -> None:
        """It hears quotes, in order, each once."""
        before = self._heard
        deadline_s = time.monotonic() + _DEADLINE_S
        while self._heard == before:
            assert self._fault is None, f"the witness was disturbed: {self._fault!r}"
            assert time.monotonic() < deadline_s, "the witness hears nothing"
            time.sleep(0.002)
        assert self._client is not None
        assert self._client.skipped == 0

    def leave(self) -> list[dict[str, Any]]:
        """Its heartbeats, of which it waits for one at least."""
        self._leaving = True
        self._thread.join(_DEADLINE_S)
        assert self._fault is None, f"the witness was disturbed: {self._fault!r}"
        assert not self._thread.is_alive(), "the witness hears nothing"
        return self._heartbeats

    @property
    def _heartbeats(self) -> list[dict[str, Any]]:
        events = self._client.events if self._client is not None else []
        return [event for event in events if event["event"] == "heartbeat"]

    @property
    def _heard(self) -> int:
        return len(self._client.quotes) if self._client is not None else 0

    def _run(self) -> None:
        try:
            asyncio.run(self._listen())
        except BaseException as error:  # noqa: BLE001 - told by whoever looks at the witness next
            self._fault = error

    async def _listen(self) -> None:
        async with self._server.stream("/", key=self._key, subprotocol=JSON) as stream:
            client = V2Client(stream)
            await client.say("subscribe", symbols=self._symbols, snapshot=False)
            self._client = client
            while not (self._leaving and self._heartbeats):
                await client.take()
