"""Files of the user's own instruments: CSV with a header, or TOML with `[[instrument]]` tables."""

import csv
import difflib
import io
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tradewatch.errors import InstrumentFileError
from tradewatch.reference.user_rows import COLUMNS, REQUIRED

MAX_FILE_BYTES = 16 << 20
#: Instruments in one file.
MAX_ROWS = 100_000

_TABLE = "instrument"
_TABLE_LINE = re.compile(r"\s*\[\[\s*" + _TABLE + r"\s*\]\]")


class FileRow(NamedTuple):
    """A row as it stands in its file.

    Attributes:
        line: where it begins, from 1.
        cells: its columns, all of them known.
        lines: where those of its columns stand that are not in that line.
    """

    line: int
    cells: dict[str, str]
    lines: Mapping[str, int] = {}


def rows_of(path: Path) -> Iterator[FileRow]:
    """The rows of a file, `.csv` or `.toml`.

    Raises:
        InstrumentFileError: it cannot be read, or is not of its form; names the place.
    """
    readers = {".csv": _csv_rows, ".toml": _toml_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InstrumentFileError(path, "its name ends neither in .csv nor in .toml")
    for number, row in enumerate(reader(path, _text(path)), 1):
        if number > MAX_ROWS:
            raise InstrumentFileError(path, f"more than {MAX_ROWS:,} instruments in one file", line=row.line)
        yield row


def _text(path: Path) -> str:
    """What stands in a file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InstrumentFileError(path, f"cannot be read: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise InstrumentFileError(path, f"larger than {MAX_FILE_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InstrumentFileError(path, "not UTF-8", line=line) from None


def _csv_rows(path: Path, text: str) -> Iterator[FileRow]:
    """The rows behind the header; empty lines are none."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] = []
    line = 1
    try:
        for cells in reader:
            if cells and not columns:
                columns = [cell.strip() for cell in cells]
                _check_columns(path, columns, line)
            elif cells:
                if len(cells) != len(columns):
                    raise InstrumentFileError(
                        path, f"{len(cells)} fields instead of {len(columns)}", line=line
                    )
                yield FileRow(line, dict(zip(columns, cells, strict=True)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InstrumentFileError(path, f"not CSV: {error}", line=line) from None
    if not columns:
        raise InstrumentFileError(path, f"empty; the first line names the columns: {','.join(COLUMNS)}")


def _check_columns(path: Path, columns: list[str], line: int) -> None:
    """Refuse a header that is none."""
    for column in columns:
        _check_column(path, column, line)
    if twice := [column for column in COLUMNS if columns.count(column) > 1]:
        raise InstrumentFileError(path, "stands there twice", line=line, column=twice[0])
    if missing := [column for column in REQUIRED if column not in columns]:
        raise InstrumentFileError(path, "missing", line=line, column=missing[0])


def _check_column(path: Path, column: str, line: int) -> None:
    """Refuse a column that does not exist."""
    if column not in COLUMNS:
        near = difflib.get_close_matches(column, COLUMNS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(COLUMNS)}"
        raise InstrumentFileError(path, f"no such column; {hint}", line=line, column=column[:40])


def _toml_rows(path: Path, text: str) -> Iterator[FileRow]:
    """The `[[instrument]]` tables."""
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InstrumentFileError(path, f"not TOML: {error}") from None
    lines = text.split("\n")
    tables = content.pop(_TABLE, [])
    starts = [number for number, line in enumerate(lines, 1) if _TABLE_LINE.match(line)]
    if content or not isinstance(tables, list) or len(starts) != len(tables):
        raise InstrumentFileError(path, f"something else than [[{_TABLE}]] tables stands in it")
    for table, start, end in zip(tables, starts, [*starts[1:], len(lines) + 1], strict=True):
        places = {column: _line_of(column, lines, start, end) for column in table}
        cells: dict[str, str] = {}
        for column, value in table.items():
            _check_column(path, column, places[column])
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise InstrumentFileError(
                    path, "neither a text nor a whole number", line=places[column], column=column
                )
            cells[column] = str(value)
        yield FileRow(start, cells, places)


def _line_of(column: str, lines: Sequence[str], start: int, end: int) -> int:
    """The line of a key in the table between two lines; the table's first where it is written otherwise."""
    key = re.compile(rf"\s*[\"']?{re.escape(column)}[\"']?\s*=")
    return next((number for number in range(start, end) if key.match(lines[number - 1])), start)
