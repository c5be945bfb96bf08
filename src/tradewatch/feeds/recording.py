"""One file of recorded quotes: what it holds, and its records in order."""

from collections.abc import Collection, Generator
from contextlib import closing
from pathlib import Path

import msgspec

from tradewatch.errors import InvalidInstrumentError, TradewatchError
from tradewatch.feeds.bad_rows import BadRows
from tradewatch.feeds.lines import Complaint
from tradewatch.feeds.row_parser import BadRowError, RowParser
from tradewatch.feeds.rows import Rows, UnusableFileError, csv_rows
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record
from tradewatch.reference.catalogue import Catalogue

#: Rows at the beginning of a file that tell what is in it.
SURVEYED_ROWS = 10_000

_PARQUET_MAGIC = b"PAR1"


class UnknownClassError(TradewatchError):
    """A file of quotes of which nothing says what class they are of."""


class Survey(msgspec.Struct, frozen=True):
    """What the first rows of a file say.

    Attributes:
        first_ns: the time of the first record; 0 where there was none.
        instruments: those that were quoted, as the catalogue has them now.
    """

    first_ns: int
    instruments: Collection[Instrument]


class Recording:
    """A file of quotes: CSV, plain or gzip, or Parquet; which of them its content says, not its name."""

    def __init__(self, path: Path, *, asset_class: AssetClass | None, bad_rows: BadRows) -> None:
        """Name a file; nothing is read yet.

        Args:
            path: where it is.
            asset_class: the class of all its rows; None where the file says it: by a column `asset_class`, or
                else by a name that begins with the class and `-`.
            bad_rows: told of the rows that are no quotes.
        """
        self._path = path
        self._asset_class = asset_class
        self._bad_rows = bad_rows

    def survey(self, catalogue: Catalogue) -> Survey:
        """Read the first rows, and take what they quote into the catalogue, with the decimals seen.

        Bad rows are not counted here: they will be when the file is replayed.

        Raises:
            OSError: the file cannot be opened.
            UnusableFileError: it holds no rows of quotes.
            UnknownClassError: nothing says which class its rows are of.
        """
        first_ns = None
        decimals: dict[tuple[AssetClass, str], int] = {}
        with closing(self._blocks(Catalogue(limit=SURVEYED_ROWS), _ignore)) as blocks:
            for last, records in blocks:
                for record in records:
                    first_ns = record.event_ns if first_ns is None else first_ns
                    key = (record.instrument.asset_class, record.instrument.symbol)
                    seen = (side.decimals for side in (record.bid, record.ask) if side)
                    decimals[key] = max(decimals.get(key, 0), *seen)
                if last >= SURVEYED_ROWS:
                    break
        instruments = []
        for (asset_class, symbol), digits in decimals.items():
            try:
                instruments.append(catalogue.add(asset_class, symbol, decimals=digits))
            except InvalidInstrumentError:
                continue  # the catalogue is full; each row of it will be counted
        return Survey(first_ns or 0, instruments)

    def records(self, catalogue: Catalogue) -> Generator[list[Record], None, None]:
        """The records in the order of the rows, in blocks small enough for one turn of the loop.

        A block of bad rows is an empty list. Never raises for what stands in the file.
        """
        try:
            with closing(self._blocks(catalogue, self._complain)) as blocks:
                for _, records in blocks:
                    yield records
        except (OSError, UnusableFileError, UnknownClassError) as error:
            self._bad_rows.count(self._path.name, "", str(error))

    def _blocks(
        self, catalogue: Catalogue, complain: Complaint
    ) -> Generator[tuple[int, list[Record]], None, None]:
        """The records in blocks, each with the number of its last row."""
        rows = self._open(complain)
        with closing(rows.blocks) as blocks:
            parser = RowParser(catalogue, self._class_of(rows))
            for first, block in blocks:
                records = []
                for number, row in enumerate(block, first):
                    if row is not None:
                        try:
                            records.append(parser.record(row))
                        except BadRowError as error:
                            complain(number, str(error))
                yield first + len(block) - 1, records

    def _complain(self, number: int, why: str) -> None:
        """Count a bad row under its place."""
        self._bad_rows.count(self._path.name, f"line {number}", why)

    def _open(self, complain: Complaint) -> Rows:
        """The rows of the file, by what its first bytes say it is."""
        with self._path.open("rb") as file:
            magic = file.read(len(_PARQUET_MAGIC))
        if magic != _PARQUET_MAGIC:
            return csv_rows(self._path, complain)
        # Imported here: DuckDB takes 0.2 s and 60 MB, which only those who replay Parquet should pay.
        from tradewatch.feeds.parquet import parquet_rows  # noqa: PLC0415

        return parquet_rows(self._path, complain)

    def _class_of(self, rows: Rows) -> AssetClass | None:
        """The class of all rows; None where each row says its own."""
        if self._asset_class or "asset_class" in rows.columns:
            return self._asset_class
        named, dash, _ = self._path.name.partition("-")
        if dash and named in set(AssetClass):
            return AssetClass(named)
        raise UnknownClassError(
            "nothing says which class its quotes are of: add class=..., a column asset_class, "
            "or begin its name with the class and a dash"
        )


def _ignore(_number: int, _why: str) -> None:
    """Nobody is told."""
