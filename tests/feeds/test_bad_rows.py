import logging

import pytest

from tradewatch.feeds.bad_rows import BadRows
from tradewatch.feeds.source import SourceState


def test_each_is_counted_and_the_newest_named() -> None:
    state = SourceState()
    bad_rows = BadRows("replay:x", state)
    bad_rows.count("day.csv.gz", "line 17", "neither bid nor ask")
    assert (state.bad_rows, state.last_bad) == (1, "day.csv.gz line 17: neither bid nor ask")
    bad_rows.count("two\nlines.csv", "", "no rows")
    assert (state.bad_rows, state.last_bad) == (2, "'two\\nlines.csv': no rows")


def test_the_log_is_told_within_bounds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "tradewatch.feeds.replay")
    bad_rows = BadRows("replay:x", SourceState())
    for number in range(1, 2_501):
        bad_rows.count("a.csv", f"line {number}", "bad")
    bad_rows.count("b.csv", "line 1", "bad")
    assert caplog.messages == [
        *(f"feed replay:x: a.csv line {number}: bad" for number in range(1, 21)),
        "feed replay:x: 1000 bad rows in this file so far, the newest: a.csv line 1000: bad",
        "feed replay:x: 2000 bad rows in this file so far, the newest: a.csv line 2000: bad",
        "feed replay:x: b.csv line 1: bad",
    ]
