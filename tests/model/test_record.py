"""Records: what the two sides say, and how a record stands in its slot of the log."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import MAX_DECIMALS, MAX_MANTISSA, Price
from tradewatch.model.record import Flags, Kind, Record, side_flags, whole_microseconds
from tradewatch.tape import layout

INSTRUMENT = Instrument(id=7, asset_class=AssetClass.CRYPTO, symbol="BTCUSD", decimals=2)

prices = st.builds(Price.of, st.integers(-MAX_MANTISSA, MAX_MANTISSA), st.integers(-MAX_DECIMALS, 0))
times = st.integers(-(2**63), 2**63 - 1)
records = st.builds(
    Record,
    instrument=st.just(INSTRUMENT),
    event_ns=times,
    received_ns=times,
    bid=st.none() | prices,
    ask=st.none() | prices,
    seq=st.integers(0, 2**63 - 1),
    source=st.integers(0, 2**32 - 1),
    flags=st.integers(0, 2**16 - 1),
    kind=st.sampled_from([kind.value for kind in Kind]),
    channel=st.integers(0, 2),
    bid_size=st.none() | prices,
    ask_size=st.none() | prices,
    reference=times,
)


@given(records)
@settings(max_examples=500, deadline=None)
def test_a_slot_gives_back_every_field(record: Record) -> None:
    slot = layout.pack_record(record)
    assert len(slot) == layout.SLOT_BYTES
    assert layout.unpack_record(slot, INSTRUMENT) == record
    assert layout.instrument_id(slot) == INSTRUMENT.id


@given(records)
@settings(max_examples=200, deadline=None)
def test_the_columns_are_the_slots_own_fields(record: Record) -> None:
    column = layout.slots(layout.pack_record(record))[0]
    assert (int(column["kind"]), int(column["instrument"]), int(column["seq"])) == (
        record.kind,
        7,
        record.seq,
    )
    assert (int(column["event_ns"]), int(column["received_ns"])) == (record.event_ns, record.received_ns)
    assert int(column["bid"]) == (record.bid.mantissa if record.bid else 0)


@pytest.mark.parametrize(
    ("bid", "ask", "flags"),
    [
        ("1.1", "1.2", 0),
        ("1.10", "1.1", Flags.LOCKED),
        ("1.3", "1.29", Flags.CROSSED),
        ("-1", "-2", Flags.CROSSED),
        (None, "1", Flags.ONE_SIDED),
        ("1", None, Flags.ONE_SIDED),
    ],
)
def test_the_sides_say_locked_crossed_one_sided(bid: str | None, ask: str | None, flags: int) -> None:
    assert side_flags(bid and Price.parse(bid), ask and Price.parse(ask)) == flags


def test_times_are_cut_to_microseconds() -> None:
    assert whole_microseconds(1_767_389_239_253_123_456) == 1_767_389_239_253_123_000


@pytest.mark.parametrize("asset_class", list(AssetClass))
def test_definitions_give_back_instruments_and_sources(asset_class: AssetClass) -> None:
    instrument = Instrument(id=2**32 - 1, asset_class=asset_class, symbol="A" * 32, decimals=36)
    assert layout.unpack_instrument(layout.pack_instrument(instrument)) == instrument
    name = "publish/abcdefghijkl/" + "p" * 32
    assert layout.unpack_source(layout.pack_source(9, name)) == (9, name)
    assert layout.unpack_last_batch(layout.pack_last_batch(9, 2**63 - 1)) == (9, 2**63 - 1)
