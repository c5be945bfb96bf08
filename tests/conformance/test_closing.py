"""The closing handshake (sections 5.5.1, 7.1 and 7.4)."""

import struct

from tests.conformance.case import Case, Round, run, table, told
from tests.conformance.echo import V2_MSGPACK, EchoServer
from tests.conformance.peer import (
    CLOSE,
    END,
    INVALID_DATA,
    PING,
    PROTOCOL_ERROR,
    TEXT,
    Event,
    Peer,
    chopped,
    closed,
    frame,
)

GOOD_CODES = (
    *(1000, 1001, 1008, 1010, 1011, 1012, 1013, 1014),
    *(3000, 3001, 3999, 4000, 4001, 4500, 4998, 4999),
)
#: Codes that say of a peer what we say of it; their answer is an echo too.
VIOLATION_CODES = (1002, 1003, 1007, 1009)
BAD_CODES = (
    *(0, 1, 99, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999),
    *(5000, 5001, 9999, 32_768, 65_535),
)
REASONS = {
    "none": b"",
    "short": b"so long",
    "123 octets": b"x" * 123,
    "of several octets each": "κόσμε".encode(),
    "41 times three octets": "€".encode() * 41,
}
BAD_REASONS = {
    "a lone octet": b"\xff",
    "a half character": "€".encode()[:2],
    "a surrogate": b"\xed\xa0\x80",
    "overlong": b"\xc0\xaf",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "good, then bad": b"abc\xc3",
}


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


def good() -> list[Case]:
    cases = [told("an empty close", frame(CLOSE), closed(0))]
    for code in (*GOOD_CODES, *VIOLATION_CODES):
        cases.append(told(f"close {code}", close(code), closed(code)))
    for name, reason in REASONS.items():
        cases += [
            told(f"reason: {name}", close(1000, reason), closed(1000, reason)),
            told(f"reason: {name}, octet by octet", chopped(close(1000, reason), 1), closed(1000, reason)),
        ]
    return cases


def bad() -> list[Case]:
    return [
        *(told(f"close {code}", close(code), PROTOCOL_ERROR) for code in BAD_CODES),
        *(told(f"close {code} with a reason", close(code, b"why"), PROTOCOL_ERROR) for code in BAD_CODES),
        told("half a code", frame(CLOSE, b"\x03"), PROTOCOL_ERROR),
        told("half a code, octet by octet", chopped(frame(CLOSE, b"\x03"), 1), PROTOCOL_ERROR),
        told("a reason of 124 octets", close(1000, b"x" * 124), PROTOCOL_ERROR),
        *(told(f"reason: {name}", close(1000, reason), INVALID_DATA) for name, reason in BAD_REASONS.items()),
    ]


def around() -> list[Case]:
    """What stands before, beside and behind a close."""
    bye = closed(1000, b"bye")
    return [
        told("text behind a close", [close(1000, b"bye"), frame(TEXT, b"late")], bye),
        told("ping behind a close", [close(1000, b"bye"), frame(PING, b"late")], bye),
        told("a close behind a close", [close(1000, b"bye"), close(1001)], bye),
        told("nonsense behind a close", [close(1000, b"bye"), b"\xff" * 64], bye),
        told("a message and a close, each in time", frame(TEXT, b"a"), Event("text", b"a")),
        told("much behind a close", [close(1000, b"bye"), *[frame(TEXT, b"x" * 65_536)] * 16], bye),
        told("a close on a binary connection", close(1000, b"bye"), bye, subprotocol=V2_MSGPACK),
        Case(
            "an echo, then a close",
            [Round([frame(TEXT, b"a")], [Event("text", b"a")]), Round([close(1000, b"bye")], [bye])],
        ),
        Case(
            "behind a violation all is silence",
            [Round([frame(3), frame(TEXT, b"x"), frame(PING), close(1000)], [PROTOCOL_ERROR])],
        ),
    ]


@table([*good(), *bad(), *around()])
def test_closing(echo: EchoServer, case: Case) -> None:
    run(echo, case)


def test_a_ping_before_a_close_in_one_segment_is_answered_first(echo: EchoServer) -> None:
    with Peer(echo.port) as peer:
        peer.exchange([frame(PING, b"1") + close(1000)], 3)
        assert peer.events == [Event("pong", b"1"), closed(1000), END]


def test_who_ends_the_stream_without_a_close_is_let_go(echo: EchoServer) -> None:
    with Peer(echo.port) as peer:
        peer.exchange([frame(TEXT, b"a")], 1)
        peer.end_stream()
        assert peer.exchange([], 2) == [Event("text", b"a"), END]


def test_the_server_ends_the_stream_first(echo: EchoServer) -> None:
    """A client that waits, as section 7.1.1 asks of it, sees the end without a word of its own."""
    with Peer(echo.port) as peer:
        assert peer.exchange([close(1000)], 2) == [closed(1000), END]
