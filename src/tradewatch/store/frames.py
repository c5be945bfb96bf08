"""What passes over the store's socket: one request, then a head, chunks of bytes, and how it ended.

A frame is a byte that says what it is, the length of what follows in four bytes, and that. One connection is
for one request; who closes it early wants no more of the answer.
"""

import struct
from enum import IntEnum

import msgspec

from tradewatch.history.request import Head, Request

HEADER = struct.Struct("<BI")
#: A request is small; an answer's chunk is what the exports make of it, or one page.
MAX_REQUEST_BYTES = 64 * 1024
MAX_CHUNK_BYTES = 64 * 1024 * 1024

_encoder = msgspec.msgpack.Encoder()
_request_decoder = msgspec.msgpack.Decoder(Request)
_head_decoder = msgspec.msgpack.Decoder(Head)


class Kind(IntEnum):
    """What a frame is."""

    REQUEST = 1
    HEAD = 2
    CHUNK = 3
    #: The answer is complete.
    END = 4
    #: The answer could not be finished; the text says why.
    CUT = 5


def framed(kind: Kind, body: bytes = b"") -> bytes:
    """A frame."""
    return HEADER.pack(kind, len(body)) + body


def request_frame(request: Request) -> bytes:
    """A request as a frame."""
    return framed(Kind.REQUEST, _encoder.encode(request))


def head_frame(head: Head) -> bytes:
    """The head of an answer as a frame."""
    return framed(Kind.HEAD, _encoder.encode(head))


def read_request(body: bytes) -> Request:
    """The request of a frame; msgspec.ValidationError where it is none."""
    request: Request = _request_decoder.decode(body)
    return request


def read_head(body: bytes) -> Head:
    """The head of a frame."""
    return _head_decoder.decode(body)
