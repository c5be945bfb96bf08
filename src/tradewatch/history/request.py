"""What the edge asks the store process, and what it is answered first: values that travel over a socket."""

from enum import StrEnum

import msgspec

from tradewatch.model.asset_class import AssetClass


class Format(StrEnum):
    """How rows are written; the value is the media type."""

    JSON = "application/json"
    CSV = "text/csv"
    ARROW = "application/vnd.apache.arrow.stream"
    PARQUET = "application/vnd.apache.parquet"


class Sides(StrEnum):
    """Which quotes ticks are made of."""

    BOTH = "both"
    ANY = "any"


class CandlesRequest(msgspec.Struct, frozen=True, kw_only=True, tag="candles"):
    """Candles of one instrument.

    Attributes:
        asset_class: its class.
        symbol: upper case.
        resolution_s: the length of a candle, one of `RESOLUTIONS_S`.
        start_s: the first candle begins then or later; Unix seconds.
        end_s: all candles begin before.
        prices: `bid`, `ask`, `mid`: those shown.
        format: how they are written.
        known: whether the server knows the symbol; then it is no fault that nothing is recorded of it.
        received_before_us: only quotes that reached us before; Unix microseconds.
    """

    asset_class: AssetClass
    symbol: str
    resolution_s: int
    start_s: int
    end_s: int
    prices: tuple[str, ...]
    format: Format
    known: bool = False
    received_before_us: int | None = None


class TicksRequest(msgspec.Struct, frozen=True, kw_only=True, tag="ticks"):
    """Quotes of one instrument, by time or by position.

    Attributes:
        asset_class: its class.
        symbol: upper case.
        start_s: Unix seconds, inclusive; None for the first.
        end_s: Unix seconds, exclusive; None for the last.
        first: the lowest position, inclusive: `<epoch>:<seq>`. With any of these three, quotes come in the
            order of positions.
        last: the highest, inclusive.
        after: a position that all must lie behind.
        cursor: where a page begins, as an earlier one said.
        limit: the most quotes; None for all there are, which JSON cannot hold.
        sides: whether quotes with one side only are among them.
        format: how they are written.
        known: as for candles.
        received_before_us: only quotes that reached us before; Unix microseconds.
    """

    asset_class: AssetClass
    symbol: str
    start_s: int | None
    end_s: int | None
    first: str | None
    last: str | None
    after: str | None
    cursor: str | None
    limit: int | None
    sides: Sides
    format: Format
    known: bool = False
    received_before_us: int | None = None

    @property
    def by_position(self) -> bool:
        """Whether positions were named, and order the quotes."""
        return not self.first is self.last is self.after is None


class StatusRequest(msgspec.Struct, frozen=True, tag="status"):
    """How much is recorded, and what is missing."""


class InstrumentsRequest(msgspec.Struct, frozen=True, tag="instruments"):
    """All instruments of which anything is recorded, behind the first so many."""

    after: int


class ImportRequest(msgspec.Struct, frozen=True, kw_only=True, tag="import"):
    """A file to take in; it is answered with a line of JSON for each step, see `Progress`.

    Attributes:
        path: absolute; the store process reads it.
        asset_class: the class of its symbols; None where the file says it.
        skip_bad_rows: whether rows that are no quotes are left out.
    """

    path: str
    asset_class: AssetClass | None
    skip_bad_rows: bool


class Phase(StrEnum):
    """What an import is at."""

    READING = "reading"
    PARSING = "parsing"
    SORTING = "sorting"
    WRITING = "writing"
    DONE = "done"
    REFUSED = "refused"


class Progress(msgspec.Struct, frozen=True):
    """How far an import is.

    Attributes:
        phase: what it is at.
        done: of `total`: bytes while reading, rows while writing; 0 where nobody knows.
        total: of the phase.
        rows: rows taken in; at the end only.
        skipped: rows left out because they are no quotes; at the end only.
        repeated: whether the file had been taken in before, and nothing was done; at the end only.
        trouble: why the file was refused; nothing of it was taken in then.
    """

    phase: Phase
    done: int = 0
    total: int = 0
    rows: int = 0
    skipped: int = 0
    repeated: bool = False
    trouble: str = ""


Request = CandlesRequest | TicksRequest | StatusRequest | InstrumentsRequest | ImportRequest


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What comes before the bytes of an answer.

    Attributes:
        status: of HTTP; 200 where bytes follow.
        reason: the stable name of a refusal; empty otherwise. A reason that begins with `query.` blames the
            parameter of that name.
        message: the same for a person.
        media_type: of the bytes.
        length: how many bytes follow, where that is known.
    """

    status: int = 200
    reason: str = ""
    message: str = ""
    media_type: str = Format.JSON.value
    length: int | None = None
