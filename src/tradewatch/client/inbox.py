"""The queue between the socket and whoever reads the stream: bounded, and exact about what it leaves out."""

from collections import deque
from collections.abc import Sequence

import msgspec

from tradewatch.client.events import Gap, Quote, StreamEvent, name_of
from tradewatch.protocol.v2.events import Subscribed, Unsubscribed


class _Entry:
    """What waits of one symbol: what does not come, then the newest quote.

    A quote that a gap follows joins the gap: both say that it does not come, and the gap stays one. So there
    is at most one gap of each epoch, and one more where nobody knows its end.
    """

    __slots__ = ("gaps", "name", "quote")

    def __init__(self, name: str) -> None:
        self.name = name
        self.gaps: list[Gap] = []
        self.quote: Quote | None = None

    def add_quote(self, quote: Quote) -> None:
        """This one instead of the one that waited."""
        if self.quote is not None:
            msgspec.structs.force_setattr(quote, "skipped", quote.skipped + 1 + self.quote.skipped)
        self.quote = quote

    def add_gap(self, gap: Gap) -> None:
        """What waited and is not out yet is part of the gap."""
        first = gap.from_seq
        if self.quote is not None:
            first = self.quote.seq - self.quote.skipped
            self.quote = None
        while self.gaps and self.gaps[-1].epoch == gap.epoch:
            first = self.gaps.pop().from_seq
        if first != gap.from_seq and gap.to_seq is not None:
            gap = msgspec.structs.replace(gap, from_seq=first, fill=None)
        elif first != gap.from_seq:  # what is known to be missing is not lost in what nobody knows the end of
            known = {"from_seq": first, "to_seq": gap.from_seq - 1, "next_epoch": None, "fill": None}
            self.gaps.append(msgspec.structs.replace(gap, **known))
        self.gaps.append(gap)

    def parts(self) -> list[StreamEvent]:
        """All of it, in its order."""
        return [*self.gaps] if self.quote is None else [*self.gaps, self.quote]


class Inbox:
    """A queue of events in the order of the stream.

    With `conflate` it holds no more than `limit` events, or one quote of each symbol where there are more
    symbols: from there until it is empty the newest quote of a symbol takes the place of the one that waits,
    and `skipped` says so. Other events than quotes and gaps are at most `limit` then; further ones are left
    out.
    Without `conflate` whoever fills it stops when it is `full`.

    Args:
        limit: events.
        conflate: whether quotes give way to newer ones.

    Attributes:
        conflated: quotes that gave way to newer ones.
        left_out: events that were left out.
    """

    def __init__(self, *, limit: int, conflate: bool) -> None:
        self._limit = limit
        self._conflate = conflate
        self._items: deque[StreamEvent | _Entry] = deque()
        self._entries: dict[str, _Entry] | None = None
        self._others = 0
        self.conflated = 0
        self.left_out = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        """Whether whoever fills it should stop; never where quotes give way to newer ones."""
        return not self._conflate and len(self._items) >= self._limit

    @property
    def roomy(self) -> bool:
        """Whether whoever stopped should go on."""
        return len(self._items) <= self._limit // 2

    @property
    def pending(self) -> int:
        """Places of quotes that wait here: those that will come, are skipped, or are in a gap."""
        return sum(
            _places(part)
            for item in self._items
            for part in (item.parts() if isinstance(item, _Entry) else (item,))
        )

    def put(self, events: Sequence[StreamEvent]) -> None:
        """Take these in, behind all that waits."""
        if self._entries is not None:
            self._merge(events, self._entries)
            return
        self._items.extend(events)
        if self._conflate and len(self._items) > self._limit:
            waiting = [item for item in self._items if not isinstance(item, _Entry)]
            self._items.clear()
            self._others = 0
            self._entries = {}
            self._merge(waiting, self._entries)

    def pop(self) -> StreamEvent | None:
        """The next event; None where there is none."""
        if not self._items:
            return None
        item = self._items.popleft()
        if isinstance(item, _Entry):
            first, *others = item.parts()
            self._items.extendleft(reversed(others))
            if self._entries is not None and self._entries.get(item.name) is item:
                del self._entries[item.name]
            item = first
        if self._entries is not None:
            self._others -= not isinstance(item, Quote | Gap)
            if not self._items:
                self._entries = None  # whoever reads has caught up: every quote waits for itself again
        return item

    def _merge(self, events: Sequence[StreamEvent], entries: dict[str, _Entry]) -> None:
        """Take these in, at most one quote of each symbol."""
        for event in events:
            if isinstance(event, Quote | Gap):
                entry = entries.get(event.name)
                if entry is None:
                    entry = entries[event.name] = _Entry(event.name)
                    self._items.append(entry)
                self.conflated += entry.quote is not None
                if isinstance(event, Quote):
                    entry.add_quote(event)
                else:
                    entry.add_gap(event)
                continue
            if isinstance(event, Unsubscribed):
                for result in event.results:  # what comes after it does not join what came before
                    entries.pop(name_of(str(result.asset_class), result.symbol), None)
            elif not isinstance(event, Subscribed) and self._others >= self._limit:
                self.left_out += 1
                continue
            self._items.append(event)
            self._others += 1


def _places(event: StreamEvent) -> int:
    """How many places of its symbol an event stands for."""
    if isinstance(event, Quote):
        return 1 + event.skipped
    if isinstance(event, Gap) and event.to_seq is not None:
        return event.to_seq - event.from_seq + 1
    return 0
