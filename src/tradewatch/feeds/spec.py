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

from tradewatch.errors import FeedSpecError
from tradewatch.feeds.option import (
    ASSET_CLASS,
    PREFIX,
    PREFIX_DIGITS,
    SESSIONS,
    Option,
    UnfitValueError,
    choice,
    integer,
    number,
)
from tradewatch.model.asset_class import AssetClass

#: The most instruments that one simulated feed quotes.
MAX_SYMBOLS = 10**PREFIX_DIGITS
MAX_SEED = 2**63 - 1
#: Quotes per second in total, and how many times faster than it was recorded a replay may run.
RATE_RANGE = (Fraction(1, 1_000), Fraction(10_000_000))
SPEED_RANGE = (Fraction(1, 1_000), Fraction(1_000_000))

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


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of feed, as a person is told of it, and as the parser reads it.

    Attributes:
        form: how its specification is written.
        meaning: where its quotes come from.
        example: a specification.
        options: its options by name, in the order they are shown.
    """

    form: str
    meaning: str
    example: str
    options: Mapping[str, Option] = {}


#: The kinds of feeds there are, by name.
KINDS: Mapping[str, Kind] = {
    SimulatedSpec.kind: Kind(
        form="simulated[?OPTION=VALUE&...]",
        meaning="Invented quotes that move like a market's, at an exact rate.",
        example="simulated?symbols=1000&rate=50000&seed=7",
        options={
            "symbols": Option(
                "symbols", integer(1, MAX_SYMBOLS), "100", "how many instruments, the classes in turn"
            ),
            "rate": Option("rate", number(*RATE_RANGE), "200", "quotes per second, all instruments together"),
            "seed": Option("seed", integer(0, MAX_SEED), "0", "the same seed gives the same prices"),
            "class": Option("asset_class", ASSET_CLASS, "", "the only class to take instruments from"),
            "prefix": Option(
                "prefix", PREFIX, "", "instruments of the feed's own: SYM makes SYM00000, SYM00001, ..."
            ),
            "sessions": Option("sessions", SESSIONS, "", "trading hours; so far all hours are"),
        },
    ),
    ReplaySpec.kind: Kind(
        form="replay:PATH[,PATH...][?OPTION=VALUE&...]",
        meaning="Recorded quotes from files (CSV, also gzip, or Parquet), folders or patterns.",
        example="replay:day.csv.gz?class=currencies&speed=10&loop=true&time=now",
        options={
            "class": Option(
                "asset_class", ASSET_CLASS, "", "the class of all rows, where the files do not say it"
            ),
            "speed": Option(
                "speed",
                number(*SPEED_RANGE, words={"max": None}),
                "1",
                "how many times faster than recorded; max is as fast as can be read",
            ),
            "loop": Option(
                "loop", choice({"true": True, "false": False}), "false", "whether to begin again at the end"
            ),
            "time": Option(
                "shifted_to_now",
                choice({"original": False, "now": True}),
                "original",
                "whose time quotes carry: the rows' own, or that of the replay",
            ),
        },
    ),
    NO_FEED: Kind(form=NO_FEED, meaning="No feed: only what is published.", example=NO_FEED),
}


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
    if kind not in KINDS or kind == NO_FEED:
        raise fault(f"no such feed; there are: {', '.join(sorted(KINDS))}")
    options = _options(query, KINDS[kind].options, fault)
    if kind == SimulatedSpec.kind:
        if colon:
            raise fault("simulated takes no path; options follow a '?'")
        return SimulatedSpec(text=text, **options)
    try:
        paths = tuple(_decoded(part) for part in path.split(","))
    except UnfitValueError as error:
        raise fault(f"path: {error}") from None
    if not all(paths):
        raise fault("a path is missing: replay:PATH, several separated by commas")
    return ReplaySpec(text=text, paths=paths, **options)


def _options(
    query: str, known: Mapping[str, Option], fault: Callable[[str], FeedSpecError]
) -> dict[str, Any]:
    """The fields that a query sets, read."""
    fields: dict[str, Any] = {}
    for part in query.split("&") if query else ():
        name, _, encoded = part.partition("=")
        if name not in known:
            raise fault(f"no such option: {name[:40]!r}; there are: {', '.join(known)}")
        option = known[name]
        if option.field in fields:
            raise fault(f"{name} stands there twice")
        try:
            fields[option.field] = option.value.read(_decoded(encoded))
        except UnfitValueError as error:
            raise fault(f"{name}: {error}") from None
    return fields


def _decoded(encoded: str) -> str:
    """A path or value without its percent-encoding."""
    try:
        text = unquote(encoded, errors="strict")
        text.encode()
    except UnicodeError:
        raise UnfitValueError(f"not UTF-8: {encoded[:40]!r}") from None
    if "\0" in text:
        raise UnfitValueError(f"a zero byte in {text[:40]!r}")
    return text
