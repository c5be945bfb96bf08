"""The recorder: follows the log, and has what it reads recorded, batch by batch."""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from tradewatch.clock import Clock
from tradewatch.errors import HistoryError, TapeError
from tradewatch.history.archive import Archive
from tradewatch.tape.follower import Stretch

_log = logging.getLogger("tradewatch.store")

#: How soon what nobody had told of is looked for; a batch is at most so old, plus what writing it takes.
_LOOK_S = 0.15
#: What one transaction takes at most: 13,000 records, which are written in some tens of milliseconds.
_BATCH_BYTES = 1 << 20
#: While the disk takes nothing it is tried at most this often.
_RETRY_S = 1.0


class Tail(Protocol):
    """Reads what the log took; see `tape.follower.Follower`."""

    def read(self, limit_bytes: int) -> Stretch:
        """What follows what was read before; no slots where nothing does yet."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class Recorder:
    """Runs in a thread of its own, until it is stopped.

    Args:
        archive: takes the records.
        follow: begins to read the log behind an offset of an epoch; None, None: at its beginning.
        clock: the time.
    """

    def __init__(
        self, archive: Archive, follow: Callable[[int | None, int | None], Tail], *, clock: Clock
    ) -> None:
        self._archive = archive
        self._follow = follow
        self._clock = clock
        self._stop = threading.Event()
        self._rows = self._batches = self._failures = self._lossy_epochs = 0
        self._caught_up_ns = clock.now_ns()
        self._offset = archive.next_offset
        self._trouble = ""

    def status(self) -> dict[str, object]:
        """How it goes, as clients are shown it."""
        behind_ns = max(0, self._clock.now_ns() - self._caught_up_ns)
        return {
            "recorded_offset": self._offset,
            "behind_ms": behind_ns // 1_000_000,
            "rows": self._rows,
            "batches": self._batches,
            "failures": self._failures,
            "lossy_epochs": self._lossy_epochs,
            "trouble": self._trouble,
        }

    def stop(self) -> None:
        """Have `run` come back, once what it is at is done."""
        self._stop.set()

    def run(self) -> None:
        """Record until `stop`."""
        tail = self._begun()
        while not self._stop.is_set():
            asked_ns = self._clock.now_ns()
            try:
                stretch = tail.read(_BATCH_BYTES)
                if stretch.slots:
                    self._record(stretch)
                if len(stretch.slots) > _BATCH_BYTES // 2:
                    continue  # there is more; else a while is waited, so that few large batches are written
            except (HistoryError, TapeError, OSError) as error:
                self._fail(error)
                tail.close()
                self._stop.wait(_RETRY_S)
                tail = self._begun()
                continue
            self._caught_up_ns = asked_ns
            self._stop.wait(_LOOK_S)
        tail.close()

    def _begun(self) -> Tail:
        return self._follow(self._archive.next_offset, self._archive.epoch_ms)

    def _record(self, stretch: Stretch) -> None:
        recorded = self._archive.record(stretch, now_ms=self._clock.now_ns() // 1_000_000)
        self._offset = stretch.next_offset
        self._rows += recorded.rows
        self._batches += 1
        if self._trouble:
            _log.warning("records are written to the history again")
            self._trouble = ""
        if stretch.lossy:
            self._lossy_epochs += 1
            _log.error("the epoch before %d ended with records that the log never had", stretch.epoch_ms)
        if recorded.missing:
            _log.error("%d records are gone from the log before they were recorded", recorded.missing)
        if recorded.holes:
            _log.warning("%d stretches of positions are missing in the history", recorded.holes)

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        if str(error) != self._trouble:
            self._trouble = str(error)
            _log.error("records are not written to the history: %s", error)
