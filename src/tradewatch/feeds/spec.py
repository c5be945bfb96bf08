"""What a feed specification says: `simulated?symbols=1000&rate=50000`, `replay:day.csv.gz?speed=10`.

A specification is `KIND[:PATH][?OPTION=VALUE&...]`. The first `?` ends the path; paths and values may be
percent-encoded, so that any character can stand in them. Nothing is opened here.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from typing import Any, ClassVar
from urllib.parse import unquote

import msgspec

from tradewatch.errors import FeedSpecError, InvalidInstrumentError, InvalidPriceError
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import canonical_symbol
from tradewatch.model.price import Price

#: The most instruments that one simulated feed quotes; the number behind a prefix has five digits.
MAX_SYMBOLS = 100_000
MAX_SEED = 2**63 - 1
#: Quotes per second in total, and how many times faster than it was recorded a replay may run.
RATE_RANGE = (Fraction(1, 1_000), Fraction(10_000_000))
SPEED_RANGE = (Fraction(1, 1_000), Fraction(1_000_000))

PREFIX_DIGITS = 5

#: In the place of a specification: there is no feed, only what is published.
NO_FEED = "none"

_SHOWN_CHARS = 200


class SimulatedSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Invented quotes.

    Attributes:
        text: the specification as it was written; the feed's name.
        symbols: how many instruments.
        rate: quotes per second, all instruments together.
        seed: the same seed gives the same prices.
        asset_class: the only class to take instruments from; None for all of them.
        prefix: names instruments of the feed's own (`SYM` makes SYM00000, SYM00001, ...); empty for those of
            the catalogue.
    """

    kind: ClassVar[str] = "simulated"

    text: str
    symbols: int = 100
    rate: Fraction = Fraction(200)
    seed: int = 0
    asset_class: AssetClass | None = None
    prefix: str = ""


class ReplaySpec(msgspec.Struct, frozen=True, kw_only=True):
    """Recorded quotes.

    Attributes:
        text: the specification as it was written; the feed's name.
        paths: files, folders and glob patterns, in the order they were named.
        asset_class: the class of all rows; None where files say it themselves.
        speed: how many times faster than recorded; None for as fast as they can be read.
        loop: whether to begin again at the end.
        shifted_to_now: whether rows take the time at which they are replayed, instead of their own.
    """

    kind: ClassVar[str] = "replay"

    text: str
    paths: tuple[str, ...]
    asset_class: AssetClass | None = None
    speed: Fraction | None = Fraction(1)
    loop: bool = False
    shifted_to_now: bool = False


FeedSpec = SimulatedSpec | ReplaySpec


class _UnfitValueError(Exception):
    """What is wrong with one value; the parser adds where it stood."""


def spec_error(text: str, what: str) -> FeedSpecError:
    """The error of a specification: names it, and what is wrong with it."""
    return FeedSpecError(f"feed {text[:_SHOWN_CHARS]!r}: {what}")


def parse_feed_spec(text: str) -> FeedSpec:
    """Understand a feed specification.

    Raises:
        FeedSpecError: an unknown kind or option, an option twice, a value that does not fit; the message
            names the specification and the part at fault.
    """
    head, _, query = text.partition("?")
    kind, colon, path = head.partition(":")
    fault = partial(spec_error, text)
    if kind not in _OPTIONS:
        raise fault(f"no such feed; there are: {', '.join(sorted([*_OPTIONS, NO_FEED]))}")
    options = _options(query, _OPTIONS[kind], fault)
    if kind == SimulatedSpec.kind:
        if colon:
            raise fault("simulated takes no path; options follow a '?'")
        return SimulatedSpec(text=text, **options)
    try:
        paths = tuple(_decoded(part) for part in path.split(","))
    except _UnfitValueError as error:
        raise fault(f"path: {error}") from None
    if not all(paths):
        raise fault("a path is missing: replay:PATH, several separated by commas")
    return ReplaySpec(text=text, paths=paths, **options)


def _options(query: str, known: "_Options", fault: Callable[[str], FeedSpecError]) -> dict[str, Any]:
    """The fields that a query sets, read."""
    fields: dict[str, Any] = {}
    for part in query.split("&") if query else ():
        name, _, encoded = part.partition("=")
        if name not in known:
            raise fault(f"no such option: {name[:40]!r}; there are: {', '.join(known)}")
        field, read = known[name]
        if field in fields:
            raise fault(f"{name} stands there twice")
        try:
            fields[field] = read(_decoded(encoded))
        except _UnfitValueError as error:
            raise fault(f"{name}: {error}") from None
    return fields


def _decoded(encoded: str) -> str:
    """A path or value without its percent-encoding."""
    try:
        text = unquote(encoded, errors="strict")
        text.encode()
    except UnicodeError:
        raise _UnfitValueError(f"not UTF-8: {encoded[:40]!r}") from None
    if "\0" in text:
        raise _UnfitValueError(f"a zero byte in {text[:40]!r}")
    return text


def _integer(lowest: int, highest: int) -> Callable[[str], int]:
    """Reads a whole number between two."""

    def read(text: str) -> int:
        digits_only = text.isascii() and text.isdigit() and len(text) <= len(str(highest))
        if not digits_only or not lowest <= int(text) <= highest:
            raise _UnfitValueError(f"not a whole number from {lowest:,} to {highest:,}: {text[:40]!r}")
        return int(text)

    return read


def _number(lowest: Fraction, highest: Fraction) -> Callable[[str], Fraction]:
    """Reads a decimal number between two, exactly."""

    def read(text: str) -> Fraction:
        try:
            mantissa, exponent = Price.parse(text)
        except InvalidPriceError as error:
            raise _UnfitValueError(str(error)) from None
        number = Fraction(mantissa, 10**-exponent)
        if not lowest <= number <= highest:
            raise _UnfitValueError(f"not between {float(lowest):g} and {float(highest):,.0f}: {text!r}")
        return number

    return read


def _choice(values: Mapping[str, Any]) -> Callable[[str], Any]:
    """Reads one of a few words."""

    def read(text: str) -> Any:
        if text not in values:
            raise _UnfitValueError(f"not one of {', '.join(values)}: {text[:40]!r}")
        return values[text]

    return read


def _speed(text: str) -> Fraction | None:
    """Reads a replay's speed: a number, or `max`."""
    if text == "max":
        return None
    try:
        return _number(*SPEED_RANGE)(text)
    except _UnfitValueError as error:
        raise _UnfitValueError(f"{error} (or: max)") from None


def _prefix(text: str) -> str:
    """Reads the beginning of symbols."""
    if not text:
        raise _UnfitValueError("empty")
    try:
        return canonical_symbol(text + "0" * PREFIX_DIGITS)[:-PREFIX_DIGITS]
    except InvalidInstrumentError:
        raise _UnfitValueError(f"{text[:40]!r} with {PREFIX_DIGITS} digits behind it is no symbol") from None


def _no_sessions(text: str) -> bool:
    """Refuses trading hours, in words of its own."""
    raise _UnfitValueError(f"{text[:40]!r} is not there yet: simulated instruments trade at all hours")


_Options = Mapping[str, tuple[str, Callable[[str], Any]]]

_read_class = _choice({asset_class.value: asset_class for asset_class in AssetClass})

#: Per kind: each option, the field it sets and what reads its value.
_OPTIONS: Mapping[str, _Options] = {
    SimulatedSpec.kind: {
        "symbols": ("symbols", _integer(1, MAX_SYMBOLS)),
        "rate": ("rate", _number(*RATE_RANGE)),
        "seed": ("seed", _integer(0, MAX_SEED)),
        "class": ("asset_class", _read_class),
        "prefix": ("prefix", _prefix),
        "sessions": ("sessions", _no_sessions),
    },
    ReplaySpec.kind: {
        "class": ("asset_class", _read_class),
        "speed": ("speed", _speed),
        "loop": ("loop", _choice({"true": True, "false": False})),
        "time": ("shifted_to_now", _choice({"original": False, "now": True})),
    },
}
