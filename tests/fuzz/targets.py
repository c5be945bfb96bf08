"""What is fuzzed: for each target its inputs, and what must hold for any of them."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from tests.conformance.peer import BINARY, TEXT, Event, frame
from tests.fuzz import inputs
from tests.fuzz.world import World, events_of
from tradewatch.errors import InvalidPriceError
from tradewatch.model.price import MAX_DECIMALS, MAX_MANTISSA, Price, mid
from tradewatch.protocol.codes import CloseCode, ErrorCode, PublishCode
from tradewatch.protocol.messages import MessageError
from tradewatch.protocol.price_text import price_texts
from tradewatch.protocol.publish import decode_batch
from tradewatch.protocol.refusal import RefusalReason

_CODES = {code.value for code in (*ErrorCode, *PublishCode)}
_CLOSES = {code.value: code.reason.encode() for code in CloseCode}
_ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[!-9;-~]+:[^\r\n]*\r\n)*)\r\n", re.ASCII)


#: A read of every octet need not be a turn of the loop of its own.
_CHUNKS_PER_TURN = 40


class Target(NamedTuple):
    """One thing that is fuzzed.

    Attributes:
        name: what it is.
        inputs: the strategy of its inputs.
        check: raises where an input does what it must not.
    """

    name: str
    inputs: st.SearchStrategy[Any]
    check: Callable[[Any], None]


class Dialect(NamedTuple):
    """How a connection is opened and spoken to."""

    path: str
    subprotocol: str
    extensions: str
    opcode: int
    messages: st.SearchStrategy[bytes]


DIALECTS = {
    "v1": Dialect("/", "", "", TEXT, inputs.json_messages),
    "v1 class": Dialect("/crypto/quotes", "tradewatch.v1", "", TEXT, inputs.json_messages),
    "v2": Dialect("/", "tradewatch.v2", "", TEXT, inputs.json_messages),
    "v2 deflate": Dialect("/", "tradewatch.v2", "permessage-deflate", TEXT, inputs.json_messages),
    "v2 msgpack": Dialect("/", "tradewatch.v2.msgpack", "", BINARY, inputs.packed_messages),
    "publish": Dialect("/publish", "", "", TEXT, inputs.batch_bodies),
}


def targets() -> list[Target]:
    """All targets, on one world."""
    world = World()
    found: list[Target] = []
    for name, dialect in DIALECTS.items():
        streams = inputs.frame_streams(dialect.messages, data_opcode=dialect.opcode)
        found += [
            Target(f"frames: {name}", st.tuples(streams, st.booleans()), _Frames(world, dialect)),
            Target(
                f"messages: {name}",
                st.lists(dialect.messages, min_size=1, max_size=4),
                _Messages(world, dialect),
            ),
        ]
    heads = inputs.heads(world.key, world.revoked)
    return [
        *found,
        Target("handshake", heads, _Handshake(world)),
        Target("door", inputs.request_streams(world.key, world.revoked), _AtTheDoor(world)),
        Target("batch", inputs.batch_bodies, check_batch),
        Target("price text", _price_texts, check_price_text),
        Target("price texts", st.tuples(_prices, _prices, st.integers(0, 12)), check_price_texts),
    ]


class _Frames:
    """Any octets on an open connection, from a client that reads at once or not until the end."""

    def __init__(self, world: World, dialect: Dialect) -> None:
        self._world = world
        self._dialect = dialect

    def __call__(self, given: tuple[Sequence[bytes], bool]) -> None:
        chunks, reading = given
        dialect = self._dialect
        with self._world.watched():
            transport = self._world.open(
                dialect.path,
                subprotocol=dialect.subprotocol,
                extensions=dialect.extensions,
                reading=reading,
            )
            for chunk in chunks:
                transport.feed(chunk)
            self._world.quote()
            transport.read()
            self._world.beat(1.0)
            transport.lose()
            check_events(events_of(transport, deflated=bool(dialect.extensions)), dialect, b"".join(chunks))


class _Messages:
    """Whole messages, each in a frame that is right: the connection stays open, and each is answered."""

    def __init__(self, world: World, dialect: Dialect) -> None:
        self._world = world
        self._dialect = dialect

    def __call__(self, messages: Sequence[bytes]) -> None:
        dialect = self._dialect
        messages = [each for each in messages if dialect.opcode == BINARY or _is_text(each)]
        with self._world.watched():
            transport = self._world.open(
                dialect.path, subprotocol=dialect.subprotocol, extensions=dialect.extensions
            )
            before = len(events_of(transport, deflated=bool(dialect.extensions)))
            for message in messages:
                transport.feed(frame(dialect.opcode, message))
                events = events_of(transport, deflated=bool(dialect.extensions))
                assert len(events) > before, f"no answer to {message[:200]!r}"
                before = len(events)
            self._world.quote()
            assert not transport.is_closing()
            transport.lose()
            events = events_of(transport, deflated=bool(dialect.extensions))
            assert not any(event.kind == "close" for event in events)
            check_events(events, dialect, b"")


class _Handshake:
    """Any request head, as the door would hand it over."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self, head: bytes) -> None:
        with self._world.watched():
            transport = self._world.edge()
            transport.feed(head)
            written = bytes(transport.written)
            transport.lose()
        if written:  # what is no whole head is waited for
            check_answers(written, self._world, most=1)


class _AtTheDoor:
    """Any octets from the first one of a connection on."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self, chunks: Sequence[bytes]) -> None:
        with self._world.watched():
            transport = self._world.door()
            for number, chunk in enumerate(chunks):
                transport.feed(chunk)
                if number % _CHUNKS_PER_TURN == 0:
                    self._world.turn()
            self._world.turn()
            written = bytes(transport.written)
            transport.lose()
            self._world.turn()
        check_answers(written, self._world, most=20)


def check_events(events: Sequence[Event], dialect: Dialect, sent: bytes) -> None:
    """Everything that was said is in the reference."""
    for kind, payload, code in events:
        if kind == "close":
            reason = _CLOSES.get(code)
            ours = reason is not None and payload == reason
            assert ours or _was_sent(code, payload, sent), f"closed with {code} {payload!r}"
            assert code != CloseCode.INTERNAL_ERROR or _was_sent(code, payload, sent)
        elif kind in ("text", "binary"):
            assert kind == ("binary" if dialect.opcode == BINARY else "text")
            _check_message(payload, dialect)
        else:
            assert kind in ("ping", "pong")


def _was_sent(code: int, reason: bytes, sent: bytes) -> bool:
    """Whether a close may be the echo of the client's own, which is masked as all test frames are."""
    octets = (code.to_bytes(2) + reason) if code else b""
    mask = b"\x11\x22\x33\x44" * 32
    return bytes(a ^ b for a, b in zip(octets, mask, strict=False)) in sent


def _check_message(payload: bytes, dialect: Dialect) -> None:
    decoded = msgspec.msgpack.decode(payload) if dialect.opcode == BINARY else msgspec.json.decode(payload)
    if dialect.subprotocol.startswith("tradewatch.v2"):
        assert isinstance(decoded, list)
        assert decoded
    else:
        decoded = [decoded]
    for event in decoded:
        assert isinstance(event, dict)
        if event.get("event") == "error":
            assert event["code"] in _CODES
            assert event["message"]
        for result in event.get("results", ()):
            assert "position" in result or result.get("ok") is True or result["code"] in _CODES


def check_answers(written: bytes, world: World, *, most: int) -> None:
    """HTTP answers, one after the other; behind a 101 the stream begins."""
    for secret in (world.key, world.revoked, "canary-token"):
        assert secret.encode() not in written
    count = 0
    while written:
        match = _ANSWER.match(written)
        assert match, written[:300]
        status, fields = int(match[1]), match[2].decode("latin-1").lower()
        written = written[match.end() :]
        count += 1
        if status == 101:
            return
        if status == 100:
            continue
        assert status in (200, 400, 401, 403, 404, 405, 408, 409, 413, 422, 426, 429, 431), status
        size = re.search(r"^content-length: (\d+)\r$", fields, re.MULTILINE)
        # The answer to a HEAD has the size of a body, and no body: what follows may be the next answer.
        body = written[: int(size[1])] if size and not _ANSWER.match(written) else b""
        written = written[len(body) :]
        if status >= 400 and body:
            _check_refusal(status, body)
    assert count <= most


def _check_refusal(status: int, body: bytes) -> None:
    if not body.startswith(b"{"):  # the answer to a HEAD has the size of a body and no body
        return
    error = msgspec.json.decode(body)["error"]
    assert error["code"] == status
    assert error["message"]
    assert error["reason"] in {*RefusalReason, *_CODES}


def check_batch(body: bytes) -> None:
    """A body is a batch, or says with a code why not."""
    refused: MessageError | None = None
    try:
        batch = decode_batch(body, most_quotes=50)
    except MessageError as error:
        refused = error
    if refused is None:
        assert 1 <= batch.batch < 2**63
    else:
        assert refused.code in _CODES
        assert str(refused)


_price_texts = st.one_of(
    st.from_regex(r"[+-]?[0-9]{0,25}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.text(max_size=80),
    st.sampled_from([each for each in inputs.PRICES if isinstance(each, str)]),
)
_prices = st.builds(Price.of, st.integers(-MAX_MANTISSA, MAX_MANTISSA), st.integers(-MAX_DECIMALS, 0))
_PLAIN = re.compile(r"-?\d+(\.\d*[1-9])?", re.ASCII)


def check_price_text(text: str) -> None:
    """A text is a price of the same value, or none; no float stands between."""
    try:
        price = Price.parse(text)
    except InvalidPriceError:
        return
    assert Decimal(price.text) == Decimal(text)
    assert _PLAIN.fullmatch(price.text)
    assert Price.parse(price.text) == price
    assert abs(price.mantissa) <= MAX_MANTISSA
    assert -MAX_DECIMALS <= price.exponent <= 0


def check_price_texts(given: tuple[Price, Price, int]) -> None:
    """The quick way to write both prices and mid writes what the plain way does."""
    bid, ask, decimals = given
    expected = (bid.text, ask.text, mid(bid, ask, decimals=decimals).text)
    assert price_texts(bid, ask, mid_decimals=decimals) == expected


def _is_text(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True
