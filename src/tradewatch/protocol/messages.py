"""What clients say: the inbound messages of the stream, decoded and told apart."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import msgspec

from tradewatch.protocol.codes import ErrorCode

_Message = TypeVar("_Message")


class MessageError(Exception):
    """A message that cannot be acted on; becomes an `error` event, the connection stays open.

    Attributes:
        code: what is wrong.
        id: the message's own `id` where it had one that can be said back.
    """

    def __init__(self, code: ErrorCode, message: str, id: int | str | None = None) -> None:  # noqa: A002 - the field's name on the wire
        super().__init__(message)
        self.code = code
        self.id = id


class Subscribe(msgspec.Struct, frozen=True, tag_field="action", tag="subscribe"):
    """`{"action": "subscribe", "symbols": [...], "snapshot": true}`; unknown fields are ignored."""

    symbols: list[str]
    snapshot: bool = False


class Unsubscribe(msgspec.Struct, frozen=True, tag_field="action", tag="unsubscribe"):
    """`{"action": "unsubscribe", "symbols": [...]}`."""

    symbols: list[str]


class Ping(msgspec.Struct, frozen=True, tag_field="action", tag="ping"):
    """`{"action": "ping"}`: the application's own, beside the protocol's."""


class _Envelope(msgspec.Struct):
    """What every message has, whatever else is in it."""

    action: str
    id: object = None


class Notation(NamedTuple):
    """How a client writes its messages.

    Attributes:
        name: as a person calls it.
        malformed: the code of what is not written so.
        envelope: reads what every message has.
    """

    name: str
    malformed: ErrorCode
    envelope: Callable[[bytes], _Envelope]


JSON = Notation("JSON", ErrorCode.INVALID_JSON, msgspec.json.Decoder(_Envelope).decode)
MSGPACK = Notation("MessagePack", ErrorCode.INVALID_MSGPACK, msgspec.msgpack.Decoder(_Envelope).decode)

#: An `id` beyond these is not said back: whole numbers that JSON readers keep exactly, and short texts.
MAX_ID = 2**53
MAX_ID_CHARS = 64

_decode_message: Callable[[bytes], Subscribe | Unsubscribe | Ping] = msgspec.json.Decoder(
    Subscribe | Unsubscribe | Ping
).decode
_ACTIONS = ("subscribe", "unsubscribe", "ping")


def decode_message(text: bytes) -> Subscribe | Unsubscribe | Ping:
    """One message of a v1 client.

    Raises:
        MessageError: not JSON, not of the message's shape, or an action that does not exist.
    """
    return decoded(text, _decode_message, _ACTIONS)


def decoded(
    data: bytes, decode: Callable[[bytes], _Message], actions: tuple[str, ...], notation: Notation = JSON
) -> _Message:
    """`decode(data)`, with what is wrong told apart.

    Raises:
        MessageError: malformed, `unknown_action` (not one of `actions`) or `invalid_message`.
    """
    try:
        return decode(data)
    except msgspec.ValidationError as error:
        raise _refused(data, str(error), actions, notation) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(notation.malformed, f"not {notation.name}: {_brief(error)}") from None


def _refused(data: bytes, reason: str, actions: tuple[str, ...], notation: Notation) -> MessageError:
    """Which of the two: an action nobody knows, or a known one with the wrong fields."""
    try:
        action, own_id = msgspec.structs.astuple(notation.envelope(data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return MessageError(ErrorCode.INVALID_MESSAGE, reason)
    own_id = own_id if _can_be_echoed(own_id) else None
    if action in actions:
        return MessageError(ErrorCode.INVALID_MESSAGE, f"{action}: {reason}", own_id)
    text = f"unknown action {action[:40]!r}; there are {', '.join(actions)}"
    return MessageError(ErrorCode.UNKNOWN_ACTION, text, own_id)


def _can_be_echoed(own_id: object) -> bool:
    if isinstance(own_id, str):
        return len(own_id) <= MAX_ID_CHARS
    return type(own_id) is int and abs(own_id) <= MAX_ID


def _brief(error: Exception) -> str:
    """The error in at most a line."""
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
