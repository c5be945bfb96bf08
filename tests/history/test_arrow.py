from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.history.arrow import MAX_DECIMALS, batch_of, schema_of
from tradewatch.history.export import arrow_bytes
from tradewatch.history.json_text import decimal_texts
from tradewatch.history.shown import Column, Columns, Form


def read_back(*windows: Columns) -> Any:
    """What pyarrow makes of the stream."""
    return pa.ipc.open_stream(b"".join(arrow_bytes(windows))).read_all()


def decimals(mantissas: list[int], scale: int, missing: list[bool] | None = None) -> Column:
    large = any(not -(2**63) <= mantissa < 2**63 for mantissa in mantissas)
    values = np.array(mantissas, dtype=object if large else np.int64)
    return Column("bid", Form.DECIMAL, values, scale, None if missing is None else np.array(missing, bool))


def units(column: Any, scale: int) -> list[Fraction | None]:
    """Decimals as units of 10 ** -`scale`."""
    return [None if value is None else Fraction(value) * 10**scale for value in column.to_pylist()]


@given(
    st.lists(st.tuples(st.integers(-(10**38 - 1), 10**38 - 1), st.booleans()), max_size=20),
    st.integers(0, MAX_DECIMALS),
)
@settings(deadline=None)
def test_decimals_come_back_exactly(found: list[tuple[int, bool]], scale: int) -> None:
    column = decimals([mantissa for mantissa, _ in found], scale, [gone for _, gone in found])
    table = read_back([column])
    assert table.schema.field("bid").type == pa.decimal128(38, scale)
    assert units(table["bid"], scale) == [None if gone else mantissa for mantissa, gone in found]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20), st.integers(0, MAX_DECIMALS))
@settings(deadline=None)
def test_so_do_those_of_64_bits(mantissas: list[int], scale: int) -> None:
    table = read_back([decimals(mantissas, scale)])
    assert units(table["bid"], scale) == mantissas
    assert table["bid"].null_count == 0


@pytest.mark.parametrize("scale", [MAX_DECIMALS + 1, 36])
def test_finer_decimals_are_texts(scale: int) -> None:
    mantissas = [1, -(2**62), 10**60, 0]
    table = read_back([decimals(mantissas, scale, [False, False, False, True])])
    assert table.schema.field("bid").type == pa.string()
    assert table["bid"].to_pylist() == [*decimal_texts(mantissas[:3], scale), None]


def test_every_form_comes_back() -> None:
    columns = [
        Column("time", Form.NANOSECONDS, np.array([1_778_457_600_123_456_000, 0])),
        Column("begun", Form.SECONDS, np.array([1_778_457_600, 0])),
        Column("seq", Form.INTEGER, np.array([2**63 - 1, -1], np.int64)),
        Column("source", Form.TEXT, np.array(["ü'\"", ""], dtype=object)),
    ]
    table = read_back(columns)
    assert table.schema.types == [
        pa.timestamp("ns", "UTC"),
        pa.timestamp("s", "UTC"),
        pa.int64(),
        pa.string(),
    ]
    assert table["time"].cast(pa.int64()).to_pylist() == [1_778_457_600_123_456_000, 0]
    assert table["begun"].to_pylist()[0] == datetime(2026, 5, 11, tzinfo=UTC)
    assert table["seq"].to_pylist() == [2**63 - 1, -1]
    assert table["source"].to_pylist() == ["ü'\"", ""]


def test_windows_follow_each_other_and_empty_ones_tell_the_schema() -> None:
    one, none = [decimals([5], 2)], [decimals([], 2)]
    assert read_back(none).schema == read_back(one).schema
    assert len(read_back(none)) == 0
    assert read_back(none, one, none, one)["bid"].to_pylist() == [Decimal("0.05")] * 2


def test_the_schema_depends_on_no_value() -> None:
    one, large = [decimals([5], 2)], [decimals([2**70], 2, [False])]
    assert pa.schema(pa.DataType._import_from_c_capsule(schema_of(one).__arrow_c_schema__())) == pa.schema(
        pa.DataType._import_from_c_capsule(schema_of(large).__arrow_c_schema__())
    )
    assert batch_of(large).length == 1
