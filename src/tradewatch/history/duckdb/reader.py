"""Reading: one consistent view of the history, however long it is read from."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np

from tradewatch.history.duckdb.database import hot_tables, run
from tradewatch.history.duckdb.hot_members import HotMembers
from tradewatch.history.duckdb.index import Index
from tradewatch.history.duckdb.parts import FILES, read_columns
from tradewatch.history.span import Key, Place, Span
from tradewatch.history.ticks import ABSENT, DTYPES, NO_TICKS, PRICES, Ticks, joined, ticks_of

_TIME_ORDER = ("event_ms", "event_sub_ns", "epoch", "seq")
_PLACE_ORDER = ("epoch", "seq")
#: What is read of prices where the rows are of one file, whose order they have: there are no ties to settle.
_ALONE = ("event_ms", "bid", "bid_scale", "ask", "ask_scale")
#: A page is looked for first where so many times its rows ought to be.
_NEAR = 4


class Reader:
    """Reads rows of one instrument; made for one request, and closed behind it.

    Args:
        cursor: a connection of its own, in a transaction.
        directory: `<data-dir>/history`.
        members: who has recent rows.

    Attributes:
        files: what the query that runs, or ran last, reads besides the database.
    """

    def __init__(self, cursor: "duckdb.DuckDBPyConnection", directory: Path, members: HotMembers) -> None:
        self.files: list[str] = []
        self._cursor = cursor
        self._directory = directory
        self._index = Index(cursor, directory)
        self._members = members
        self._tables = hot_tables(cursor)

    def windows(self, number: int, span: Span, *, backwards: bool = False) -> Iterator[Ticks]:
        """All rows of a span in the order of time, window by window; backwards: the last window first."""
        stretches = self._index.of(number, span).stretches(span)
        for stretch in reversed(stretches) if backwards else stretches:
            yield from self._windows(number, stretch, backwards=backwards)

    def _windows(self, number: int, span: Span, *, backwards: bool) -> Iterator[Ticks]:
        """The windows of a stretch whose rows beside the files of one day fit into memory."""
        index = self._index.of(number, span)
        aside = self._query(index.files_aside(span), self._hot(number), number, span).ordered()
        pieces = index.pieces(span)
        for piece in reversed(pieces) if backwards else pieces:
            times = aside.event_ms
            if backwards:
                cut = int(np.searchsorted(times, piece.end_ms))
                if cut < len(aside):
                    yield aside.taken(slice(cut, None))
                begin = int(np.searchsorted(times, piece.start_ms))
                within, aside = aside.taken(slice(begin, cut)), aside.taken(slice(None, begin))
            else:
                begin = int(np.searchsorted(times, piece.start_ms))
                if begin:
                    yield aside.taken(slice(None, begin))
                cut = int(np.searchsorted(times, piece.end_ms))
                within, aside = aside.taken(slice(begin, cut)), aside.taken(slice(cut, None))
            narrow = span._replace(start_ms=piece.start_ms, end_ms=piece.end_ms)
            if len(piece.files) > 1 or len(within):
                rows = joined([self._query(piece.files, [], number, narrow), within]).ordered()
            else:
                rows = self._query(piece.files, [], number, narrow, names=_ALONE)
            if len(rows):
                yield rows
        if len(aside):
            yield aside

    def page(
        self, number: int, span: Span, *, limit: int, beside: Key | None, backwards: bool, inclusive: bool
    ) -> Ticks:
        """At most `limit` rows of a span beside a key, in the order of time.

        Args:
            number: the instrument's.
            span: where they lie.
            limit: the most rows.
            beside: where they begin; None for the span's beginning, or its end.
            backwards: whether they lie before the key, the nearest ones.
            inclusive: whether the row of the key is among them.
        """
        order = _nearest(_TIME_ORDER, limit, beside, backwards=backwards, inclusive=inclusive)
        index = self._index.of(number, span)
        if beside is not None:
            span = (
                span._replace(end_ms=min(span.end_ms, beside.event_ms + 1))
                if backwards
                else span._replace(start_ms=max(span.start_ms, beside.event_ms))
            )
        found = [self._query(index.files_aside(span), self._hot(number), number, span, order=order)]
        missing = limit
        pieces = index.pieces(span)
        near = (  # of each piece as many rows as are still missing when it comes to it
            nearer
            for piece in (reversed(pieces) if backwards else pieces)
            for nearer in piece.nearest(missing * _NEAR, backwards=backwards)
        )
        for piece in near:
            narrow = span._replace(start_ms=piece.start_ms, end_ms=piece.end_ms)
            rows = self._query(piece.files, [], number, narrow, order=order)
            found.append(rows)
            missing -= len(rows)
            if missing <= 0:
                break
        rows = joined(found).ordered()
        return rows.taken(slice(-limit, None) if backwards else slice(None, limit))

    def positions(
        self,
        number: int,
        span: Span,
        *,
        limit: int,
        first: Place | None,
        last: Place | None,
        backwards: bool = False,
    ) -> Ticks:
        """At most `limit` rows in the order of positions.

        Args:
            number: the instrument's.
            span: where they lie.
            limit: the most rows.
            first: the lowest position, inclusive; None for the lowest there is.
            last: the highest, inclusive; None for the highest there is.
            backwards: whether the highest are wanted where there are more than `limit`.
        """
        low, high = first or Place(0, 0), last or Place(2**31 - 1, 2**63 - 1)
        entries = run(
            self._cursor,
            "select file, epoch, first_seq, last_seq from contents"
            f" where instrument = ? and {_not_below(low, 'last_seq')} and {_not_above(high, 'first_seq')}"
            " and last_ms >= ? and first_ms < ? order by epoch, first_seq",
            *(number, span.start_ms, span.end_ms),
        )
        order = _nearest(_PLACE_ORDER, limit, None, backwards=backwards, inclusive=True)
        where = f"{_not_below(low, 'seq')} and {_not_above(high, 'seq')}"
        rows = _by_place(self._query([], self._hot(number), number, span, order=order, where=where))
        ordered = sorted(entries, key=lambda entry: entry[1:4:2], reverse=True) if backwards else entries
        for file, epoch, first_seq, last_seq in ordered:
            nearest = Place(epoch, last_seq if backwards else first_seq)
            if len(rows) >= limit and _beyond(rows, nearest, backwards=backwards):
                break
            within = f"{where} and epoch = {epoch}"  # a file with rows of two epochs is listed twice
            more = self._query([str(self._directory / file)], [], number, span, order=order, where=within)
            rows = _by_place(joined([rows, more]))
            rows = rows.taken(slice(-limit, None) if backwards else slice(None, limit))
        return rows

    def _hot(self, number: int) -> list[str]:
        return self._members.tables_of(number, self._tables)

    def _query(
        self,
        files: list[str],
        tables: list[str],
        number: int,
        span: Span,
        *,
        order: str = "",
        where: str = "",
        names: Sequence[str] = PRICES,
    ) -> Ticks:
        """Rows of an instrument; `names` are the columns that are read where prices are enough."""
        if not files and not tables:
            return NO_TICKS
        wanted = (
            f"instrument = {number} and event_ms >= {span.start_ms} and event_ms < {span.end_ms}"
            " and kind + channel = 0"
        )
        if span.received_before_us is not None:
            wanted += f" and event_ms * 1000 + lag_us < {span.received_before_us}"
        if where:
            wanted += f" and {where}"
        names = names if span.prices_only else tuple(DTYPES)
        selects: list[str] = []
        if files:
            sides = " and bid is not null and ask is not null" if span.whole else ""
            selects.append(f"select {read_columns(names)} from {FILES} where {wanted}{sides}")
        sides = f" and bid <> '{ABSENT}'::bigint and ask <> '{ABSENT}'::bigint" if span.whole else ""
        selects += [f"select {', '.join(names)} from {table} where {wanted}{sides}" for table in tables]
        query = " union all ".join(selects)
        if order:
            query = f"select * from ({query}) {order}"
        self.files[:] = files
        found = self._cursor.execute(query, [files] if files else []).fetchnumpy()
        return ticks_of(found)


def _nearest(
    columns: tuple[str, ...], limit: int, beside: Key | None, *, backwards: bool, inclusive: bool
) -> str:
    """The end of a query for the nearest so many rows beside a key, or at an end."""
    direction = " desc" if backwards else ""
    listed = ", ".join(f"{column}{direction}" for column in columns)
    where = ""
    if beside is not None:
        sign = ("<" if backwards else ">") + ("=" if inclusive else "")
        place = f"({beside[0]}::bigint, {beside[1]}::integer, {beside[2]}::integer, {beside[3]}::bigint)"
        where = f"where ({', '.join(columns)}) {sign} {place} "
    return f"{where}order by {listed} limit {limit}"


def _not_below(place: Place, seq: str) -> str:
    """A condition on `epoch` and a column of seqs; DuckDB 2.0 makes a BETWEEN of two tuples, and fails."""
    return f"(epoch > {place.epoch} or (epoch = {place.epoch} and {seq} >= {place.seq}))"


def _not_above(place: Place, seq: str) -> str:
    return f"(epoch < {place.epoch} or (epoch = {place.epoch} and {seq} <= {place.seq}))"


def _by_place(rows: Ticks) -> Ticks:
    return rows.taken(np.lexsort((rows.seq, rows.epoch)))


def _beyond(rows: Ticks, place: Place, *, backwards: bool) -> bool:
    """Whether a place lies beyond all rows that were found, in the direction of reading."""
    ends = (
        Place(int(rows.epoch[0]), int(rows.seq[0]))
        if backwards
        else Place(int(rows.epoch[-1]), int(rows.seq[-1]))
    )
    return place < ends if backwards else place > ends
