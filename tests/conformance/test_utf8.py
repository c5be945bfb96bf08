"""Text is UTF-8 (section 8.1); the invalid sequences follow the kinds of Markus Kuhn's decoder test."""

from tests.conformance.case import Case, run, table, told
from tests.conformance.echo import V2_MSGPACK, EchoServer
from tests.conformance.peer import (
    BINARY,
    CONTINUATION,
    INVALID_DATA,
    TEXT,
    Event,
    chopped,
    fragments,
    frame,
)

VALID = {
    "some Greek": "κόσμε",
    "a mixture": "Hello-µ@ßöäüàá-UTF-8!! 东京 𝔘𝔫𝔦 🚀",
    **{
        f"U+{point:04X}": chr(point)
        for point in (
            *(0x0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF),
            *(0x10000, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF, 0xFEFF, 0xFDD0, 0xFDEF),
        )
    },
    **{
        f"U+{plane + point:04X}, no character": chr(plane + point)
        for plane in range(0, 0x110000, 0x10000)
        for point in (0xFFFE, 0xFFFF)
    },
}


def _lonely() -> dict[str, bytes]:
    """Start octets each followed by a blank, or by nothing."""
    ranges = {2: (0xC2, 0xE0), 3: (0xE0, 0xF0), 4: (0xF0, 0xF5)}
    found = {}
    for length, (begin, end) in ranges.items():
        found[f"all starts of {length} octets, then blanks"] = b"".join(
            bytes([start, 0x20]) for start in range(begin, end)
        )
        found[f"a start of {length} octets at the end"] = bytes([begin + 1])
    for start in (0xC0, 0xC1, *range(0xF5, 0x100)):
        found[f"{start:02X} is in no text"] = bytes([start])
        found[f"{start:02X} with continuations"] = bytes([start]) + b"\x80" * 3
    return found


def _incomplete() -> dict[str, bytes]:
    """Sequences without their last octet, alone, before more text, and joined."""
    whole = {2: "ß".encode(), 3: "€".encode(), 4: "🚀".encode()}
    found = {}
    for length, sequence in whole.items():
        for kept in range(1, length):
            found[f"{kept} of {length} octets"] = sequence[:kept]
            found[f"{kept} of {length} octets, then text"] = sequence[:kept] + b"abc"
    found["all incomplete ones joined"] = b"".join(sequence[:-1] for sequence in whole.values())
    return found


def _surrogates() -> dict[str, bytes]:
    lone = (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF)
    found = {f"surrogate U+{point:04X}": chr(point).encode(errors="surrogatepass") for point in lone}
    for high in (0xD800, 0xDB7F, 0xDB80, 0xDBFF):
        for low in (0xDC00, 0xDFFF):
            pair = (chr(high) + chr(low)).encode(errors="surrogatepass")
            found[f"surrogates U+{high:04X} U+{low:04X}"] = pair
    return found


INVALID: dict[str, bytes] = {
    "U+110000": b"\xf4\x90\x80\x80",
    "U+1FFFFF": b"\xf7\xbf\xbf\xbf",
    "five octets, the first": b"\xf8\x88\x80\x80\x80",
    "five octets, the last": b"\xfb\xbf\xbf\xbf\xbf",
    "six octets, the first": b"\xfc\x84\x80\x80\x80\x80",
    "six octets, the last": b"\xfd\xbf\xbf\xbf\xbf\xbf",
    **{f"{count} continuations": (b"\x80\xbf" * 4)[:count] for count in range(1, 8)},
    "all 64 continuations": bytes(range(0x80, 0xC0)),
    **{f"continuation {octet:02X}": bytes([octet]) for octet in (0x80, 0x9F, 0xA0, 0xBF)},
    **_lonely(),
    **_incomplete(),
    "FE FE FF FF": b"\xfe\xfe\xff\xff",
    "a slash in two octets": b"\xc0\xaf",
    "a slash in three octets": b"\xe0\x80\xaf",
    "a slash in four octets": b"\xf0\x80\x80\xaf",
    "a slash in five octets": b"\xf8\x80\x80\x80\xaf",
    "a slash in six octets": b"\xfc\x80\x80\x80\x80\xaf",
    "the last overlong of two": b"\xc1\xbf",
    "the last overlong of three": b"\xe0\x9f\xbf",
    "the last overlong of four": b"\xf0\x8f\xbf\xbf",
    "NUL in two octets": b"\xc0\x80",
    "NUL in three octets": b"\xe0\x80\x80",
    "NUL in four octets": b"\xf0\x80\x80\x80",
    **_surrogates(),
}


def valid() -> list[Case]:
    cases = []
    for name, text in VALID.items():
        octets = text.encode()
        expected = Event("text", octets)
        cases += [
            told(f"{name}, whole", frame(TEXT, octets), expected),
            told(
                f"{name}, a fragment for each octet", b"".join(fragments(TEXT, chopped(octets, 1))), expected
            ),
        ]
    long = "κόσμε🚀ß€".encode() * 500
    return [
        *cases,
        told("a long text, octet by octet", chopped(frame(TEXT, long), 1), Event("text", long)),
        told("a long text, fragments of 7", fragments(TEXT, chopped(long, 7)), Event("text", long)),
    ]


def invalid() -> list[Case]:
    cases = []
    for name, octets in INVALID.items():
        within = "κόσμε ".encode() + octets + b" edited"
        # What is incomplete by the end of a message is wrong there; text behind it is no continuation.
        cases += [
            told(f"{name}, alone", frame(TEXT, octets), INVALID_DATA),
            told(f"{name}, within a text", frame(TEXT, within), INVALID_DATA),
            told(
                f"{name}, a fragment for each octet",
                b"".join(fragments(TEXT, chopped(within, 1))),
                INVALID_DATA,
            ),
        ]
    return cases


def late() -> list[Case]:
    """A text is judged when it is whole: what is wrong in a fragment is said behind the last one."""
    bad = b"\xf4\x90\x80\x80"
    return [
        told(
            f"wrong in fragment {number} of 3",
            [
                frame(TEXT, bad if number == 1 else b"a", fin=False),
                frame(CONTINUATION, bad if number == 2 else b"b", fin=False),
                frame(CONTINUATION, bad if number == 3 else b"c"),
            ],
            INVALID_DATA,
        )
        for number in (1, 2, 3)
    ] + [
        told(
            "binary messages may hold anything",
            frame(BINARY, b"".join(INVALID.values())),
            Event("binary", b"".join(INVALID.values())),
            subprotocol=V2_MSGPACK,
        )
    ]


@table(valid())
def test_valid_text(echo: EchoServer, case: Case) -> None:
    run(echo, case)


@table([*invalid(), *late()])
def test_invalid_text(echo: EchoServer, case: Case) -> None:
    run(echo, case)
