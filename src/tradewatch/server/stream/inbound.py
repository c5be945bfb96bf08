"""Inbound: what one client sends, from frames to messages, within the rate that it may have."""

from collections.abc import Iterable
from typing import NamedTuple

from websockets.frames import DATA_OPCODES, Frame, Opcode

from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.message_rate import MessageRate, Verdict
from tradewatch.server.stream.reassembly import Reassembly

#: Fragments of at least this size are not counted as messages: the size of the whole binds them.
_FREE_FRAGMENT_BYTES = 1 << 10


class Read(NamedTuple):
    """What one read of the socket brought.

    Attributes:
        messages: whole, in their order.
        ponged: whether a pong was among it.
        warnings: messages that are ignored, and of which the client is to be told.
        violation: the code to close with, behind the messages; None where nothing is wrong.
    """

    messages: list[bytes]
    ponged: bool
    warnings: int
    violation: CloseCode | None


class Inbound:
    """One connection's way in.

    Args:
        binary: whether its messages are binary; the other kind is refused.
        messages_per_10_s: messages, control frames among them, that it may send in 10 seconds.
    """

    __slots__ = ("_binary", "_rate", "_reassembly")

    def __init__(self, *, binary: bool, messages_per_10_s: int) -> None:
        self._binary = binary
        self._rate = MessageRate(messages_per_10_s)
        self._reassembly = Reassembly()

    @property
    def messages_per_10_s(self) -> int:
        """See above; it may be set anew."""
        return self._rate.window.limit

    @messages_per_10_s.setter
    def messages_per_10_s(self, limit: int) -> None:
        self._rate.window.limit = limit

    def take(self, events: Iterable[object], now_s: float) -> Read:
        """Take the frames of one read; nothing behind a violation is taken.

        Args:
            events: what the state machine made of it.
            now_s: the monotonic clock.
        """
        messages: list[bytes] = []
        ponged, warnings = False, 0
        for frame in events:
            if not isinstance(frame, Frame):
                continue
            outcome: bytes | CloseCode | None = None
            if frame.opcode in DATA_OPCODES:
                outcome = self._reassembly.add(frame, binary=self._binary)
                if outcome is None and len(frame.data) >= _FREE_FRAGMENT_BYTES:
                    continue
            ponged = ponged or frame.opcode is Opcode.PONG
            if isinstance(outcome, CloseCode):
                return Read(messages, ponged, warnings, outcome)
            verdict = self._rate.take(now_s)
            if verdict is Verdict.CLOSE:
                return Read(messages, ponged, warnings, CloseCode.TOO_MANY_MESSAGES)
            warnings += verdict is Verdict.WARN
            if outcome is not None and verdict is Verdict.TAKE:
                messages.append(outcome)
        return Read(messages, ponged, warnings, None)
