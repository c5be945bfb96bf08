"""Arrow answers as data frames, of pandas and of polars.

Times are nanoseconds in UTC in every frame, so that frames of candles and of ticks can be joined. Prices and
sizes are floats, each the nearest to its decimal, or the decimals themselves; those with more digits than
Arrow's decimals have come as text, and stay that.
"""

import re
from typing import IO, TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from tradewatch.client.rest.extras import needed
from tradewatch.errors import ProtocolViolationError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

#: What becomes of prices and sizes.
Prices = Literal["float", "decimal"]

#: The columns of prices and sizes, in whichever form they come.
_NUMBER = re.compile(r"((open|high|low|close)_)?(bid|ask|mid)|(bid|ask)_size")

_Frame_co = TypeVar("_Frame_co", covariant=True)


class Frames(Protocol, Generic[_Frame_co]):
    """Makes one frame of several answers."""

    def add(self, body: IO[bytes]) -> None:
        """Read the body of an answer.

        Raises:
            ProtocolViolationError: it is no Arrow stream.
        """
        ...

    def joined(self) -> _Frame_co:
        """All that was read, in its order."""
        ...


class PandasFrames:
    """One frame of pandas, whose index is the time.

    Raises:
        UsageError: pandas or pyarrow is not installed.
    """

    def __init__(self, prices: Prices) -> None:
        _check(prices)
        needed("pandas", extra="pandas")
        self._arrow: Any = needed("pyarrow", extra="pandas")
        needed("pyarrow.ipc", extra="pandas")
        self._exact = prices == "decimal"
        self._tables: list[Any] = []

    def add(self, body: IO[bytes]) -> None:
        """Read the body of an answer, record batch by record batch as it comes."""
        arrow = self._arrow
        try:
            with arrow.ipc.open_stream(body) as stream:
                batches = [self._converted(arrow.Table.from_batches([batch])) for batch in stream]
                empty = self._converted(stream.schema.empty_table())
        except (arrow.ArrowException, OSError) as error:
            raise _no_arrow(error) from None
        self._tables += batches or [empty]

    def joined(self) -> "pd.DataFrame":
        """All that was read, in its order."""
        table = self._arrow.concat_tables(self._tables, promote_options="permissive")
        frame: pd.DataFrame = table.to_pandas(date_as_object=False)
        return frame.set_index("time")

    def _converted(self, table: Any) -> Any:
        arrow = self._arrow
        for number, field in enumerate(table.schema):
            column = table.column(number)
            if arrow.types.is_timestamp(field.type):
                column = column.cast(arrow.timestamp("ns", tz="UTC"))
            elif _NUMBER.fullmatch(field.name) and not self._exact:
                # by its text: the direct way does not always end at the nearest float
                column = column.cast(arrow.string()).cast(arrow.float64())
            table = table.set_column(number, field.name, column)
        return table


class PolarsFrames:
    """One frame of polars.

    Raises:
        UsageError: polars is not installed.
    """

    def __init__(self, prices: Prices) -> None:
        _check(prices)
        self._polars: Any = needed("polars", extra="polars")
        self._exact = prices == "decimal"
        self._frames: list[Any] = []

    def add(self, body: IO[bytes]) -> None:
        """Read the body of an answer."""
        polars, whole = self._polars, body.read()  # in Python, so that its errors stay what they are
        try:
            frame = polars.read_ipc_stream(whole)
        except (polars.exceptions.PolarsError, OSError) as error:
            raise _no_arrow(error) from None
        chosen = polars.selectors
        frame = frame.with_columns(chosen.datetime().cast(polars.Datetime("ns", "UTC")))
        if not self._exact:
            frame = frame.with_columns(chosen.matches(f"^({_NUMBER.pattern})$").cast(polars.Float64))
        self._frames.append(frame)

    def joined(self) -> "pl.DataFrame":
        """All that was read, in its order."""
        frame: pl.DataFrame = self._polars.concat(self._frames, how="vertical_relaxed")
        return frame


def _check(prices: str) -> None:
    """See that this is what prices can become.

    Raises:
        UsageError: it is not.
    """
    if prices not in ("float", "decimal"):
        raise UsageError(f"prices are 'float' or 'decimal', not {prices!r}")


def _no_arrow(error: Exception) -> ProtocolViolationError:
    return ProtocolViolationError(f"the server's answer is no Arrow stream: {error}")
