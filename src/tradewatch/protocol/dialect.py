"""The port between the hub and what clients read: how quotes and events become the bytes of a connection."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from tradewatch.model.record import Record


class Dialect(Protocol):
    """One way to write quotes, shared by all connections that read it so.

    A quote becomes a body once, whoever hears it; bodies become frames once for all who hear the same.
    """

    @property
    def name(self) -> str:
        """Tells it apart from the others: two dialects of one name write the same bytes."""
        ...

    def body(self, record: Record) -> bytes:
        """A quote, as everybody gets it who gets it live; empty where the dialect has none for the record."""
        ...

    def drained(self, body: bytes, *, skipped: int, snapshot: bool, replay: bool = False) -> bytes:
        """A body of `body`, told how it stands to the quote before it.

        Args:
            body: from `body`; empty stays empty.
            skipped: the quotes of its symbol that the client never gets before it; 0 is not said.
            snapshot: whether it is what a new subscriber begins with.
            replay: whether it was missed and is sent again.
        """
        ...

    def event(self, event: msgspec.Struct) -> bytes:
        """An event as a body, so that it can stand among quotes."""
        ...

    def frames(self, bodies: Sequence[bytes]) -> bytes:
        """Finished WebSocket frames with these bodies, in their order; none for no bodies."""
        ...
