"""The decisions of the keep-alive about one connection: what it saw last, and what is due. No I/O."""

from enum import Enum
from typing import Protocol

from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.limits import ConnectionLimits


class Link(Protocol):
    """What a pulse asks of its connection."""

    @property
    def in_use(self) -> bool:
        """Whether anything is subscribed."""
        ...

    @property
    def unsent_bytes(self) -> int:
        """Bytes written that the kernel has not taken."""
        ...

    @property
    def written_bytes(self) -> int:
        """Bytes of messages written so far; pings are not among them."""
        ...

    @property
    def taken_bytes(self) -> int:
        """A number that grows when the peer takes bytes."""
        ...


class Beat(Enum):
    """What is due, where it is not a close."""

    PING = "ping"
    ABORT = "abort"


class Pulse:
    """Signs of life of one connection, from its first byte to its last.

    A connection begins and ends on a deadline: until `opened`, and from `ending` on, all that can become due
    is `Beat.ABORT`.

    Args:
        abort_s: when a handshake that has not finished is cut off, on the monotonic clock.
    """

    __slots__ = ("_abort_s", "_alive_s", "_ping_s", "_progress_s", "_taken", "_used_s", "_written", "heard")

    def __init__(self, abort_s: float) -> None:
        self.heard = False  #: set by the connection when a pong came; taken back by `check`
        self._abort_s: float | None = abort_s
        self._alive_s = self._progress_s = self._used_s = self._ping_s = 0.0
        self._taken = self._written = 0

    def opened(self, now_s: float, *, first_ping_s: float, written_bytes: int) -> None:
        """The handshake is done and `written_bytes` is its size; the first ping is due in `first_ping_s`."""
        self._abort_s = None
        self._written = written_bytes
        self._alive_s = self._progress_s = self._used_s = now_s
        self._ping_s = now_s + first_ping_s

    def ending(self, abort_s: float) -> None:
        """The closing handshake has begun; a later call does not move the deadline."""
        if self._abort_s is None:
            self._abort_s = abort_s

    def check(self, now_s: float, limits: ConnectionLimits, link: Link) -> Beat | CloseCode | None:
        """What is due now; called about once a second.

        The peer is alive when it answers pings or takes messages. A ping that its kernel took proves nothing.
        """
        if self._abort_s is not None:
            return Beat.ABORT if now_s >= self._abort_s else None
        waiting = link.unsent_bytes > 0
        ping_due = now_s >= self._ping_s
        if waiting or ping_due:
            self._look_for_progress(now_s, link, waiting=waiting)
        if not waiting:
            self._progress_s = now_s
        if self.heard:
            self.heard = False
            self._alive_s = now_s
        if link.in_use:
            self._used_s = now_s
        if now_s - self._progress_s >= limits.too_slow_s:
            return CloseCode.TOO_SLOW
        if now_s - self._alive_s >= limits.pong_timeout_s:
            return CloseCode.PONG_TIMEOUT
        if now_s - self._used_s >= limits.idle_s:
            return CloseCode.IDLE
        if ping_due:
            self._ping_s = now_s + limits.ping_interval_s
            return Beat.PING
        return None

    def _look_for_progress(self, now_s: float, link: Link, *, waiting: bool) -> None:
        taken, written = link.taken_bytes, link.written_bytes
        if taken != self._taken and (waiting or written != self._written):
            self._progress_s = self._alive_s = now_s
        self._taken, self._written = taken, written
