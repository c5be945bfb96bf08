"""The options of a feed specification: what each takes, in words for a person and as a reader."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from tradewatch.errors import InvalidInstrumentError, InvalidPriceError
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import canonical_symbol
from tradewatch.model.price import Price

#: The number behind a prefix has so many digits.
PREFIX_DIGITS = 5

_SHOWN_CHARS = 40


class UnfitValueError(Exception):
    """What is wrong with one value; who reads it knows where it stood."""


class Value(NamedTuple):
    """What an option takes.

    Attributes:
        takes: the same in words: `a whole number from 1 to 100,000`.
        read: makes the value of a text; raises `UnfitValueError`.
    """

    takes: str
    read: Callable[[str], Any]


class Option(NamedTuple):
    """One option.

    Attributes:
        field: what it sets.
        value: what it takes.
        default: what it is where it is not given, as one would write it; empty where nothing is set then.
        meaning: what it does, for a person.
    """

    field: str
    value: Value
    default: str
    meaning: str


def integer(lowest: int, highest: int) -> Value:
    """A whole number between two."""
    takes = f"a whole number from {lowest:,} to {highest:,}"

    def read(text: str) -> int:
        digits_only = text.isascii() and text.isdigit() and len(text) <= len(str(highest))
        if not digits_only or not lowest <= int(text) <= highest:
            raise UnfitValueError(f"not {takes}: {text[:_SHOWN_CHARS]!r}")
        return int(text)

    return Value(takes, read)


def number(lowest: Fraction, highest: Fraction, *, words: Mapping[str, Any] | None = None) -> Value:
    """A decimal number between two, read exactly; or one of a few words."""
    bounds = f"between {float(lowest):g} and {float(highest):,.0f}"
    words = words or {}

    def read(text: str) -> Any:
        if text in words:
            return words[text]
        hint = f" (or: {', '.join(words)})" if words else ""
        try:
            mantissa, exponent = Price.parse(text)
        except InvalidPriceError as error:
            raise UnfitValueError(f"{error}{hint}") from None
        value = Fraction(mantissa, 10**-exponent)
        if not lowest <= value <= highest:
            raise UnfitValueError(f"not {bounds}: {text!r}{hint}")
        return value

    return Value(" or ".join([f"a number {bounds}", *words]), read)


def choice(values: Mapping[str, Any]) -> Value:
    """One of a few words."""

    def read(text: str) -> Any:
        if text not in values:
            raise UnfitValueError(f"not one of {', '.join(values)}: {text[:_SHOWN_CHARS]!r}")
        return values[text]

    return Value(" or ".join([", ".join([*values][:-1]), [*values][-1]]), read)


def _read_prefix(text: str) -> str:
    if not text:
        raise UnfitValueError("empty")
    try:
        return canonical_symbol(text + "0" * PREFIX_DIGITS)[:-PREFIX_DIGITS]
    except InvalidInstrumentError:
        raise UnfitValueError(
            f"{text[:_SHOWN_CHARS]!r} with {PREFIX_DIGITS} digits behind it is no symbol"
        ) from None


def _read_sessions(text: str) -> bool:
    raise UnfitValueError(
        f"{text[:_SHOWN_CHARS]!r} is not there yet: simulated instruments trade at all hours"
    )


ASSET_CLASS = choice({asset_class.value: asset_class for asset_class in AssetClass})
PREFIX = Value("the beginning of a symbol", _read_prefix)
#: Trading hours are refused in words of their own.
SESSIONS = Value("nothing yet", _read_sessions)
