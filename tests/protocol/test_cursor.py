"""Cursors: read as they were written, good for their own list, and nobody can make one."""

import base64
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.protocol.cursor import Cursor, Cursors, InvalidCursorError

CURSORS = Cursors(b"k" * 32)
PLACE = "ticks/currencies:EURUSD"

keys = st.lists(st.integers(-(2**63), 2**63 - 1) | st.text(max_size=32), max_size=2).map(tuple)
cursors = st.builds(Cursor, keys, st.booleans(), st.booleans())


@given(cursors)
@settings(deadline=None)
def test_what_was_written_is_read(cursor: Cursor) -> None:
    text = CURSORS.write(PLACE, cursor)
    assert CURSORS.read(PLACE, text) == cursor
    assert set(text) <= set(string.ascii_letters + string.digits + "-_"), "fit for a URL as it is"


@given(cursors, st.data())
@settings(deadline=None)
def test_a_changed_text_is_refused(cursor: Cursor, data: st.DataObject) -> None:
    text = CURSORS.write(PLACE, cursor)
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(InvalidCursorError):
        CURSORS.read(PLACE, base64.urlsafe_b64encode(raw).decode().rstrip("="))


def test_a_cursor_is_of_one_list_and_one_server() -> None:
    text = CURSORS.write(PLACE, Cursor((5, "A")))
    for cursors, place in ((CURSORS, "ticks/currencies:EURUS"), (Cursors(b"l" * 32), PLACE)):
        with pytest.raises(InvalidCursorError, match="not a cursor of this list"):
            cursors.read(place, text)


def test_where_a_list_s_name_ends_is_signed_too() -> None:
    text = CURSORS.write("a", Cursor(("b",)))
    with pytest.raises(InvalidCursorError):
        CURSORS.read("a\0", text)


@given(st.text(max_size=600))
@settings(deadline=None)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        CURSORS.read(PLACE, text)


@pytest.mark.parametrize("text", ["", "=", "A", "é", "A" * 513, "\ud800"])
def test_texts_that_a_decoder_stumbles_over_are_refused(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        CURSORS.read(PLACE, text)


def test_a_cursor_that_an_older_version_signed_is_refused() -> None:
    """It was signed by this server, and says what this version does not understand."""

    class Older(Cursors):
        def text(self, body: bytes) -> str:
            return base64.urlsafe_b64encode(self._signature(PLACE, body) + body).decode().rstrip("=")

    for body in (b"", b"\xc1", b"\x93\x01\x02\x03", b"\xa1x"):
        with pytest.raises(InvalidCursorError):
            CURSORS.read(PLACE, Older(b"k" * 32).text(body))
