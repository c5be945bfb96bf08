"""Names, times and resolutions as people write them, and the requests that they become."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.client.rest.asked import (
    MAX_REQUESTS,
    RESOLUTIONS_S,
    Name,
    Request,
    Span,
    Time,
    candle_requests,
    following,
    name_in,
    quotes_requests,
    resolution_s,
)
from tradewatch.errors import UsageError
from tradewatch.model.asset_class import AssetClass

DAY_S = 1_399_507_200  # 2014-05-08


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time is not UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("text", ["currencies:EURUSD", "CURRENCIES: EURUSD "])
def test_names(text: str) -> None:
    assert name_in(text) == Name(AssetClass.CURRENCIES, "EURUSD")
    assert str(name_in(text)) == "currencies:EURUSD"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EURUSD", "'EURUSD' is no symbol with its class, such as currencies:EURUSD"),
        ("crypto:", "'crypto:' is no symbol with its class, such as currencies:EURUSD"),
        ("bonds:A", "no class 'bonds'; there are currencies, crypto, stocks, indices, commodities"),
    ],
)
def test_what_is_no_name(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        name_in(text)
    assert str(caught.value) == message


def test_resolutions() -> None:
    texts = ["5s", "10s", "30s", "1m", "10m", "30m", "1h", "4h", "12h", "1d"]
    assert [resolution_s(text) for text in texts] == list(RESOLUTIONS_S)
    assert [resolution_s(seconds) for seconds in RESOLUTIONS_S] == list(RESOLUTIONS_S)
    assert [resolution_s(text) for text in (" 1M ", "60s", "24h")] == [60, 60, 86_400]


@pytest.mark.parametrize("text", ["2m", "1w", "", "m", 61, 60.5, "١m", None, True])
def test_there_are_no_other_candles(text: object) -> None:
    with pytest.raises(UsageError, match="there are 5s, 10s, 30s, 1m, 10m, 30m, 1h, 4h, 12h and 1d"):
        resolution_s(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "start",
    [
        DAY_S,
        "2014-05-08",
        "2014-05-08T00:00:00Z",
        "2014-05-08T02:00:00+02:00",
        date(2014, 5, 8),
        datetime(2014, 5, 8),  # noqa: DTZ001 - without a zone it is UTC
        datetime(2014, 5, 8, tzinfo=UTC),
        datetime(2014, 5, 8, 2, tzinfo=timezone(timedelta(hours=2))),
        datetime(2014, 5, 8, 0, 0, 0, 999_999, UTC),
    ],
)
@pytest.mark.usefixtures("far_from_utc")
def test_a_moment_in_all_its_forms(start: Time) -> None:
    assert Span.of(start, DAY_S + 5, now_ns=0) == Span(DAY_S, DAY_S + 5)


def test_the_end_takes_the_whole_of_its_second() -> None:
    end = datetime(2014, 5, 8, 0, 0, 7, 1, UTC)
    assert Span.of(DAY_S, end, now_ns=0).end_s == DAY_S + 8
    assert Span.of(DAY_S, None, now_ns=(DAY_S + 7) * 10**9).end_s == DAY_S + 7
    assert Span.of(DAY_S, None, now_ns=(DAY_S + 7) * 10**9 + 1).end_s == DAY_S + 8


@pytest.mark.parametrize("written", ["", "yesterday", "2014-13-01", None, [], True, 1.5])
def test_what_is_no_time(written: object) -> None:
    with pytest.raises(UsageError, match="start is no time"):
        Span.of(written, 5, now_ns=0)  # type: ignore[arg-type]


def test_the_end_is_behind_the_start() -> None:
    with pytest.raises(UsageError, match=r"the end \(5\) is not behind the start \(5\)"):
        Span.of(5, 5, now_ns=0)


@settings(deadline=None)
@given(
    start=st.integers(0, 10**7),
    length=st.integers(1, 10**7),
    step=st.sampled_from(RESOLUTIONS_S),
    count=st.integers(2, 500),
)
def test_the_parts_of_a_range_are_the_range_and_cut_no_candle(
    start: int, length: int, step: int, count: int
) -> None:
    span = Span(start, start + length)
    if length / (step * count) >= MAX_REQUESTS - 2:
        return
    parts = span.portions(step * count, step_s=step)
    assert (parts[0].start_s, parts[-1].end_s) == span
    assert [part.end_s for part in parts[:-1]] == [part.start_s for part in parts[1:]]
    assert all(part.start_s < part.end_s for part in parts)
    assert all(part.end_s % step == 0 for part in parts[:-1])
    for part in parts:
        assert -(-part.end_s // step) - part.start_s // step <= count


def test_a_range_that_takes_too_many_requests() -> None:
    of = name_in("crypto:BTCUSD")
    with pytest.raises(UsageError, match="the range takes 20,000 requests; at most 10,000 are made"):
        candle_requests(of, 5, Span(0, 5 * 20_000), candles_per_request=1)
    assert len(candle_requests(of, 5, Span(0, 5 * 10_000), candles_per_request=1)) == 10_000


@pytest.mark.parametrize("symbols", [["A,B"], [""], [" "]])
def test_what_is_no_symbol(symbols: list[str]) -> None:
    with pytest.raises(UsageError, match="is no symbol"):
        list(quotes_requests("crypto", symbols))


def test_one_symbol_is_a_text() -> None:
    assert list(quotes_requests("crypto", "BTCUSD")) == [Request("/crypto/quotes", (("symbols", "BTCUSD"),))]


def test_a_cursor_takes_the_place_of_the_one_before() -> None:
    first = Request("/a", (("size", "5"),))
    second = following(first, "x")
    assert second == Request("/a", (("size", "5"), ("cursor", "x")))
    assert following(second, "y") == Request("/a", (("size", "5"), ("cursor", "y")))
    assert following(second, None) is None
