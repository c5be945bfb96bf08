"""Sizes: messages up to the limit, in fragments and segments of many sizes, and one octet more."""

from tests.conformance.case import Case, Round, run, table, told
from tests.conformance.echo import MESSAGE_BYTES, V2_MSGPACK, EchoServer
from tests.conformance.peer import BINARY, CLOSE, TEXT, TOO_BIG, Event, chopped, closed, fragments, frame

KINDS = {"text": (TEXT, b"\xc3\xa9", ""), "binary": (BINARY, b"\x00\xff", V2_MSGPACK)}
KIB = 1 << 10


def within() -> list[Case]:
    cases = []
    for kind, (opcode, pair, spoken) in KINDS.items():
        for size in (64 * KIB, 256 * KIB, MESSAGE_BYTES):
            message = pair * (size // 2)
            cases.append(
                told(f"{kind} of {size}", frame(opcode, message), Event(kind, message), subprotocol=spoken)
            )
        for size, fragment in (
            (16 * KIB, 64),
            (64 * KIB, 256),
            (256 * KIB, KIB),
            (MESSAGE_BYTES, 4 * KIB),
            (MESSAGE_BYTES, 16 * KIB),
            (MESSAGE_BYTES, 64 * KIB),
            (MESSAGE_BYTES, 256 * KIB),
        ):
            message = pair * (size // 2)
            cases.append(
                told(
                    f"{kind} of {size} in fragments of {fragment}",
                    fragments(opcode, chopped(message, fragment)),
                    Event(kind, message),
                    subprotocol=spoken,
                )
            )
        for chop in (64, 256, KIB, 64 * KIB):
            message = pair * (MESSAGE_BYTES // 64 if chop < KIB else MESSAGE_BYTES // 2)
            cases.append(
                told(
                    f"{kind} of {len(message)} in segments of {chop}",
                    chopped(frame(opcode, message), chop),
                    Event(kind, message),
                    subprotocol=spoken,
                )
            )
    return cases


def beyond() -> list[Case]:
    over = MESSAGE_BYTES + 1
    return [
        told("one octet too many", frame(TEXT, b"x" * over), TOO_BIG),
        told("only said to be too large", frame(TEXT, b"x" * over)[:14], TOO_BIG),
        told("one too many, binary", frame(BINARY, bytes(over)), TOO_BIG, subprotocol=V2_MSGPACK),
        told("one too many in two fragments", fragments(TEXT, [b"x" * MESSAGE_BYTES, b"x"]), TOO_BIG),
        told(
            "one too many in fragments of 64 KiB",
            fragments(TEXT, chopped(b"x" * over, 64 * KIB)),
            TOO_BIG,
        ),
        told("2^40 octets", b"\x81\xff" + (1 << 40).to_bytes(8) + bytes(4), TOO_BIG),
        Case(
            "a message, then one too large",
            [
                Round([frame(TEXT, b"fine")], [Event("text", b"fine")]),
                Round([frame(TEXT, b"x" * over)[:14]], [TOO_BIG]),
            ],
        ),
        Case(
            "two whole ones of the limit: each counts by itself",
            [
                Round([frame(TEXT, b"x" * MESSAGE_BYTES)], [Event("text", b"x" * MESSAGE_BYTES)]),
                Round([frame(TEXT, b"y" * MESSAGE_BYTES)], [Event("text", b"y" * MESSAGE_BYTES)]),
                Round([frame(CLOSE, b"\x03\xe8")], [closed(1000)]),
            ],
        ),
    ]


def many() -> list[Case]:
    return [
        told(
            f"{count} messages of {size}",
            frame(opcode, octet * size) * count,
            *[Event(kind, octet * size)] * count,
            subprotocol=spoken,
        )
        for kind, opcode, octet, spoken in (("text", TEXT, b"x", ""), ("binary", BINARY, b"\xff", V2_MSGPACK))
        for count, size in ((1_000, 0), (1_000, 16), (1_000, 64), (500, 256), (200, KIB), (100, 4 * KIB))
    ]


@table([*within(), *beyond(), *many()])
def test_limits(echo: EchoServer, case: Case) -> None:
    run(echo, case)
