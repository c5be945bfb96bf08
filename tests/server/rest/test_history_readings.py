"""Metrics of the history: what the process said last, and whether it still says anything."""

from typing import Any, cast

from tradewatch.history.archive import Totals
from tradewatch.server.rest.history_readings import history_readings
from tradewatch.store.keeper import Keeper


class Said:
    """A keeper, as far as metrics see it."""

    def __init__(self) -> None:
        self.starts = 3
        self.status: dict[str, Any] = {}
        self.trouble = "the store process does not answer"


def read(said: Said) -> dict[str, float]:
    """All readings by name."""
    found: dict[str, float] = {}
    for reading in history_readings(cast("Keeper", said)):
        number = reading.read()
        assert isinstance(number, (int, float))
        found[reading.name.removeprefix("history_")] = number
    return found


def test_what_the_process_says_is_shown_under_one_name_each() -> None:
    said = Said()
    said.trouble = ""
    said.status = {"rows": 20, "failures": 2, "behind_ms": 250, "recorded_offset": 30}
    said.status["totals"] = Totals(*range(101, 109))._asdict()
    assert read(said) == {
        "up": 1,
        "failing": 0,
        "starts": 3,
        "recorded": 20,
        "failures": 2,
        "behind_seconds": 0.25,
        "recorded_offset": 30,
        "instruments": 101,
        "hot_rows": 102,
        "file_rows": 103,
        "file_bytes": 104,
        "files": 105,
        "holes": 106,
        "missing_records": 107,
        "damaged_files": 108,
    }


def test_before_the_first_word_all_is_zero() -> None:
    found = read(Said())
    assert {name: number for name, number in found.items() if number} == {"failing": 1, "starts": 3}


def test_of_a_process_that_is_gone_the_last_is_shown() -> None:
    said = Said()
    readings = {reading.name: reading.read for reading in history_readings(cast("Keeper", said))}
    said.status = {"rows": 20, "failures": 0, "behind_ms": 1, "recorded_offset": None}
    said.status["totals"] = Totals(*range(8))._asdict()
    assert (readings["history_recorded"](), readings["history_files"]()) == (20, 4)
    assert readings["history_recorded_offset"]() == 0
    said.status = {}
    assert (readings["history_recorded"](), readings["history_files"](), readings["history_up"]()) == (
        20,
        4,
        0,
    )
