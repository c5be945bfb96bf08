"""The keeper: has a store process run for as long as the server does, and knows how it goes."""

import asyncio
import contextlib
import logging
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import Any

import msgspec

from tradewatch.errors import HistoryError
from tradewatch.history.request import InstrumentsRequest, StatusRequest
from tradewatch.model.asset_class import AssetClass
from tradewatch.store.client import HistoryClient
from tradewatch.store.terms import READY, Line, StoreSettings

_log = logging.getLogger("tradewatch.store")

_PROGRAM = (sys.executable, "-m", "tradewatch.store.process")
#: Between two looks at how it goes; the log lets go of what was recorded after one of them.
_LOOK_S = 1.0
_START_S = 60.0
#: How long the process may take to end once its stdin has; it writes at most what it has read.
_END_S = 10.0
_MAX_LINE_BYTES = 1 << 20
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 10.0
#: A process that ran for so long was well; one that ends sooner is waited for longer and longer.
_WELL_S = 30.0


class StoredInstrument(msgspec.Struct, frozen=True):
    """An instrument of which anything is recorded."""

    asset_class: AssetClass
    symbol: str
    decimals: int


class Keeper:
    """Starts the store process, watches it, and begins it anew when it ends.

    Args:
        settings: what it runs with.
        client: asks it.
        recorded: told the log offset up to which everything is recorded.
        known: told of each instrument that the history has, once.

    Attributes:
        client: see above.
        starts: how often the process was begun.
        status: what it said of itself last; empty while it does not answer.
    """

    def __init__(
        self,
        settings: StoreSettings,
        client: HistoryClient,
        *,
        recorded: Callable[[int], None],
        known: Callable[[StoredInstrument], None],
    ) -> None:
        self.starts = 0
        self.status: dict[str, Any] = {}
        self._settings = settings
        self.client = client
        self._recorded = recorded
        self._known = known
        self._instruments = 0

    @property
    def trouble(self) -> str:
        """What is wrong with the history; empty while nothing is."""
        if not self.status:
            return "the store process does not answer"
        return str(self.status["trouble"])

    async def run(self) -> None:
        """Keep it running until cancelled, and have it end then."""
        loop = asyncio.get_running_loop()
        wait_s = _FIRST_WAIT_S
        while True:
            begun_s = loop.time()
            process = await self._begin()
            try:
                code = await self._watch(process)
            finally:
                self.status = {}
                await self._end(process)
            wait_s = _FIRST_WAIT_S if loop.time() - begun_s > _WELL_S else min(2 * wait_s, _LONGEST_WAIT_S)
            _log.error("the store process ended with code %s; it is begun anew in %.1f s", code, wait_s)
            await asyncio.sleep(wait_s * random.uniform(0.8, 1.2))  # noqa: S311 - no secret

    async def _begin(self) -> Process:
        self.starts += 1
        process = await asyncio.create_subprocess_exec(
            *_PROGRAM,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=_MAX_LINE_BYTES,
            start_new_session=True,  # a Ctrl-C is for the server, which lets this one end in its turn
        )
        if process.stdin is not None:
            with contextlib.suppress(ConnectionError):
                process.stdin.write(msgspec.json.encode(self._settings) + b"\n")
                await process.stdin.drain()
        return process

    async def _watch(self, process: Process) -> int:
        """Follow a process until it ends; its exit code."""
        ended = asyncio.ensure_future(process.wait())
        telling = asyncio.ensure_future(_tell(process))
        try:
            if process.stdout is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_START_S):
                        if await process.stdout.readline() != READY:
                            return await ended
            while not ended.done():
                await self._look()
                await asyncio.wait([ended], timeout=_LOOK_S)
            return ended.result()
        finally:
            ended.cancel()
            telling.cancel()

    async def _look(self) -> None:
        """Ask it how it goes."""
        try:
            answer = await self.client.ask(StatusRequest())
            self.status = msgspec.json.decode(await answer.body())
            if self.status["totals"]["instruments"] > self._instruments:
                answer = await self.client.ask(InstrumentsRequest(self._instruments))
                found = msgspec.json.decode(await answer.body(), type=list[StoredInstrument])
                self._instruments += len(found)
                for instrument in found:
                    self._known(instrument)
        except HistoryError as error:
            self.status = {}
            _log.warning("%s", error)
            return
        if self.status["recorded_offset"] is not None:
            self._recorded(self.status["recorded_offset"])

    @staticmethod
    async def _end(process: Process) -> None:
        """Close its stdin, which ends it, and wait for it; kill it where that takes too long."""
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_END_S):
                await process.wait()
        except TimeoutError:
            _log.warning("the store process does not end and is killed; it goes on from where it was")
            process.kill()
            await process.wait()


async def _tell(process: Process) -> None:
    """Write what the process logs into the log of this one."""
    while process.stderr is not None:
        try:
            text = await process.stderr.readline()
        except ValueError:  # a line beyond the limit, of which the rest follows
            continue
        if not text:
            return
        try:
            line = msgspec.json.decode(text, type=Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            line = Line(logging.WARNING, _log.name, text.decode("utf-8", "replace").rstrip())
        logging.getLogger(line.name).log(line.level, "%s", line.message)
