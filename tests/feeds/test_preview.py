"""A preview: what stands at the beginning of files, without replaying them."""

from fractions import Fraction

import pytest

from tradewatch.clock import SystemClock
from tradewatch.errors import FeedSpecError
from tradewatch.feeds.preview import Preview, preview
from tradewatch.feeds.spec import ReplaySpec, parse_feed_spec
from tradewatch.reference.catalogue import Catalogue


def look(text: str, *, rows: int = 2) -> Preview:
    spec = parse_feed_spec(text)
    assert isinstance(spec, ReplaySpec)
    return preview(spec, Catalogue(limit=100), SystemClock(), rows=rows)


def test_instruments_rate_and_first_rows(write_rows) -> None:
    path = write_rows("crypto-a.csv", "1000,A,1.5,2", "2000,B,3,4", "3000,A,1.25,2", "5000,A,1,2")

    found = look(f"replay:{path}?speed=10")

    assert found.files == ["crypto-a.csv"]
    assert [instrument.key for instrument in found.instruments] == ["crypto:A", "crypto:B"]
    assert [(row.instrument.symbol, row.bid.text) for row in found.first if row.bid] == [
        ("A", "1.5"),
        ("B", "3"),
    ]
    assert (found.read, found.bad_rows, found.last_bad) == (4, 0, "")
    assert found.rate == Fraction(3, 4) * 10


def test_bad_rows_are_counted_and_one_is_named(write_rows) -> None:
    path = write_rows("crypto-a.csv", "1000,A,1.5,2", "2000,A", "3000,A")

    found = look(f"replay:{path}")

    assert (found.read, found.bad_rows) == (1, 2)
    assert found.last_bad == "crypto-a.csv line 4: 2 fields instead of 4"
    assert found.rate is None


def test_a_file_without_quotes_says_why(tmp_path) -> None:
    path = tmp_path / "crypto-a.csv"
    path.write_text("nonsense\n")

    found = look(f"replay:{path}")

    assert (found.first, found.instruments, found.read) == ([], [], 0)
    assert found.bad_rows == 1
    assert found.last_bad.startswith("crypto-a.csv: ")


def test_as_fast_as_can_be_has_no_rate_and_many_files_are_all_surveyed(write_rows) -> None:
    first, second = write_rows("crypto-a.csv", "1,A,1,2", "2,A,1,2"), write_rows("crypto-b.csv", "1,B,1,2")

    found = look(f"replay:{first},{second}?speed=max")

    assert found.rate is None
    assert found.files == ["crypto-a.csv", "crypto-b.csv"]
    assert {instrument.symbol for instrument in found.instruments} == {"A", "B"}


def test_a_path_that_leads_nowhere_is_an_error(tmp_path) -> None:
    with pytest.raises(FeedSpecError, match="no such file or folder"):
        look(f"replay:{tmp_path / 'none.csv'}")
