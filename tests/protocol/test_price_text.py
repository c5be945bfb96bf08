"""The fast way to a quote's texts is the model's own."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.records import prices
from tradewatch.model.price import Price, mid
from tradewatch.protocol.price_text import price_texts


@settings(deadline=None, max_examples=2_000)
@given(prices, prices, st.sampled_from([5, 8]))
def test_the_texts_are_those_of_the_prices_and_their_mean(bid: Price, ask: Price, decimals: int) -> None:
    expected = bid.text, ask.text, mid(bid, ask, decimals=decimals).text
    assert price_texts(bid, ask, mid_decimals=decimals) == expected


def test_the_texts_of_some_quotes() -> None:
    def texts(bid: str, ask: str, mid_decimals: int = 5) -> tuple[str, str, str]:
        return price_texts(Price.parse(bid), Price.parse(ask), mid_decimals=mid_decimals)

    assert texts("61837.63", "61837.64", 8) == ("61837.63", "61837.64", "61837.635")
    assert texts("1.17164", "1.17174") == ("1.17164", "1.17174", "1.17169")
    assert texts("1.17164", "1.17175") == ("1.17164", "1.17175", "1.1717")
    assert texts("61837.6", "61837.64") == ("61837.6", "61837.64", "61837.62")
    assert texts("99.5", "100.5") == ("99.5", "100.5", "100")
    assert texts("-37.63", "-37.5") == ("-37.63", "-37.5", "-37.565")
    assert texts("-1", "1") == ("-1", "1", "0")
    assert texts("0.0000012", "0.0000013", 8) == ("0.0000012", "0.0000013", "0.00000125")
