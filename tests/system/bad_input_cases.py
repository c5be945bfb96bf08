"""What bad input gets: the table of all cases."""

import zlib

from tests.conformance.peer import BINARY, CLOSE, CONTINUATION, PING, TEXT, fragments, frame
from tests.system.bad_input import (
    MSGPACK,
    PUBLISH,
    V1,
    V2,
    Case,
    Pending,
    ResultCode,
    asks,
    closes,
    framed,
    handshake,
    named,
    posts,
    quotes,
    said,
)

_MIB = 1 << 20
_RATES, _RESUME, _ACCESS = (
    Pending("message rates"),
    Pending("resume"),
    Pending("plans, origins, attempts, tickets"),
)
_ONE = {"asset_class": "crypto", "symbol": "BAD", "bid": "1", "ask": "2"}
_BATCH = {"action": "publish", "producer": "bad", "batch": 1, "quotes": [_ONE]}


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
    Case(
        "v2: a forged position",
        [
            framed(
                {
                    "action": "resume",
                    "subscriptions": [{"symbols": ["currencies:EURUSD"]}],
                    "positions": {"currencies:EURUSD": "00000000000000:999999999"},
                },
                V2,
            )
        ],
        ResultCode("invalid_position"),
        V2,
        _RESUME,
    ),
    said(
        "a position that is none",
        {"action": "resume", "positions": 7},
        "invalid_message",
        dialect=V2,
        pending=_RESUME,
    ),
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
    closes("a flood of messages", frame(TEXT, b'{"action": "ping"}') * 1_000, 4004, pending=_RATES),
    closes("a flood of pings", frame(PING) * 1_000, 4004, pending=_RATES),
    closes("a flood of pongs", frame(10) * 1_000, 4004, pending=_RATES),
    closes(
        "a flood of fragments",
        frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 100_000,
        4004,
        pending=_RATES,
    ),
    closes(
        "a flood of messages", frame(TEXT, b'{"action": "ping"}') * 1_000, 4004, dialect=V2, pending=_RATES
    ),
]

REQUESTS: list[Case] = [
    asks("no key", handshake(key=None), 401, "key_missing"),
    asks("an empty key", handshake(key=""), 401, "key_missing"),
    asks("no key of ours", handshake(key="secret"), 401, "key_unknown"),
    asks("an unknown key", handshake(key="tw_000000000000_" + "0" * 43), 401, "key_unknown"),
    asks("a key cut short", handshake(key="tw_"), 401, "key_unknown"),
    asks("a revoked key", handshake(key="%REVOKED%"), 401, "key_revoked"),
    asks("a revoked key in the query", handshake("/quotes?api-key=%REVOKED%", key=None), 401, "key_revoked"),
    asks("a key of 8,000 characters", handshake(key="x" * 8_000), 401, "key_unknown"),
    asks("an unknown path", handshake("/nowhere"), 404, "not_found"),
    asks("an unknown class", handshake("/bonds/quotes"), 404, "not_found"),
    asks("a path upwards", handshake("/../../etc/passwd"), 404, "not_found"),
    asks("the canary without its token", handshake("/health/canary?token=x"), 404, "not_found"),
    asks("an address with half a host", handshake("http://["), 400, "bad_request"),
    asks("no percent-encoding", handshake("/%zz"), 400, "bad_request"),
    asks("no UTF-8 in the query", handshake("/quotes?api-key=%ff"), 400, "bad_request"),
    asks("another method", handshake(method="PUT"), 405, "method_not_allowed"),
    asks("an old version", handshake(Sec_WebSocket_Version="8"), 426, "upgrade_required"),
    asks("no version", handshake(drop="Sec-WebSocket-Version"), 426, "upgrade_required"),
    asks("no nonce", handshake(drop="Sec-WebSocket-Key"), 400, "bad_request"),
    asks("a nonce too short", handshake(Sec_WebSocket_Key="c2hvcnQ="), 400, "bad_request"),
    asks("an unknown subprotocol", handshake(Sec_WebSocket_Protocol="chat"), 400, "subprotocol_unknown"),
    asks("a subprotocol that is none", handshake(Sec_WebSocket_Protocol="a,,;"), 400, "bad_request"),
    asks(
        "no upgrade", b"GET /quotes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 426, "upgrade_required"
    ),
    asks("an upgrade in HTTP/1.0", handshake(version="HTTP/1.0"), 400, "bad_request"),
    asks("an upgrade with a body", handshake("/quotes", "Content-Length: 5") + b"12345", 400, "bad_request"),
    asks("an upgrade in chunks", handshake("/quotes", "Transfer-Encoding: chunked"), 400, "bad_request"),
    asks("a header of 40 KiB", handshake("/quotes", "X: " + "x" * 40_960), 431, "head_too_large"),
    asks(
        "40 headers of 1 KiB",
        handshake("/quotes", *(f"X-{n}: {'x' * 1_024}" for n in range(40))),
        431,
        "head_too_large",
    ),
    asks("200 headers", handshake("/quotes", *(f"X-{n}: x" for n in range(200))), 431, "head_too_large"),
    asks("headers without end", b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 10_000, 431, "head_too_large"),
    asks("an address of 40 KiB", handshake("/" + "x" * 40_960), 431, "head_too_large"),
    asks("no HTTP", b"hello\r\n\r\n", 400, "bad_request"),
    asks(
        "TLS on the plain port",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        400,
        "bad_request",
    ),
    asks("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request"),
    asks("a NUL in a header", handshake("/quotes", "X: a\0b"), 400, "bad_request"),
    asks(
        "two lengths",
        b"POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        400,
        "bad_request",
    ),
    asks(
        "a negative length",
        b"POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        400,
        "bad_request",
    ),
    asks(
        "a path that is not there",
        b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        404,
        "not_found",
    ),
    asks(
        "a method that is not there",
        b"DELETE /publish HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        405,
        "method_not_allowed",
    ),
    asks(
        "a page of another site",
        handshake("/quotes", "Origin: https://evil.example"),
        403,
        "origin_refused",
        pending=_ACCESS,
    ),
    asks(
        "a ticket that is none",
        handshake("/quotes?ticket=forged", key=None),
        401,
        "ticket_expired",
        pending=_ACCESS,
    ),
    asks(
        "a forged session",
        handshake("/quotes", "tradewatch-session: forged"),
        401,
        "session_unknown",
        pending=_RESUME,
    ),
]

PUBLISHING: list[Case] = [
    posts("without the scope", _BATCH, 403, "scope_missing", key="%READER%"),
    posts("without a key", _BATCH, 401, "key_missing", key=""),
    posts("with a revoked key", _BATCH, 401, "key_revoked", key="%REVOKED%"),
    asks("publish: a stream without the scope", handshake("/publish", key="%READER%"), 403, "scope_missing"),
    posts("no JSON", b"hello", 422, "invalid_json"),
    posts("nothing", b"", 422, "invalid_json"),
    posts("lists 100,000 deep", b"[" * 100_000, 422, "invalid_message"),
    posts("nested in a field", b'{"x": ' + b"[" * 100_000, 422, "invalid_json"),
    posts("a list", [], 422, "invalid_message"),
    posts("no producer", {"batch": 1, "quotes": []}, 422, "invalid_message"),
    posts("a producer with a slash", _BATCH | {"producer": "a/b"}, 422, "invalid_message"),
    posts("a producer of 33 characters", _BATCH | {"producer": "x" * 33}, 422, "invalid_message"),
    posts("batch 0", _BATCH | {"batch": 0}, 422, "invalid_message"),
    posts("batch 2^63", _BATCH | {"batch": 2**63}, 422, "invalid_message"),
    posts("a batch that is text", _BATCH | {"batch": "1"}, 422, "invalid_message"),
    posts("another action", _BATCH | {"action": "subscribe"}, 422, "unknown_action"),
    posts("quotes that are none", _BATCH | {"quotes": [1]}, 422, "invalid_message"),
    posts("10,001 quotes", _BATCH | {"quotes": [{}] * 10_001}, 413, "too_many_quotes"),
    posts("100,000 objects", _BATCH | {"quotes": [{}] * 100_000}, 422, "message_too_large"),
    asks(
        "publish: said to be 17 MiB",
        b"POST /publish HTTP/1.1\r\nHost: x\r\napi-key: %KEY%\r\n"
        b"Connection: close\r\nContent-Length: 17825792\r\n\r\n",
        413,
        "body_too_large",
    ),
    posts("a batch of 17 MiB", b" " * (17 * _MIB), 413, "body_too_large"),
    posts("a batch out of order", _BATCH | {"producer": "ordered", "batch": 3}, 409, "batch_out_of_order"),
    posts(
        "other content under a number", _BATCH | {"producer": "ordered", "batch": 5}, 409, "batch_conflict"
    ),
    said("no JSON", b"hello", "invalid_json", dialect=PUBLISH),
    said("another action", {"action": "subscribe", "symbols": []}, "unknown_action", dialect=PUBLISH),
    said(
        "a batch out of order",
        _BATCH | {"producer": "ordered", "batch": 4},
        "batch_out_of_order",
        dialect=PUBLISH,
    ),
    said("10,001 quotes", _BATCH | {"quotes": [{}] * 10_001}, "too_many_quotes", dialect=PUBLISH),
    closes("binary", frame(BINARY, b"{}"), 1003, dialect=PUBLISH),
    closes("1 MiB and an octet", frame(TEXT, b" " * (_MIB + 1)), 1009, dialect=PUBLISH),
    quotes("no price", "invalid_price", bid=None, ask=None),
    quotes("a price that is no number", "invalid_price", bid="NaN"),
    quotes("an infinite price", "invalid_price", bid="Infinity"),
    quotes("a price of 1e999", "invalid_price", bid="1e999"),
    quotes("a price of 65 digits", "invalid_price", bid="1" * 65),
    quotes("a price with markup", "invalid_price", bid="1<b>"),
    quotes("a price in other digits", "invalid_price", bid="٣"),
    quotes("a price that is true", "invalid_price", bid=True),
    quotes("a price that is a list", "invalid_price", bid=[]),
    quotes("a price below zero", "invalid_price", bid="-1"),
    quotes("a size below zero", "invalid_size", bid_size="-1"),
    quotes("a time that is none", "invalid_timestamp", timestamp="yesterday"),
    quotes("a time before 1970", "invalid_timestamp", timestamp=-1),
    quotes("a time after 2200", "invalid_timestamp", timestamp=10**14),
    quotes("an unknown class", "invalid_asset_class", asset_class="bonds"),
    quotes("no class", "invalid_asset_class", asset_class=None),
    quotes("a symbol of 40 characters", "invalid_symbol", symbol="X" * 40),
    quotes("a symbol with a newline", "invalid_symbol", symbol="A\nB"),
    quotes("a symbol with quotes", "invalid_symbol", symbol='A"B'),
    quotes("no symbol", "invalid_symbol", symbol=None),
    quotes("a class that is not allowed", "not_allowed", key="%NARROW%"),
    quotes("an instrument it may not create", "unknown_symbol", key="%NARROW%", asset_class="stocks"),
]

IMPATIENT: list[Case] = [
    asks("no octet within the time for a head", b"", 408, "request_timeout", impatient=True),
    asks("half a handshake", handshake()[:60], 408, "request_timeout", impatient=True),
    asks(
        "a head, octet by octet",
        [bytes([o]) for o in handshake()[:40]],
        408,
        "request_timeout",
        impatient=True,
    ),
    said(
        "one symbol too many",
        {"action": "subscribe", "symbols": [f"SYM{number:05}" for number in range(11)]},
        "too_many_symbols",
        impatient=True,
    ),
    Case(
        "v2: one symbol too many",
        [framed({"action": "subscribe", "symbols": [f"SYM{number:05}" for number in range(11)]}, V2)],
        ResultCode("too_many_symbols"),
        V2,
        impatient=True,
    ),
    closes("never a pong", framed({"action": "subscribe", "symbols": ["EURUSD"]}, V1), 4002, impatient=True),
    closes(
        "never a pong",
        framed({"action": "subscribe", "symbols": ["EURUSD"]}, V2),
        4002,
        dialect=V2,
        impatient=True,
    ),
    posts("a producer too many", _BATCH | {"producer": "third"}, 429, "too_many_producers", impatient=True),
]

CASES: list[Case] = [*MESSAGES, *NAMES, *V2_ONLY, *VIOLATIONS, *REQUESTS, *PUBLISHING, *IMPATIENT]
