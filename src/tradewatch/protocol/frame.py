"""WebSocket frames of a server, ready to be written (RFC 6455, section 5.2).

A frame that a server sends is not masked, so the same bytes serve every connection: they are made once.
"""

import struct
from enum import IntEnum

_FINAL = 0x80
_COMPRESSED = 0x40  # RSV1, as permessage-deflate uses it (RFC 7692, section 6)
_TWO_BYTE_SIZE = 126
_EIGHT_BYTE_SIZE = 127
_SHORT = struct.Struct("!BB")
_MEDIUM = struct.Struct("!BBH")
_LONG = struct.Struct("!BBQ")


class Opcode(IntEnum):
    """What a frame carries."""

    TEXT = 1
    BINARY = 2
    PING = 9


def frame_header(payload_bytes: int, opcode: Opcode = Opcode.TEXT, *, compressed: bool = False) -> bytes:
    """The header of an unfragmented, unmasked frame whose payload has this size."""
    first = _FINAL | opcode | (_COMPRESSED if compressed else 0)
    if payload_bytes < _TWO_BYTE_SIZE:
        return _SHORT.pack(first, payload_bytes)
    if payload_bytes < 1 << 16:
        return _MEDIUM.pack(first, _TWO_BYTE_SIZE, payload_bytes)
    return _LONG.pack(first, _EIGHT_BYTE_SIZE, payload_bytes)


#: Headers of the short messages that quotes are, by the size of their payload.
_TEXT_HEADERS = tuple(map(frame_header, range(512)))


def text_frame(payload: bytes) -> bytes:
    """A whole text message; the payload is UTF-8."""
    size = len(payload)
    return (_TEXT_HEADERS[size] if size < len(_TEXT_HEADERS) else frame_header(size)) + payload


#: A ping without payload.
PING_FRAME = frame_header(0, Opcode.PING)
