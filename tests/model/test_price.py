"""Text to price to text keeps the value, for every decimal that a source may send."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.errors import InvalidPriceError
from tradewatch.model.price import MAX_DECIMALS, MAX_MANTISSA, Price, mid, nearest, rounded

digits = st.integers(0, MAX_MANTISSA)
places = st.integers(0, MAX_DECIMALS)


@st.composite
def decimal_texts(draw: st.DrawFn) -> str:
    """Decimals as sources write them: signs, leading and trailing zeros, bare points, exponents."""
    mantissa, decimals = draw(st.integers(0, 10**17)), draw(st.integers(0, 17))
    whole = str(mantissa)
    if decimals:
        whole = whole.rjust(decimals + draw(st.integers(0, 1)), "0")
        whole = f"{whole[:-decimals]}.{whole[-decimals:]}"
        whole += "0" * draw(st.integers(0, 8))
    elif draw(st.booleans()):
        whole += "."
    sign = draw(st.sampled_from(["", "-", "+"]))
    power = draw(st.sampled_from(["", "e0", "E-3", "e+1", "e-07"]))
    return sign + whole + power


@given(decimal_texts())
@settings(max_examples=1_000, deadline=None)
def test_text_to_price_to_text_keeps_the_value(text: str) -> None:
    price = Price.parse(text)
    assert Decimal(price.text) == Decimal(text)
    assert Price.parse(price.text) == price


@given(digits, places, st.booleans())
@settings(max_examples=1_000, deadline=None)
def test_any_price_a_record_can_hold_survives_its_own_text(
    mantissa: int, decimals: int, negative: bool
) -> None:
    price = Price.of(-mantissa if negative else mantissa, -decimals)
    assert Price.parse(price.text) == price
    assert Decimal(price.text) == Decimal(-mantissa if negative else mantissa).scaleb(-decimals)


@given(decimal_texts())
@settings(max_examples=500, deadline=None)
def test_the_text_has_no_trailing_zero_and_no_exponent(text: str) -> None:
    shown = Price.parse(text).text
    assert "e" not in shown.lower()
    assert "." not in shown or shown[-1] not in "0."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("61837.63000000", "61837.63"),
        ("61837.63", "61837.63"),
        ("1290.875", "1290.875"),
        ("167.2700", "167.27"),
        ("5528.00", "5528"),
        ("1200", "1200"),
        ("0.00001", "0.00001"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-37.63", "-37.63"),
        ("-0.00", "0"),
        ("1e-7", "0.0000001"),
        ("1.5E3", "1500"),
        ("0009.10", "9.1"),
        ("9223372036854775807", "9223372036854775807"),
    ],
)
def test_prices_are_written_plainly(text: str, shown: str) -> None:
    assert Price.parse(text).text == shown


@pytest.mark.parametrize(
    "text",
    ["", ".", "-", "NaN", "nan", "inf", "-Infinity", "1,5", "1 5", " 1", "1\n", "0x10", "1e", "e5", "١٢",
     "--1", "1_0", "9223372036854775808", "1e40", "1e-37", "0." + "0" * 36 + "1", "1" * 65, "1e9999"],
)  # fmt: skip
def test_what_is_no_price_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidPriceError):
        Price.parse(text)


@given(st.text(max_size=80))
@settings(max_examples=500, deadline=None)
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        price = Price.parse(text)
    except InvalidPriceError:
        return
    assert Decimal(price.text) == Decimal(text)


@given(decimal_texts(), decimal_texts(), st.sampled_from([5, 8]))
@settings(max_examples=1_000, deadline=None)
def test_mid_is_the_mean_rounded_half_even(bid_text: str, ask_text: str, decimals: int) -> None:
    bid, ask = Price.parse(bid_text), Price.parse(ask_text)
    with localcontext() as exact:
        exact.prec = 100
        mean = (Decimal(bid_text) + Decimal(ask_text)) / 2
        quantum = Decimal(1).scaleb(-max(decimals, bid.decimals, ask.decimals))
        expected = mean.quantize(quantum, rounding=ROUND_HALF_EVEN)
        assert Decimal(mid(bid, ask, decimals=decimals).text) == expected


@pytest.mark.parametrize(
    ("bid", "ask", "decimals", "expected"),
    [
        ("1.34543", "1.34556", 5, "1.3455"),  # the reference's own example
        ("1.17164", "1.17174", 5, "1.17169"),
        ("1.17165", "1.17174", 5, "1.1717"),  # 1.171695: the tie goes to the even digit
        ("1.17163", "1.17174", 5, "1.17168"),  # 1.171685: likewise, downwards
        ("61837.63", "61837.64", 8, "61837.635"),
        ("0.000000001", "0.000000002", 8, "0.000000002"),  # the sides have nine digits, so the mid may
        ("-37.63", "-37.62", 5, "-37.625"),
        ("-0.000015", "-0.00001", 5, "-0.000012"),  # six digits: -0.0000125 is a tie
    ],
)
def test_mid_of_known_quotes(bid: str, ask: str, decimals: int, expected: str) -> None:
    assert mid(Price.parse(bid), Price.parse(ask), decimals=decimals).text == expected


@given(st.integers(-MAX_MANTISSA, MAX_MANTISSA), places, st.integers(0, MAX_DECIMALS))
@settings(max_examples=1_000, deadline=None)
def test_rounding_is_half_to_even(mantissa: int, decimals: int, wanted: int) -> None:
    price = Price.of(mantissa, -decimals)
    with localcontext(prec=100):
        exact = Decimal(price.text).quantize(Decimal(1).scaleb(-wanted), ROUND_HALF_EVEN)
        assert Decimal(rounded(price, wanted).text) == exact
    assert rounded(price, wanted) == Price.parse(rounded(price, wanted).text), "in its shortest form"
    assert nearest(price.fraction, wanted) == rounded(price, wanted)


@pytest.mark.parametrize(
    ("text", "decimals", "result"),
    [
        ("0.5", 0, "0"),
        ("1.5", 0, "2"),
        ("-0.5", 0, "0"),
        ("-1.5", 0, "-2"),
        ("-2.5", 0, "-2"),
        ("1.17165", 4, "1.1716"),
        ("1.171650001", 4, "1.1717"),
        ("1.99996", 4, "2"),
        ("1.5", 8, "1.5"),
    ],
)
def test_rounding_by_hand(text: str, decimals: int, result: str) -> None:
    assert rounded(Price.parse(text), decimals).text == result


@given(st.fractions(), places)
@settings(deadline=None)
def test_the_nearest_decimal_is_within_half_a_unit(value: Fraction, decimals: int) -> None:
    found = nearest(value, decimals)
    assert abs(found.fraction - value) * 2 * 10**decimals <= 1
    assert found.decimals <= decimals
