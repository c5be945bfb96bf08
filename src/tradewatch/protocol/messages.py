"""What clients say: the inbound messages of the stream, decoded and told apart."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from tradewatch.protocol.codes import ErrorCode

_Message = TypeVar("_Message")


class MessageError(Exception):
    """A message that cannot be acted on; becomes an `error` event, the connection stays open."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


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


_decode_message: Callable[[bytes], Subscribe | Unsubscribe | Ping] = msgspec.json.Decoder(
    Subscribe | Unsubscribe | Ping
).decode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_ACTIONS = ("subscribe", "unsubscribe", "ping")


def decode_message(text: bytes) -> Subscribe | Unsubscribe | Ping:
    """One message of a v1 client.

    Raises:
        MessageError: not JSON, not of the message's shape, or an action that does not exist.
    """
    return decoded(text, _decode_message, _ACTIONS)


def decoded(text: bytes, decode: Callable[[bytes], _Message], actions: tuple[str, ...]) -> _Message:
    """`decode(text)`, with what is wrong told apart.

    Raises:
        MessageError: `invalid_json`, `unknown_action` (not one of `actions`) or `invalid_message`.
    """
    try:
        return decode(text)
    except msgspec.ValidationError as error:
        raise _refused(text, str(error), actions) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(ErrorCode.INVALID_JSON, f"not JSON: {_brief(error)}") from None


def _refused(text: bytes, reason: str, actions: tuple[str, ...]) -> MessageError:
    """Which of the two: an action nobody knows, or a known one with the wrong fields."""
    try:
        action = _decode_envelope(text).action
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return MessageError(ErrorCode.INVALID_MESSAGE, reason)
    if action in actions:
        return MessageError(ErrorCode.INVALID_MESSAGE, f"{action}: {reason}")
    return MessageError(
        ErrorCode.UNKNOWN_ACTION, f"unknown action {action[:40]!r}; there are {', '.join(actions)}"
    )


def _brief(error: Exception) -> str:
    """The error in at most a line."""
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
