"""Time that passes only when somebody sleeps, and files of quotes to replay."""

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tradewatch.clock import ManualClock
from tradewatch.reference.catalogue import Catalogue


class Timeline:
    """A manual clock whose sleepers move it on."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    @property
    def waits(self) -> list[float]:
        """The sleeps that took time, to the microsecond."""
        return [round(seconds, 6) for seconds in self.slept if seconds]


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(limit=10_000)


WriteRows = Callable[..., Path]


@pytest.fixture
def write_rows(tmp_path: Path) -> WriteRows:
    """Writes rows under a header into a file, packed where its name ends in .gz."""

    def write(name: str, *rows: str, header: str = "ts_ms,symbol,bid,ask") -> Path:
        path = tmp_path / name
        content = "".join(f"{row}\n" for row in (header, *rows)).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write
