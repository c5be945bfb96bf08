"""The usage keeper: carries what the meter holds to the store, after each sweep and once more at the end."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from tradewatch.access.usage import hour_of
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.access.usage_store import KEPT_S, UsageStore
from tradewatch.clock import Clock
from tradewatch.errors import KeyStoreError

_log = logging.getLogger("tradewatch.usage")

#: Rows of one transaction. It runs beside the loop, which it must not keep waiting.
_ROWS_PER_WRITE = 100

_Result = TypeVar("_Result")


class UsageKeeper:
    """Writes usage to the store, and deletes what is too old.

    While the store does not answer, the meter keeps what there is, up to its limit, and it is tried again.

    Args:
        meter: what is to be written.
        store: where to.
        clock: tells the hour.
        swept: set when the meter has news.
    """

    def __init__(self, meter: UsageMeter, store: UsageStore, *, clock: Clock, swept: asyncio.Event) -> None:
        self._meter = meter
        self._store = store
        self._clock = clock
        self._swept = swept
        self._trouble = ""
        self._kept_from_s = 0

    async def run(self) -> None:
        """Write after each sweep, until cancelled; then once more, for what the last connections left."""
        try:
            while True:
                await self._swept.wait()
                self._swept.clear()
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> bool:
        """Write all there is; whether the store took it. Where it did not, the log says so once."""
        try:
            await self._write()
            await self._forget()
        except KeyStoreError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                _log.error("usage is not written, and kept in memory: %s", self._trouble)
            return False
        if self._trouble:
            self._trouble = ""
            _log.warning("usage is written again; given up: %d hours of keys", self._meter.lost)
        return True

    async def _write(self) -> None:
        meter, store = self._meter, self._store
        for hour_s in meter.hours_to_restore():
            meter.restore(hour_s, await _ended(asyncio.to_thread(store.of_gateway, meter.gateway, hour_s)))
        while rows := meter.take(_ROWS_PER_WRITE):
            try:
                await _ended(asyncio.to_thread(store.write, rows))
            except BaseException:
                meter.put_back()
                raise
            meter.written()

    async def _forget(self) -> None:
        """Once an hour: delete what is kept long enough."""
        kept_from_s = hour_of(self._clock.now_ns()) - KEPT_S
        if kept_from_s != self._kept_from_s:
            await _ended(asyncio.to_thread(self._store.forget_before, kept_from_s))
            self._kept_from_s = kept_from_s


async def _ended(work: Coroutine[Any, Any, _Result]) -> _Result:
    """The result. Whoever is cancelled waits for the end: a write must not come through after a newer one."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
