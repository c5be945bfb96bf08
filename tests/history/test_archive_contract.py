"""What every archive does, in memory or in files."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.history.tapes import (
    ALL,
    BTCUSDT,
    DAY_MS,
    EURUSD,
    INSTRUMENTS,
    NOW_MS,
    XAUUSD,
    Row,
    Tape,
    everything,
    read,
    row,
    rows,
    shown,
    stored,
)

from tradewatch.history.archive import Archive, Reading, Recorded
from tradewatch.history.span import LAST_MS, Key, Place, Span
from tradewatch.history.ticks import Ticks
from tradewatch.model.position import epoch_text
from tradewatch.model.price import Price
from tradewatch.model.record import Channel, Kind, Record

NS = DAY_MS * 1_000_000
MS = 1_000_000
DAY_NS = 86_400_000 * MS


def tidied(archive: Archive) -> None:
    while archive.tidy(now_ms=NOW_MS):
        pass


def ordered(found: list[Row]) -> list[Row]:
    """As a reading orders them; epochs here begin one after the other."""
    return sorted(found, key=lambda each: each[:3])


# --- recording ---------------------------------------------------------------------------------------------


def test_a_new_archive_is_empty(archive: Archive) -> None:
    assert (archive.next_offset, archive.epoch_ms) == (None, None)
    assert (archive.instruments(), archive.epochs(), archive.holes(5)) == ([], [], [])
    assert archive.totals() == (0,) * 8
    assert archive.instrument(EURUSD.asset_class, "EURUSD") is None
    assert (archive.epoch_number(DAY_MS), archive.source(0)) == (None, "")
    assert archive.tidy(now_ms=NOW_MS) is False
    with archive.reading() as reading:
        assert list(reading.windows(1, ALL)) == []
        empty = (
            reading.page(1, ALL, limit=5, beside=None, backwards=False, inclusive=False),
            reading.positions(1, ALL, limit=5, first=None, last=None),
        )
        assert [len(each) for each in empty] == [0, 0]


def test_what_is_recorded_is_there_with_every_field(cabinet: Any) -> None:
    tape, archive = Tape(), cabinet.archive
    sizes = {"bid_size": Price.parse("1.5"), "ask_size": Price.parse("7e3")}
    records = [
        tape.quote(event_ns=NS + 123_456_789, received_ns=NS - 7_001_000, source=9, flags=8 | 16, **sizes),
        tape.quote(event_ns=NS, bid=None, source=0),
        tape.quote(event_ns=NS, ask=None, bid=Price(-(2**63) + 1, -36)),
    ]
    assert archive.record(tape.stretch(records), now_ms=NOW_MS) == Recorded(3, 0, 0, 0)
    expected = ordered(rows(records))
    for _ in range(2):
        assert everything(archive) == expected
        assert (archive.next_offset, archive.epoch_ms) == (3, DAY_MS)
        assert [each.symbol for each in archive.instruments()] == ["EURUSD", "BTCUSDT", "XAUUSD"]
        assert archive.scales(stored(archive, EURUSD)) == (36, 1)
        assert archive.scales(stored(archive, BTCUSDT)) == (2, 0)
        assert (archive.epochs(), archive.epoch_number(DAY_MS)) == ([DAY_MS], 1)
        archive = cabinet.reopen()


def test_the_same_stretch_is_taken_once(cabinet: Any) -> None:
    tape, archive = Tape(), cabinet.archive
    stretch = tape.stretch(tape.quotes(30))
    archive.record(stretch, now_ms=NOW_MS)
    assert archive.record(stretch, now_ms=NOW_MS) == Recorded(0, 0, 0, 30)
    archive = cabinet.reopen()
    assert archive.record(stretch, now_ms=NOW_MS) == Recorded(0, 0, 0, 30)
    archive.record(tape.stretch(tape.quotes(30)), now_ms=NOW_MS)
    tidied(archive)
    archive = cabinet.reopen()
    assert archive.record(stretch, now_ms=NOW_MS) == Recorded(0, 0, 0, 30)
    assert len(everything(archive)) == 60


def test_a_stretch_that_overlaps_is_taken_where_it_is_new(cabinet: Any) -> None:
    tape = Tape()
    records = tape.quotes(50)
    for begin, end in ((0, 20), (10, 35), (5, 36), (30, 50)):
        again = Tape()
        again.offset = begin
        recorded = cabinet.reopen().record(again.stretch(records[begin:end]), now_ms=NOW_MS)
        assert recorded.holes == 0
    assert everything(cabinet.archive) == rows(records)
    assert cabinet.archive.next_offset == 50


def test_holes_are_named_and_counted(cabinet: Any) -> None:
    tape, archive = Tape(), cabinet.archive
    lost = [tape.quote(event_ns=NS, skip=4), tape.quote(XAUUSD, event_ns=NS), tape.quote(event_ns=NS, skip=2)]
    assert archive.record(tape.stretch(lost, missing=6), now_ms=NOW_MS) == Recorded(3, 2, 6, 0)
    nameless = Tape(epoch_ms=DAY_MS, offset=tape.offset).stretch(tape.quotes(2), definitions=False)
    archive = cabinet.reopen()
    assert archive.record(nameless, now_ms=NOW_MS).rows + archive.totals().missing == 8
    for _ in range(2):
        found = [(hole.instrument.symbol, *hole[1:]) for hole in archive.holes(10)]
        assert sorted(found) == [
            ("EURUSD", epoch_text(DAY_MS), 1, 4, NOW_MS),
            ("EURUSD", epoch_text(DAY_MS), 6, 7, NOW_MS),
        ]
        assert (archive.totals().holes, len(archive.holes(1))) == (2, 1)
        archive = cabinet.reopen()
    archive.record(tape.stretch([tape.quote(event_ns=NS, skip=1)]), now_ms=NOW_MS + 5)
    assert archive.holes(1)[0].found_ms == NOW_MS + 5, "the newest first"


def test_epochs_have_positions_of_their_own(cabinet: Any) -> None:
    tape, archive = Tape(), cabinet.archive
    expected: list[Row] = []
    for at in range(3):
        tape.begin_epoch(DAY_MS + 1_000 * at)
        records = tape.quotes(25)
        assert archive.record(tape.stretch(records), now_ms=NOW_MS).rows == 25
        expected += rows(records, tape.epoch_ms)
        tidied(archive)
        archive = cabinet.reopen()
    assert everything(archive) == ordered(expected)
    assert archive.epochs() == [DAY_MS, DAY_MS + 1_000, DAY_MS + 2_000]
    assert archive.epoch_ms == DAY_MS + 2_000
    assert [archive.epoch(number) for number in (1, 2, 3)] == archive.epochs()


def test_an_instrument_that_was_silent_for_long_has_no_hole(cabinet: Any) -> None:
    """How far it is recorded is known although its rows stand in a file, or in an earlier epoch's shadow."""
    tape, archive = Tape(), cabinet.archive
    archive.record(tape.stretch(tape.quotes(5, XAUUSD)), now_ms=NOW_MS)
    for _ in range(3):
        archive.record(tape.stretch(tape.quotes(45)), now_ms=NOW_MS)
        tidied(archive)
    archive = cabinet.reopen()
    recorded = archive.record(tape.stretch(tape.quotes(5, XAUUSD)), now_ms=NOW_MS)
    assert recorded == Recorded(5, 0, 0, 0)


def test_what_failed_is_taken_when_it_is_given_again(cabinet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the stretch itself defines nothing: the archive was told the names before."""
    tape, archive = Tape(), cabinet.archive
    archive.record(tape.stretch(tape.quotes(5)), now_ms=NOW_MS)
    tape.begin_epoch(DAY_MS + 1)
    stretch = tape.stretch(tape.quotes(5), definitions=False)
    with monkeypatch.context() as patched:
        _break(patched)
        with pytest.raises(RuntimeError):
            archive.record(stretch, now_ms=NOW_MS)
    assert (archive.next_offset, archive.epoch_ms) == (5, DAY_MS)
    assert archive.record(stretch, now_ms=NOW_MS) == Recorded(5, 0, 0, 0)
    assert len(everything(archive)) == 10


def _break(patched: pytest.MonkeyPatch) -> None:
    """Let recording fail, as far in as an adapter may."""

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("not now")

    patched.setattr("tradewatch.history.duckdb.store.reach", fail)
    patched.setattr("tradewatch.history.memory.take", fail)


# --- reading -----------------------------------------------------------------------------------------------


class Shelf:
    """Quotes of one instrument over several days, in files and in recent rows, and what they are."""

    def __init__(self, archive: Archive) -> None:
        self.archive, self.tape = archive, Tape()
        self.rows: list[Row] = []
        picked = np.random.default_rng(3)
        for epoch in range(2):
            self.tape.begin_epoch(DAY_MS + epoch)
            for _ in range(4):
                self.add(picked)
            tidied(archive)
        self.add(picked)
        self.rows = ordered(self.rows)

    def add(self, picked: np.random.Generator) -> None:
        """Twenty quotes, many of them in the same few moments of some days, some with one side."""
        records = []
        for day, at in zip(
            picked.integers(0, 4, 20).tolist(), picked.integers(0, 6, 20).tolist(), strict=True
        ):
            sides = {"bid": None} if at == 5 else {}
            records.append(self.tape.quote(event_ns=NS + day * DAY_NS + at * 500_000, **sides))
            records.append(self.tape.quote(BTCUSDT, event_ns=NS + day * DAY_NS))
        self.archive.record(self.tape.stretch(records), now_ms=NOW_MS)
        self.rows += rows((each for each in records if each.instrument is EURUSD), self.tape.epoch_ms)

    def key(self, found: Row) -> Key:
        epoch = self.archive.epoch_number(found.epoch_ms)
        assert epoch is not None
        return Key(*divmod(found.event_ns, MS), epoch, found.seq)

    def place(self, found: Row) -> Place:
        return Place(*self.key(found)[2:])


@pytest.fixture(scope="module")
def shelf(shelf_archive: Archive) -> Shelf:
    """Only read from."""
    return Shelf(shelf_archive)


@pytest.fixture(scope="module")
def reading(shelf: Shelf) -> Iterator[Reading]:
    with shelf.archive.reading() as found:
        yield found


SPANS: list[tuple[Span, Callable[[Row], bool]]] = [
    (ALL, lambda _: True),
    (Span(), lambda each: each.bid is not None),
    (Span(DAY_MS + 1, whole=False), lambda each: each.event_ns >= NS + MS),
    (Span(end_ms=DAY_MS + 86_400_000, whole=False), lambda each: each.event_ns < NS + DAY_NS),
    (
        Span(DAY_MS + 86_400_000, DAY_MS + 86_400_002),
        lambda each: NS + DAY_NS <= each.event_ns < NS + DAY_NS + 2 * MS and each.bid is not None,
    ),
    (
        Span(received_before_us=(DAY_MS + 2 * 86_400_000) * 1_000 + 2_500, whole=False),
        lambda each: each.received_ns < NS + 2 * DAY_NS + 2_500_000,
    ),
    (Span(DAY_MS - 5, DAY_MS), lambda _: False),
    (Span(LAST_MS - 1), lambda _: False),
    (Span(DAY_MS + 2, DAY_MS + 1, whole=False), lambda _: False),
]


@pytest.mark.parametrize("at", range(len(SPANS)))
def test_windows_are_the_rows_of_a_span_in_order(shelf: Shelf, reading: Reading, at: int) -> None:
    span, wanted = SPANS[at]
    expected = [each for each in shelf.rows if wanted(each)]
    assert read(shelf.archive, reading, EURUSD, span) == expected
    assert read(shelf.archive, reading, EURUSD, span, backwards=True) == expected


@pytest.mark.parametrize("at", range(len(SPANS)))
@pytest.mark.parametrize("limit", [17, 1_000])
def test_pages_forwards_and_backwards_visit_every_row_once(
    shelf: Shelf, reading: Reading, at: int, limit: int
) -> None:
    span, wanted = SPANS[at]
    number = stored(shelf.archive, EURUSD).number
    expected = [each for each in shelf.rows if wanted(each)]
    for backwards in (False, True):
        found: list[Row] = []
        beside: Key | None = None
        while True:
            page = reading.page(
                number, span, limit=limit, beside=beside, backwards=backwards, inclusive=False
            )
            if not len(page):
                break
            assert len(page) <= limit
            more = shown(shelf.archive, page)
            found = more + found if backwards else found + more
            beside = shelf.key(more[0] if backwards else more[-1])
        assert found == expected


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("limit", [3])
def test_a_page_begins_beside_any_key(
    shelf: Shelf, reading: Reading, backwards: bool, inclusive: bool, limit: int
) -> None:
    number = stored(shelf.archive, EURUSD).number
    keys = [shelf.key(each) for each in shelf.rows]
    near = [key._replace(seq=key.seq + 1_000) for key in keys[::23]] + [
        key._replace(event_sub_ns=key.event_sub_ns + 1, seq=0) for key in keys[::23]
    ]
    for key in [
        *keys[::12],
        *near,
        Key(0, 0, 0, 0),
        Key(LAST_MS, 0, 0, 0),
        Key(DAY_MS, 999_999, 2**31 - 1, 0),
    ]:
        found = reading.page(number, ALL, limit=limit, beside=key, backwards=backwards, inclusive=inclusive)
        if backwards:
            side = [at for at, each in enumerate(keys) if each < key or (inclusive and each == key)][-limit:]
        else:
            side = [at for at, each in enumerate(keys) if each > key or (inclusive and each == key)][:limit]
        assert shown(shelf.archive, found) == [shelf.rows[at] for at in side]


@pytest.mark.parametrize("at", range(len(SPANS)))
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("limit", [6, 1_000])
def test_positions_between_two_places(
    shelf: Shelf, reading: Reading, at: int, backwards: bool, limit: int
) -> None:
    span, wanted = SPANS[at]
    number = stored(shelf.archive, EURUSD).number
    by_place = sorted((each for each in shelf.rows if wanted(each)), key=shelf.place)
    for first in (None, Place(1, 13), Place(2, 5)):
        for last in (None, Place(1, 60), Place(2, 99), Place(2, 2**63 - 1)):
            expected = [
                each
                for each in by_place
                if (first is None or shelf.place(each) >= first)
                and (last is None or shelf.place(each) <= last)
            ]
            found = reading.positions(number, span, limit=limit, first=first, last=last, backwards=backwards)
            assert shown(shelf.archive, found) == (expected[-limit:] if backwards else expected[:limit])


def test_rows_that_come_between_two_pages_are_seen_behind_the_key_only(archive: Archive) -> None:
    tape = Tape()
    first = tape.quotes(10)
    archive.record(tape.stretch(first), now_ms=NOW_MS)
    number = stored(archive, EURUSD).number

    def page(beside: Key | None) -> list[Row]:
        with archive.reading() as reading:
            found: Ticks = reading.page(number, ALL, limit=4, beside=beside, backwards=False, inclusive=False)
        return shown(archive, found)

    seen = page(None)
    between = [tape.quote(event_ns=NS + at * MS) for at in (0, 3, 5)]
    archive.record(tape.stretch(between), now_ms=NOW_MS)
    while more := page(Key(*divmod(seen[-1].event_ns, MS), 1, seen[-1].seq)):
        seen += more
    assert seen == ordered(rows([*first, *between[1:]])), "the one before the key was not there yet"


def test_a_reading_is_one_view_whatever_is_recorded_and_tidied_meanwhile(archive: Archive) -> None:
    tape = Tape()
    first = tape.quotes(100)
    for begin in range(0, 100, 10):
        archive.record(tape.stretch(first[begin : begin + 10]), now_ms=NOW_MS)
    with archive.reading() as reading:
        assert read(archive, reading) == rows(first)
        for _ in range(5):
            archive.record(tape.stretch(tape.quotes(45)), now_ms=NOW_MS)
            tidied(archive)
        assert read(archive, reading) == rows(first)
        number = stored(archive, EURUSD).number
        page = reading.page(number, ALL, limit=9, beside=None, backwards=True, inclusive=False)
        assert shown(archive, page) == rows(first)[-9:]
    assert len(everything(archive)) == 325


def test_only_quotes_are_read(archive: Archive) -> None:
    tape = Tape()
    quote = tape.quote(event_ns=NS)
    others = [
        tape.quote(event_ns=NS, kind=Kind.BREAK.value),
        tape.quote(event_ns=NS, kind=Kind.CORRECTION.value, reference=1),
        tape.quote(event_ns=NS, channel=Channel.TRADES.value),
    ]
    assert archive.record(tape.stretch([*others[:1], quote, *others[1:]]), now_ms=NOW_MS).rows == 4
    assert everything(archive) == rows([quote])
    with archive.reading() as reading:
        found = reading.positions(stored(archive, EURUSD).number, ALL, limit=9, first=None, last=None)
    assert shown(archive, found) == rows([quote])


def test_instruments_are_kept_apart(archive: Archive) -> None:
    tape = Tape()
    records = [
        each for at in range(30) for each in (tape.quotes(1, INSTRUMENTS[at % 3], from_ms=DAY_MS + at))
    ]
    archive.record(tape.stretch(records), now_ms=NOW_MS)
    for instrument in INSTRUMENTS:
        assert everything(archive, instrument) == rows(
            each for each in records if each.instrument is instrument
        )
    assert archive.totals()[:3] == (3, 30, 0)
    tidied(archive)
    totals = archive.totals()
    assert totals.hot_rows + totals.rows == 30


# --- any interleaving --------------------------------------------------------------------------------------

moments = st.one_of(
    st.integers(0, 5).map(lambda at: NS + at * 400_000),
    st.integers(0, 3).map(lambda day: NS + day * DAY_NS),
    st.integers(0, 80_000).map(lambda day: day * DAY_NS + 1),
)
records_drawn = st.lists(
    st.tuples(st.sampled_from(INSTRUMENTS), moments, st.sampled_from((0, 0, 0, 0, 2)), st.booleans()),
    min_size=1,
    max_size=30,
)
steps = st.lists(
    st.one_of(
        records_drawn,
        records_drawn,
        st.sampled_from(["tidy", "tidy all", "reopen", "again", "epoch", "read"]),
    ),
    min_size=1,
    max_size=10,
)


@pytest.fixture
def few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days beyond the third share a file, and three files become one: so that little makes a history."""
    monkeypatch.setattr("tradewatch.history.duckdb.tidying._MAX_GROUPS", 3)
    monkeypatch.setattr("tradewatch.history.duckdb.tidying._MERGED_RUNS", 3)


@pytest.mark.usefixtures("few_files")
@given(steps)
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_interleaving_keeps_every_record_once(cabinets: Any, drawn: list[Any]) -> None:
    cabinet, tape = cabinets(), Tape()
    archive: Archive = cabinet.archive
    recorded: dict[int, list[Row]] = {each.id: [] for each in INSTRUMENTS}
    last = None

    def check() -> None:
        for instrument in INSTRUMENTS:
            expected = ordered(recorded[instrument.id])
            assert not expected or everything(archive, instrument) == expected

    for step in drawn:
        match step:
            case list():
                quotes = [
                    tape.quote(which, event_ns=at, skip=skip, **({} if both else {"ask": None}))
                    for which, at, skip, both in step
                ]
                last = tape.stretch(quotes)
                assert archive.record(last, now_ms=NOW_MS).rows == len(quotes)
                for quote in quotes:
                    recorded[quote.instrument.id].append(row(quote, tape.epoch_ms))
            case "tidy":
                archive.tidy(now_ms=NOW_MS)
            case "tidy all":
                tidied(archive)
            case "reopen":
                archive = cabinet.reopen()
            case "again" if last is not None:
                assert archive.record(last, now_ms=NOW_MS).rows == 0
            case "epoch":
                tape.begin_epoch(tape.epoch_ms + 1)
            case "read":
                check()
    check()
    _check_holes(archive, recorded)
    cabinet.close()


def _check_holes(archive: Archive, recorded: dict[int, list[Row]]) -> None:
    """Every position is a row or in a hole, and none is both."""
    for instrument in INSTRUMENTS:
        found = [(each.epoch_ms, each.seq) for each in recorded[instrument.id]]
        for hole in archive.holes(10_000):
            if hole.instrument.symbol == instrument.symbol:
                found += [(int(hole.epoch, 36), seq) for seq in range(hole.first_seq, hole.last_seq + 1)]
        found.sort()
        for (epoch, seq), (next_epoch, next_seq) in pairwise([(0, 0), *found]):
            assert next_seq == (seq + 1 if next_epoch == epoch else 1)


def test_a_record_without_a_price_of_its_own_is_no_record(archive: Archive) -> None:
    """A quote with neither side cannot come from the tape, but a break may."""
    tape = Tape()
    gap: Record = tape.quote(event_ns=NS, bid=None, ask=None, kind=Kind.BREAK.value)
    assert archive.record(tape.stretch([gap]), now_ms=NOW_MS).rows == 1
    assert everything(archive) == []
