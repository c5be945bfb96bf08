"""Pages of ticks: by time or by position, forwards and backwards, from cursor to cursor."""

from typing import NamedTuple

from tradewatch.history.archive import Archive, Reading
from tradewatch.history.request import Format, Sides, TicksRequest
from tradewatch.history.span import FIRST_MS, LAST_MS, Key, Place, Span
from tradewatch.history.ticks import Ticks
from tradewatch.model.position import epoch_ms, parse_position
from tradewatch.protocol.cursor import Cursor, Cursors

_LAST_SEQ = 2**63 - 1


class TickPage(NamedTuple):
    """Some ticks that stand side by side.

    Attributes:
        ticks: in order.
        current: leads to this page again, from its first tick on; None where it is empty, as the next are.
        current_backwards: leads to it up to its last tick.
        previous: leads to the ticks before it; None where it is the first page.
        next: leads to the ticks behind it; None where it is the last.
    """

    ticks: Ticks
    current: str | None
    current_backwards: str | None
    previous: str | None
    next: str | None


class TickPages:
    """Reads pages for one request.

    Args:
        archive: knows the epochs.
        reading: one view of it.
        request: what is asked for.
        number: the instrument's.

    Raises:
        InvalidCursorError: the cursor is not one of this list.
    """

    def __init__(
        self, archive: Archive, reading: Reading, cursors: Cursors, request: TicksRequest, number: int
    ) -> None:
        self._archive = archive
        self._reading = reading
        self._cursors = cursors
        self._request = request
        self._number = number
        order = "position" if request.by_position else "time"
        self._place = f"ticks/{order}/{request.asset_class.value}:{request.symbol}"
        self._cursor = None if request.cursor is None else cursors.read(self._place, request.cursor)

    @property
    def span(self) -> Span:
        """The stretch of time that is asked for."""
        request = self._request
        return Span(
            start_ms=FIRST_MS if request.start_s is None else request.start_s * 1_000,
            end_ms=LAST_MS if request.end_s is None else request.end_s * 1_000,
            received_before_us=request.received_before_us,
            whole=request.sides is Sides.BOTH,
            prices_only=request.format is Format.JSON,
        )

    def page(self, limit: int) -> TickPage:
        """The page that the request's cursor leads to, or the first one."""
        cursor = self._cursor or Cursor(())
        found = self.beside(cursor, limit + 1)
        more = len(found) > limit
        if not cursor.backwards:
            ticks = found.taken(slice(None, limit))
            behind, before = more, self._any(ticks, 0, backwards=True)
        else:
            ticks = found.taken(slice(-limit, None))
            behind, before = self._any(ticks, -1, backwards=False), more
        if not len(ticks):
            return TickPage(ticks, None, None, None, None)
        first, last = self._key(ticks, 0), self._key(ticks, -1)
        return TickPage(
            ticks,
            current=self._text(Cursor(first, inclusive=True)),
            current_backwards=self._text(Cursor(last, backwards=True, inclusive=True)),
            previous=self._text(Cursor(first, backwards=True)) if before else None,
            next=self._text(Cursor(last)) if behind else None,
        )

    def beside(self, cursor: Cursor, limit: int) -> Ticks:
        """At most so many ticks on one side of a cursor, the nearest ones."""
        if self._request.by_position:
            return self._by_position(cursor, limit)
        return self._reading.page(
            self._number,
            self.span,
            limit=limit,
            beside=Key(*map(int, cursor.key)) if cursor.key else None,
            backwards=cursor.backwards,
            inclusive=cursor.inclusive,
        )

    def behind(self, ticks: Ticks) -> Cursor:
        """The place behind the last of some ticks."""
        return Cursor(self._key(ticks, -1))

    def _by_position(self, cursor: Cursor, limit: int) -> Ticks:
        request = self._request
        first = Place(0, 0) if request.first is None else self._found(request.first, low=True)
        if request.after is not None:
            after = self._found(request.after, low=True)
            first = max(first, after._replace(seq=after.seq + 1))
        last = Place(2**31 - 1, _LAST_SEQ) if request.last is None else self._found(request.last, low=False)
        if cursor.key:
            place = Place(*map(int, cursor.key))
            if cursor.backwards:
                last = min(last, place if cursor.inclusive else place._replace(seq=place.seq - 1))
            else:
                first = max(first, place if cursor.inclusive else place._replace(seq=place.seq + 1))
        return self._reading.positions(
            self._number, self.span, limit=limit, first=first, last=last, backwards=cursor.backwards
        )

    def _found(self, position: str, *, low: bool) -> Place:
        """The place of a position; of an epoch that the store does not know, where it would lie."""
        epoch, seq = parse_position(position)
        began_ms = epoch_ms(epoch)
        number = self._archive.epoch_number(began_ms)
        if number is not None:
            return Place(number, seq)
        earlier = sum(known < began_ms for known in self._archive.epochs())
        return Place(earlier + 1, 0) if low else Place(earlier, _LAST_SEQ)

    def _any(self, ticks: Ticks, index: int, *, backwards: bool) -> bool:
        """Whether there is a tick before the first of a page, or behind its last, on the cursor's side."""
        if self._cursor is None or not len(ticks):
            return False
        if not self._cursor.inclusive and self._is_asked_for(self._cursor.key):
            return True  # that of the cursor itself, which the page begins behind
        return len(self.beside(Cursor(self._key(ticks, index), backwards=backwards), 1)) > 0

    def _is_asked_for(self, key: tuple[int | str, ...]) -> bool:
        """Whether a tick of this key lies in the span, for all that is known without a look."""
        return not self._request.by_position and self.span.start_ms <= int(key[0]) < self.span.end_ms

    def _key(self, ticks: Ticks, index: int) -> tuple[int, ...]:
        names = ("epoch", "seq") if self._request.by_position else Key._fields
        return tuple(int(getattr(ticks, name)[index]) for name in names)

    def _text(self, cursor: Cursor) -> str:
        return self._cursors.write(self._place, cursor)
