"""The limits of one connection, with their defaults, as one value."""

import msgspec

from tradewatch.protocol.window import Window

#: For so long the changes of a subscription are counted together.
SYMBOL_CHANGES_SPAN_S = 10.0


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What binds a WebSocket connection; source of the numbers: docs/reference/protocol.md, "Limits".

    Attributes:
        symbols: symbols subscribed at one time.
        symbols_per_message: symbols that one message may name.
        messages_per_10_s: inbound messages, control frames among them, in 10 seconds.
        symbol_changes_per_10_s: symbols subscribed or left in 10 seconds.
        max_quotes_per_s: quotes a second beyond which the latest of each symbol is all that comes, if any.
        delay_s: how old quotes are when they are shown.
        wildcard: whether patterns may be subscribed.
        message_bytes: size of an inbound message.
        send_buffer_bytes: bytes written and not yet taken by the kernel at which a connection is behind.
        send_buffer_low_bytes: bytes left at which it no longer is.
        kernel_unsent_bytes: bytes that the kernel may hold unsent (`TCP_NOTSENT_LOWAT`).
        idle_s: a connection with nothing subscribed for so long is closed (4001).
        ping_interval_s: how often the server sends a protocol ping.
        pong_timeout_s: without a pong, or a byte taken, for so long a connection is closed (4002).
        too_slow_s: while bytes wait and none was taken for so long a connection is closed (4003).
        head_s: the time a client has for its request head, and for its part of the closing handshake.
        head_bytes: the size of a request head.
    """

    symbols: int = 10_000
    symbols_per_message: int = 5_000
    messages_per_10_s: int = 120
    symbol_changes_per_10_s: int = 20_000
    max_quotes_per_s: int | None = None
    delay_s: float = 0.0
    wildcard: bool = True
    message_bytes: int = 1 << 20
    send_buffer_bytes: int = 256 << 10
    send_buffer_low_bytes: int = 64 << 10
    kernel_unsent_bytes: int = 16 << 10
    idle_s: float = 60.0
    ping_interval_s: float = 20.0
    pong_timeout_s: float = 60.0
    too_slow_s: float = 30.0
    head_s: float = 10.0
    head_bytes: int = 32 << 10


def too_many_named(count: int, limits: ConnectionLimits, changes: Window, now_ns: int) -> str:
    """Why a message may not name so many symbols, or not now; empty where it may, and they are counted."""
    if count > limits.symbols_per_message:
        return f"{count:,} symbols in one message; at most {limits.symbols_per_message:,}"
    now_s = now_ns / 1e9
    if not changes.take(now_s, count):
        wait_s = changes.retry_after_s(now_s)
        return f"at most {changes.limit:,} symbol changes in 10 seconds; try again in {wait_s:.0f} s"
    return ""


def too_many_members(weight: int, changes: Window, now_ns: int) -> bool:
    """Whether a pattern, its name being counted, has more members than changes are left; else they are taken.

    They count as at most a quarter of the limit, so that the largest pattern can be had.
    """
    return not changes.take(now_ns / 1e9, max(0, min(weight - 1, changes.limit // 4)))
