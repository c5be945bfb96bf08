"""What a v2 client hears besides quotes. Prices and times are strings, counts are numbers.

`None` means absent on the wire; where a field can be null, absent is `UNSET`.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.delivery import Delivery
from tradewatch.protocol.limits import ConnectionLimits


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """Anything that stands in a server message."""


class Answer(Event, frozen=True, kw_only=True):
    """An event that may be long: then it comes in parts.

    Attributes:
        id: the request's own, where it had one.
        part: which part this is, from 1; absent where there is only one.
        parts: how many there are.
    """

    id: int | str | None = None
    part: int | None = None
    parts: int | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of one name of a request: heard, matched by a pattern, or refused.

    Attributes:
        asset_class: the symbol's class.
        symbol: the bare symbol; a pattern as it is listed; a refused name as it was sent.
        ok: whether it was done.
        via: the pattern that brings the symbol, where it was not asked for by name.
        epoch: with `seq` the position before the first quote that follows.
        seq: see `epoch`; after an unsubscribe: the position of the last that might have come.
        state: whether the symbol is alive.
        delivery: how its quotes come; absent where none come any more.
        matched: the members of a pattern; a result of each follows.
        code: why it was refused.
        suggestions: names that may have been meant.
    """

    asset_class: AssetClass | None = None
    symbol: str
    ok: bool
    via: str | None = None
    epoch: str | None = None
    seq: int | None = None
    state: str | None = None
    delivery: Delivery | None = None
    matched: int | None = None
    code: str | None = None
    suggestions: list[str] | None = None


class Welcome(Event, frozen=True, kw_only=True, tag="welcome"):
    """The first event of a connection.

    Attributes:
        session: its name.
        server_time_ns: Unix time.
        heartbeat_s: how often a `heartbeat` comes.
        limits: what binds it, by name.
    """

    session: str
    server_time_ns: str
    heartbeat_s: float
    limits: ConnectionLimits


class Subscribed(Answer, frozen=True, kw_only=True, tag="subscribed"):
    """The answer to a subscribe, before any quote; unasked where a pattern has a new member."""

    results: list[Result]


class Unsubscribed(Answer, frozen=True, kw_only=True, tag="unsubscribed"):
    """The answer to an unsubscribe, after the last quote."""

    results: list[Result]


class Status(Answer, frozen=True, kw_only=True, tag="status"):
    """What is subscribed: patterns as they are listed, and what was asked for by name."""

    patterns: list[str]
    symbols: list[str]


class Error(Answer, frozen=True, kw_only=True, tag="error"):
    """Something in a message was wrong, or cannot be kept up; the connection stays open."""

    code: str
    message: str
    symbols: list[str] | None = None


class Pong(Event, frozen=True, kw_only=True, tag="pong"):
    """The answer to a ping; `timestamp` in Unix milliseconds."""

    id: int | str | None = None
    timestamp: str


class Lag(Event, frozen=True, kw_only=True, tag="lag"):
    """The client is behind.

    Attributes:
        queued_bytes: written and not yet taken, the kernel's send queue included.
        oldest_ms: the age of the oldest of them.
        skipped: quotes that it never gets.
    """

    queued_bytes: int
    oldest_ms: int
    skipped: int


class Heartbeat(Event, frozen=True, kw_only=True, tag="heartbeat"):
    """The balance since the connection opened: published = delivered + skipped + missing + pending.

    Attributes:
        timestamp: Unix milliseconds.
        published: quotes on the tape, over its subscriptions.
        delivered: quotes written.
        skipped: quotes told to be skipped.
        missing: quotes told to be lost.
        pending: quotes that are still to come.
        as_of: `<epoch>:<log offset>` of this point.
    """

    timestamp: str
    published: int
    delivered: int
    skipped: int
    missing: int
    pending: int
    as_of: str


class LimitsChanged(Event, frozen=True, kw_only=True, tag="limits"):
    """A limit changed while connected; `limits` are all that bind it now."""

    limits: ConnectionLimits


class Drain(Event, frozen=True, kw_only=True, tag="drain"):
    """The server goes down: it closes within `deadline_ms`; come back `reconnect_in_ms` after the close."""

    deadline_ms: int
    reconnect_in_ms: int


class Gap(Event, frozen=True, kw_only=True, tag="gap"):
    """Quotes that do not come.

    Attributes:
        asset_class: the symbol's class.
        symbol: the bare symbol.
        epoch: in which the gap lies.
        first: `from` on the wire: the seq after the last that came.
        last: `to` on the wire: the last that is missing; null where the server does not know.
        cause: why they do not come.
        fill: where they can be fetched, or null.
        next_epoch: in which the symbol goes on, where that is another one.
        seq: of an upstream loss: its own place on the tape.
        missing: of an upstream loss: how many, null where nobody knows.
        source: of an upstream loss: who lost them.
    """

    asset_class: AssetClass
    symbol: str
    epoch: str
    first: int | None = msgspec.field(default=None, name="from")
    last: int | UnsetType | None = msgspec.field(default=UNSET, name="to")
    cause: Literal["aged_out", "restart", "replay_failed", "upstream"]
    fill: str | UnsetType | None = UNSET
    next_epoch: str | None = None
    seq: int | None = None
    missing: int | UnsetType | None = UNSET
    source: str | None = None
