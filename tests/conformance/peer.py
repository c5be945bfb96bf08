"""A client that sends any octets, in any pieces, and reads strictly what a server may send."""

import base64
import hashlib
import os
import select
import socket
import struct
import time
import zlib
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple, Self

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, RSV1 = 0x80, 0x40

_DEADLINE_S = 20.0
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_NAMES = {TEXT: "text", BINARY: "binary", PING: "ping", PONG: "pong"}


class Event(NamedTuple):
    """What came: a whole message, a control frame, or the end of the stream.

    Attributes:
        kind: `text`, `binary`, `ping`, `pong`, `close` or `end`.
        payload: of a message or a ping; the reason of a close.
        code: of a close; 0 where the frame was empty.
    """

    kind: str
    payload: bytes = b""
    code: int = 0


END = Event("end")


def closed(code: int, reason: bytes = b"") -> Event:
    return Event("close", reason, code)


PROTOCOL_ERROR, UNSUPPORTED, INVALID_DATA, TOO_BIG = map(closed, (1002, 1003, 1007, 1009))


def masked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    pad = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(pad)).to_bytes(size) if size else b""


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    mask: bytes | None = b"\x37\xfa\x21\x3d",
    length_octets: int | None = None,
) -> bytes:
    """A client's frame; `length_octets` (0, 2, 8) writes its length in more octets than it needs."""
    size = len(payload)
    first = (FIN if fin else 0) | reserved << 4 | opcode
    second = 0x80 if mask is not None else 0
    if length_octets is None:
        length_octets = 0 if size < 126 else 2 if size < 1 << 16 else 8
    length = {
        0: lambda: bytes([second | size]),
        2: lambda: struct.pack("!BH", second | 126, size),
        8: lambda: struct.pack("!BQ", second | 127, size),
    }[length_octets]()
    if mask is None:
        return bytes([first]) + length + payload
    return bytes([first]) + length + mask + masked(payload, mask)


def fragments(opcode: int, pieces: Iterable[bytes], *, reserved: int = 0) -> list[bytes]:
    """The frames of one message in these pieces."""
    parts = list(pieces)
    return [
        frame(
            opcode if number == 0 else CONTINUATION,
            part,
            fin=number == len(parts) - 1,
            reserved=reserved if number == 0 else 0,
        )
        for number, part in enumerate(parts)
    ]


def chopped(data: bytes, size: int) -> list[bytes]:
    """The same octets in pieces of this size."""
    return [data[first : first + size] for first in range(0, len(data), size)]


class Handshake(NamedTuple):
    """The answer to a handshake."""

    status: int
    headers: dict[str, str]


class ServerFrames:
    """Reads what a server sends, and fails where RFC 6455 does not let a server send it.

    Attributes:
        events: what came.
        deflated: whether messages may be compressed.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.deflated = False
        self._inbox = bytearray()

    def feed(self, data: bytes) -> None:
        """The next octets of the stream."""
        self._inbox += data
        while self._take_frame():
            pass

    def end(self) -> None:
        """The stream has ended."""
        assert not self._inbox, "the stream ends within a frame"
        self.events.append(END)

    def _take_frame(self) -> bool:
        inbox = self._inbox
        if len(inbox) < 2:
            return False
        first, size, head = inbox[0], inbox[1], 2
        assert size < 128, "a server does not mask"
        if size > 125:
            head = 4 if size == 126 else 10
            if len(inbox) < head:
                return False
            size = int.from_bytes(inbox[2:head])
            assert size > (125 if head == 4 else 65_535), "a length takes no more octets than it needs"
        if len(inbox) < head + size:
            return False
        payload = bytes(inbox[head : head + size])
        del inbox[: head + size]
        self._note(first, payload)
        return True

    def _note(self, first: int, payload: bytes) -> None:
        opcode, fin, compressed = first & 0x0F, bool(first & FIN), bool(first & RSV1)
        assert not first & 0x30
        assert not any(event.kind == "close" for event in self.events), "nothing follows a close"
        if opcode >= CLOSE:
            assert fin
            assert not compressed
            assert len(payload) <= 125
            if opcode == CLOSE:
                code = int.from_bytes(payload[:2])
                payload[2:].decode()
                self.events.append(Event("close", payload[2:], code))
            else:
                self.events.append(Event(_NAMES[opcode], payload))
            return
        assert fin, "our messages are whole"
        assert compressed <= self.deflated
        if compressed:
            inflated = zlib.decompressobj(-15)
            payload = inflated.decompress(payload + b"\0\0\xff\xff")
        if opcode == TEXT:
            payload.decode()
        self.events.append(Event(_NAMES[opcode], payload))


class Peer:
    """One connection; everything it reads has to be what RFC 6455 lets a server send."""

    def __init__(
        self, port: int, *, path: str = "/", subprotocol: str = "", extensions: str = "", key: str = ""
    ) -> None:
        self._frames = ServerFrames()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_DEADLINE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.handshake = self._shake_hands(path, subprotocol, extensions, key)
        self._socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def events(self) -> list[Event]:
        """What came so far."""
        return self._frames.events

    def _shake_hands(self, path: str, subprotocol: str, extensions: str, key: str) -> Handshake:
        nonce = base64.b64encode(os.urandom(16))
        lines = [
            f"GET {path} HTTP/1.1".encode(),
            b"Host: localhost",
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: " + nonce,
        ]
        if key:
            lines.append(b"api-key: " + key.encode())
        if subprotocol:
            lines.append(b"Sec-WebSocket-Protocol: " + subprotocol.encode())
        if extensions:
            lines.append(b"Sec-WebSocket-Extensions: " + extensions.encode())
        self._socket.sendall(b"\r\n".join([*lines, b"", b""]))
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = self._socket.recv(65_536)
            assert data, f"the server left in the handshake: {answer!r}"
            answer += data
        head, _, rest = answer.partition(b"\r\n\r\n")
        status_line, *fields = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        status = int(status_line.split(" ")[1])
        if status == 101:
            accept = base64.b64encode(hashlib.sha1(nonce + _GUID).digest()).decode()
            assert headers["sec-websocket-accept"] == accept
        self._frames.deflated = "permessage-deflate" in headers.get("sec-websocket-extensions", "")
        self._frames.feed(rest)
        return Handshake(status, headers)

    def exchange(self, chunks: Iterable[bytes], count: int) -> list[Event]:
        """Send these octets, and read until so many events have come in all, or the end."""
        pending = deque(chunk for chunk in chunks if chunk)
        deadline_s = time.monotonic() + _DEADLINE_S
        while (pending or len(self.events) < count) and END not in self.events:
            writers = [self._socket] if pending else []
            readable, writable, _ = select.select([self._socket], writers, [], 1.0)
            assert time.monotonic() < deadline_s, f"only {self.events} came"
            if writable:
                self._send(pending)
            if readable:
                self._read()
        return self.events

    def end_stream(self) -> None:
        """Send no more."""
        self._socket.shutdown(socket.SHUT_WR)

    def _send(self, pending: deque[bytes]) -> None:
        try:
            sent = self._socket.send(pending[0])
        except BlockingIOError:
            return
        except ConnectionError:  # the server has closed behind its close frame, which is still to be read
            pending.clear()
            return
        if sent == len(pending[0]):
            pending.popleft()
        else:
            pending[0] = pending[0][sent:]

    def _read(self) -> None:
        try:
            data = self._socket.recv(1 << 18)
        except ConnectionError:
            data = b""
        if data:
            self._frames.feed(data)
        else:
            self._frames.end()
