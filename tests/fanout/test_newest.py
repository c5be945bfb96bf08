"""The newest quotes: those with both sides are found behind any number of one-sided ones."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.fanout.newest import Newest
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Record, side_flags

INSTRUMENTS = [
    Instrument(id=number, asset_class=AssetClass.CRYPTO, symbol=f"C{number}", decimals=2)
    for number in range(1, 4)
]
sides = st.sampled_from([(Price(1, 0), Price(2, 0)), (None, Price(2, 0)), (Price(1, 0), None)])
flushes = st.lists(st.lists(st.tuples(st.sampled_from(INSTRUMENTS), sides), max_size=5), max_size=5)


@given(flushes)
@settings(deadline=None)
def test_of_each_the_last_whole_one_is_found(
    flushes: list[list[tuple[Instrument, tuple[Price | None, Price | None]]]],
) -> None:
    newest, last_whole = Newest(), {}
    for number, flush in enumerate(flushes):
        records = [
            Record(instrument, number, 0, bid, ask, flags=side_flags(bid, ask))
            for instrument, (bid, ask) in flush
        ]
        newest.take(records, [record.instrument.id for record in records])
        last_whole |= {record.instrument.id: record for record in records if record.bid and record.ask}
    found = newest.quotes(INSTRUMENTS)
    assert [id(record) for record in found] == [
        id(last_whole[each.id]) for each in INSTRUMENTS if each.id in last_whole
    ]
    assert newest.quotes(INSTRUMENTS[:1]) == [each for each in found if each.instrument.id == 1]
