from collections import Counter
from contextlib import aclosing
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewatch.errors import FeedSpecError
from tradewatch.feeds.simulated import SimulatedSource, _prices
from tradewatch.feeds.source import MAX_BATCH
from tradewatch.feeds.spec import SimulatedSpec, parse_feed_spec
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.price import Price
from tradewatch.model.record import Flags, Record
from tradewatch.reference.builtin import builtin_listings, reference_price
from tradewatch.reference.catalogue import Catalogue
from tradewatch.reference.listing import Listings


@pytest.fixture
def builtin() -> Catalogue:
    catalogue = Catalogue(limit=10_000, listings=Listings(builtin_listings()))
    catalogue.add_listed()
    return catalogue


def _source(text: str, timeline, catalogue: Catalogue) -> SimulatedSource:
    spec = parse_feed_spec(text)
    assert isinstance(spec, SimulatedSpec)
    return SimulatedSource(spec, catalogue, timeline.clock, timeline.sleep)


async def _records(source: SimulatedSource, count: int) -> list[Record]:
    records: list[Record] = []
    async with aclosing(source.batches()) as batches:
        async for batch in batches:
            assert 1 <= len(batch) <= MAX_BATCH
            records += batch
            if len(records) >= count:
                return records[:count]
    pytest.fail("the simulator has ended")


async def test_the_same_seed_gives_the_same_quotes_at_any_rate(timeline, builtin) -> None:
    slow = await _records(_source("simulated?rate=100&seed=7", timeline, builtin), 3_000)
    fast = await _records(_source("simulated?rate=70000.5&seed=7", timeline, builtin), 3_000)
    other = await _records(_source("simulated?seed=8", timeline, builtin), 3_000)
    assert _quotes(slow) == _quotes(fast)
    assert _quotes(slow) != _quotes(other)


def _quotes(records: list[Record]) -> list[tuple[str, Price | None, Price | None]]:
    return [(record.instrument.key, record.bid, record.ask) for record in records]


@pytest.mark.parametrize("rate", ["0.5", "200", "333.3", "50000", "1000000"])
async def test_the_nth_quote_is_due_at_n_over_the_rate(timeline, builtin, rate: str) -> None:
    start_ns = timeline.clock.now_ns()
    source = _source(f"simulated?rate={rate}", timeline, builtin)
    for number, record in enumerate(await _records(source, 5_000), 1):
        event_ns = record.event_ns - start_ns
        assert event_ns == int(number * 10**9 * 10 // (float(rate) * 10))
        late_ns = record.received_ns + 999 - record.event_ns
        assert 0 <= late_ns <= 5_001_000  # batches are at most 5 ms apart
    assert source.state.behind_s <= 0.005
    assert min(timeline.waits) >= 0.005 if float(rate) <= 200_000 else True


async def test_a_rate_that_cannot_be_kept_falls_behind_and_says_so(
    timeline, builtin, caplog: pytest.LogCaptureFixture
) -> None:
    source = _source("simulated?rate=1000000", timeline, builtin)
    given = 0
    async with aclosing(source.batches()) as batches:
        async for batch in batches:
            timeline.clock.advance(0.1)  # making it takes a hundred times longer than it may
            given += len(batch)
            if given > 50_000:
                break
    assert source.state.behind_s > 4
    assert any("behind its schedule" in message for message in caplog.messages)
    assert 0 in timeline.slept  # and still lets the loop turn


async def test_quotes_look_like_a_market_and_say_that_they_are_none(timeline, builtin) -> None:
    source = _source("simulated", timeline, builtin)
    assert source.simulated
    records = await _records(source, 20_000)
    assert len({record.instrument.id for record in records}) == 100
    for record in records:
        base = reference_price(record.instrument)
        assert base is not None
        assert record.bid is not None
        assert record.ask is not None
        assert record.flags == Flags.SIMULATED
        low, high = float(record.bid.text), float(record.ask.text)
        assert 0 < low < high < low * 1.01
        assert low == pytest.approx(float(base.text), rel=0.06)
        assert record.bid.decimals <= record.instrument.decimals
        assert (record.seq, record.source, record.received_ns % 1000) == (0, 0, 0)


async def test_every_instrument_is_heard_within_seconds_and_majors_more_often(timeline, builtin) -> None:
    records = await _records(_source("simulated", timeline, builtin), 10_000)
    times: dict[str, list[int]] = {}
    for record in records:
        times.setdefault(record.instrument.symbol, []).append(record.event_ns)
    assert max(b - a for each in times.values() for a, b in pairwise(each)) <= 4e9
    counts = {symbol: len(each) for symbol, each in times.items()}
    assert counts["EURUSD"] > counts["GBPUSD"] > min(counts.values())


def test_instruments_are_spread_over_the_classes_in_the_catalogues_order(timeline) -> None:
    catalogue = Catalogue(limit=100)
    for asset_class, names in {"stocks": "ABCD", "currencies": "EFGH", "indices": "I"}.items():
        for name in names:
            catalogue.add(AssetClass(asset_class), name, decimals=2)
    source = _source("simulated?symbols=8", timeline, catalogue)
    assert [each.symbol for each in source.instruments()] == ["E", "A", "I", "F", "B", "G", "C", "H"]
    source = _source("simulated?symbols=3&class=stocks", timeline, catalogue)
    assert [each.symbol for each in source.instruments()] == ["A", "B", "C"]
    with pytest.raises(FeedSpecError, match="symbols: 10 are wanted and there are 9 in the catalogue"):
        _source("simulated?symbols=10", timeline, catalogue)
    with pytest.raises(FeedSpecError, match="symbols: 100 are wanted and there are 1 in indices"):
        _source("simulated?class=indices", timeline, catalogue)


async def test_a_prefix_makes_instruments_of_its_own(timeline) -> None:
    catalogue = Catalogue(limit=20)
    source = _source("simulated?symbols=7&prefix=sym", timeline, catalogue)
    classes = [*AssetClass, AssetClass.CURRENCIES, AssetClass.CRYPTO]
    expected = [f"{name.value}:SYM{number:05d}" for number, name in enumerate(classes)]
    assert [each.key for each in source.instruments()] == expected
    assert {each.instrument.key for each in await _records(source, 100)} == set(expected)
    source = _source("simulated?symbols=3&prefix=C&class=crypto", timeline, catalogue)
    assert [each.key for each in source.instruments()] == [f"crypto:C0000{number}" for number in range(3)]
    with pytest.raises(FeedSpecError, match="one more than the 20 instruments"):
        _source("simulated?symbols=11&prefix=D", timeline, catalogue)


async def test_it_gives_way_and_the_others_keep_their_quotes(timeline, builtin) -> None:
    before = await _records(_source("simulated?symbols=3", timeline, builtin), 2_000)
    source = _source("simulated?symbols=3", timeline, builtin)
    first, *rest = source.instruments()
    source.yield_instrument(first)
    source.yield_instrument(first)
    stranger = builtin.get(AssetClass.STOCKS, "MSFT")
    assert stranger is not None
    source.yield_instrument(stranger)
    assert source.yielded == 1
    assert list(source.instruments()) == rest
    kept = [record for record in before if record.instrument.id != first.id]
    assert _quotes(await _records(source, len(kept))) == _quotes(kept)


async def test_begun_again_it_goes_on_with_its_walk(timeline, builtin) -> None:
    source = _source("simulated?rate=1000", timeline, builtin)
    whole = await _records(_source("simulated?rate=1000", timeline, builtin), 10)
    parts = []
    async with aclosing(source.batches()) as batches:
        async for batch in batches:
            parts += batch
            break
    parts += await _records(source, 10 - len(parts))
    assert _quotes(parts) == _quotes(whole)


async def test_the_classes_share_the_quotes(timeline, builtin) -> None:
    records = await _records(_source("simulated", timeline, builtin), 3_000)
    assert set(Counter(record.instrument.asset_class for record in records)) == set(AssetClass)


@given(st.lists(st.tuples(st.integers(1, 2**62), st.integers(-36, 0)), min_size=1))
def test_prices_made_together_are_those_made_one_by_one(numbers: list[tuple[int, int]]) -> None:
    mantissas, exponents = np.array(numbers, dtype=np.int64).T
    assert list(_prices(mantissas, exponents)) == [Price.of(*number) for number in numbers]
