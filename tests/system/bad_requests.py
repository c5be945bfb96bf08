"""What bad input gets: requests, what is published, and what meets short deadlines and small limits."""

from tests.conformance.peer import BINARY, TEXT, frame
from tests.system.bad_input import (
    PUBLISH,
    V1,
    V2,
    Case,
    ResultCode,
    asks,
    closes,
    framed,
    handshake,
    posts,
    quotes,
    said,
)

_MIB = 1 << 20
_ONE = {"asset_class": "crypto", "symbol": "BAD", "bid": "1", "ask": "2"}
_BATCH = {"action": "publish", "producer": "bad", "batch": 1, "quotes": [_ONE]}
#: What a ticket looks like.
_TICKET = "twt_" + "A" * 43

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
    asks("a ticket that is none", handshake("/quotes?ticket=forged", key=None), 401, "ticket_expired"),
    asks("an unknown ticket", handshake(f"/quotes?ticket={_TICKET}", key=None), 401, "ticket_expired"),
    asks("an empty ticket", handshake("/quotes?ticket=", key=None), 401, "ticket_expired"),
    asks("a key for a ticket", handshake("/quotes?ticket=%KEY%", key=None), 401, "ticket_expired"),
    asks("a ticket for a key", handshake(key=_TICKET), 401, "key_unknown"),
    asks("a ticket to publish with", handshake(f"/publish?ticket={_TICKET}", key=None), 401, "key_missing"),
    *(
        asks(f"a page of {origin[:40]}", handshake("/quotes", f"Origin: {origin}"), 403, "origin_refused")
        for origin in (
            "https://evil.example",
            "null",
            "http://localhost.evil.example",
            "http://localhost:8",
            "ws://localhost",
            "http://localhost@evil.example",
            "file://",
            "x" * 8_000,
        )
    ),
    asks(
        "a page of another site that would publish",
        handshake("/publish", "Origin: https://evil.example"),
        403,
        "origin_refused",
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


_TICKETS = "/account/tickets"

TICKETS: list[Case] = [
    posts("without a key", {}, 401, "key_missing", key="", path=_TICKETS),
    posts("with an unknown key", {}, 401, "key_unknown", key="tw_" + "0" * 56, path=_TICKETS),
    posts("with a revoked key", {}, 401, "key_revoked", key="%REVOKED%", path=_TICKETS),
    posts("with a ticket", {}, 401, "key_unknown", key=_TICKET, path=_TICKETS),
    *(
        posts(name, body, 422, "invalid_request", path=_TICKETS)
        for name, body in (
            ("no JSON", b"hello"),
            ("no UTF-8", b'{"subject": "\xff"}'),
            ("nested deeply", b'{"x": ' + b"[" * 50_000),
            ("a list", []),
            ("a time of 0 s", {"ttl_s": 0}),
            ("a time of 31 s", {"ttl_s": 31}),
            ("a time that is text", {"ttl_s": "30"}),
            ("an unknown class", {"classes": ["bonds"]}),
            ("no class at all", {"classes": []}),
            ("no symbol at all", {"symbols": []}),
            ("a symbol of 33 characters", {"symbols": ["X" * 33]}),
            ("a symbol with a newline", {"symbols": ["A\nB"]}),
            ("1,001 symbols", {"symbols": [f"X{number}" for number in range(1_001)]}),
            ("no connection at all", {"max_connections": 0}),
            ("an empty subject", {"subject": ""}),
            ("a subject of 129 characters", {"subject": "x" * 129}),
            ("a subject with a newline", {"subject": "a\nb"}),
        )
    ),
    posts("64 KiB and an octet", b" " * 65_537, 413, "body_too_large", path=_TICKETS),
    asks(
        "account/tickets: another method",
        b"GET /account/tickets HTTP/1.1\r\nHost: x\r\napi-key: %KEY%\r\nConnection: close\r\n\r\n",
        405,
        "method_not_allowed",
    ),
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
