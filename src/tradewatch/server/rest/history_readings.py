"""What `/metrics` shows of the history: what its process said of itself last."""

from collections.abc import Mapping

from tradewatch.server.rest.metrics import Reading
from tradewatch.store.keeper import Keeper


def history_readings(keeper: Keeper) -> list[Reading]:
    """The recording, and what is recorded; `history_up` says whether the other numbers are of now."""
    last: dict[str, float] = {}

    def said(name: str) -> float:
        """A number of the status, or of the totals in it; 0 where the process never answered."""
        status: Mapping[str, object] = keeper.status
        totals = status.get("totals", {})
        for numbers in (status, totals if isinstance(totals, Mapping) else {}):
            last.update({key: number for key, number in numbers.items() if isinstance(number, int)})
        return last.get(name, 0)

    def total(name: str, meaning: str, *, counter: bool = False) -> Reading:
        return Reading(f"history_{name}", meaning, lambda: said(name), counter=counter)

    return [
        Reading("history_up", "1 while the store process answers", lambda: bool(keeper.status), counter=False),
        Reading(
            "history_failing", "1 while nothing is recorded", lambda: bool(keeper.trouble), counter=False
        ),
        Reading("history_starts", "times the store process was begun", lambda: keeper.starts),
        total("failures", "times recording failed since the process began", counter=True),
        Reading(
            "history_behind_seconds",
            "age of what is not recorded yet",
            lambda: said("behind_ms") / 1_000,
            counter=False,
        ),
        Reading(
            "history_recorded_offset",
            "offset of the next record of the log to be recorded",
            lambda: said("recorded_offset"),
            counter=False,
        ),
        Reading(
            "history_rows", "quotes that are kept", lambda: said("rows_kept"), counter=False
        ),
    ]
