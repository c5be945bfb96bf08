"""Recorded quotes, replayed at the pace at which they came, or another one."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Generator, Iterator, Sequence
from contextlib import closing
from math import inf
from pathlib import Path

from tradewatch.clock import Clock
from tradewatch.errors import FeedSpecError
from tradewatch.feeds.bad_rows import BadRows
from tradewatch.feeds.merge import merged
from tradewatch.feeds.pace import Pace, Sleep
from tradewatch.feeds.paths import find_files
from tradewatch.feeds.recording import Recording, UnknownClassError
from tradewatch.feeds.rows import UnusableFileError
from tradewatch.feeds.source import MAX_BATCH, SourceState
from tradewatch.feeds.spec import ReplaySpec, spec_error
from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record, whole_microseconds
from tradewatch.reference.catalogue import Catalogue

#: What passes of the recording's time between its end and its next beginning, so that a recording of one
#: moment does not spin.
SEAM_NS = 1_000_000_000


#: A place in the schedule, in nanoseconds of the recordings' time since the first record, and the record that
#: stands there; None where a part of a file was read and the loop may turn.
_Entry = tuple[int, Record | None]


class ReplaySource:
    """Plays files of quotes; each row when its time has come, none twice, none left out.

    When `batches` is called again, it begins again with the first row.
    """

    simulated = False

    def __init__(
        self, spec: ReplaySpec, catalogue: Catalogue, clock: Clock, sleep: Sleep = asyncio.sleep
    ) -> None:
        """Find the files and read the beginning of each.

        Raises:
            FeedSpecError: a file is missing or cannot be opened, or nothing says which class it is of.
        """
        self._spec = spec
        self._catalogue = catalogue
        self._clock = clock
        self._sleep = sleep
        self._state = SourceState()
        self._instruments: dict[int, Instrument] = {}
        self._recordings: list[tuple[int, Recording]] = []
        bad_rows = BadRows(spec.text, self._state)
        for path in find_files(spec):
            recording = Recording(path, asset_class=spec.asset_class, bad_rows=bad_rows)
            try:
                survey = recording.survey(catalogue)
            except UnusableFileError as error:
                bad_rows.count(path.name, "", str(error))
                continue
            except (OSError, UnknownClassError) as error:
                raise _unreadable(spec, path, error) from None
            self._recordings.append((survey.first_ns, recording))
            self._instruments.update({instrument.id: instrument for instrument in survey.instruments})

    @property
    def name(self) -> str:
        """The specification it was made from."""
        return self._spec.text

    @property
    def state(self) -> SourceState:
        """How it is."""
        return self._state

    def instruments(self) -> Collection[Instrument]:
        """What stands in the first rows of the files."""
        return self._instruments.values()

    async def batches(self) -> AsyncGenerator[Sequence[Record], None]:
        """Everything that is due, at most `MAX_BATCH` at a time; without end where it loops."""
        self._state.finished = False
        pace = Pace(self.name, self._state, clock=self._clock, sleep=self._sleep)
        with closing(self._schedule()) as schedule:
            entry = next(schedule, None)
            while entry is not None:
                place_ns, record = entry
                if record is None:
                    await self._sleep(0)
                    entry = next(schedule, None)
                    continue
                due_ns = self._due_ns(place_ns)
                await pace.wait_until(due_ns or 0)
                batch, entry = self._take_due(entry, schedule, pace)
                if batch:
                    pace.handed_over(len(batch), due_ns=due_ns)
                    yield batch
        self._state.finished = True

    def _take_due(
        self, entry: _Entry | None, schedule: Iterator[_Entry], pace: Pace
    ) -> tuple[list[Record], _Entry | None]:
        """The records that are due by now, from `entry` on, and the entry that follows them."""
        elapsed_ns = pace.elapsed_ns()
        received_ns = whole_microseconds(self._clock.now_ns())
        speed, shifted = self._spec.speed, self._spec.shifted_to_now
        reach_ns = inf if speed is None else elapsed_ns * speed.numerator // speed.denominator
        batch: list[Record] = []
        while entry is not None and len(batch) < MAX_BATCH:
            place_ns, record = entry
            if record is None or place_ns > reach_ns:
                break
            record.received_ns = received_ns
            if shifted:
                due_ns = self._due_ns(place_ns)
                record.event_ns = pace.wall_ns(elapsed_ns if due_ns is None else due_ns)
            batch.append(record)
            entry = next(schedule, None)
        return batch, entry

    def _due_ns(self, place_ns: int) -> int | None:
        """When a place of the schedule is due, after the beginning; None where nothing waits."""
        speed = self._spec.speed
        return None if speed is None else -(-place_ns * speed.denominator // speed.numerator)

    def _schedule(self) -> Generator[_Entry, None, None]:
        """All records with their places, round after round; where the time goes back, the place stays."""
        begin_ns = 0
        while True:
            first_ns = latest_ns = None
            streams = [
                (time_ns, recording.records(self._catalogue)) for time_ns, recording in self._recordings
            ]
            with closing(merged(streams)) as records:
                for record in records:
                    if record is None:
                        yield begin_ns, None
                        continue
                    if first_ns is None or latest_ns is None:
                        first_ns = latest_ns = record.event_ns
                    elif record.event_ns > latest_ns:
                        latest_ns = record.event_ns
                    yield begin_ns + latest_ns - first_ns, record
            if first_ns is None or latest_ns is None or not self._spec.loop:
                return
            begin_ns += latest_ns - first_ns + SEAM_NS


def _unreadable(spec: ReplaySpec, path: Path, error: Exception) -> FeedSpecError:
    """The error of a file that cannot be replayed at all."""
    why = error.strerror if isinstance(error, OSError) else None
    return spec_error(spec.text, f"{str(path)!r}: {why or error}")
