"""The messages of the stream: what each is for, its schema, and an example that the code itself wrote."""

from typing import Any, NamedTuple

import msgspec

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Flags, Record
from tradewatch.protocol import publish, v1
from tradewatch.protocol.asyncapi.schemas import ref
from tradewatch.protocol.codes import ErrorCode, PublishCode
from tradewatch.protocol.delivery import EVERY, Latest
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.v2 import events, requests
from tradewatch.protocol.v2.json import V2Json, encode_json

_TIME_NS = 1_767_389_239_253_000_000


class Message(NamedTuple):
    """A message of one direction.

    Attributes:
        name: in the document.
        schema: the name of its payload's schema.
        summary: what it is for.
        examples: as bytes of JSON.
    """

    name: str
    schema: str
    summary: str
    examples: tuple[bytes, ...]

    def described(self) -> dict[str, Any]:
        """The message as the document has it."""
        return {
            "name": self.name,
            "title": self.name,
            "summary": self.summary,
            "contentType": "application/json",
            "payload": ref(self.schema),
            "examples": [{"payload": msgspec.json.decode(example)} for example in self.examples],
        }


_BTC = Instrument(1, AssetClass.CRYPTO, "BTCUSD", 2)
_RECORD = Record(
    instrument=_BTC,
    event_ns=_TIME_NS,
    received_ns=_TIME_NS + 2_104_000,
    bid=Price.parse("61837.63"),
    ask=Price.parse("61837.64"),
    seq=96,
    source=1,
    flags=Flags.SIMULATED.value,
)
_WRITER = V2Json({1: "simulated"}.get)
_V2_EXAMPLES: tuple[msgspec.Struct, ...] = (
    events.Welcome(session="c12", server_time_ns=str(_TIME_NS), heartbeat_s=5.0, limits=ConnectionLimits()),
    events.Subscribed(
        id=7,
        results=[
            events.Result(
                asset_class=AssetClass.CRYPTO,
                symbol="BTCUSD",
                ok=True,
                epoch="0mlcjp2x3",
                seq=95,
                state="unknown",
                delivery=EVERY,
            ),
            events.Result(
                symbol="BTCUSX", ok=False, code=ErrorCode.UNKNOWN_SYMBOL.value, suggestions=["BTCUSD"]
            ),
        ],
    ),
    events.Heartbeat(
        timestamp=str(_TIME_NS // 10**6),
        published=96,
        delivered=90,
        skipped=6,
        missing=0,
        pending=0,
        as_of="0mlcjp2x3:1204",
    ),
    events.Lag(queued_bytes=262_144, oldest_ms=180, skipped=40),
    events.LimitsChanged(limits=ConnectionLimits(symbols=500)),
    events.Status(id=8, patterns=["*"], symbols=["BTCUSD"]),
    events.Pong(id=9, timestamp=str(_TIME_NS // 10**6)),
    events.Error(
        id=10, code=ErrorCode.TOO_MANY_SYMBOLS.value, message="6,000 symbols in one message; at most 5,000"
    ),
    events.Unsubscribed(id=11, results=[events.Result(symbol="*", ok=True, matched=0)]),
    events.Drain(deadline_ms=4_000, reconnect_in_ms=250),
)


_PUBLISHED = {
    "asset_class": "crypto",
    "symbol": "BTCUSD",
    "timestamp": "1767389239253",
    "bid": "61837.63",
    "ask": "61837.64",
}


def _payload(frame: bytes) -> bytes:
    """What a short frame carries."""
    return frame[frame.index(b"{") :]


def _events(*bodies: bytes) -> bytes:
    return _WRITER.array(bodies)


V1_FROM_CLIENT = (
    Message(
        "v1.subscribe",
        "Subscribe",
        "Hear these from now on; with `snapshot` the last known quote of each comes first.",
        (b'{"action":"subscribe","symbols":["EURUSD","GBPUSD"]}',),
    ),
    Message(
        "v1.unsubscribe", "Unsubscribe", "No longer.", (b'{"action":"unsubscribe","symbols":["EURUSD"]}',)
    ),
    Message("v1.ping", "Ping", "Answered with `pong`.", (b'{"action":"ping"}',)),
)
V1_FROM_SERVER = (
    Message(
        "v1.status",
        "V1Status",
        "After the handshake, and after each subscribe and unsubscribe: the whole list.",
        (v1.status([]), v1.status(["EURUSD", "GBPUSD"])),
    ),
    Message(
        "v1.quote",
        "V1Quote",
        "A quote; `asset_class` stands first where all classes share the connection.",
        tuple(_payload(v1.V1(scoped=scoped).body(_RECORD)) for scoped in (False, True)),
    ),
    Message("v1.pong", "V1Pong", "After a `ping`.", (v1.pong(_TIME_NS),)),
    Message(
        "v1.error",
        "V1Error",
        "Something in a message was wrong; the connection stays open.",
        (v1.error(ErrorCode.UNKNOWN_SYMBOL, "nobody knows these symbols", ["EURUSX"]),),
    ),
)
V2_FROM_CLIENT = (
    Message(
        "v2.subscribe",
        "SubscribeRequest",
        "Hear these from now on: every quote, or the newest of each interval.",
        (
            encode_json(requests.SubscribeRequest(symbols=["BTCUSD"], id=7)),
            encode_json(requests.SubscribeRequest(["*"], "all", snapshot=False, delivery=Latest(250))),
        ),
    ),
    Message(
        "v2.unsubscribe",
        "UnsubscribeRequest",
        "No longer.",
        (encode_json(requests.UnsubscribeRequest(["BTCUSD"], 11)),),
    ),
    Message("v2.status", "StatusRequest", "What is subscribed?", (encode_json(requests.StatusRequest(8)),)),
    Message("v2.ping", "PingRequest", "Answered with `pong`.", (encode_json(requests.PingRequest(9)),)),
)
V2_FROM_SERVER = (
    Message(
        "v2.events",
        "V2Message",
        "All that one flush has for the client: quotes, and whatever else there is to say.",
        (
            _events(_WRITER.body(_RECORD)),
            _events(_WRITER.drained(_WRITER.body(_RECORD), skipped=3, snapshot=True)),
            *(_events(_WRITER.event(event)) for event in _V2_EXAMPLES),
        ),
    ),
)
PUBLISH_FROM_CLIENT = (
    Message(
        "publish.batch",
        "Batch",
        "Quotes from you to the server; on the tape whole, or not at all.",
        (encode_json({"action": "publish", "producer": "p1", "batch": 12, "quotes": [_PUBLISHED]}),),
    ),
)
PUBLISH_FROM_SERVER = (
    Message("publish.credit", "Credit", "The first message.", (publish.credit(64),)),
    Message(
        "publish.published",
        "Published",
        "The answer to a batch; the same batch sent again has the same answer.",
        (
            publish.published(
                publish.Published(
                    12,
                    stored=True,
                    results=[
                        publish.Taken("BTCUSD", "0mlcjp2x3:41"),
                        publish.Refused("BTCUSX!", ok=False, code=PublishCode.INVALID_SYMBOL),
                    ],
                )
            ),
        ),
    ),
    Message(
        "publish.error",
        "PublishError",
        "A batch that is refused; the connection stays open.",
        (publish.refusal(PublishCode.BATCH_CONFLICT, "batch 12 was sent with other content", batch=12),),
    ),
)
MESSAGES = (
    *V1_FROM_CLIENT,
    *V1_FROM_SERVER,
    *V2_FROM_CLIENT,
    *V2_FROM_SERVER,
    *PUBLISH_FROM_CLIENT,
    *PUBLISH_FROM_SERVER,
)
