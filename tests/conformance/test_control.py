"""Pings and pongs (section 5.5), reserved bits and reserved opcodes (section 5.2)."""

from tests.conformance.case import Case, Round, run, table, told
from tests.conformance.echo import V2, EchoServer
from tests.conformance.peer import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    Event,
    chopped,
    frame,
)

HELLO, ECHO = frame(TEXT, b"hello"), Event("text", b"hello")
OPCODES = {
    "text": TEXT,
    "binary": BINARY,
    "continuation": CONTINUATION,
    "close": CLOSE,
    "ping": PING,
    "pong": PONG,
}
RESERVED_OPCODES = (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)


def pings() -> list[Case]:
    payloads = {
        "empty": b"",
        "text": b"Hello, world!",
        "octets": b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff",
        "125": b"\xfe" * 125,
    }
    cases = [
        told(f"ping: {name}, {way}", chunks, Event("pong", payload))
        for name, payload in payloads.items()
        for way, chunks in {
            "whole": [frame(PING, payload)],
            "octet by octet": chopped(frame(PING, payload), 1),
        }.items()
    ]
    ten = b"".join(frame(PING, b"payload-%d" % number) for number in range(10))
    answers = [Event("pong", b"payload-%d" % number) for number in range(10)]
    return [
        *cases,
        told("ten pings", ten, *answers),
        told("ten pings, octet by octet", chopped(ten, 1), *answers),
        told(  # pongs of one read are written before the echoes of its messages
            "ping, text, ping",
            frame(PING, b"1") + HELLO + frame(PING, b"2"),
            Event("pong", b"1"),
            Event("pong", b"2"),
            ECHO,
        ),
    ]


PONGS = [
    told("a pong that nobody asked for", [frame(PONG), HELLO], ECHO),
    told("a pong with a payload", [frame(PONG, b"unsolicited"), HELLO], ECHO),
    told("a pong, then a ping", frame(PONG, b"no") + frame(PING, b"yes"), Event("pong", b"yes")),
    told("a hundred pongs", frame(PONG, b"p" * 125) * 100 + HELLO, ECHO),
]

TOO_LARGE = [
    told(f"{name} of {size}", chunks, PROTOCOL_ERROR)
    for name, opcode in (("ping", PING), ("pong", PONG), ("close", CLOSE))
    for size in (126, 127, 65_536)
    for chunks in ([frame(opcode, b"\x03\xe8" + b"x" * (size - 2))],)
] + [told("ping of 126, octet by octet", chopped(frame(PING, bytes(126)), 1), PROTOCOL_ERROR)]


def reserved_bits() -> list[Case]:
    cases = []
    for bits in range(1, 8):
        for name, opcode in OPCODES.items():
            wrong = frame(opcode, b"\x03\xe8" if opcode == CLOSE else b"x", reserved=bits)
            cases += [
                told(f"reserved bits {bits} on {name}", wrong, PROTOCOL_ERROR),
                told(f"reserved bits {bits} on {name}, chopped", chopped(wrong, 1), PROTOCOL_ERROR),
            ]
        wrong = frame(TEXT, b"x", reserved=bits)
        cases += [
            Case(
                f"reserved bits {bits} behind an echo",
                [Round([HELLO], [ECHO]), Round([wrong, frame(PING)], [PROTOCOL_ERROR])],
            ),
            told(
                f"reserved bits {bits} within a message",
                [frame(TEXT, b"x", fin=False), frame(CONTINUATION, b"y", reserved=bits)],
                PROTOCOL_ERROR,
            ),
        ]
    return cases


def reserved_bits_beside_deflate() -> list[Case]:
    """The first bit has a meaning there, on the first frame of a message only (RFC 7692, section 6)."""
    offer = {"subprotocol": V2, "extensions": "permessage-deflate"}
    return [
        told(
            f"deflate: reserved bits {bits} on {name}",
            frame(opcode, payload, reserved=bits),
            PROTOCOL_ERROR,
            **offer,
        )
        for name, opcode, payload in (
            ("text", TEXT, b"x"),
            ("ping", PING, b"x"),
            ("pong", PONG, b"x"),
            ("close", CLOSE, b"\x03\xe8"),
        )
        for bits in range(1, 8)
        if not (opcode == TEXT and bits == 4)
    ]


def reserved_opcodes() -> list[Case]:
    cases = []
    for opcode in RESERVED_OPCODES:
        for name, payload in (("empty", b""), ("a payload", b"reserved opcode payload")):
            wrong = frame(opcode, payload)
            cases += [
                told(f"opcode {opcode:X}, {name}", wrong, PROTOCOL_ERROR),
                told(f"opcode {opcode:X}, {name}, chopped", chopped(wrong, 1), PROTOCOL_ERROR),
                Case(
                    f"opcode {opcode:X}, {name}, behind an echo",
                    [Round([HELLO], [ECHO]), Round([wrong, frame(PING)], [PROTOCOL_ERROR])],
                ),
            ]
        cases.append(
            told(f"opcode {opcode:X}, unfinished", frame(opcode, b"x", fin=False), PROTOCOL_ERROR),
        )
    return cases


@table([*pings(), *PONGS, *TOO_LARGE])
def test_pings_and_pongs(echo: EchoServer, case: Case) -> None:
    run(echo, case)


@table([*reserved_bits(), *reserved_bits_beside_deflate()])
def test_reserved_bits(echo: EchoServer, case: Case) -> None:
    run(echo, case)


@table(reserved_opcodes())
def test_reserved_opcodes(echo: EchoServer, case: Case) -> None:
    run(echo, case)
