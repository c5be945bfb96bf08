from datetime import UTC, datetime, timedelta
from fractions import Fraction

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.history.json_text import decimal_texts, iso_times, json_rows
from tradewatch.history.shown import Column, Form
from tradewatch.model.price import Price

MS = 1_000_000


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.integers(0, 36))
@settings(deadline=None)
def test_a_decimal_is_written_as_the_model_writes_a_price(mantissas: list[int], scale: int) -> None:
    expected = [Price.of(m, -scale).text if abs(m) < 2**63 else None for m in mantissas]
    found = decimal_texts(mantissas, scale)
    assert [text for text, price in zip(found, expected, strict=True) if price is not None] == [
        p for p in expected if p
    ]


@given(st.integers(-(10**40), 10**40), st.integers(0, 60))
@settings(deadline=None)
def test_decimals_beyond_64_bits_are_exact_too(mantissa: int, scale: int) -> None:
    (text,) = decimal_texts([mantissa], scale)
    assert Fraction(text) * 10**scale == mantissa
    assert not ("." in text and text[-1] in "0.")


@pytest.mark.parametrize(
    ("mantissa", "scale", "text"),
    [
        (6183763000000, 8, "61837.63"),
        (0, 5, "0"),
        (-5, 1, "-0.5"),
        (-37_630, 3, "-37.63"),
        (1, 36, "0." + "0" * 35 + "1"),
        (1200, 0, "1200"),
        (1200, 2, "12"),
    ],
)
def test_decimals_have_no_trailing_zeros_and_no_exponent(mantissa: int, scale: int, text: str) -> None:
    assert decimal_texts([mantissa], scale) == [text]


@given(st.lists(st.integers(0, 7_258_118_399_999), min_size=1))
@settings(deadline=None)
def test_times_are_written_to_the_millisecond(times_ms: list[int]) -> None:
    expected = [
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).isoformat(timespec="milliseconds")
        for at in times_ms
    ]
    found = iso_times(np.array(times_ms, np.int64) * MS)
    assert found == [text.replace("+00:00", "Z") for text in expected]


def test_times_with_microseconds_are_written_to_the_microsecond() -> None:
    times = np.array([1_778_457_600_123_456_789, 1_778_457_600_123_000_000])
    assert iso_times(times) == ["2026-05-11T00:00:00.123456Z", "2026-05-11T00:00:00.123000Z"]


def test_rows_are_json_with_every_digit() -> None:
    columns = [
        Column("time", Form.NANOSECONDS, np.array([0, MS])),
        Column("at", Form.SECONDS, np.array([5, 10])),
        Column("bid", Form.DECIMAL, np.array([12_345, 0]), 4, np.array([False, True])),
        Column("ask", Form.DECIMAL, np.array([2**63 * 10**20, -1], dtype=object), 20),
        Column("seq", Form.INTEGER, np.array([1, 2**62])),
        Column("source", Form.TEXT, np.array(['a"b\\', "ü\n"], dtype=object)),
    ]
    rows = json_rows(columns)
    assert rows[0] == (
        '{"time":"1970-01-01T00:00:00.000Z","at":5,"bid":1.2345,"ask":9223372036854775808,"seq":1,"source":"a\\"b\\\\"}'
    )
    assert msgspec.json.decode(rows[1]) == {
        "time": "1970-01-01T00:00:00.001Z",
        "at": 10,
        "bid": None,
        "ask": -1e-20,
        "seq": 2**62,
        "source": "ü\n",
    }
    assert '"ask":-0.00000000000000000001,' in rows[1]


def test_no_rows_are_no_text() -> None:
    assert json_rows([Column("seq", Form.INTEGER, np.empty(0, np.int64))]) == []
