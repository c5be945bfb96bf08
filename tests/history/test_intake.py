from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.history.drawn import prices
from tests.history.tapes import BTCUSDT, DAY_MS, EURUSD, INSTRUMENTS, Tape

from tradewatch.history.intake import Hole, Taken, take
from tradewatch.history.registry import Registry
from tradewatch.history.ticks import ABSENT
from tradewatch.model.price import Price
from tradewatch.model.record import Channel, Kind, Record
from tradewatch.reference.catalogue import CANARY
from tradewatch.tape.follower import Stretch
from tradewatch.tape.layout import pack_last_batch, pack_records

NS = DAY_MS * 1_000_000


class Store:
    """What the store knows, and what became of each stretch."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.tape = Tape()

    def take(self, stretch: Stretch) -> Taken:
        epoch = self.registry.epoch(stretch.epoch_ms)
        if epoch != self.registry.heads_epoch:
            self.registry.heads_epoch = epoch
            self.registry.heads[:] = 0
        return take(self.registry, stretch.epoch_ms, stretch.definitions, stretch.slots)

    def take_records(self, *records: Record) -> Taken:
        return self.take(self.tape.stretch(records))

    def number(self, instrument: Any) -> int:
        found = self.registry.get(instrument.asset_class, instrument.symbol)
        assert found is not None
        return found.number


@pytest.fixture
def store() -> Store:
    return Store()


def test_every_field_of_a_record_becomes_a_column(store: Store) -> None:
    record = store.tape.quote(
        BTCUSDT,
        event_ns=NS + 1_234_567,
        received_ns=NS - 5_000_000,
        bid=Price.parse("61837.63"),
        ask=Price.parse("61837.641"),
        bid_size=Price.parse("0.5"),
        ask_size=None,
        source=9,
        flags=8,
        kind=Kind.CORRECTION.value,
        channel=Channel.TRADES.value,
        reference=77,
    )
    taken = store.take_records(record)
    assert taken.instrument.tolist() == [store.number(BTCUSDT)]
    assert {name: column.tolist() for name, column in taken.ticks.columns().items()} == {
        "event_ms": [DAY_MS + 1],
        "event_sub_ns": [234_567],
        "lag_us": [-6_000],
        "epoch": [1],
        "seq": [1],
        "bid": [61_837_630],
        "bid_scale": [3],
        "ask": [61_837_641],
        "ask_scale": [3],
        "bid_size": [5],
        "bid_size_scale": [1],
        "ask_size": [ABSENT],
        "ask_size_scale": [1],
        "source": [2],
        "flags": [8],
        "kind": [3],
        "channel": [1],
        "reference": [77],
    }
    assert taken.ticks.event_ns.tolist() == [record.event_ns]
    assert taken.ticks.received_ns.tolist() == [record.received_ns]


def test_a_record_is_taken_once(store: Store) -> None:
    first = store.tape.stretch(store.tape.quotes(5))
    assert store.take(first).repeated == 0
    again = store.take(first)
    assert (again.repeated, len(again.ticks), again.holes) == (5, 0, [])
    overlapping = store.take(
        Stretch(
            DAY_MS, 3, first.slots[3 * 80 :] + bytes(pack_records(store.tape.quotes(2))), 0, b"", lossy=False
        )
    )
    assert (overlapping.repeated, overlapping.ticks.seq.tolist()) == (2, [6, 7])


def test_what_is_missing_is_a_hole(store: Store) -> None:
    tape = store.tape
    taken = store.take_records(
        tape.quote(event_ns=NS, skip=3),
        tape.quote(BTCUSDT, event_ns=NS),
        tape.quote(event_ns=NS),
        tape.quote(event_ns=NS, skip=1),
        tape.quote(BTCUSDT, event_ns=NS, skip=2),
    )
    eurusd, btcusdt = store.number(EURUSD), store.number(BTCUSDT)
    assert taken.ticks.seq.tolist() == [4, 1, 5, 7, 4]
    assert sorted(taken.holes) == sorted(
        [Hole(eurusd, 1, 1, 3), Hole(eurusd, 1, 6, 6), Hole(btcusdt, 1, 2, 3)]
    )
    assert store.take_records(tape.quote(event_ns=NS)).holes == []


def test_an_epoch_begins_at_1_again(store: Store) -> None:
    store.take_records(*store.tape.quotes(3))
    store.tape.begin_epoch(DAY_MS + 7)
    taken = store.take_records(*store.tape.quotes(2))
    assert (taken.ticks.seq.tolist(), taken.ticks.epoch.tolist(), taken.holes) == ([1, 2], [2, 2], [])


def test_instruments_that_were_never_defined_are_counted(store: Store) -> None:
    undefined = store.take(store.tape.stretch(store.tape.quotes(4), definitions=False))
    assert (undefined.nameless, len(undefined.ticks), undefined.holes) == (4, 0, [])
    assert store.take_records(store.tape.quote(event_ns=NS)).holes == [Hole(store.number(EURUSD), 1, 1, 4)]


def test_the_canary_refused_quotes_and_entries_of_the_tape_are_no_rows(store: Store) -> None:
    tape = store.tape
    canary = Record(instrument=CANARY, event_ns=NS, received_ns=NS, bid=None, ask=None, seq=1)
    refused = Record(EURUSD, NS, NS, None, None, seq=0, kind=Kind.REFUSED.value, reference=3)
    slots = (
        bytes(pack_records([canary, refused])) + pack_last_batch(7, 1) + bytes(pack_records(tape.quotes(1)))
    )
    taken = store.take(Stretch(DAY_MS, 0, slots, 0, tape.definitions, lossy=False))
    assert (taken.ticks.seq.tolist(), taken.nameless, taken.repeated, taken.holes) == ([1], 0, 0, [])


def test_definitions_may_stand_among_the_records(store: Store) -> None:
    tape = store.tape
    slots = tape.definitions + bytes(pack_records(tape.quotes(1)))
    taken = store.take(Stretch(DAY_MS, 0, slots, 0, b"", lossy=False))
    assert (len(taken.ticks), store.registry.source(name="replay"), taken.ticks.source.tolist()) == (
        1,
        1,
        [1],
    )


def test_all_prices_of_an_instrument_are_brought_to_the_most_decimals_seen(store: Store) -> None:
    def taken(text: str) -> tuple[list[int], list[int]]:
        ticks = store.take_records(store.tape.quote(event_ns=NS, bid=Price.parse(text))).ticks
        return ticks.bid.tolist(), ticks.bid_scale.tolist()

    assert taken("1.5") == ([150_000], [5])  # the decimals of its definition
    assert taken("1.1234567") == ([11_234_567], [7])
    assert taken("2") == ([20_000_000], [7])
    large = Price(2**62, 0)
    assert taken(large.text) == ([2**62], [0])  # no room for seven decimals
    assert store.registry.scales[store.number(EURUSD)] == 7


sides = st.one_of(st.none(), prices)


@given(
    st.lists(st.tuples(st.sampled_from(INSTRUMENTS), sides, sides, sides, sides), max_size=25),
    st.integers(1, 10),
)
@settings(deadline=None)
def test_values_are_exact_whatever_the_decimals(found: list[Any], size: int) -> None:
    store = Store()
    for begin in range(0, len(found), size):
        records = [
            store.tape.quote(which, event_ns=NS, bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size)
            for which, bid, ask, bid_size, ask_size in found[begin : begin + size]
        ]
        ticks = store.take_records(*records).ticks
        for name in ("bid", "ask", "bid_size", "ask_size"):
            mantissas, scales = getattr(ticks, name).tolist(), getattr(ticks, f"{name}_scale").tolist()
            assert [
                None if mantissa == ABSENT else Price.of(mantissa, -scale)
                for mantissa, scale in zip(mantissas, scales, strict=True)
            ] == [getattr(record, name) for record in records]
        kept = store.registry.scales, store.registry.size_scales
        for number, *scales in zip(
            taken_numbers(store, records),
            *(getattr(ticks, f"{name}_scale").tolist() for name in ("bid", "ask", "bid_size", "ask_size")),
            strict=True,
        ):
            assert max(scales[:2]) <= kept[0][number]
            assert max(scales[2:]) <= kept[1][number]


def taken_numbers(store: Store, records: list[Record]) -> list[int]:
    return store.registry.numbers(np.array([record.instrument.id for record in records], np.uint32)).tolist()


@given(
    st.lists(
        st.tuples(st.sampled_from(INSTRUMENTS), st.sampled_from((0, 0, 0, 1, 5))), min_size=1, max_size=40
    ),
    st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=8),
)
@settings(deadline=None)
def test_whatever_overlaps_is_taken_once_and_holes_fill_the_rest(
    found: list[Any], cuts: list[tuple[int, int]]
) -> None:
    store = Store()
    records = [store.tape.quote(which, event_ns=NS, skip=skip) for which, skip in found]
    seen: list[tuple[int, int]] = []
    holes: list[Hole] = []
    reached = 0
    for low, end in [*map(sorted, cuts), (0, len(records))]:
        begin = min(low, reached)  # a log has no way to leave records out unnoticed
        taken = store.take(
            Stretch(
                DAY_MS, begin, bytes(pack_records(records[begin:end])), 0, store.tape.definitions, lossy=False
            )
        )
        seen += zip(taken.instrument.tolist(), taken.ticks.seq.tolist(), strict=True)
        holes += taken.holes
        reached = max(reached, end)
    numbers = taken_numbers(store, records)
    assert seen == list(zip(numbers, [record.seq for record in records], strict=True))
    missing = [(hole.instrument, seq) for hole in holes for seq in range(hole.first_seq, hole.last_seq + 1)]
    for number in set(numbers):
        known = [seq for of, seq in seen + missing if of == number]
        assert sorted(known) == list(range(1, max(known) + 1))
