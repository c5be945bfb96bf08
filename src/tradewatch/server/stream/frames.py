"""The frames of an open connection: RFC 6455's state machine after the handshake."""

import logging
from collections.abc import Sequence

from websockets.extensions.base import Extension
from websockets.frames import CloseCode as AnyCloseCode
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from tradewatch.protocol.codes import CloseCode

_OURS = frozenset(CloseCode)

_logger = logging.getLogger("tradewatch.stream.frames")
_logger.setLevel(logging.WARNING)  # the state machine reports each frame at DEBUG


class Frames(Protocol):
    """One connection's state machine, whose closes carry the name of their reason, as all of ours do.

    Args:
        message_bytes: the size of an inbound message, over all its fragments, once it is inflated.
        extensions: what the handshake agreed on.
    """

    def __init__(self, *, message_bytes: int | None, extensions: Sequence[Extension]) -> None:
        super().__init__(Side.SERVER, max_size=message_bytes, logger=_logger)
        self.extensions = list(extensions)

    def recv_frame(self, frame: Frame) -> None:
        """A close in the middle of a fragmented message is a close like any other (RFC 6455, section 5.4).

        The library takes it for a violation, unless it has forgotten what was begun.
        """
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)

    def fail(self, code: AnyCloseCode | int, reason: str = "") -> None:
        """Close for a fault of the client's; the library's own words on it are not sent."""
        super().fail(code, CloseCode(code).reason if code in _OURS else reason)


def let_go(machine: Protocol) -> None:
    """Open the rings of a state machine that is done: it then goes at once, not with the next collection.

    Its parser is a suspended generator that holds it, and so do the tracebacks of its errors.
    """
    machine.parser.close()
    for error in (machine.parser_exc, machine.handshake_exc):
        ringed: BaseException | None = error
        while ringed is not None:
            ringed.__traceback__ = None
            ringed = ringed.__cause__ or ringed.__context__
