"""Prices as the text that every dialect shows."""

from tradewatch.model.price import Price, mid

_UNITS = [10**decimals for decimals in range(40)]


def price_texts(bid: Price, ask: Price, *, mid_decimals: int) -> tuple[str, str, str]:
    """The texts of bid, ask and mid.

    The same as `bid.text`, `ask.text` and `mid(bid, ask).text`, in half the time for prices as most are:
    positive, and not below 1 unless they are whole. It is the largest part of what a quote costs to encode.

    Args:
        bid: the price one can sell at.
        ask: the price one can buy at.
        mid_decimals: the fewest decimals to which mid is rounded.
    """
    bid_mantissa, exponent = bid
    ask_mantissa, ask_exponent = ask
    if exponent == ask_exponent:
        total = bid_mantissa + ask_mantissa
    elif exponent < ask_exponent:
        total = bid_mantissa + ask_mantissa * _UNITS[ask_exponent - exponent]
    else:
        total = bid_mantissa * _UNITS[exponent - ask_exponent] + ask_mantissa
        exponent = ask_exponent
    half = total >> 1
    if -exponent >= mid_decimals:
        middle = mid(bid, ask, decimals=mid_decimals).text
    elif total & 1:
        middle = plain_text(total * 5, exponent - 1)  # ends in 5: nothing to round, no zero to drop
    elif half % 10:
        middle = plain_text(half, exponent)
    else:
        middle = mid(bid, ask, decimals=mid_decimals).text
    return plain_text(*bid), plain_text(*ask), middle


def plain_text(mantissa: int, exponent: int) -> str:
    """The same as `Price(mantissa, exponent).text`; see `price_texts`."""
    if exponent == 0 or mantissa < _UNITS[-exponent]:
        return Price(mantissa, exponent).text
    digits = str(mantissa)
    return f"{digits[:exponent]}.{digits[exponent:]}"
