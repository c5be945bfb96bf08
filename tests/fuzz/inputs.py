"""What hostile and careless clients send: frames, requests, messages, batches; drawn by hypothesis."""

import struct
from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.conformance.peer import frame
from tests.fuzz.world import SYMBOLS

KNOWN = [f"{asset_class.value}:{symbol}" for asset_class, symbols in SYMBOLS.items() for symbol in symbols]
ODD_NAMES = [
    *(
        "*",
        "crypto:*",
        "CRYPTO:*",
        "bonds:*",
        "*:*",
        ":",
        "",
        " ",
        "eurusd",
        "SAME",
        "~CANARY",
        "currencies:~CANARY",
    ),
    *("x" * 33, "x" * 4_000, "A B", 'A"B', "A\nB", "A\0B", "é", "ＥＵＲ", "crypto:crypto:BTCUSD", "İ", "ß"),
]
PRICES: list[Any] = [
    *(
        "1",
        "1.5",
        "0",
        "-1",
        "-37.63",
        "1e5",
        "1e-36",
        "1e-37",
        "1e999",
        "NaN",
        "Infinity",
        "",
        " 1",
        "1 ",
        "1_0",
    ),
    *(
        "9223372036854775807",
        "9223372036854775808",
        "0.000000000000000000000000000000000001",
        "٣",
        "0x10",
        "+1",
    ),
    *(1, 0, -1, 2**63, 10**30, 1.5, 1e300, True, None, [], {}),
]

names = st.one_of(st.sampled_from(KNOWN), st.sampled_from(ODD_NAMES), st.text(max_size=40))
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False),
        st.text(max_size=20),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@st.composite
def mutated(draw: st.DrawFn, octets: bytes) -> bytes:
    """The octets with a few places changed, doubled, or cut out."""
    data = bytearray(octets)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.integers(0, 4)):
            case 0:
                data[place : place + 1] = bytes([draw(st.integers(0, 255))])
            case 1:
                data[place:place] = draw(st.binary(min_size=1, max_size=8))
            case 2:
                del data[place : place + draw(st.integers(1, 20))]
            case 3:
                data[place:place] = data[place : place + draw(st.integers(1, 60))]
            case 4:
                del data[place:]
    return bytes(data)


@st.composite
def chunked(draw: st.DrawFn, octets: st.SearchStrategy[bytes]) -> list[bytes]:
    """The octets as the network may bring them."""
    data = draw(octets)
    if draw(st.integers(0, 9)) == 0:
        return [data[place : place + 1] for place in range(min(len(data), 3_000))]
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if begin < end]


# Messages.


@st.composite
def requests(draw: st.DrawFn) -> Any:
    """A message of a client, as a value: right, or wrong in some field."""
    if draw(st.integers(0, 7)) == 0:
        return draw(values)
    request: dict[str, Any] = {
        "action": draw(
            st.sampled_from(["subscribe"] * 4 + ["unsubscribe"] * 2 + ["status", "ping", "resume", "publish"])
        ),
        "symbols": draw(
            st.lists(st.one_of(st.sampled_from(KNOWN), st.sampled_from(KNOWN), names), max_size=8)
        ),
    }
    if draw(st.booleans()):
        request["id"] = draw(st.one_of(st.integers(-(2**53), 2**53), st.text(max_size=64), st.integers()))
    if draw(st.booleans()):
        request["snapshot"] = draw(st.booleans())
    if draw(st.booleans()):
        mode = draw(st.sampled_from(["every"] * 3 + ["latest"] * 3 + ["", "sometimes"]))
        request["delivery"] = {"mode": mode, "interval_ms": draw(st.integers(-1, 10_000))}
    if draw(st.integers(0, 5)) == 0:
        request[draw(st.sampled_from([*request, "positions", "subscriptions", "as_of"]))] = draw(values)
    if draw(st.integers(0, 19)) == 0:
        request["symbols"] = [f"S{number}" for number in range(draw(st.integers(45, 200)))]
    return request


def _packed(value: Any) -> bytes:
    try:
        return msgspec.msgpack.encode(value)
    except (OverflowError, msgspec.MsgspecError):
        return b"\xc1"


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value)


_NESTED = [
    b"[" * 5_000,
    b'{"action":' * 5_000,
    b"[" * 30_000 + b"]" * 30_000,
    b'{"action": "ping", "x": ' + b"[" * 900,
]
_PACKED_NESTED = [
    b"\x91" * 5_000,
    b"\x81\xa1a" * 5_000,
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc7\xff\xff",
]

json_messages = st.one_of(
    requests().map(_json),
    requests().map(_json),
    requests().map(_json).flatmap(mutated),
    st.binary(max_size=60),
    st.sampled_from(_NESTED),
)
packed_messages = st.one_of(
    requests().map(_packed),
    requests().map(_packed),
    requests().map(_packed).flatmap(mutated),
    st.binary(max_size=60),
    st.sampled_from(_PACKED_NESTED),
)


# Batches.


#: Mostly ones that nobody has used, for which any number of a batch is good.
_producers = st.from_regex(r"[a-z]{1,12}", fullmatch=True)


@st.composite
def batches(draw: st.DrawFn) -> Any:
    """A published batch, as a value."""
    quote = st.fixed_dictionaries(
        {},
        optional={
            "asset_class": st.one_of(st.sampled_from([each.value for each in SYMBOLS]), values),
            "symbol": st.one_of(st.sampled_from(["BTCUSD", "NEW1", "NEW2", "SPX"]), names, values),
            "timestamp": st.one_of(st.sampled_from(["1767389239253", 1767389239253, "-1", 2**62]), values),
            "bid": st.one_of(st.sampled_from(PRICES), values),
            "ask": st.one_of(st.sampled_from(PRICES), values),
            "bid_size": st.sampled_from(PRICES),
            "ask_size": st.sampled_from(PRICES),
        },
    )
    batch: dict[str, Any] = {
        "action": "publish",
        "producer": draw(st.one_of(_producers, _producers, st.sampled_from(["p1", "-", "", "x" * 33, "é"]))),
        "batch": draw(st.one_of(st.integers(1, 2**40), st.integers(1, 2**63 - 1), st.integers(-1, 40))),
        "quotes": draw(st.lists(quote, max_size=6)),
    }
    if draw(st.integers(0, 9)) == 0:
        batch["quotes"] = [{}] * draw(st.integers(49, 130))
    if draw(st.integers(0, 5)) == 0:
        batch[draw(st.sampled_from(list(batch)))] = draw(values)
    return batch


batch_bodies = st.one_of(
    batches().map(_json),
    batches().map(_json),
    batches().map(_json).flatmap(mutated),
    st.binary(max_size=60),
    st.sampled_from([*_NESTED, b"{" * 60_000, b'{"quotes": [' + b"{}," * 20_000]),
)


# Frames.


@st.composite
def frames(draw: st.DrawFn, payloads: st.SearchStrategy[bytes], *, data_opcode: int) -> bytes:
    """A frame that is right more often than not."""
    opcode = draw(st.sampled_from([data_opcode] * 8 + [0, 0, 9, 9, 10, 8, 1, 2, 3, 11]))
    payload = draw(payloads if opcode in (0, data_opcode) else st.binary(max_size=130))
    if opcode == 8 and draw(st.booleans()):
        payload = struct.pack("!H", draw(st.integers(0, 5_000))) + payload[:123]
    size = len(payload)
    lengths = [length for length, most in ((0, 126), (2, 1 << 16), (8, 1 << 63)) if size < most]
    return frame(
        opcode,
        payload,
        fin=draw(st.integers(0, 5)) > 0,
        reserved=draw(st.sampled_from([0] * 12 + [4, 4, 1, 2, 7])),
        mask=None if draw(st.integers(0, 30)) == 0 else b"\x11\x22\x33\x44",
        length_octets=lengths[0] if draw(st.integers(0, 9)) else draw(st.sampled_from(lengths)),
    )


def frame_streams(payloads: st.SearchStrategy[bytes], *, data_opcode: int) -> st.SearchStrategy[list[bytes]]:
    """What arrives on an open connection, as it arrives."""
    whole = st.lists(frames(payloads, data_opcode=data_opcode), max_size=8).map(b"".join)
    return chunked(st.one_of(whole, whole, whole.flatmap(mutated), st.binary(max_size=200)))


# Requests.

_HEADERS = [
    *(
        "Host",
        "Connection",
        "Upgrade",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Protocol",
    ),
    *(
        "Sec-WebSocket-Extensions",
        "api-key",
        "api_key",
        "Content-Length",
        "Transfer-Encoding",
        "Expect",
        "Origin",
    ),
    *("Cookie", "X-Forwarded-For", "Authorization", "tradewatch-session", "Content-Type"),
]
_VALUES = [
    *(
        "Upgrade",
        "keep-alive",
        "close",
        "websocket",
        "h2c",
        "13",
        "8",
        "localhost",
        "chunked",
        "0",
        "5",
        "-1",
        "1" * 40,
    ),
    *(
        "dGhlIHNhbXBsZSBub25jZQ==",
        "tradewatch.v2",
        "tradewatch.v2.msgpack",
        "tradewatch.v9",
        ",,;",
        "100-continue",
    ),
    *(
        "permessage-deflate",
        "permessage-deflate; server_max_window_bits=8",
        "a" * 5_000,
        "tw_",
        "null",
        "https://x.y",
    ),
]
_TARGETS = [
    *(
        "/",
        "/quotes",
        "/crypto/quotes",
        "/publish",
        "/health/canary?token=x",
        "/docs",
        "/%2e%2e/",
        "/%zz",
        "/?a=%ff",
    ),
    *(
        "//crypto/quotes",
        "http://localhost/quotes",
        "*",
        "/quotes?api-key=KEY",
        "/quotes?api-key=GONE",
        "http://[",
        "?",
    ),
    *(
        "/quotes?api-key=tw_x&api-key=KEY",
        "/" + "x" * 5_000,
        "/quotes#fragment",
        "/bonds/quotes",
        "http://[::1]:x/",
    ),
]


@st.composite
def heads(draw: st.DrawFn, key: str, gone: str) -> bytes:
    """A request, mostly one that could open a WebSocket."""
    lines: list[str] = []
    if draw(st.integers(0, 3)):
        lines = [
            *("Host: localhost", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        lines.append(f"api-key: {draw(st.sampled_from([key, key, gone, key[:-1], '', 'tw_' + 'x' * 56]))}")
    text = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=20)
    for _ in range(draw(st.integers(0, 4))):
        name, value = draw(st.sampled_from(_HEADERS)), draw(st.one_of(st.sampled_from(_VALUES), text))
        lines.insert(draw(st.integers(0, len(lines))), f"{name}: {value}")
    for _ in range(draw(st.sampled_from([0] * 9 + [1, 4]))):
        del lines[draw(st.integers(0, max(0, len(lines) - 1))) :][:1]
    target = draw(st.one_of(st.sampled_from(_TARGETS), text)).replace("KEY", key).replace("GONE", gone)
    method = draw(st.sampled_from(["GET"] * 6 + ["POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "get", "PRI"]))
    version = draw(st.sampled_from(["HTTP/1.1"] * 8 + ["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", ""]))
    return "\r\n".join([f"{method} {target} {version}", *lines, "", ""]).encode("latin-1")


def request_streams(key: str, gone: str) -> st.SearchStrategy[list[bytes]]:
    """What arrives at the door: requests, some with bodies, pipelined, broken."""
    posted = batch_bodies.map(
        lambda body: (
            b"POST /publish HTTP/1.1\r\nHost: x\r\napi-key: %s\r\nContent-Length: %d\r\n\r\n%s"
            % (key.encode(), len(body), body)
        )
    )
    piped = st.lists(st.one_of(heads(key, gone), heads(key, gone), posted), min_size=1, max_size=3).map(
        b"".join
    )
    return chunked(st.one_of(piped, piped, piped.flatmap(mutated), st.binary(max_size=200)))
