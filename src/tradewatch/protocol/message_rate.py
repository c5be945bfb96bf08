"""How fast a client may talk: it is warned, then not heard, then sent away."""

from enum import Enum

from tradewatch.protocol.window import Window

#: Messages beyond the limit of one window that are answered with an error. Few: an answer to every message
#: would let a client make us send as fast as it can.
WARNED_PER_WINDOW = 3
#: Messages beyond the limit of one window that are forgiven, those that are answered among them.
TOLERATED_PER_WINDOW = 10
#: Windows in a row in which a client may exceed its limit.
TOLERATED_WINDOWS = 2


class Verdict(Enum):
    """What to do with a message."""

    TAKE = "take"
    WARN = "warn"
    DROP = "drop"
    CLOSE = "close"


class MessageRate:
    """The messages of one connection, control frames among them.

    Within the limit a message is to be taken. Beyond it, it is ignored: the first few of a window with the
    error `too_many_messages`, some more in silence. Still more, or an excess in one window too many in a row,
    ends the connection with 4004.

    Args:
        limit: messages that a window holds.
        span_s: how long a window lasts.

    Attributes:
        window: the messages taken; its `limit` may be set anew, its `refused` counts what was ignored.
    """

    __slots__ = ("_excess", "_excess_end_s", "_excessive_windows", "window")

    def __init__(self, limit: int = 120, span_s: float = 10.0) -> None:
        self.window = Window(limit, span_s)
        self._excess = 0
        self._excess_end_s = float("-inf")
        self._excessive_windows = 0

    def take(self, now_s: float) -> Verdict:
        """What to do with a message that arrived now, at this time of the monotonic clock."""
        if self.window.take(now_s):
            return Verdict.TAKE
        if self.window.end_s != self._excess_end_s:
            self._begin_excess()
        self._excess += 1
        if self._excess > TOLERATED_PER_WINDOW or self._excessive_windows > TOLERATED_WINDOWS:
            return Verdict.CLOSE
        return Verdict.WARN if self._excess <= WARNED_PER_WINDOW else Verdict.DROP

    def _begin_excess(self) -> None:
        """The first message too many of a window."""
        # A window that was kept to, or a pause as long as one, has passed where two ends are so far apart.
        in_a_row = self.window.end_s - self._excess_end_s < 2 * self.window.span_s
        self._excessive_windows = self._excessive_windows + 1 if in_a_row else 1
        self._excess = 0
        self._excess_end_s = self.window.end_s
