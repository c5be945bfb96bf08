"""Prices as the text that every dialect shows."""

from tradewatch.model.price import Price, mid

_UNITS = [10**decimals for decimals in range(40)]


def price_texts(bid: Price, ask: Price, *, mid_decimals: int) -> tuple[str, str, str]:
    """The texts of bid, ask and mid.

    The same as `bid.text`, `ask.text` and `mid(bid, ask).text`, in a third of the time for prices as most
    are: positive, with as many decimals on both sides. It is the largest part of what encoding a quote costs.

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
    middle, middle_exponent = total >> 1, exponent
    if total & 1:
        if -exponent < mid_decimals:  # half a unit of the last digit still fits: nothing to round
            middle, middle_exponent = total * 5, exponent - 1
        else:
            middle += middle & 1
    if middle % 10 == 0 or bid_mantissa <= 0 or ask_mantissa <= 0:
        return bid.text, ask.text, mid(bid, ask, decimals=mid_decimals).text
    if bid[1] == ask_exponent < 0 and bid_mantissa >= _UNITS[-exponent] <= ask_mantissa:
        bid_digits, ask_digits, digits = str(bid_mantissa), str(ask_mantissa), str(middle)
        return (
            f"{bid_digits[:exponent]}.{bid_digits[exponent:]}",
            f"{ask_digits[:exponent]}.{ask_digits[exponent:]}",
            f"{digits[:middle_exponent]}.{digits[middle_exponent:]}",
        )
    return plain_text(*bid), plain_text(*ask), plain_text(middle, middle_exponent)


def plain_text(mantissa: int, exponent: int) -> str:
    """The same as `Price(mantissa, exponent).text`; see `price_texts`."""
    if exponent == 0 or mantissa < _UNITS[-exponent]:
        return Price(mantissa, exponent).text
    digits = str(mantissa)
    return f"{digits[:exponent]}.{digits[exponent:]}"
