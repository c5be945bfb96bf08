"""Framing (RFC 6455, section 5.2): payloads of every form of length, in whole and in chopped segments."""

import pytest

from tests.conformance.case import Case, Round, run, table, told
from tests.conformance.echo import V2_MSGPACK, EchoServer
from tests.conformance.peer import (
    BINARY,
    END,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    UNSUPPORTED,
    Event,
    Peer,
    chopped,
    frame,
)

SIZES = (0, 1, 125, 126, 127, 128, 65_535, 65_536)
CHOPS = (1, 2, 7, 64, 997)
KINDS = {"text": (TEXT, b"*", ""), "binary": (BINARY, b"\xfe", V2_MSGPACK)}


def payloads() -> list[Case]:
    return [
        told(
            f"{kind} of {size}" + (f" in pieces of {chop}" if chop else ""),
            chopped(frame(opcode, octet * size), chop) if chop else frame(opcode, octet * size),
            Event(kind, octet * size),
            subprotocol=subprotocol,
        )
        for kind, (opcode, octet, subprotocol) in KINDS.items()
        for size in SIZES
        for chop in (0, *CHOPS)
        if not chop or size // chop < 1_100
    ]


def lengths() -> list[Case]:
    """A sender must not waste octets on a length; nothing says that a receiver must mind (section 5.2)."""
    return [
        told(
            f"{size} octets, the length in {octets}",
            frame(TEXT, b"x" * size, length_octets=octets),
            Event("text", b"x" * size),
        )
        for size, octets in ((0, 2), (0, 8), (5, 2), (5, 8), (125, 2), (125, 8), (126, 8), (65_535, 8))
    ]


WRONG = [
    told("unmasked text", frame(TEXT, b"x", mask=None), PROTOCOL_ERROR),
    told("unmasked ping", frame(9, b"x", mask=None), PROTOCOL_ERROR),
    told("unmasked close", frame(8, b"\x03\xe8", mask=None), PROTOCOL_ERROR),
    told("the highest bit of a length", b"\x81\xff" + b"\x80" + bytes(7) + bytes(4), TOO_BIG),
    told("a length of 2^63-1", b"\x81\xff" + b"\x7f" + b"\xff" * 7 + bytes(4), TOO_BIG),
    told("binary to text", frame(BINARY, b"x"), UNSUPPORTED),
    told("empty binary to text", frame(BINARY), UNSUPPORTED),
    told("text to binary", frame(TEXT, b"x"), UNSUPPORTED, subprotocol=V2_MSGPACK),
    told("fragment of binary to text", frame(BINARY, b"x", fin=False), UNSUPPORTED),
]

MASKS = [
    told(f"mask {mask.hex()}", frame(TEXT, b"the same text", mask=mask), Event("text", b"the same text"))
    for mask in (bytes(4), b"\xff" * 4, b"\x00\xff\x00\xff", b"\x01\x02\x03\x04")
]

MANY = [
    told(
        f"{count} messages in one segment",
        b"".join(frame(TEXT, b"%d" % number) for number in range(count)),
        *(Event("text", b"%d" % number) for number in range(count)),
    )
    for count in (2, 10, 1_000)
] + [
    Case(
        "many messages, each after its echo",
        [Round([frame(TEXT, b"%d" % number)], [Event("text", b"%d" % number)]) for number in range(200)],
    )
]


@table([*payloads(), *lengths(), *WRONG, *MASKS, *MANY])
def test_framing(echo: EchoServer, case: Case) -> None:
    run(echo, case)


@pytest.mark.parametrize("cut", range(1, 14))
def test_a_stream_that_ends_within_a_frame_is_ended(echo: EchoServer, cut: int) -> None:
    with Peer(echo.port) as peer:
        peer.exchange([frame(TEXT, b"x" * 200)[:cut]], 0)
        peer.end_stream()
        assert peer.exchange([], 1) == [END]
