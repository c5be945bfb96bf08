"""The server's messages as events; what this version does not know is kept and not refused."""

from collections.abc import Callable, Sequence

import msgspec

from tradewatch.client.events import Gap, OtherEvent, Quote
from tradewatch.errors import ProtocolViolationError
from tradewatch.protocol.v2.events import (
    Drain,
    Error,
    Heartbeat,
    Lag,
    LimitsChanged,
    Pong,
    Status,
    Subscribed,
    Unsubscribed,
    Welcome,
)

#: What a server sends that this version knows.
Told = (
    Quote
    | Gap
    | Welcome
    | Subscribed
    | Unsubscribed
    | Status
    | Heartbeat
    | Lag
    | LimitsChanged
    | Drain
    | Error
    | Pong
)

#: Without these the positions cannot be kept.
_ESSENTIAL = frozenset({"quote", "gap", "welcome", "subscribed", "unsubscribed"})

_read_all: Callable[[bytes], Sequence[Told]] = msgspec.json.Decoder(list[Told]).decode
_read_one: Callable[[msgspec.Raw], Told] = msgspec.json.Decoder(Told).decode
_split: Callable[[bytes], list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read_events(message: bytes) -> Sequence[Told | OtherEvent]:
    """The events of one message, in their order.

    Raises:
        ProtocolViolationError: it is no array of events.
    """
    try:
        return _read_all(message)
    except msgspec.ValidationError:
        return _one_by_one(message)
    except msgspec.DecodeError as error:
        raise ProtocolViolationError(f"the server sent what is no message of the stream: {error}") from None


def _one_by_one(message: bytes) -> list[Told | OtherEvent]:
    """The events of a message of which at least one is new to this version."""
    events: list[Told | OtherEvent] = []
    try:
        for raw in _split(message):
            try:
                events.append(_read_one(raw))
            except msgspec.ValidationError:
                events.append(_other(raw))
    except msgspec.DecodeError as error:
        raise ProtocolViolationError(f"the server sent what is no message of the stream: {error}") from None
    return events


def _other(raw: msgspec.Raw) -> OtherEvent:
    """An event as far as it can be understood.

    Raises:
        msgspec.ValidationError: it has no name, or is one that the stream cannot do without.
    """
    fields = msgspec.json.decode(raw, type=dict[str, object])
    name = fields.get("event")
    if not isinstance(name, str) or name in _ESSENTIAL:
        raise msgspec.ValidationError(f"{name!r} does not have the shape of such an event")
    return OtherEvent(name=name, fields=fields)
