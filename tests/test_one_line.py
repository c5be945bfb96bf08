"""Whatever a text holds, it is one line that does nothing to a terminal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.one_line import one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain é €", "plain é €"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\u202eturned\u2028", "\\u202eturned\\u2028"),
        ("half \ud800", "half \\ud800"),
        ("tag \U000e0041", "tag \\U000e0041"),
    ],
)
def test_what_is_not_visible_is_written_out(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("text", "line"), [("12345", "12345"), ("123456", "12..."), ("1\n345", "1\\..."), ("1\n34", "1\\n34")]
)
def test_what_is_too_long_ends_in_dots(text: str, line: str) -> None:
    assert one_line(text, most_chars=5) == line


@settings(deadline=None)
@given(st.text(), st.integers(3, 40))
def test_every_text_is_one_visible_line_within_its_limit(text: str, most_chars: int) -> None:
    assert one_line(text).isprintable()
    cut = one_line(text, most_chars=most_chars)
    assert cut.isprintable()
    assert len(cut) <= most_chars
    assert cut == one_line(text) or cut.endswith("...")
