"""Quotes of every kind that a record can hold, for property tests."""

from hypothesis import strategies as st

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import SYMBOL_PATTERN, Instrument
from tradewatch.model.price import MAX_DECIMALS, MAX_MANTISSA, Price
from tradewatch.model.record import MAX_EVENT_NS, Record

#: Names that need escaping, and some that do not; number 9 is one that nobody knows.
SOURCES = {1: "kraken", 2: 'a "quoted" \\ name', 3: "Börse €", 4: "x" * 64}

instruments = st.builds(
    Instrument,
    id=st.integers(1, 5),
    asset_class=st.sampled_from(AssetClass),
    symbol=st.from_regex(SYMBOL_PATTERN, fullmatch=True),
    decimals=st.just(2),
)
#: As most prices are, and as they may be.
prices = st.one_of(
    st.builds(Price.of, st.integers(1, 10**8), st.integers(-8, 0)),
    st.builds(Price.of, st.integers(-MAX_MANTISSA, MAX_MANTISSA), st.integers(-MAX_DECIMALS, 0)),
)
times_ns = st.one_of(st.integers(1_700_000_000 * 10**9, 1_800_000_000 * 10**9), st.integers(0, MAX_EVENT_NS))
quotes = st.builds(
    Record,
    instrument=instruments,
    event_ns=times_ns,
    received_ns=times_ns,
    bid=st.one_of(prices, st.none()),
    ask=st.one_of(prices, st.none()),
    seq=st.one_of(st.integers(1, 300), st.integers(1, 2**63 - 1)),
    source=st.sampled_from([0, *SOURCES, 9]),
    flags=st.one_of(st.just(0), st.integers(0, 255)),
    bid_size=st.one_of(st.none(), prices),
    ask_size=st.one_of(st.none(), prices),
)
