"""Cursors: the place between two items of a list, as an opaque text that nobody can forge.

A cursor names the item it stands beside by its key, not by its number, so that items which come or go between
two pages move no other. It is signed, and good for the list only that it was made for.
"""

import base64
import hashlib
import hmac
from typing import NamedTuple

import msgspec

from tradewatch.errors import TradewatchError

SECRET_BYTES = 32
_SIGNATURE_BYTES = 12
_MAX_TEXT_CHARS = 512
_NOT_OURS = "not a cursor of this list"


class InvalidCursorError(TradewatchError, ValueError):
    """A text that this server never gave as a cursor of this list."""


class Cursor(NamedTuple):
    """Where a page begins.

    Attributes:
        key: of the item it stands beside: integers and texts; empty for the end of the list.
        backwards: whether the page goes towards the list's beginning.
        inclusive: whether the item itself is in it.
    """

    key: tuple[int | str, ...]
    backwards: bool = False
    inclusive: bool = False


class Cursors:
    """Writes and reads cursors.

    Args:
        secret: 32 random bytes, kept with the data, so that cursors outlive the process.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, place: str, cursor: Cursor) -> str:
        """The text of a cursor.

        Args:
            place: names the list, and changes when what its keys are made of does: `ticks/currencies:EURUSD`.
            cursor: where; the texts of its key are short, 300 bytes together at most.
        """
        body = msgspec.msgpack.encode(cursor)
        return base64.urlsafe_b64encode(self._signature(place, body) + body).rstrip(b"=").decode()

    def read(self, place: str, text: str) -> Cursor:
        """The cursor of a text.

        Raises:
            InvalidCursorError: it was not written here, or not for this list.
        """
        data = _decoded(text)
        signature, body = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(place, body)):
            raise InvalidCursorError(_NOT_OURS)
        try:
            return msgspec.msgpack.decode(body, type=Cursor)
        except msgspec.DecodeError:  # ours, of a version that wrote them otherwise
            raise InvalidCursorError(_NOT_OURS) from None

    def _signature(self, place: str, body: bytes) -> bytes:
        message = place.encode() + b"\0" + body
        return hmac.digest(self._secret, message, hashlib.sha256)[:_SIGNATURE_BYTES]


def _decoded(text: str) -> bytes:
    """The bytes of a text; none where it cannot be a cursor's."""
    if len(text) > _MAX_TEXT_CHARS:
        return b""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
