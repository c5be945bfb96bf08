"""Insights as JSON lines: what `insights list` prints, and `insights import` reads. No I/O."""

from collections.abc import Iterable, Iterator

import msgspec

from tradewatch.errors import UsageError
from tradewatch.insights.insight import Entry, Insight, MetaData, entries, timestamp_ms
from tradewatch.model.asset_class import AssetClass

#: More than the longest insight takes, whatever of it is escaped.
MAX_LINE_BYTES = 256 << 10


class InsightLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line: one insight of one class, or of all.

    Attributes:
        id: what it is called; written, and not read.
        asset_class: in whose list it stands; in all where it is not said.
        timestamp: Unix milliseconds, or ISO 8601.
        content: the text.
        meta_data: what it is about.
    """

    id: str | None = None
    asset_class: AssetClass | None = None
    timestamp: int | str
    content: str
    meta_data: MetaData = MetaData()


def line_of(entry: Entry) -> bytes:
    """The line of an insight, without its end."""
    insight = entry.insight
    line = InsightLine(id=entry.id, asset_class=entry.asset_class, **msgspec.structs.asdict(insight))
    return msgspec.json.encode(line)


def read_lines(lines: Iterable[bytes], *, name: str) -> Iterator[Entry]:
    """The insights of a file, in its order; blank lines are none.

    Args:
        lines: the lines; of one that is longer than `MAX_LINE_BYTES` more than that.
        name: what the file is called, for the error.

    Raises:
        UsageError: a line that is no insight; names it and what is wrong.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield from _entries_of(line)
        except (msgspec.DecodeError, UnicodeDecodeError, UsageError, ValueError) as error:
            raise UsageError(f"{name}, line {number}: {error}") from None


def _entries_of(line: bytes) -> list[Entry]:
    """The insights of a line: one for each class it is meant for."""
    if len(line) > MAX_LINE_BYTES:
        raise UsageError(f"longer than {MAX_LINE_BYTES:,} bytes")
    read = msgspec.json.decode(line, type=InsightLine)
    insight = msgspec.convert(
        {"timestamp": timestamp_ms(read.timestamp), "content": read.content, "meta_data": read.meta_data},
        Insight,
    )
    return entries(insight, [read.asset_class] if read.asset_class else ())
