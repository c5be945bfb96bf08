from pathlib import Path

import duckdb
import pytest

from tradewatch.feeds.parquet import parquet_rows
from tradewatch.feeds.rows import UnusableFileError


def _copy(query: str, path: Path) -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"copy ({query}) to '{path}' (format parquet)").fetchall()


def _refuse(at: int, why: str) -> None:
    pytest.fail(f"line {at}: {why}")


def test_a_file_whose_name_is_a_pattern_is_that_file(tmp_path: Path) -> None:
    _copy("select 1 as ts_ms, 'A' as symbol, 1 as bid, 2 as ask", tmp_path / "d[1]*.parquet")
    _copy("select 2 as ts_ms, 'B' as symbol, 1 as bid, 2 as ask", tmp_path / "d1.parquet")
    [(first, rows)] = parquet_rows(tmp_path / "d[1]*.parquet", _refuse).blocks
    assert (first, rows) == (1, [("1", "A", "1", "2", None, None, None)])


def test_columns_are_found_whatever_their_case_and_kind(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    _copy(
        """select 'crypto' as asset_class, 0.1::float as "Ask", 1e-7::double as bid,
        1.50::decimal(9,2) as ask_size, 1399507208715.25::double as ts_ms,
        'A"B' as "odd ""name", 'A' as Symbol""",
        path,
    )
    rows = parquet_rows(path, _refuse)
    assert rows.columns == {"ts_ms", "symbol", "bid", "ask", "ask_size", "asset_class"}
    [(_, block)] = rows.blocks
    assert block == [("1399507208715.25", "A", "1e-07", "0.1", None, "1.50", "crypto")]


def test_rows_keep_their_order_and_number_over_blocks(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    _copy(
        "select range * 7919 % 200003 as ts_ms, 'A' as symbol, range as bid, range as ask from range(200003)",
        path,
    )
    number = 1
    for first, block in parquet_rows(path, _refuse).blocks:
        assert first == number
        for row in block:
            assert row is not None
            assert row[2] == str(number - 1)
            number += 1
    assert number == 200_004


def test_what_is_no_parquet_or_lacks_a_column_is_unusable(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    path.write_bytes(b"PAR1 and then nothing of the kind")
    with pytest.raises(UnusableFileError) as caught:
        parquet_rows(path, _refuse)
    assert "\n" not in str(caught.value)
    _copy("select 1 as ts_ms, 'A' as symbol, 1 as bid", path)
    with pytest.raises(UnusableFileError, match="no column ask in its header 'ts_ms,symbol,bid'"):
        parquet_rows(path, _refuse)
