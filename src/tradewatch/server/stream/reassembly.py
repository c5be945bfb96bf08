"""Frames in, whole text messages out."""

from websockets.frames import Frame, Opcode

from tradewatch.protocol.codes import CloseCode


class Reassembly:
    """Joins the fragments of one connection's messages.

    The sizes are the parser's business: it ends a connection before more than one message's worth is here.
    """

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun: bytearray | None = None  # not a list: fragments without a byte must not add up

    def add(self, frame: Frame, *, binary: bool) -> bytes | CloseCode | None:
        """Take a data frame of a connection whose messages are binary, or text.

        Returns:
            The message that it completes, as UTF-8; the code to close with where it must not be taken; None
            where more is to come.
        """
        if frame.opcode is (Opcode.TEXT if binary else Opcode.BINARY):
            return CloseCode.UNSUPPORTED_DATA
        if self._begun is None:
            if not frame.fin:
                self._begun = bytearray(frame.data)
                return None
            message = bytes(frame.data)
        else:
            self._begun += frame.data
            if not frame.fin:
                return None
            message = bytes(self._begun)
            self._begun = None
        return message if binary or _is_utf8(message) else CloseCode.INVALID_DATA


def _is_utf8(message: bytes) -> bool:
    if message.isascii():
        return True
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True
