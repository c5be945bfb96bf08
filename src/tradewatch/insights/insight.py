"""An insight: a text about the markets, when it was said, and what it is about. No I/O."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from tradewatch.errors import UsageError
from tradewatch.model.asset_class import AssetClass

MAX_CONTENT_BYTES = 16 << 10
MAX_TAGS = 64
MAX_TAG_CHARS = 64
#: The end of the year 9999: what comes later no calendar of ours can show.
MAX_TIMESTAMP_MS = 253_402_300_799_999

_ID_CHARS = 20  # 80 bits: no two insights of a store share one
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
#: Control characters, but tabs and line ends; and halves of characters, which no UTF-8 holds.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

Tags = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=MAX_TAG_CHARS)], ...], Meta(max_length=MAX_TAGS)
]


class MetaData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an insight is about; what is empty is not shown.

    Attributes:
        markets: names of markets.
        tickets: ticker symbols; the public service spells them so.
        hashtags: words to find it by.
    """

    markets: Tags = ()
    tickets: Tags = ()
    hashtags: Tags = ()

    def __post_init__(self) -> None:
        for tag in (*self.markets, *self.tickets, *self.hashtags):
            if not tag.isprintable() or tag != tag.strip():
                raise ValueError(f"{tag!r} is no tag: printable characters, no space at either end")


class Insight(msgspec.Struct, frozen=True, kw_only=True):
    """What clients read of an insight.

    Attributes:
        timestamp: when it was said; Unix milliseconds.
        content: the text; 16 KiB of UTF-8.
        meta_data: what it is about.
    """

    timestamp: Annotated[int, Meta(ge=0, le=MAX_TIMESTAMP_MS)]
    content: str
    meta_data: MetaData = MetaData()

    def __post_init__(self) -> None:
        if not self.content.strip():
            raise ValueError("the content is empty")
        if strange := _NO_TEXT.search(self.content):
            raise ValueError(f"the content holds {strange[0]!r}, which is no text")
        if len(self.content.encode()) > MAX_CONTENT_BYTES:
            raise ValueError(f"the content is longer than {MAX_CONTENT_BYTES:,} bytes")

    @property
    def utc(self) -> str:
        """When it was said, to the millisecond: `2026-01-02T21:27:19.253Z`."""
        second, ms = divmod(self.timestamp, 1_000)
        return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z"


class Entry(NamedTuple):
    """An insight in the list of one class."""

    asset_class: AssetClass
    insight: Insight

    @property
    def id(self) -> str:
        """What it is called: made of class, time and content, so the same one has the same name."""
        said = f"{self.asset_class}\0{self.insight.timestamp}\0{self.insight.content}"
        return hashlib.sha256(said.encode()).hexdigest()[:_ID_CHARS]


def timestamp_ms(time: int | str) -> int:
    """Unix milliseconds of a time that a person wrote.

    Args:
        time: Unix milliseconds, or ISO 8601 such as `2026-01-31T12:00:00Z`; UTC where it names no zone.

    Raises:
        UsageError: it is neither, or before 1970.
    """
    if isinstance(time, int):
        return time
    if time.isascii() and time.isdigit() and len(time) <= len(str(MAX_TIMESTAMP_MS)):
        return int(time)
    try:
        moment = datetime.fromisoformat(time)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment.astimezone(UTC) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        raise UsageError(
            f"{time[:64]!r} is no time, such as 2026-01-31T12:00:00Z or Unix milliseconds"
        ) from None


def entries(insight: Insight, classes: Iterable[AssetClass]) -> list[Entry]:
    """An insight in the list of each of these classes; of all where none is named."""
    return [Entry(asset_class, insight) for asset_class in dict.fromkeys(classes) or AssetClass]
