"""What a v2 client says."""

from collections.abc import Callable
from typing import Annotated

import msgspec

from tradewatch.protocol.delivery import EVERY, Delivery
from tradewatch.protocol.messages import JSON, MAX_ID, MAX_ID_CHARS, MSGPACK, Notation, decoded

#: A client's own name for a request; the answer carries it.
RequestId = (
    Annotated[int, msgspec.Meta(ge=-MAX_ID, le=MAX_ID)]
    | Annotated[str, msgspec.Meta(max_length=MAX_ID_CHARS)]
    | None
)


class SubscribeRequest(msgspec.Struct, frozen=True, tag_field="action", tag="subscribe"):
    """`{"action": "subscribe", "symbols": [...], "id": 7, "snapshot": true, "delivery": {...}}`."""

    symbols: list[str]
    id: RequestId = None
    snapshot: bool = True
    delivery: Delivery = EVERY


class UnsubscribeRequest(msgspec.Struct, frozen=True, tag_field="action", tag="unsubscribe"):
    """`{"action": "unsubscribe", "symbols": [...], "id": 8}`."""

    symbols: list[str]
    id: RequestId = None


class StatusRequest(msgspec.Struct, frozen=True, tag_field="action", tag="status"):
    """`{"action": "status"}`: what is subscribed."""

    id: RequestId = None


class PingRequest(msgspec.Struct, frozen=True, tag_field="action", tag="ping"):
    """`{"action": "ping"}`: the application's own, beside the protocol's."""

    id: RequestId = None


class ResumeRequest(msgspec.Struct, frozen=True, tag_field="action", tag="resume"):
    """`{"action": "resume", ...}`: reserved, and refused as an action that there is not."""

    id: RequestId = None


Request = SubscribeRequest | UnsubscribeRequest | StatusRequest | PingRequest | ResumeRequest

#: The actions that are carried out.
ACTIONS = ("subscribe", "unsubscribe", "status", "ping")

_decode_json: Callable[[bytes], Request] = msgspec.json.Decoder(Request).decode
_decode_msgpack: Callable[[bytes], Request] = msgspec.msgpack.Decoder(Request).decode


def read_json(data: bytes) -> Request:
    """One message of a client that writes JSON.

    Raises:
        MessageError: not JSON, not of the message's shape, or an action that does not exist.
    """
    return _read(data, _decode_json, JSON)


def read_msgpack(data: bytes) -> Request:
    """One message of a client that writes MessagePack.

    Raises:
        MessageError: not MessagePack, not of the message's shape, or an action that does not exist.
    """
    return _read(data, _decode_msgpack, MSGPACK)


def _read(data: bytes, decode: Callable[[bytes], Request], notation: Notation) -> Request:
    return decoded(data, decode, ACTIONS, notation)
