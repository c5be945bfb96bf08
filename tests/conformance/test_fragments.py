"""Fragmentation (section 5.4)."""

import pytest

from tests.conformance.case import Case, Round, run, table, told
from tests.conformance.echo import V2_MSGPACK, EchoServer
from tests.conformance.peer import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    Event,
    Peer,
    chopped,
    closed,
    fragments,
    frame,
)

PONG_1, PONG_2 = Event("pong", b"1"), Event("pong", b"2")


def first(payload: bytes, opcode: int = TEXT) -> bytes:
    return frame(opcode, payload, fin=False)


def more(payload: bytes) -> bytes:
    return frame(CONTINUATION, payload, fin=False)


def last(payload: bytes) -> bytes:
    return frame(CONTINUATION, payload)


#: Violations, as octets; each is tried whole, octet by octet, and behind a message that was fine.
WRONG = {
    "ping in two fragments": frame(PING, b"1", fin=False) + last(b"2"),
    "pong in two fragments": frame(PONG, b"1", fin=False) + last(b"2"),
    "close in two fragments": frame(CLOSE, b"\x03\xe8", fin=False) + last(b"2"),
    "a last fragment of nothing": last(b"x"),
    "an empty last fragment of nothing": last(b""),
    "a fragment of nothing": more(b"x"),
    "fragments of nothing": more(b"x") + last(b"y"),
    "a second text within a text": first(b"x") + frame(TEXT, b"y"),
    "a second first fragment": first(b"x") + first(b"y"),
    "a binary within a text": first(b"x") + frame(BINARY, b"y"),
    "an empty text within a text": first(b"") + frame(TEXT),
}

PIECES = {
    "two": [b"fragment1", b"fragment2"],
    "two, the first empty": [b"", b"fragment2"],
    "two, the last empty": [b"fragment1", b""],
    "three, all empty": [b"", b"", b""],
    "three, the middle one only": [b"", b"middle", b""],
    "of an octet each": [bytes([octet]) for octet in b"octet by octet"],
    "a hundred": [b"%d," % number for number in range(100)],
    "unequal": [b"x" * 125, b"y" * 126, b"z" * 2_000, b"."],
}


def whole() -> list[Case]:
    return [
        told(f"{kind} in fragments: {name}, {way}", chunks, Event(kind, b"".join(pieces)), subprotocol=spoken)
        for kind, opcode, spoken in (("text", TEXT, ""), ("binary", BINARY, V2_MSGPACK))
        for name, pieces in PIECES.items()
        for way, chunks in {
            "one segment": [b"".join(fragments(opcode, pieces))],
            "a segment each": fragments(opcode, pieces),
            "pieces of 3": chopped(b"".join(fragments(opcode, pieces)), 3),
        }.items()
    ]


def with_pings() -> list[Case]:
    """Pongs of one read stand behind what its messages brought about; in turns they come at once."""
    five = (
        first(b"a")
        + more(b"b")
        + frame(PING, b"1")
        + more(b"c")
        + more(b"d")
        + frame(PING, b"2")
        + last(b"e")
    )
    whole, ping_1, ping_2 = Event("text", b"abcde"), frame(PING, b"1"), frame(PING, b"2")
    return [
        told("a ping between fragments", first(b"a") + ping_1 + last(b"b"), PONG_1, Event("text", b"ab")),
        told("two pings among five fragments", five, PONG_1, PONG_2, whole),
        told("a pong between fragments", first(b"a") + frame(PONG) + last(b"b"), Event("text", b"ab")),
        told(
            "a pong between fragments, octet by octet",
            chopped(first(b"a") + frame(PONG, b"1") + last(b"b"), 1),
            Event("text", b"ab"),
        ),
        Case(
            "two pings among five fragments, octet by octet",
            [
                Round(chopped(first(b"a") + more(b"b") + ping_1, 1), [PONG_1]),
                Round(chopped(more(b"c") + more(b"d") + ping_2, 1), [PONG_2]),
                Round(chopped(last(b"e"), 1), [whole]),
            ],
        ),
    ]


def answered() -> list[Case]:
    """What comes between fragments is answered before the message is whole."""
    return [
        Case(
            "pings answered while a message is on its way",
            [
                Round([first(b"a")]),
                *(Round([frame(PING, b"%d" % n)], [Event("pong", b"%d" % n)]) for n in range(20)),
                Round([last(b"b")], [Event("text", b"ab")]),
            ],
        ),
        Case(
            "messages one after the other",
            [
                Round([b"".join(fragments(TEXT, [b"%d" % n, b"!"]))], [Event("text", b"%d!" % n)])
                for n in range(50)
            ],
        ),
        Case("unfinished, then a close", [Round([first(b"a"), frame(CLOSE, b"\x03\xe8")], [closed(1000)])]),
        Case("unfinished, then an empty close", [Round([first(b"a"), frame(CLOSE)], [closed(0)])]),
        Case(
            "unfinished, then a close and the rest of it",
            [Round([first(b"a") + frame(CLOSE, b"\x03\xe8") + last(b"b")], [closed(1000)])],
        ),
        told("whole, then a close", [*fragments(TEXT, [b"a", b"b"])], Event("text", b"ab")),
    ]


def wrong() -> list[Case]:
    hello = Round([frame(TEXT, b"hello")], [Event("text", b"hello")])
    return [
        case
        for name, octets in WRONG.items()
        for case in (
            told(name, octets, PROTOCOL_ERROR),
            told(f"{name}, octet by octet", chopped(octets, 1), PROTOCOL_ERROR),
            Case(f"{name}, behind an echo", [hello, Round([octets, frame(PING)], [PROTOCOL_ERROR])]),
        )
    ]


@table([*whole(), *with_pings(), *answered()])
def test_fragments(echo: EchoServer, case: Case) -> None:
    run(echo, case)


@table(wrong())
def test_fragments_that_cannot_be(echo: EchoServer, case: Case) -> None:
    run(echo, case)


@pytest.mark.parametrize("size", [1, 1_000])
def test_a_flood_of_empty_fragments_is_one_message(echo: EchoServer, size: int) -> None:
    with Peer(echo.port) as peer:
        events = peer.exchange([first(b"a"), *[more(b"") * size] * 50, last(b"b")], 1)
        assert events == [Event("text", b"ab")]
        assert peer.exchange([frame(CLOSE, b"\x03\xe8")], 2)[1] == closed(1000)
