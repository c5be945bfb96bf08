"""What bad input gets: messages and frames of open connections."""

import zlib

from tests.conformance.peer import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, fragments, frame
from tests.system.bad_input import MSGPACK, PUBLISH, V1, V2, Case, closes, framed, named, said

_MIB = 1 << 20


def _deflated(message: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


MESSAGES: list[Case] = [
    case
    for dialect in (V1, V2)
    for case in (
        said("no JSON", b"hello", "invalid_json", dialect=dialect),
        said("nothing", b"", "invalid_json", dialect=dialect),
        said("half of JSON", b'{"action": "subscribe", "symb', "invalid_json", dialect=dialect),
        said("two documents", b'{"action": "ping"}{"action": "ping"}', "invalid_json", dialect=dialect),
        said("a control character", b'{"action": "pi\nng"}', "invalid_json", dialect=dialect),
        said("a lone surrogate", b'{"action": "\\ud800"}', "invalid_json", dialect=dialect),
        said("lists 1 MiB deep", b"[" * _MIB, "invalid_message", dialect=dialect),
        said(
            "nested in a field", b'{"action": "ping", "x": ' + b"[" * 50_000, "invalid_json", dialect=dialect
        ),
        said("a list", ["subscribe"], "invalid_message", dialect=dialect),
        said("a number", b"1e400", "invalid_message", dialect=dialect),
        said("null", None, "invalid_message", dialect=dialect),
        said("no action", {"symbols": ["EURUSD"]}, "invalid_message", dialect=dialect),
        said("an action of a wrong type", {"action": 7}, "invalid_message", dialect=dialect),
        said("an unknown action", {"action": "sudo"}, "unknown_action", dialect=dialect),
        said("an unknown action of 1 MiB", {"action": "x" * (_MIB - 20)}, "unknown_action", dialect=dialect),
        said("no symbols", {"action": "subscribe"}, "invalid_message", dialect=dialect),
        said(
            "symbols as a text",
            {"action": "subscribe", "symbols": "EURUSD"},
            "invalid_message",
            dialect=dialect,
        ),
        said(
            "symbols that are numbers",
            {"action": "subscribe", "symbols": [1]},
            "invalid_message",
            dialect=dialect,
        ),
        said(
            "symbols that are null",
            {"action": "subscribe", "symbols": None},
            "invalid_message",
            dialect=dialect,
        ),
        said(
            "5,001 symbols in one message",
            {"action": "subscribe", "symbols": ["EURUSD"] * 5_001},
            "too_many_symbols",
            dialect=dialect,
        ),
        said(
            "a snapshot of a wrong type",
            {"action": "subscribe", "symbols": ["EURUSD"], "snapshot": "yes"},
            "invalid_message",
            dialect=dialect,
        ),
    )
]

NAMES: list[Case] = [
    *named("unknown", "NOSUCH"),
    *named("quotes in it", 'EUR"USD'),
    *named("a newline in it", "EUR\nUSD"),
    *named("NUL in it", "EUR\0USD"),
    *named("of 40 characters", "X" * 40),
    *named("of 100,000 characters", "X" * 100_000),
    *named("empty", ""),
    *named("of another script", "ЕURUSD"),
    *named("markup", "<script>alert(1)</script>"),
    *named("the canary", "currencies:~CANARY"),
    *named("an unknown class", "bonds:EURUSD"),
    *named("in two classes", "TWIN", "ambiguous_symbol"),
]

V2_ONLY: list[Case] = [
    said("an id of a wrong type", {"action": "ping", "id": [1]}, "invalid_message", dialect=V2),
    said("an id of 65 characters", {"action": "ping", "id": "x" * 65}, "invalid_message", dialect=V2),
    said("an id above 2^53", {"action": "ping", "id": 2**53 + 1}, "invalid_message", dialect=V2),
    said(
        "an unknown delivery",
        {"action": "subscribe", "symbols": ["EURUSD"], "delivery": {"mode": "sometimes"}},
        "invalid_message",
        dialect=V2,
    ),
    said(
        "a delivery back in time",
        {"action": "subscribe", "symbols": ["EURUSD"], "delivery": {"mode": "latest", "interval_ms": -1}},
        "invalid_message",
        dialect=V2,
    ),
    said("no MessagePack", b"\xc1", "invalid_msgpack", dialect=MSGPACK),
    said("nothing", b"", "invalid_msgpack", dialect=MSGPACK),
    said("half a map", b"\x82\xa6action\xa4ping", "invalid_msgpack", dialect=MSGPACK),
    said("a list of 2^32-1", b"\xdd\xff\xff\xff\xff", "invalid_message", dialect=MSGPACK),
    said("nested deeply", b"\x81\xa1x" * 50_000, "invalid_msgpack", dialect=MSGPACK),
    said("text that is no UTF-8", b"\x81\xa6action\xa2\xff\xfe", "invalid_msgpack", dialect=MSGPACK),
    said("an unknown action", {"action": "sudo"}, "unknown_action", dialect=MSGPACK),
    said("keys that are numbers", {1: 2}, "invalid_message", dialect=MSGPACK),
    # Not part of this version, whatever it says.
    said(
        "a resume from a forged position",
        {
            "action": "resume",
            "subscriptions": [{"symbols": ["currencies:EURUSD"]}],
            "positions": {"currencies:EURUSD": "00000000000000:999999999"},
        },
        "unknown_action",
        dialect=V2,
    ),
    said(
        "a resume from a position that is none",
        {"action": "resume", "positions": 7},
        "unknown_action",
        dialect=V2,
    ),
    said("a resume", {"action": "resume"}, "unknown_action", dialect=MSGPACK),
]

VIOLATIONS: list[Case] = [
    closes("binary", frame(BINARY, b"{}"), 1003),
    closes("text to MessagePack", frame(TEXT, b"{}"), 1003, dialect=MSGPACK),
    closes("text that is no UTF-8", frame(TEXT, b'{"action": "\xff"}'), 1007),
    closes("1 MiB and an octet", frame(TEXT, b" " * (_MIB + 1)), 1009),
    closes("said to be 2^62 octets", frame(TEXT, b"")[:1] + b"\xff" + (1 << 62).to_bytes(8) + bytes(4), 1009),
    closes("1 MiB and an octet in fragments", fragments(TEXT, [b" " * 65_536] * 16 + [b" "]), 1009),
    closes(
        "1 MiB and an octet, inflated",
        frame(TEXT, _deflated(b" " * (_MIB + 1)), reserved=4),
        1009,
        dialect="v2 deflate",
    ),
    closes("compressed, and not agreed", frame(TEXT, _deflated(b"{}"), reserved=4), 1002),
    closes("broken deflate", frame(TEXT, b"\xff" * 30, reserved=4), 1002, dialect="v2 deflate"),
    closes("not masked", frame(TEXT, b"{}", mask=None), 1002),
    closes("reserved bits", frame(TEXT, b"{}", reserved=3), 1002),
    closes("a reserved opcode", frame(5, b"{}"), 1002),
    closes("a reserved control opcode", frame(13), 1002),
    closes("a ping of 126 octets", frame(PING, bytes(126)), 1002),
    closes("a ping in fragments", frame(PING, b"x", fin=False), 1002),
    closes("a fragment of nothing", frame(CONTINUATION, b"x"), 1002),
    closes("a message within a message", frame(TEXT, b"{", fin=False) + frame(TEXT, b"{}"), 1002),
    closes("a close without half its code", frame(CLOSE, b"\x03"), 1002),
    closes("a close code that nobody may send", frame(CLOSE, b"\x03\xee"), 1002),
    closes("a reason that is no UTF-8", frame(CLOSE, b"\x03\xe8\xff"), 1007),
]

_PING = frame(TEXT, b'{"action": "ping"}')

FLOODS: list[Case] = [
    closes("a flood of messages", _PING * 1_000, 4004, warned=3),
    closes("a flood of messages", _PING * 1_000, 4004, dialect=V2, warned=3),
    closes(
        "a flood of messages", framed({"action": "ping"}, MSGPACK) * 1_000, 4004, dialect=MSGPACK, warned=3
    ),
    # Publishers are bound by their credit; this limit is for who sends other things than batches.
    closes("a flood of pongs", frame(PONG) * 310_000, 4004, dialect=PUBLISH, warned=3),
    closes("a flood of pings", frame(PING) * 1_000, 4004, warned=3),
    closes("a flood of pings", frame(PING) * 1_000, 4004, dialect=V2, warned=3),
    closes("a flood of pongs", frame(PONG) * 1_000, 4004, warned=3),
    closes(
        "a flood of fragments",
        frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 100_000,
        4004,
        warned=3,
    ),
    closes("a flood of fragments of 1,000 octets", fragments(TEXT, [b" " * 1_000] * 1_000), 4004, warned=3),
    closes(
        "a flood of compressed nonsense",
        frame(TEXT, _deflated(b"x"), reserved=4) * 1_000,
        4004,
        dialect="v2 deflate",
        warned=3,
    ),
]
