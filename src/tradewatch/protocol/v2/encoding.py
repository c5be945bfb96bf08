"""The two ways to write messages of dialect v2, as a session needs to know them."""

from collections.abc import Callable
from typing import NamedTuple

from tradewatch.protocol.v2.json import encode_json
from tradewatch.protocol.v2.msgpack import encode_msgpack
from tradewatch.protocol.v2.requests import Request, read_json, read_msgpack


class Encoding(NamedTuple):
    """How one connection writes.

    Attributes:
        read: a message of the client; raises `MessageError`.
        encode: an event or a part of one; what it takes decides where an answer is divided.
    """

    read: Callable[[bytes], Request]
    encode: Callable[[object], bytes]


JSON = Encoding(read_json, encode_json)
MSGPACK = Encoding(read_msgpack, encode_msgpack)
