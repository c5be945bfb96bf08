"""`tradewatch usage`: what API keys used, by the hour or the day, beside a running server or without one."""

import math
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tradewatch.access.key import Key, key_id_in
from tradewatch.access.usage import DAY_S, HOUR_S, Interval, Usage, summed
from tradewatch.cli.options import Config, DataDir, given_settings
from tradewatch.cli.table import print_table
from tradewatch.clock import SystemClock
from tradewatch.errors import KeyStoreError, UsageError
from tradewatch.settings import load_settings

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


class By(StrEnum):
    """What is added up to one line."""

    HOUR = "hour"
    DAY = "day"

    @property
    def interval_s(self) -> int:
        """Its length."""
        return HOUR_S if self is By.HOUR else DAY_S

    @property
    def shown_s(self) -> int:
        """How much is shown where nothing is said of it: a day of hours, a month of days."""
        return DAY_S if self is By.HOUR else 30 * DAY_S


class UsageLine(msgspec.Struct, frozen=True, kw_only=True):
    """What one key used in one hour or day.

    Attributes:
        start: when it began, in UTC.
        key: the key's id.
        name: the key's name; null where the key lived in a server's memory only.
        connections: WebSocket connections opened.
        peak_connections: the most that were open at one time at one server.
        messages_in: messages received over WebSocket.
        bytes_in: bytes received over WebSocket.
        bytes_out: bytes sent over WebSocket.
        delivered: quotes sent.
        skipped: quotes that slow clients, or those that wanted the latest only, never got.
        lag_p99_ms: how late quotes were, in all but one of a hundred looks; null where none were sent.
        requests: HTTP requests answered.
        rest_bytes_in: bytes of these requests.
        rest_bytes_out: bytes of the answers.
    """

    start: str
    key: str
    name: str | None
    connections: int
    peak_connections: int
    messages_in: int
    bytes_in: int
    bytes_out: int
    delivered: int
    skipped: int
    lag_p99_ms: float | None
    requests: int
    rest_bytes_in: int
    rest_bytes_out: int

    @classmethod
    def of(cls, interval: Interval, usage: Usage, *, name: str | None) -> "UsageLine":
        """The line of an interval."""
        return cls(
            start=f"{datetime.fromtimestamp(interval.start_s, UTC):%Y-%m-%dT%H:%M:%SZ}",
            key=interval.key_id,
            name=name,
            peak_connections=usage.peak_connections,
            lag_p99_ms=usage.lag_p99_ms,
            **usage.counts._asdict(),
        )


#: The table: the heading of each column of numbers, and the field behind it.
_COLUMNS = {
    "CONNECTIONS": "connections",
    "PEAK": "peak_connections",
    "MESSAGES": "messages_in",
    "IN": "bytes_in",
    "OUT": "bytes_out",
    "DELIVERED": "delivered",
    "SKIPPED": "skipped",
    "LAG_P99": "lag_p99_ms",
    "REQUESTS": "requests",
    "REST_IN": "rest_bytes_in",
    "REST_OUT": "rest_bytes_out",
}


def usage(
    name_or_id: Annotated[
        str | None, typer.Argument(metavar="[NAME_OR_ID]", help="The key's name or its id; all keys without.")
    ] = None,
    *,
    first_day: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], metavar="DATE", help="The first day, in UTC: 2026-01-31."
        ),
    ] = None,
    last_day: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="The last day, in UTC; else today."),
    ] = None,
    by: Annotated[By, typer.Option(help="What is one line.")] = By.HOUR,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object per line, as in a pipe, instead of a table.")
    ] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Show what API keys used: connections, messages, bytes, quotes, and how late these were.

    Without dates: the last 24 hours, or the last 30 days. A running server is at most a second ahead.
    """
    from_s, to_s = _span(first_day, last_day, by, now_s=SystemClock().now_ns() // 10**9)
    settings = load_settings(config=config, options=given_settings({"data_dir": data_dir}))
    lines = _lines(settings.data_dir, name_or_id, from_s, to_s, by)
    if json or not sys.stdout.isatty():
        for line in lines:
            typer.echo(msgspec.json.encode(line))
    else:
        rows = [_cells(line, by) for line in lines]
        print_table(("START", "KEY", *_COLUMNS), rows, numbers=_COLUMNS)


def _span(first_day: datetime | None, last_day: datetime | None, by: By, *, now_s: int) -> tuple[int, int]:
    """The first second that is meant, and the one behind the last."""
    running_s = now_s - now_s % by.interval_s
    to_s = running_s + by.interval_s if last_day is None else _day_s(last_day) + DAY_S
    from_s = to_s - by.shown_s if first_day is None else _day_s(first_day)
    if from_s >= to_s:
        raise UsageError("--from is later than --to")
    return from_s, to_s


def _day_s(day: datetime) -> int:
    """When a day begins, in UTC."""
    return int(day.replace(tzinfo=UTC).timestamp())


def _lines(data_dir: Path, name_or_id: str | None, from_s: int, to_s: int, by: By) -> list[UsageLine]:
    """The lines of one key or of all, the oldest first.

    Raises:
        KeyStoreError: there is no such key, or the store does not answer.
    """
    from tradewatch.access.store import KeyStore  # noqa: PLC0415 - other commands do not pay for a database
    from tradewatch.access.usage_store import UsageStore  # noqa: PLC0415

    with KeyStore.open(data_dir, clock=SystemClock()) as store:
        keys = store.load()
    wanted = None if name_or_id is None else _ids(keys, name_or_id)
    with UsageStore.open(data_dir) as store_of_usage:
        rows = store_of_usage.read(from_s, to_s, key_ids=wanted)
    names = {key.id: key.name for key in keys}
    if wanted and not rows and not names.keys() & wanted:
        raise KeyStoreError("no key has this name or id, nor was a key of this id used in this time")
    sums = summed(rows, interval_s=by.interval_s)
    return [UsageLine.of(at, used, name=names.get(at.key_id)) for at, used in sums.items()]


def _ids(keys: Iterable[Key], name_or_id: str) -> set[str]:
    """The ids that are meant by the id, the name or the text of a key; several may have had one name."""
    wanted = key_id_in(name_or_id) or name_or_id
    return {key.id for key in keys if key.name == wanted} | {wanted}


def _cells(line: UsageLine, by: By) -> tuple[str, ...]:
    """A line of the table."""
    start = line.start.replace("T", " ")[: 16 if by is By.HOUR else 10]
    return start, line.name or line.key, *(_cell(name, getattr(line, name)) for name in _COLUMNS.values())


def _cell(name: str, value: float | None) -> str:
    """A number as a person reads it, with its unit."""
    if value is None:
        return "-"
    if name.endswith("_ms"):
        return f"{value:,.1f} ms"
    if "bytes" not in name or value < 1_024:
        return f"{value:,}"
    exponent = min(int(math.log2(value)) // 10, len(_UNITS))
    return f"{value / 1_024**exponent:,.1f} {_UNITS[exponent - 1]}"
