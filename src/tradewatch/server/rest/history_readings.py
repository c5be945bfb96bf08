"""What `/metrics` shows of the history: what its process said of itself last."""

from tradewatch.server.rest.metrics import Reading
from tradewatch.store.keeper import Keeper


def history_readings(keeper: Keeper) -> list[Reading]:
    """The recording, and what is recorded; `history_up` says whether the other numbers are of now."""
    last: dict[str, float] = {}

    def status(name: str) -> float:
        """A number of the status; 0 where none was ever said."""
        if keeper.status:
            last[name] = keeper.status[name] or 0
        return last.get(name, 0)

    def totals(name: str) -> float:
        if keeper.status:
            last[f"totals.{name}"] = keeper.status["totals"][name]
        return last.get(f"totals.{name}", 0)

    def total(name: str, meaning: str, of: str) -> Reading:
        return Reading(f"history_{name}", meaning, lambda: totals(of), counter=False)

    return [
        Reading(
            "history_up", "1 while the store process answers", lambda: bool(keeper.status), counter=False
        ),
        Reading(
            "history_failing", "1 while nothing is recorded", lambda: bool(keeper.trouble), counter=False
        ),
        Reading("history_starts", "times the store process was begun", lambda: keeper.starts),
        Reading(
            "history_recorded",
            "records recorded since the store process was begun",
            lambda: status("rows"),
        ),
        Reading(
            "history_failures",
            "times recording failed since the store process was begun",
            lambda: status("failures"),
        ),
        Reading(
            "history_behind_seconds",
            "how long ago everything was recorded",
            lambda: status("behind_ms") / 1_000,
            counter=False,
        ),
        Reading(
            "history_recorded_offset",
            "offset of the log up to which everything is recorded",
            lambda: status("recorded_offset"),
            counter=False,
        ),
        total("instruments", "instruments of which anything is recorded", "instruments"),
        total("hot_rows", "rows that stand in no file yet", "hot_rows"),
        total("file_rows", "rows in files", "rows"),
        total("files", "files", "parts"),
        total("file_bytes", "size of the files", "bytes"),
        total("holes", "stretches of positions that are missing", "holes"),
        total("missing_records", "records that will never be recorded", "missing"),
        total("damaged_files", "files that could not be read, and were put aside", "damaged"),
    ]
