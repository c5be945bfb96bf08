import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewatch.feeds.row_parser import BadRowError, RowParser
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.price import Price
from tradewatch.model.record import Flags
from tradewatch.reference.catalogue import Catalogue


def _parser(asset_class: AssetClass | None = AssetClass.CURRENCIES) -> RowParser:
    return RowParser(Catalogue(limit=10), asset_class)


def _row(**texts: str | None) -> list[str | None]:
    columns = {"ts_ms": "1399507208715", "symbol": "EURUSD", "bid": "1.39101", "ask": "1.39114"}
    columns |= {"bid_size": "", "ask_size": None, "asset_class": ""}
    return list((columns | texts).values())


def test_a_row_becomes_a_record_value_for_value() -> None:
    record = _parser().record(_row(bid="61837.63000000", bid_size="1.50", ask_size="3"))
    assert (record.instrument.key, record.instrument.decimals) == ("currencies:EURUSD", 5)
    assert (record.bid, record.ask) == (Price(6183763, -2), Price(139114, -5))
    assert (record.bid_size, record.ask_size) == (Price(15, -1), Price(3, 0))
    assert (record.event_ns, record.received_ns) == (1399507208715_000_000, 0)
    assert (record.seq, record.source, record.kind, record.channel) == (0, 0, 0, 0)
    assert record.flags == Flags.CROSSED


@pytest.mark.parametrize(
    ("text", "event_ns"),
    [
        ("0", 0),
        ("1399507208715.25", 1399507208715_250_000),
        ("1399507208715.123456", 1399507208715_123_456),
        ("1399507208715.0", 1399507208715_000_000),
        ("1.399507208715e12", 1399507208715_000_000),
        ("0.0000019", 1),
    ],
)
def test_a_time_is_exact_to_the_nanosecond(text: str, event_ns: int) -> None:
    assert _parser().record(_row(ts_ms=text)).event_ns == event_ns


@pytest.mark.parametrize(
    ("bid", "ask", "flags"),
    [
        ("1", "2", Flags.NONE),
        ("2.0", "2", Flags.LOCKED),
        ("2.5", "2", Flags.CROSSED),
        ("", "2", Flags.ONE_SIDED),
        ("1", None, Flags.ONE_SIDED),
    ],
)
def test_the_sides_are_compared(bid: str, ask: str | None, flags: Flags) -> None:
    record = _parser().record(_row(bid=bid, ask=ask))
    assert record.flags == flags
    assert record.bid == (Price.parse(bid) if bid else None)
    assert record.ask == (Price.parse(ask) if ask else None)


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        ({"bid": "NaN"}, "bid: not a decimal number: 'NaN'"),
        ({"ask": "inf"}, "ask: not a decimal number: 'inf'"),
        ({"ask": "1,5"}, "ask: not a decimal number: '1,5'"),
        ({"bid": "1\0"}, "bid: not a decimal number: '1\\x00'"),
        ({"bid": "9" * 30}, "bid: more digits than a price can hold"),
        ({"bid": "", "ask": None}, "neither bid nor ask"),
        ({"bid": "0"}, "a price of currencies is not above zero: 0, 1.39114"),
        ({"ask": "-1"}, "a price of currencies is not above zero: 1.39101, -1"),
        ({"ts_ms": ""}, "ts_ms: not a decimal number: ''"),
        ({"ts_ms": None}, "ts_ms: not a decimal number: ''"),
        ({"ts_ms": "-1"}, "ts_ms: not between the years 1970 and 2200: '-1'"),
        ({"ts_ms": "7258118400001"}, "ts_ms: not between the years 1970 and 2200"),
        ({"ts_ms": "2014-05-08"}, "ts_ms: not a decimal number: '2014-05-08'"),
        ({"ts_ms": "1_0"}, "ts_ms: not a decimal number: '1_0'"),
        ({"symbol": ""}, "symbol: not a symbol: ''"),
        ({"symbol": None}, "symbol: not a symbol: ''"),
        ({"symbol": "EUR/USD"}, "symbol: not a symbol: 'EUR/USD'"),
        ({"symbol": "A\0"}, "symbol: not a symbol: 'A\\x00'"),
        ({"bid_size": "-1"}, "bid_size: below zero: '-1'"),
        ({"ask_size": "many"}, "ask_size: not a decimal number: 'many'"),
    ],
)
def test_what_is_no_quote_says_why_and_leaves_no_instrument(texts: dict[str, str | None], fault: str) -> None:
    catalogue = Catalogue(limit=10)
    with pytest.raises(BadRowError) as caught:
        RowParser(catalogue, AssetClass.CURRENCIES).record(_row(**texts))
    assert fault in str(caught.value)
    assert len(catalogue) == 0


def test_only_commodities_fall_below_zero() -> None:
    """Oil was quoted at -37.63 on 20 April 2020."""
    record = _parser(AssetClass.COMMODITIES).record(_row(symbol="WTI", bid="-37.63", ask="0"))
    assert (record.bid, record.ask) == (Price(-3763, -2), Price(0, 0))


def test_prices_that_are_remembered_are_still_checked_for_each_class() -> None:
    parser = _parser(None)
    below = {"symbol": "A", "bid": "-1", "ask": "1"}
    assert parser.record(_row(asset_class="commodities", **below)).instrument.key == "commodities:A"
    with pytest.raises(BadRowError, match="a price of crypto is not above zero"):
        parser.record(_row(asset_class="crypto", **below))


def test_a_class_column_says_the_class_of_each_row() -> None:
    parser = _parser(None)
    keys = [parser.record(_row(asset_class=name)).instrument.key for name in ("crypto", "stocks", "crypto")]
    assert keys == ["crypto:EURUSD", "stocks:EURUSD", "crypto:EURUSD"]
    for name in ("bonds", "", None):
        with pytest.raises(BadRowError, match="asset_class: no such class"):
            parser.record(_row(asset_class=name))


def test_a_full_catalogue_refuses_new_symbols_alone() -> None:
    parser = RowParser(Catalogue(limit=1), AssetClass.CRYPTO)
    parser.record(_row(symbol="A"))
    with pytest.raises(BadRowError, match="symbol: crypto:B is one more than the 1 instruments"):
        parser.record(_row(symbol="B"))
    assert parser.record(_row(symbol="a")).instrument.symbol == "A"


@given(st.lists(st.one_of(st.none(), st.text(), st.decimals().map(str)), min_size=7, max_size=7))
def test_no_row_does_anything_but_parse_or_be_refused(row: list[str | None]) -> None:
    try:
        record = _parser(None).record(row)
    except BadRowError:
        return
    assert record.bid or record.ask
