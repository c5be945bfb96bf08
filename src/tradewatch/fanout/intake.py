"""The intake: the one way in. Records go onto the tape, and only then to the hub."""

from collections.abc import Callable, Sequence

from tradewatch.fanout.hub import Hub
from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record
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
        self._hub.offer(records)
        return appended


class Claims:
    """Which feed quotes an instrument, so that no two do at once.

    A simulated feed gives way to anybody; any other feed keeps what it claimed.
    """

    def __init__(self) -> None:
        self._firm: dict[int, str] = {}
        self._yielding: dict[int, Callable[[Instrument], None]] = {}

    def claim(self, instrument: Instrument, owner: str) -> bool:
        """Whether `owner` has the instrument now; it may have had it before."""
        if self._firm.setdefault(instrument.id, owner) != owner:
            return False
        self.give_way(instrument)
        return True

    def claim_yielding(self, instrument: Instrument, give_way: Callable[[Instrument], None]) -> None:
        """A simulated feed quotes it, until somebody real does; `give_way` then tells the feed."""
        self._yielding[instrument.id] = give_way

    def owner(self, instrument: Instrument) -> str | None:
        """The feed that holds the instrument and does not give way, or None."""
        return self._firm.get(instrument.id)

    def give_way(self, instrument: Instrument) -> None:
        """Somebody real quotes the instrument: a simulated feed that does is told to stop."""
        give_way = self._yielding.pop(instrument.id, None)
        if give_way is not None:
            give_way(instrument)
