"""Pages of ticks: whichever way they are turned, each tick stands on one of them, and in its place."""

from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.store.quoting import CURRENCIES, FIRST_EPOCH_MS, START_MS, Quoted, Quoting

from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.history.request import Format, Sides, TicksRequest
from tradewatch.model.position import epoch_text
from tradewatch.protocol.cursor import Cursors, InvalidCursorError
from tradewatch.store.tick_pages import TickPage, TickPages

SYMBOL = "EURUSD"
START_S = START_MS // 1_000
SECOND_EPOCH_MS = START_MS + 3_600_000
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quoting]:
    """Two epochs, some days, files and recent rows, late quotes, quotes of one instant, one-sided ones."""
    archive = DuckHistory(tmp_path_factory.mktemp("pages"), memory_bytes=64 << 20, threads=1, hot_rows=25)
    quoting, chance = Quoting(archive), Random(7)
    for number in range(90):
        if number == 40:
            quoting.record()
            quoting.begin_epoch(SECOND_EPOCH_MS)
        after_ms = chance.choice([0, 1_000, 1_000.5, DAY_MS, DAY_MS + 10]) + chance.randrange(3) * 500
        bid = None if chance.random() < 0.1 else f"1.{number:03}"
        quoting.quote(SYMBOL, after_ms, bid, "2.5", lag_ms=chance.randrange(20))
        quoting.quote("OTHER", after_ms)
        if number % 4 == 0:
            quoting.record()
        if number == 70:
            while archive.tidy(now_ms=START_MS):
                pass
    quoting.record()
    assert archive.totals().parts > 1
    assert archive.totals().hot_rows > 1
    yield quoting
    archive.close()


def asked(**fields: Any) -> TicksRequest:
    """A request for all ticks, but for these fields."""
    request: dict[str, Any] = {
        "asset_class": CURRENCIES,
        "symbol": SYMBOL,
        "start_s": None,
        "end_s": None,
        "first": None,
        "last": None,
        "after": None,
        "cursor": None,
        "limit": 10,
        "sides": Sides.BOTH,
        "format": Format.JSON,
    }
    return TicksRequest(**{**request, **fields})


def turn(quoting: Quoting, request: TicksRequest, *, secret: bytes = b"s" * 32) -> TickPage:
    """The page of a request."""
    archive = quoting.archive
    stored = archive.instrument(request.asset_class, request.symbol)
    assert stored is not None
    with archive.reading() as reading:
        pages = TickPages(archive, reading, Cursors(secret), request, stored.number)
        return pages.page(request.limit or 0)


def keys(quoting: Quoting, page: TickPage) -> list[tuple[int, str]]:
    """Time and position of each tick."""
    ticks = page.ticks
    epochs = [epoch_text(quoting.archive.epoch(number)) for number in ticks.epoch.tolist()]
    positions = [f"{epoch}:{seq}" for epoch, seq in zip(epochs, ticks.seq.tolist(), strict=True)]
    return list(zip(ticks.event_ns.tolist(), positions, strict=True))


def walk(quoting: Quoting, request: TicksRequest) -> list[tuple[int, str]]:
    """All ticks page by page to the end; on the way each page is found again, and its neighbour behind."""
    found = keys(quoting, page := turn(quoting, request))
    assert page.previous is None
    assert (page.current is None) == (not found)
    while page.next is not None:
        before, page = page, turn(quoting, asked_again(request, page.next))
        shown = keys(quoting, page)
        assert 0 < len(shown) <= (request.limit or 0)
        assert keys(quoting, turn(quoting, asked_again(request, page.current))) == shown
        assert (
            keys(quoting, turn(quoting, asked_again(request, page.current_backwards)))[-len(shown) :] == shown
        )
        assert page.previous is not None
        assert keys(quoting, turn(quoting, asked_again(request, page.previous))) == keys(quoting, before)
        found += shown
    backwards = keys(quoting, page)
    while page.previous is not None:
        page = turn(quoting, asked_again(request, page.previous))
        assert page.next is not None
        backwards = keys(quoting, page) + backwards
    assert backwards == found
    return found


def asked_again(request: TicksRequest, cursor: str | None) -> TicksRequest:
    fields = {name: getattr(request, name) for name in request.__struct_fields__}
    return TicksRequest(**{**fields, "cursor": cursor})


def in_time(quoted: list[Quoted]) -> list[tuple[int, str]]:
    return [(each.event_ns, each.position) for each in sorted(quoted, key=lambda each: each[:3])]


def in_place(quoted: list[Quoted]) -> list[tuple[int, str]]:
    ordered = sorted(quoted, key=lambda each: (each.epoch_ms, each.seq))
    return [(each.event_ns, each.position) for each in ordered]


seconds = st.one_of(
    st.none(), st.integers(START_S - 1, START_S + 4), st.integers(START_S + 86_399, START_S + 86_403)
)


@settings(deadline=None, max_examples=15)
@given(start_s=seconds, end_s=seconds, limit=st.integers(1, 100), sides=st.sampled_from(Sides))
def test_by_time_every_tick_is_on_one_page(
    filled: Quoting, start_s: int | None, end_s: int | None, limit: int, sides: Sides
) -> None:
    expected = [
        each
        for each in filled.quoted[SYMBOL]
        if (each.whole or sides is Sides.ANY)
        and (start_s is None or each.event_ns >= start_s * 10**9)
        and (end_s is None or each.event_ns < end_s * 10**9)
    ]
    request = asked(start_s=start_s, end_s=end_s, limit=max(limit, 12), sides=sides)
    assert walk(filled, request) == in_time(expected)


places = st.one_of(
    st.none(),
    st.tuples(st.sampled_from([FIRST_EPOCH_MS, SECOND_EPOCH_MS]), st.integers(0, 60)),
    st.tuples(st.sampled_from([1, SECOND_EPOCH_MS - 1, SECOND_EPOCH_MS + 1, 36**13 - 1]), st.integers(0, 60)),
    st.just((SECOND_EPOCH_MS, 10**19 - 1)),
)


@settings(deadline=None, max_examples=15)
@given(first=places, last=places, after=places, limit=st.integers(12, 100), start_s=seconds)
def test_by_position_every_tick_is_on_one_page(
    filled: Quoting,
    first: tuple[int, int] | None,
    last: tuple[int, int] | None,
    after: tuple[int, int] | None,
    limit: int,
    start_s: int | None,
) -> None:
    """Epochs that the store never saw lie where their names lie."""
    expected = [
        each
        for each in filled.quoted[SYMBOL]
        if (first is None or each[1:3] >= first)
        and (last is None or each[1:3] <= last)
        and (after is None or each[1:3] > after)
        and (start_s is None or each.event_ns >= start_s * 10**9)
    ]
    named = {
        name: None if place is None else f"{epoch_text(place[0])}:{place[1]}"
        for name, place in (("first", first), ("last", last), ("after", after or (0, 0)))
    }
    request = asked(**named, limit=limit, start_s=start_s, sides=Sides.ANY)
    assert walk(filled, request) == in_place(expected)


@pytest.mark.parametrize("by_position", [False, True])
def test_what_comes_between_two_pages_moves_no_tick(quoting: Quoting, by_position: bool) -> None:
    for number in range(20):
        quoting.quote(SYMBOL, number * 100)
    quoting.record()
    request = asked(limit=8, first=f"{epoch_text(FIRST_EPOCH_MS)}:0" if by_position else None)
    before = quoting.quoted[SYMBOL].copy()
    first = turn(quoting, request)
    for after_ms in (50, 1_050, 5_000):  # behind, within and before what is to be read
        quoting.quote(SYMBOL, after_ms)
    quoting.record()
    found, page = keys(quoting, first), first
    while page.next is not None:
        page = turn(quoting, asked_again(request, page.next))
        found += keys(quoting, page)
    late, within, newest = ((each.event_ns, each.position) for each in quoting.quoted[SYMBOL][-3:])
    assert [each for each in found if each not in (late, within, newest)] == in_time(before)
    assert newest in found
    assert (late in found) == by_position
    assert len(found) == len(set(found))
    assert all(one < other for one, other in pairwise(found)) or by_position


def test_the_last_page_leads_on_once_there_is_more(quoting: Quoting) -> None:
    quoting.quote(SYMBOL, 0)
    quoting.record()
    page = turn(quoting, asked())
    assert (page.next, page.previous) == (None, None)
    newest = quoting.quote(SYMBOL, 5)
    quoting.record()
    again = turn(quoting, asked(cursor=page.current, limit=1))
    assert again.next is not None
    (found,) = keys(quoting, turn(quoting, asked(cursor=again.next)))
    assert found[1] == newest.position


def test_where_nothing_is_asked_for_there_is_no_way_on(filled: Quoting) -> None:
    page = turn(filled, asked(start_s=0, end_s=1))
    assert (len(page.ticks), *page[1:]) == (0, None, None, None, None)


def test_ticks_that_came_too_late_for_a_plan_are_on_no_page(filled: Quoting) -> None:
    border_ns = START_MS * 1_000_000 + 1_010 * 1_000_000
    found = walk(filled, asked(received_before_us=border_ns // 1_000, sides=Sides.ANY))
    assert found
    assert len(found) < len(filled.quoted[SYMBOL])
    assert all(event_ns < border_ns for event_ns, _ in found)


@pytest.mark.parametrize(
    "foreign",
    [
        asked(symbol="OTHER"),
        asked(first=f"{epoch_text(FIRST_EPOCH_MS)}:0"),
    ],
    ids=["symbol", "order"],
)
def test_a_cursor_is_good_for_its_own_list_only(filled: Quoting, foreign: TicksRequest) -> None:
    cursor = turn(filled, asked()).next
    assert cursor is not None
    for request, secret in (
        (asked_again(foreign, cursor), b"s" * 32),
        (asked(cursor=cursor), b"t" * 32),
        (asked(cursor=cursor[:-2] + "AA"), b"s" * 32),
        (asked(cursor="no cursor"), b"s" * 32),
        (asked(cursor="A" * 100_000), b"s" * 32),
    ):
        with pytest.raises(InvalidCursorError):
            turn(filled, request, secret=secret)


def test_a_file_of_two_epochs_has_each_of_its_ticks_once(quoting: Quoting) -> None:
    for _ in range(10):
        quoting.quote(SYMBOL, 0)
    quoting.record()
    quoting.begin_epoch(SECOND_EPOCH_MS)
    for _ in range(10):
        quoting.quote(SYMBOL, 0)
    quoting.record()
    later_ms = START_MS + 2 * DAY_MS
    while quoting.archive.tidy(now_ms=later_ms):
        pass
    assert quoting.archive.totals()[1:5:3] == (0, 1), "all rows stand in one file"
    for limit in (12, 15, 20, 100):
        request = asked(limit=limit, first=f"{epoch_text(FIRST_EPOCH_MS)}:0")
        assert walk(quoting, request) == in_place(quoting.quoted[SYMBOL])
