"""Exact decimal prices: an integer mantissa with its own exponent, and no float anywhere."""

import re
from fractions import Fraction
from typing import NamedTuple

from tradewatch.errors import InvalidPriceError

#: More decimals than any venue quotes; a record keeps the exponent in one byte.
MAX_DECIMALS = 36
#: A record keeps the mantissa in 64 bits, signed.
MAX_MANTISSA = 2**63 - 1
#: Longer texts are refused unread, so that no input can make the parser work.
MAX_TEXT_CHARS = 64

_DECIMAL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?", re.ASCII)
_POWERS_OF_TEN: list[int] = [10**n for n in range(MAX_DECIMALS + 1)]


class Price(NamedTuple):
    """A decimal number: `mantissa` × 10 ** `exponent`; sizes are written so too.

    Always in its shortest form: `exponent` is between -36 and 0, and the mantissa of a price with decimals
    does not end in zero. So equal numbers are equal values, and `text` never shows a trailing zero.
    """

    mantissa: int
    exponent: int

    @classmethod
    def parse(cls, text: str) -> "Price":
        """Read a decimal as sources write it: `61837.63000000`, `.5`, `-37.63`, `1e-7`.

        Raises:
            InvalidPriceError: the text is no decimal number (`NaN` and the infinities are none), or has more
                digits than a record holds (a mantissa of 64 bits, 36 decimals).
        """
        match = _DECIMAL.fullmatch(text) if len(text) <= MAX_TEXT_CHARS else None
        if match is None:
            raise InvalidPriceError(f"not a decimal number: {text[:MAX_TEXT_CHARS]!r}")
        sign, whole, fraction, power = match.groups()
        if not whole and not fraction:
            raise InvalidPriceError(f"not a decimal number: {text!r}")
        decimals = fraction.rstrip("0") if fraction else ""
        mantissa, exponent = int(whole + decimals) if whole or decimals else 0, -len(decimals)
        if power is not None:
            mantissa, exponent = _shortest(mantissa, exponent + int(power))
        if mantissa > MAX_MANTISSA or exponent < -MAX_DECIMALS:
            raise InvalidPriceError(f"more digits than a price can hold: {text!r}")
        return cls(-mantissa if sign == "-" else mantissa, exponent)

    @classmethod
    def of(cls, mantissa: int, exponent: int) -> "Price":
        """The price of an integer from the source and the power of ten it counts in.

        Raises:
            InvalidPriceError: it has more digits than a record holds.
        """
        shortest, power = _shortest(abs(mantissa), exponent)
        if shortest > MAX_MANTISSA or power < -MAX_DECIMALS:
            raise InvalidPriceError(f"more digits than a price can hold: {mantissa}e{exponent}")
        return cls(-shortest if mantissa < 0 else shortest, power)

    @property
    def decimals(self) -> int:
        """Digits behind the point."""
        return -self.exponent

    @property
    def text(self) -> str:
        """The number in plain notation, without trailing zeros: `61837.63`, `1200`, `-0.5`."""
        mantissa, exponent = self
        if exponent == 0:
            return str(mantissa)
        if mantissa < 0:
            return "-" + Price(-mantissa, exponent).text
        digits = str(mantissa)
        point = len(digits) + exponent
        if point > 0:
            return f"{digits[:point]}.{digits[point:]}"
        return f"0.{'0' * -point}{digits}"

    @property
    def fraction(self) -> Fraction:
        """The same number, for arithmetic that no decimal can hold."""
        return Fraction(self.mantissa, 10**self.decimals)

    def units(self, exponent: int) -> int:
        """How many units of 10 ** `exponent` this is; `exponent` is not above its own."""
        return self.mantissa * _POWERS_OF_TEN[self.exponent - exponent]


def mid(bid: Price, ask: Price, *, decimals: int) -> Price:
    """The mean of both sides, rounded half to even.

    Args:
        bid: the price one can sell at.
        ask: the price one can buy at.
        decimals: the fewest decimals to round to; where bid or ask has more, theirs count.
    """
    exponent = min(bid.exponent, ask.exponent)
    total = bid.units(exponent) + ask.units(exponent)
    if -exponent < decimals:  # half a unit of the last digit still fits: nothing to round
        return Price(*_signed_shortest(total * 5, exponent - 1))
    half, odd = divmod(total, 2)
    return Price(*_signed_shortest(half + (odd & half & 1), exponent))


def rounded(price: Price, decimals: int) -> Price:
    """The price with at most so many decimals, rounded half to even."""
    surplus = price.decimals - decimals
    if surplus <= 0:
        return price
    unit = 10**surplus
    whole, rest = divmod(price.mantissa, unit)
    if 2 * rest > unit or (2 * rest == unit and whole & 1):
        whole += 1
    return Price(*_signed_shortest(whole, -decimals))


def nearest(value: Fraction, decimals: int) -> Price:
    """The number of so many decimals that is nearest to a fraction, half to even; of any size."""
    return Price(*_signed_shortest(round(value * 10**decimals), -decimals))


def _signed_shortest(mantissa: int, exponent: int) -> tuple[int, int]:
    """`_shortest` for a number with its sign."""
    if mantissa < 0:
        shortest, power = _shortest(-mantissa, exponent)
        return -shortest, power
    return _shortest(mantissa, exponent)


def _shortest(mantissa: int, exponent: int) -> tuple[int, int]:
    """The same number with no zero behind its last decimal, and no exponent above zero."""
    if mantissa == 0:
        return 0, 0
    if exponent > 0:
        return mantissa * 10**exponent, 0
    while exponent < 0 and mantissa % 10 == 0:
        mantissa //= 10
        exponent += 1
    return mantissa, exponent
