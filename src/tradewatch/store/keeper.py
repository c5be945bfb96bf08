"""The keeper: has a store process run for as long as the server does, and knows how it goes."""

import asyncio
import contextlib
import logging
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from tradewatch.errors import HistoryError
from tradewatch.history.request import InstrumentsRequest, Request, StatusRequest
from tradewatch.model.asset_class import AssetClass
from tradewatch.store.client import HistoryClient
from tradewatch.store.terms import READY, Line, StoreSettings

_log = logging.getLogger("tradewatch.store")

_PROGRAM = (sys.executable, "-P", "-m", "tradewatch.store.process")
#: Between two looks at how it goes; the log lets go of what was recorded after one of them.
_LOOK_S = 1.0
#: How long a look waits, and how long none may be answered until the process is taken to hang.
_ANSWER_S = 10.0
_HUNG_S = 30.0
#: How long the process may take to begin: a history whose database is lost is read through first.
_START_S = 600.0
#: How long the process may take to end once its stdin has; it writes at most what it has read.
_END_S = 10.0
#: How long the last of its log may take to come.
_LAST_WORDS_S = 1.0
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
        client: asks it, for whoever wants what is recorded.
        recorded: told the log offset up to which everything is recorded.
        known: told of each instrument that the history has, once in the life of a process.

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
        self._looking = HistoryClient(Path(settings.history), answer_s=_ANSWER_S)
        self.client = client
        self._recorded = recorded
        self._known = known
        self._instruments = 0
        self._silence = ""

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
            try:
                what = f"ended with code {await self._live()}"
            except OSError as error:
                what = f"cannot be started: {error.strerror or error}"
            wait_s = _FIRST_WAIT_S if loop.time() - begun_s > _WELL_S else min(2 * wait_s, _LONGEST_WAIT_S)
            _log.error("the store process %s; it is begun anew in %.1f s", what, wait_s)
            await asyncio.sleep(wait_s * random.uniform(0.8, 1.2))  # noqa: S311 - no secret

    async def _live(self) -> int:
        """The life of one process; its exit code.

        Raises:
            OSError: it cannot be started.
        """
        process = await self._begin()
        telling = asyncio.ensure_future(_tell(process))
        try:
            return await self._watch(process)
        finally:
            self.status = {}
            await self._end(process)
            await asyncio.wait([telling], timeout=_LAST_WORDS_S)
            telling.cancel()

    async def _begin(self) -> Process:
        self.starts += 1
        self._instruments = 0
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
        """Follow a process until it ends, or is killed since it hangs; its exit code."""
        loop = asyncio.get_running_loop()
        ended = asyncio.ensure_future(process.wait())
        try:
            if process.stdout is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_START_S):
                        if await process.stdout.readline() != READY:
                            return await ended
            answered_s = loop.time()
            while not ended.done():
                if await self._look():
                    answered_s = loop.time()
                elif loop.time() - answered_s > _HUNG_S:
                    _log.error("the store process hangs, and is killed")
                    _kill(process)
                await asyncio.wait([ended], timeout=_LOOK_S)
            return ended.result()
        finally:
            ended.cancel()

    async def _look(self) -> bool:
        """Ask it how it goes; whether it answered."""
        try:
            self.status = msgspec.json.decode(await self._asked(StatusRequest()))
            if self.status["totals"]["instruments"] > self._instruments:
                body = await self._asked(InstrumentsRequest(self._instruments))
                for instrument in msgspec.json.decode(body, type=list[StoredInstrument]):
                    self._instruments += 1
                    self._known(instrument)
        except HistoryError as error:
            self.status = {}
            if str(error) != self._silence:
                self._silence = str(error)
                _log.warning("%s", error)
            return False
        self._silence = ""
        if self.status["recorded_offset"] is not None:
            self._recorded(self.status["recorded_offset"])
        return True

    async def _asked(self, request: Request) -> bytes:
        """The body of an answer.

        Raises:
            HistoryError: there is none.
        """
        answer = await self._looking.ask(request)
        body = await answer.body()
        if answer.head.status != HTTPStatus.OK:
            raise HistoryError(answer.head.message)
        return body

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
            _kill(process)
            await process.wait()


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


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
