"""The intake: the one way in. Records go onto the tape, and only then to the hub."""

from collections.abc import Sequence

from tradewatch.fanout.hub import Hub
from tradewatch.model.record import Kind, Record
from tradewatch.tape.log import BatchStamp
from tradewatch.tape.tape import Appended, Tape


class Intake:
    """Takes records from feeds and publishers, in the order they come.

    Attributes:
        taken: records taken since the start.
        unkept: those of them that the log could not keep; they were streamed all the same.
    """

    def __init__(self, tape: Tape, hub: Hub) -> None:
        self._tape = tape
        self._hub = hub
        self.taken = 0
        self.unkept = 0

    @property
    def tape(self) -> Tape:
        """The tape behind it."""
        return self._tape

    def take(self, records: Sequence[Record], stamp: BatchStamp | None = None) -> Appended:
        """Number the records, have them on the log, hand them to the hub."""
        appended = self._tape.append(records, stamp)
        self.taken += len(records)
        if not appended.kept:
            self.unkept += len(records)
        self._hub.offer(records if stamp is None else [r for r in records if r.kind == Kind.QUOTE])
        return appended
