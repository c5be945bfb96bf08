"""A case of bad input: what a client does, and the documented answer.

Octets may name keys, which stand in `scene.py`: `%KEY%`, `%READER%` and so on.
"""

import itertools
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from tests.conformance.peer import BINARY, TEXT, frame

V1, V2, MSGPACK, PUBLISH = "v1", "v2", "v2.msgpack", "publish"

Octets = Sequence[bytes]


class ErrorEvent(NamedTuple):
    """An `error` with this code; the connection stays open."""

    code: str


class ResultCode(NamedTuple):
    """A `subscribed`, `unsubscribed` or `published` in which a result has this code."""

    code: str


class Closes(NamedTuple):
    """The server closes with this code, behind so many errors that warned."""

    code: int
    warned: int = 0


class Answers(NamedTuple):
    """HTTP: this status and reason, and the end of the connection."""

    status: int
    reason: str


Expected = ErrorEvent | ResultCode | Closes | Answers


class Case(NamedTuple):
    """One thing that a client does, and what it gets.

    Attributes:
        name: what it is.
        sends: octets, one after the other, on an open connection of `dialect`, or from the first one on.
        expected: what comes of it.
        dialect: how the WebSocket was opened; empty for a bare socket.
        key: with which one.
        impatient: whether it goes to the server with short deadlines and small limits.
    """

    name: str
    sends: Octets
    expected: Expected
    dialect: str = ""
    key: str = "%KEY%"
    impatient: bool = False


def said(name: str, message: Any, code: str, *, dialect: str = V1, **options: Any) -> Case:
    """A message, as text or as a value, that is answered with an error."""
    return Case(f"{dialect}: {name}", [framed(message, dialect)], ErrorEvent(code), dialect, **options)


#: A number for each quote that is published: its producer and batch are its own.
_producers = itertools.count(1)


def named(name: str, symbol: str, code: str = "unknown_symbol", **options: Any) -> list[Case]:
    """A name in a subscribe of both dialects."""
    request = {"action": "subscribe", "symbols": [symbol]}
    return [
        said(f"a symbol: {name}", request, code, **options),
        Case(f"v2: a symbol: {name}", [framed(request, V2)], ResultCode(code), V2, **options),
    ]


def closes(
    name: str, sends: bytes | Octets, code: int, *, dialect: str = V1, warned: int = 0, **options: Any
) -> Case:
    """Octets behind a handshake that end the connection."""
    chunks = [sends] if isinstance(sends, bytes) else sends
    return Case(f"{dialect}: {name}", chunks, Closes(code, warned), dialect, **options)


def asks(name: str, octets: bytes | Octets, status: int, reason: str, **options: Any) -> Case:
    """A request from a bare socket that is refused."""
    chunks = [octets] if isinstance(octets, bytes) else octets
    return Case(f"http: {name}", chunks, Answers(status, reason), **options)


def posts(
    name: str,
    body: Any,
    status: int,
    reason: str,
    *,
    key: str = "%KEY%",
    path: str = "/publish",
    **options: Any,
) -> Case:
    """A `POST` that is refused as a whole."""
    return asks(f"{path[1:]}: {name}", posted(body, key, path), status, reason, **options)


def quotes(name: str, code: str, *, key: str = "%KEY%", **fields: Any) -> Case:
    """A published quote that is refused, over WebSocket; its batch is taken."""
    quote = {"asset_class": "crypto", "symbol": "BAD", "bid": "1", "ask": "2"} | fields
    batch = {"action": "publish", "producer": f"bad{next(_producers)}", "batch": 1, "quotes": [quote]}
    return Case(f"publish: {name}", [framed(batch, PUBLISH)], ResultCode(code), PUBLISH, key)


def handshake(
    path: str = "/quotes",
    *extra: str,
    method: str = "GET",
    version: str = "HTTP/1.1",
    key: str | None = "%KEY%",
    drop: str = "",
    **replaced: str,
) -> bytes:
    """A request that opens a WebSocket, but for what is changed."""
    headers = {
        "Host": "localhost",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    } | {name.replace("_", "-"): value for name, value in replaced.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if name != drop]
    if key is not None:
        lines.append(f"api-key: {key}")
    return "\r\n".join([f"{method} {path} {version}", *lines, *extra, "", ""]).encode()


def framed(message: Any, dialect: str) -> bytes:
    if not isinstance(message, bytes):
        message = msgspec.msgpack.encode(message) if dialect == MSGPACK else json.dumps(message).encode()
    return frame(BINARY if dialect == MSGPACK else TEXT, message)


def posted(body: Any, key: str, path: str = "/publish") -> bytes:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\napi-key: {key}\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(octets)}\r\n\r\n".encode() + octets
