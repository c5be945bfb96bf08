from pathlib import Path

import pytest

from tradewatch.feeds.rows import Row, UnusableFileError, csv_rows


def _read(path: Path) -> tuple[list[tuple[int, Row]], list[tuple[int, str]]]:
    """The rows by number, and the complaints."""
    complaints: list[tuple[int, str]] = []
    rows = csv_rows(path, lambda at, why: complaints.append((at, why)))
    found = [
        (number, row)
        for first, block in rows.blocks
        for number, row in enumerate(block, first)
        if row is not None
    ]
    return found, complaints


def test_columns_may_stand_in_any_order_among_others(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("note,ask,Bid , symbol,ts_ms,ask_size\nx,2,1,A,5,9\n")
    assert _read(path) == ([(2, ("5", "A", "1", "2", "", "9", ""))], [])


def test_quotes_and_byte_order_marks_and_crlf_are_csv(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes('\ufeff"ts_ms",symbol,bid,ask,note\r\n5,"A",1,"2","a, ""b"""\r\n'.encode())
    assert _read(path) == ([(2, ("5", "A", "1", "2", "", "", ""))], [])


def test_a_quote_that_is_never_closed_spoils_its_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text('ts_ms,symbol,bid,ask\n1,A,1,2\n2,"A,1,2\n3,A,1,2\n')
    found, complaints = _read(path)
    assert [number for number, _ in found] == [2, 4]
    assert complaints == [(3, "no CSV: unexpected end of data")]


def test_a_row_with_another_number_of_fields_is_named_and_an_empty_line_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("ts_ms,symbol,bid,ask\n1,A,1\n\n1,A,1,2,3\n1,A,1,2\n")
    found, complaints = _read(path)
    assert found == [(5, ("1", "A", "1", "2", "", "", ""))]
    assert complaints == [(2, "3 fields instead of 4"), (4, "5 fields instead of 4")]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "no column ts_ms, symbol, bid, ask in its header ''"),
        ("ts_ms,symbol,bid\n1,A,1\n", "no column ask in its header 'ts_ms,symbol,bid'"),
        ("1,A,1,2\n", "no column ts_ms, symbol, bid, ask in its header '1,A,1,2'"),
        ("ts_ms,symbol,bid,bid,ask\n", "the column bid stands there twice"),
        ('ts_ms,"symbol,bid,ask\n', "its header is no CSV"),
    ],
)
def test_a_file_without_its_columns_is_unusable(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(content)
    with pytest.raises(UnusableFileError) as caught:
        csv_rows(path, lambda _at, _why: None)
    assert fault in str(caught.value)
