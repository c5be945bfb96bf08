"""What a v2 client says, read: defaults, limits of fields, and what is wrong told apart."""

from typing import Any

import msgspec
import pytest

from tradewatch.protocol.delivery import EVERY, Latest
from tradewatch.protocol.messages import MAX_ID, MessageError
from tradewatch.protocol.v2.encoding import JSON, MSGPACK, Encoding
from tradewatch.protocol.v2.requests import (
    PingRequest,
    Request,
    ResumeRequest,
    StatusRequest,
    SubscribeRequest,
    UnsubscribeRequest,
)


@pytest.mark.parametrize(
    ("message", "request_read"),
    [
        ({"action": "subscribe", "symbols": ["A"]}, SubscribeRequest(["A"], None, True, EVERY)),
        (
            {
                "action": "subscribe",
                "symbols": [],
                "id": "x" * 64,
                "snapshot": False,
                "delivery": {"mode": "latest", "interval_ms": 10**15, "more": 1},
                "more": [{}],
            },
            SubscribeRequest([], "x" * 64, False, Latest(10**15)),
        ),
        ({"action": "unsubscribe", "symbols": ["A"], "id": MAX_ID}, UnsubscribeRequest(["A"], MAX_ID)),
        ({"action": "status", "id": -MAX_ID}, StatusRequest(-MAX_ID)),
        ({"more": 1, "action": "ping", "id": None}, PingRequest()),
        ({"action": "resume", "positions": {"crypto:BTCUSD": "e:1"}}, ResumeRequest()),
    ],
)
@pytest.mark.parametrize("encoding", [JSON, MSGPACK], ids=["json", "msgpack"])
def test_a_message_is_read_with_its_defaults(
    encoding: Encoding, message: dict[str, Any], request_read: Request
) -> None:
    assert encoding.read(encoding.encode(message)) == request_read


@pytest.mark.parametrize(
    ("fields", "own_id"),
    [
        ({"delivery": {"mode": "latest"}}, 1),
        ({"delivery": {"mode": "latest", "interval_ms": 0}}, 1),
        ({"delivery": {"mode": "latest", "interval_ms": -1}}, 1),
        ({"delivery": {"mode": "latest", "interval_ms": "250"}}, 1),
        ({"delivery": {"mode": "latest", "interval_ms": 2.5}}, 1),
        ({"delivery": {"mode": "latest", "interval_ms": None}}, 1),
        ({"delivery": {"mode": "sometimes"}}, 1),
        ({"delivery": "every"}, 1),
        ({"delivery": {}}, 1),
        ({"snapshot": 1}, 1),
        ({"symbols": "EURUSD"}, 1),
        ({"symbols": [5]}, 1),
        ({"id": 2**53 + 1}, None),
        ({"id": "x" * 65}, None),
        ({"id": [1]}, None),
        ({"id": True}, None),
        ({"id": 1.5}, None),
    ],
)
@pytest.mark.parametrize("encoding", [JSON, MSGPACK], ids=["json", "msgpack"])
def test_a_field_that_does_not_fit_is_refused_with_the_id_where_there_is_one(
    encoding: Encoding, fields: dict[str, Any], own_id: int | None
) -> None:
    with pytest.raises(MessageError) as refusal:
        encoding.read(encoding.encode({"action": "subscribe", "symbols": ["EURUSD"], "id": 1} | fields))
    assert (refusal.value.code, refusal.value.id) == ("invalid_message", own_id)


@pytest.mark.parametrize(
    ("encoding", "data", "code"),
    [
        (JSON, b"", "invalid_json"),
        (JSON, b"{", "invalid_json"),
        (JSON, b'{"action": "ping", "id": "\xff"}', "invalid_json"),
        (JSON, b'{"action": "ping", "more": ' + b"[" * 100_000, "invalid_json"),
        (JSON, b"[]", "invalid_message"),
        (JSON, b'{"action": "dance"}', "unknown_action"),
        (MSGPACK, b"", "invalid_msgpack"),
        (MSGPACK, b"\xc1", "invalid_msgpack"),
        (MSGPACK, b'{"action": "ping"}', "invalid_message"),
        (MSGPACK, msgspec.msgpack.encode({"action": "ping"}) + b"\x00", "invalid_msgpack"),
        (MSGPACK, b"\x82\xa6action\xa4ping\xa2id\xa1\xff", "invalid_msgpack"),
        (MSGPACK, b"\x82\xa6action\xa4ping\xa4more" + b"\x91" * 100_000 + b"\xc0", "invalid_msgpack"),
        (MSGPACK, msgspec.msgpack.encode({1: 2}), "invalid_message"),
        (MSGPACK, msgspec.msgpack.encode({"action": "dance"}), "unknown_action"),
        (MSGPACK, msgspec.msgpack.encode([{"action": "ping"}]), "invalid_message"),
    ],
)
def test_what_is_no_message_is_told_apart(encoding: Encoding, data: bytes, code: str) -> None:
    with pytest.raises(MessageError) as refusal:
        encoding.read(data)
    assert refusal.value.code == code
