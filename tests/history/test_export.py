import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.errors import HistoryError
from tradewatch.history.arrow import MAX_DECIMALS
from tradewatch.history.export import CHUNK_BYTES, arrow_bytes, csv_bytes, parquet_bytes
from tradewatch.history.json_text import decimal_texts
from tradewatch.history.shown import Column, Columns, Form

rows = st.lists(
    st.tuples(
        st.integers(0, 7_258_118_399_999_999_999),
        st.integers(0, 7_258_118_399),
        st.one_of(st.none(), st.integers(-(2**63) + 1, 2**63 - 1)),
        st.integers(0, 2**63 - 1),
        st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r"), max_size=5),
    ),
    max_size=8,
)
Rows = list[tuple[int, int, int | None, int, str]]


def columns(found: Rows, scale: int) -> Columns:
    times, seconds, bids, seqs, sources = zip(*found, strict=True) if found else ((), (), (), (), ())
    return [
        Column("time", Form.NANOSECONDS, np.array(times, np.int64)),
        Column("begun", Form.SECONDS, np.array(seconds, np.int64)),
        Column(
            "bid",
            Form.DECIMAL,
            np.array([bid or 0 for bid in bids], np.int64),
            scale,
            np.array([bid is None for bid in bids], bool),
        ),
        Column("seq", Form.INTEGER, np.array(seqs, np.int64)),
        Column("source", Form.TEXT, np.array(sources, dtype=object)),
    ]


def plain(table: Any) -> list[tuple[Any, ...]]:
    """An Arrow table as `written` has it."""
    found = [
        table["time"].cast(pa.int64()).to_pylist(),
        [int(at.timestamp()) for at in table["begun"].to_pylist()],
        [bid if bid is None else _text(bid) for bid in table["bid"].to_pylist()],
        table["seq"].to_pylist(),
        table["source"].to_pylist(),
    ]
    return list(zip(*found, strict=True))


def _text(bid: Decimal | str) -> str:
    if isinstance(bid, str):
        return bid
    text = f"{bid:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def written(windows: list[Rows], scale: int) -> list[tuple[Any, ...]]:
    """What any reader should find."""
    return [
        (time, second, None if bid is None else decimal_texts([bid], scale)[0], seq, source)
        for found in windows
        for time, second, bid, seq, source in found
    ]


def from_csv(data: bytes) -> list[tuple[Any, ...]]:
    header, *lines = csv.reader(io.StringIO(data.decode(), newline=""))
    assert header == ["time", "begun", "bid", "seq", "source"]
    return [
        (_nanoseconds(time), int(begun), bid or None, int(seq), source)
        for time, begun, bid, seq, source in lines
    ]


def _nanoseconds(text: str) -> int:
    """Unix nanoseconds of an ISO 8601 time with up to nine digits behind the second."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    assert text.endswith("Z")
    whole = int(np.datetime64(seconds, "s").astype(np.int64))
    return whole * 10**9 + int(fraction.ljust(9, "0"))


@given(
    st.lists(rows, min_size=1, max_size=3), st.sampled_from((0, 5, 18, MAX_DECIMALS, MAX_DECIMALS + 1, 36))
)
@settings(deadline=None, max_examples=15)
def test_all_formats_hold_the_same_rows(scratch: Path, windows: list[Rows], scale: int) -> None:
    shown = [columns(found, scale) for found in windows]
    expected = written(windows, scale)
    assert plain(pa.ipc.open_stream(b"".join(arrow_bytes(shown))).read_all()) == expected
    assert plain(pq.read_table(io.BytesIO(b"".join(parquet_bytes(shown, scratch))))) == expected
    assert from_csv(b"".join(csv_bytes(shown, scratch))) == expected
    assert list(scratch.iterdir()) == []


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


def test_a_csv_is_what_a_person_expects(tmp_path: Path) -> None:
    found: Rows = [(1_778_457_600_123_456_000, 5, 12_300, 1, "replay"), (0, 0, None, 2, 'a,"b"')]
    assert b"".join(csv_bytes([columns(found, 4)], tmp_path)).decode() == (
        "time,begun,bid,seq,source\n"
        "2026-05-11T00:00:00.123456Z,5,1.23,1,replay\n"
        '1970-01-01T00:00:00Z,0,,2,"a,""b"""\n'
    )


@pytest.mark.parametrize("written_by", [csv_bytes, parquet_bytes])
def test_an_export_that_is_left_early_leaves_nothing_behind(tmp_path: Path, written_by: Any) -> None:
    def windows() -> Iterator[Columns]:
        while True:
            yield columns([(0, 0, 1, at, "x" * 50) for at in range(9_000)], 2)

    pieces = written_by(windows() if written_by is csv_bytes else [next(windows())] * 2, tmp_path)
    assert 0 < len(next(pieces)) <= CHUNK_BYTES
    assert list(tmp_path.iterdir())
    pieces.close()
    assert list(tmp_path.iterdir()) == []


def test_pieces_are_short(tmp_path: Path) -> None:
    many = columns([(at, at, at, at, "x" * 30) for at in range(30_000)], 2)
    for pieces in (arrow_bytes([many]), csv_bytes([many], tmp_path), parquet_bytes([many], tmp_path)):
        assert all(len(piece) <= CHUNK_BYTES for piece in pieces)


def test_a_directory_with_a_quote_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="a name with a quote"):
        list(csv_bytes([columns([], 2)], tmp_path / "it's"))
