"""A made day is the same at each run, and as a tape would have it."""

import numpy as np

from bench import day
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.price import Price
from tradewatch.tape import layout

QUOTES = 20_000
SYMBOLS = 10


def made() -> np.ndarray:
    return np.concatenate(list(day.chunks(QUOTES, symbols=SYMBOLS)))


def test_it_is_the_same_at_each_run_and_in_a_process_of_its_own() -> None:
    with day.batches(QUOTES, symbols=SYMBOLS) as batches:
        taken = list(batches)
    assert [len(batch) // layout.SLOT_BYTES for batch in taken] == [
        day.BATCH_RECORDS,
        QUOTES - day.BATCH_RECORDS,
    ]
    assert b"".join(taken) == made().tobytes() == made().tobytes()


def test_each_symbol_is_numbered_without_a_gap_in_the_order_of_arrival() -> None:
    slots = made()
    assert np.all(np.diff(slots["received_ns"]) >= 0)
    for instrument in day.instruments(SYMBOLS):
        own = slots[slots["instrument"] == instrument.id]
        assert own["seq"].tolist() == list(range(1, len(own) + 1))
        assert abs(len(own) - QUOTES / SYMBOLS) < 300


def test_quotes_happen_within_the_day_in_whole_milliseconds_and_arrive_some_later() -> None:
    slots = made()
    assert not np.any(slots["event_ns"] % 1_000_000)
    assert not np.any(slots["received_ns"] % 1_000)
    assert slots["event_ns"].min() >= day.START_S * 10**9
    assert slots["event_ns"].max() < day.END_S * 10**9
    lag_ms = (slots["received_ns"] - slots["event_ns"]) / 1e6
    assert 1 <= lag_ms.min() <= lag_ms.max() < 25
    assert len(np.unique(slots["received_ns"] // 1_000 % 1_000)) > 900


def test_prices_are_those_of_records_and_repeat_as_their_class_does() -> None:
    slots = made()
    members = {instrument.id: instrument for instrument in day.instruments(SYMBOLS)}
    for slot in slots[:2_000]:
        record = layout.unpack_record(slot.tobytes(), members[int(slot["instrument"])])
        assert record.bid
        assert record.ask
        assert record.bid == Price.of(*record.bid)
        assert record.bid.units(-day.DECIMALS) < record.ask.units(-day.DECIMALS)
        assert record.bid_size is record.ask_size is None
    expected = {
        AssetClass.CURRENCIES: 0.03,
        AssetClass.CRYPTO: 0.91,
        AssetClass.STOCKS: 0.75,
        AssetClass.INDICES: 0.52,
        AssetClass.COMMODITIES: 0.03,
    }
    for instrument in members.values():
        own = slots[slots["instrument"] == instrument.id]
        bid, ask = day.points(own, "bid"), day.points(own, "ask")
        repeated = np.mean((np.diff(bid) == 0) & (np.diff(ask) == 0))
        assert abs(repeated - expected[instrument.asset_class]) < 0.05, instrument


def test_a_symbol_s_price_walks_on_from_chunk_to_chunk() -> None:
    quotes = 2 * 50 * day.BATCH_RECORDS
    first, second = day.chunks(quotes, symbols=2)
    for number in (1, 2):
        before, after = (chunk[chunk["instrument"] == number] for chunk in (first, second))
        assert after["seq"][0] == before["seq"][-1] + 1
        assert abs(int(day.points(after, "bid")[0] - day.points(before, "bid")[-1])) < 40
