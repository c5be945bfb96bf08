"""Which feed quotes an instrument, so that no two do at once."""

from collections.abc import Callable, Sequence

from tradewatch.fanout.intake import Intake
from tradewatch.feeds.source import Source
from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record


class Claims:
    """Who holds which instrument. A simulated feed gives way to anybody; any other keeps what it claimed."""

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


class FeedEntry:
    """One feed's way to the intake.

    Args:
        intake: where its records go.
        claims: which of them may.
        source: the feed; what is refused is counted in its state.
    """

    def __init__(self, intake: Intake, claims: Claims, source: Source) -> None:
        self._intake = intake
        self._claims = claims
        self._name = source.name
        self._simulated = source.simulated
        self._state = source.state

    def deliver(self, records: Sequence[Record]) -> None:
        """Take a feed's records, but for those of instruments that another feed holds."""
        if not self._simulated:
            ours = [record for record in records if self._claims.claim(record.instrument, self._name)]
            self._state.refused += len(records) - len(ours)
            records = ours
        if records:
            self._intake.take(records)
