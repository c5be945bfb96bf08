"""A process that records and tidies until it is killed, and says how far it is: `writing.py <directory>`."""

import sys
import threading
from pathlib import Path

from tests.history.tapes import BTCUSDT, DAY_MS, EURUSD, NOW_MS, Tape

from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.model.record import Record
from tradewatch.tape.follower import Stretch

DAY = 86_400_000
BATCH = 40


def batch(number: int) -> list[Record]:
    """The quotes of a batch, which follow from its number: two instruments, three days."""
    half = BATCH // 2
    tape = Tape(heads={EURUSD.id: number * half, BTCUSDT.id: number * half})
    return [
        tape.quote(instrument, event_ns=(DAY_MS + (number + at) % 3 * DAY + at) * 1_000_000)
        for at in range(half)
        for instrument in (EURUSD, BTCUSDT)
    ]


def stretch(number: int) -> Stretch:
    """The batch as the log has it."""
    return Tape(offset=number * BATCH).stretch(batch(number))


def main() -> None:
    """Record batch after batch, from where an earlier process was, while another thread tidies."""
    history = DuckHistory(Path(sys.argv[1]), memory_bytes=128 << 20, threads=1, hot_rows=150)

    def tidy() -> None:
        while True:
            history.tidy(now_ms=NOW_MS)

    threading.Thread(target=tidy, daemon=True).start()
    number = (history.next_offset or 0) // BATCH
    while True:
        recorded = history.record(stretch(number), now_ms=NOW_MS)
        if recorded != (BATCH, 0, 0, 0):
            sys.exit(f"batch {number}: {recorded}")
        number += 1
        print(number, flush=True)


if __name__ == "__main__":
    main()
