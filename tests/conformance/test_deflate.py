"""permessage-deflate (RFC 7692): what is agreed, and messages that are compressed in every way."""

import json
import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.case import Case, Round, run, table, told
from tests.conformance.echo import MESSAGE_BYTES, V1, V2, V2_MSGPACK, EchoServer
from tests.conformance.peer import (
    BINARY,
    CONTINUATION,
    INVALID_DATA,
    PING,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    Event,
    Peer,
    chopped,
    fragments,
    frame,
)

RSV1 = 4
OFFER = {"subprotocol": V2, "extensions": "permessage-deflate"}
_TAIL = b"\x00\x00\xff\xff"
_NO_TAKEOVER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
_OURS = f"{_NO_TAKEOVER}; server_max_window_bits=12"

#: Offers, and the answer; None where compression is not agreed.
OFFERS: dict[str, str | None] = {
    "": None,
    "permessage-deflate": _OURS,
    "permessage-deflate; server_no_context_takeover": _OURS,
    "permessage-deflate; client_no_context_takeover": _OURS,
    "permessage-deflate; client_max_window_bits": _OURS,
    "permessage-deflate; server_max_window_bits=9": f"{_NO_TAKEOVER}; server_max_window_bits=9",
    "permessage-deflate; server_max_window_bits=11": f"{_NO_TAKEOVER}; server_max_window_bits=11",
    "permessage-deflate; server_max_window_bits=15": _OURS,
    'permessage-deflate; server_max_window_bits="10"': f"{_NO_TAKEOVER}; server_max_window_bits=10",
    "permessage-deflate; server_max_window_bits=8": None,
    "permessage-deflate; server_max_window_bits=7": None,
    "permessage-deflate; server_max_window_bits=16": None,
    "permessage-deflate; server_max_window_bits=09": None,
    "permessage-deflate; server_max_window_bits": None,
    "permessage-deflate; server_no_context_takeover=1": None,
    "permessage-deflate; client_max_window_bits=8": (
        f"{_NO_TAKEOVER}; server_max_window_bits=12; client_max_window_bits=8"
    ),
    "permessage-deflate; client_max_window_bits=15": (
        f"{_NO_TAKEOVER}; server_max_window_bits=12; client_max_window_bits=15"
    ),
    "permessage-deflate; client_max_window_bits=16": None,
    "permessage-deflate; unknown": None,
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover": None,
    "permessage-deflate; server_max_window_bits=8, permessage-deflate": _OURS,
    "permessage-deflate, permessage-deflate": _OURS,
    "x-webkit-deflate-frame": None,
    "permessage-bzip2, permessage-deflate": _OURS,
}


def deflated(message: bytes, *, bits: int = 15, level: int = 6, final: int = zlib.Z_SYNC_FLUSH) -> bytes:
    compressor = zlib.compressobj(level=level, wbits=-bits)
    octets = compressor.compress(message) + compressor.flush(final)
    return octets.removesuffix(_TAIL) if final == zlib.Z_SYNC_FLUSH else octets + b"\x00"


def _random(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def _json(size: int) -> bytes:
    chance = random.Random(size)
    rows: list[dict[str, Any]] = []
    text = "[]"
    while len(text) < size:
        rows += [
            {"symbol": f"SYM{chance.randrange(1000):04}", "bid": f"{chance.randrange(10**9) / 1e4:.4f}"}
            for _ in range(1 + size // 100)
        ]
        text = json.dumps(rows)
    return text[:size].encode()


MESSAGES: dict[str, tuple[str, int, str, Callable[[int], bytes]]] = {
    "JSON": ("text", TEXT, V2, _json),
    "zeros": ("binary", BINARY, V2_MSGPACK, bytes),
    "noise": ("binary", BINARY, V2_MSGPACK, _random),
}
#: The sizes of the messages and how often each is sent, and the octets of a fragment (0: whole).
SIZES = ((0, 20), (16, 50), (64, 50), (256, 50), (1024, 20), (4096, 20), (16_384, 10), (131_072, 3))
FRAGMENTS = (0, 1, 64, 1000, 32_768)


def messages() -> list[Case]:
    cases = []
    for name, (kind, opcode, spoken, make) in MESSAGES.items():
        for size, count in SIZES:
            for fragment in FRAGMENTS:
                message = make(size)
                octets = deflated(message)
                if fragment and (len(octets) // fragment > 500 or fragment >= len(octets)):
                    continue
                pieces = chopped(octets, fragment) if fragment else [octets]
                one = b"".join(fragments(opcode, pieces, reserved=RSV1))
                cases.append(
                    told(
                        f"{count} × {name} of {size}" + (f" in fragments of {fragment}" if fragment else ""),
                        [one] * count,
                        *[Event(kind, message)] * count,
                        subprotocol=spoken,
                        extensions="permessage-deflate",
                    )
                )
    return cases


def ways() -> list[Case]:
    """What a client may do besides (RFC 7692, sections 6 and 7.2.3)."""
    hello, said = deflated(b"Hello"), Event("text", b"Hello")
    text = _json(3_000)
    return [
        told("section 7.2.3.1", frame(TEXT, bytes.fromhex("f248cdc9c90700"), reserved=RSV1), said, **OFFER),
        told(
            "section 7.2.3.1, fragments",
            fragments(TEXT, [bytes.fromhex("f248cd"), bytes.fromhex("c9c90700")], reserved=RSV1),
            said,
            **OFFER,
        ),
        told(
            "section 7.2.3.3, no compression",
            frame(TEXT, bytes.fromhex("000500faff48656c6c6f00"), reserved=RSV1),
            said,
            **OFFER,
        ),
        told(
            "section 7.2.3.4, a final block",
            frame(TEXT, bytes.fromhex("f348cdc9c9070000"), reserved=RSV1),
            said,
            **OFFER,
        ),
        told(
            "section 7.2.3.5, two blocks",
            frame(TEXT, bytes.fromhex("f248050000 00ffffcac9c90700".replace(" ", "")), reserved=RSV1),
            said,
            **OFFER,
        ),
        told("an empty message", frame(TEXT, b"\x00", reserved=RSV1), Event("text"), **OFFER),
        told("an empty payload", frame(TEXT, b"", reserved=RSV1), Event("text"), **OFFER),
        told("not compressed", frame(TEXT, b"Hello"), said, **OFFER),
        told(
            "both in turn",
            frame(TEXT, b"Hello") + frame(TEXT, hello, reserved=RSV1) + frame(TEXT, b"Hello"),
            *[said] * 3,
            **OFFER,
        ),
        told(
            "a ping between compressed fragments",
            [
                frame(TEXT, hello[:3], fin=False, reserved=RSV1)
                + frame(PING, b"1")
                + frame(CONTINUATION, hello[3:])
            ],
            Event("pong", b"1"),
            said,
            **OFFER,
        ),
        told(
            "octet by octet",
            chopped(frame(TEXT, deflated(text), reserved=RSV1), 1),
            Event("text", text),
            **OFFER,
        ),
        *(
            told(
                f"level {level}, window {bits}",
                frame(TEXT, deflated(text, bits=bits, level=level), reserved=RSV1),
                Event("text", text),
                **OFFER,
            )
            for level in (0, 1, 9)
            for bits in (9, 12, 15)
        ),
    ]


def wrong() -> list[Case]:
    hello = deflated(b"Hello")
    bomb = deflated(bytes(MESSAGE_BYTES + 1))
    half = deflated(b"x" * (MESSAGE_BYTES // 2 + 1))
    return [
        told("noise", frame(TEXT, b"\xff" * 40, reserved=RSV1), PROTOCOL_ERROR, **OFFER),
        told(
            "a distance too far back",
            frame(TEXT, bytes.fromhex("02130000"), reserved=RSV1),
            PROTOCOL_ERROR,
            **OFFER,
        ),
        Case(
            "the context of the message before",
            [
                Round([frame(TEXT, hello, reserved=RSV1)], [Event("text", b"Hello")]),
                Round([frame(TEXT, bytes.fromhex("f200110000"), reserved=RSV1)], [PROTOCOL_ERROR]),
            ],
            **OFFER,
        ),
        told(
            "the bit on a continuation",
            [
                frame(TEXT, hello[:3], fin=False, reserved=RSV1),
                frame(CONTINUATION, hello[3:], reserved=RSV1),
            ],
            PROTOCOL_ERROR,
            **OFFER,
        ),
        told(
            "the bit on a continuation of a plain one",
            [frame(TEXT, b"a", fin=False), frame(CONTINUATION, hello, reserved=RSV1)],
            PROTOCOL_ERROR,
            **OFFER,
        ),
        told("invalid text", frame(TEXT, deflated(b"\xff\xfe"), reserved=RSV1), INVALID_DATA, **OFFER),
        told("an octet too many, inflated", frame(TEXT, bomb, reserved=RSV1), TOO_BIG, **OFFER),
        told(
            "a bomb",
            frame(TEXT, deflated(bytes(64 << 20)), reserved=RSV1),
            TOO_BIG,
            **OFFER,
        ),
        told(
            "too large over two fragments",
            fragments(TEXT, [half + _TAIL, half], reserved=RSV1),
            TOO_BIG,
            **OFFER,
        ),
        told(
            "v1 does not compress",
            frame(TEXT, hello, reserved=RSV1),
            PROTOCOL_ERROR,
            extensions="permessage-deflate",
        ),
        told("not agreed", frame(TEXT, hello, reserved=RSV1), PROTOCOL_ERROR, subprotocol=V2),
    ]


def limit() -> list[Case]:
    """A message of exactly the limit, inflated; and one that reaches it in its first fragment."""
    message = b"x" * MESSAGE_BYTES
    octets = deflated(message)
    return [
        told("just the limit", frame(TEXT, octets, reserved=RSV1), Event("text", message), **OFFER),
        told(
            "just the limit, in fragments",
            fragments(TEXT, chopped(octets, 100), reserved=RSV1),
            Event("text", message),
            **OFFER,
        ),
        Case(
            "the limit in the first fragment, a bomb in the second",
            [
                Round([frame(TEXT, octets + _TAIL, fin=False, reserved=RSV1)]),
                Round([frame(CONTINUATION, deflated(bytes(8 << 20)))], [TOO_BIG]),
            ],
            **OFFER,
        ),
        Case(
            "the limit in the first fragment, nothing in the second",
            [
                Round([frame(TEXT, octets, fin=False, reserved=RSV1)]),
                Round([frame(CONTINUATION)], [Event("text", message)]),
            ],
            **OFFER,
        ),
    ]


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("subprotocol", [V2, V2_MSGPACK])
def test_what_is_agreed(echo: EchoServer, offer: str, subprotocol: str) -> None:
    with Peer(echo.port, subprotocol=subprotocol, extensions=offer) as peer:
        assert peer.handshake.status == 101
        assert peer.handshake.headers.get("sec-websocket-extensions") == OFFERS[offer]


@pytest.mark.parametrize("subprotocol", ["", V1])
def test_v1_does_not_compress(echo: EchoServer, subprotocol: str) -> None:
    with Peer(echo.port, subprotocol=subprotocol, extensions="permessage-deflate") as peer:
        assert "sec-websocket-extensions" not in peer.handshake.headers


@table([*messages(), *ways(), *limit()])
def test_compressed_messages(echo: EchoServer, case: Case) -> None:
    run(echo, case)


@table(wrong())
def test_compressed_messages_that_cannot_be(echo: EchoServer, case: Case) -> None:
    run(echo, case)
