"""Keeps a source running: hands its batches on, begins again after a failure, notices silence."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence

from tradewatch.clock import Clock
from tradewatch.feeds.pace import Sleep
from tradewatch.feeds.replay import ReplaySource
from tradewatch.feeds.simulated import SimulatedSource
from tradewatch.feeds.source import Source
from tradewatch.feeds.spec import FeedSpec, SimulatedSpec, parse_feed_spec, spec_error
from tradewatch.model.record import Record
from tradewatch.reference.catalogue import Catalogue

_logger = logging.getLogger("tradewatch.feeds.runner")

#: After a failure a source rests for a random part of a span that begins here and doubles up to there.
FIRST_REST_S = 0.5
LONGEST_REST_S = 30.0

Deliver = Callable[[Sequence[Record]], None]


class FeedRunner:
    """Runs one source until it has no more to give.

    Attributes:
        restarts: how often the source failed and was begun again.
        silences: how often it gave nothing for `silence_s`.
    """

    def __init__(
        self,
        source: Source,
        *,
        name: str,
        deliver: Deliver,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float],
        source_number: int = 0,
        silence_s: float = 60.0,
    ) -> None:
        """Set up; nothing runs yet.

        Args:
            source: what to run.
            name: the feed's name, for the log.
            deliver: takes each batch, at once.
            clock: measures silence.
            sleep: waits so many seconds; 0 lets the loop turn.
            random: a number from 0 up to 1, for the jitter of rests.
            source_number: written into each record as its `source`.
            silence_s: without a batch for so long, the source is said to be silent.
        """
        self._source = source
        self._name = name
        self._deliver = deliver
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._source_number = source_number
        self._silence_s = silence_s
        self._last_batch_s = clock.monotonic_s()
        self._silent = False
        self._longest_rest_s = FIRST_REST_S
        self.restarts = 0
        self.silences = 0

    @property
    def source(self) -> Source:
        """What it runs."""
        return self._source

    async def run(self) -> None:
        """Run until the source has finished; cancel it to end sooner: the source is closed then."""
        self._last_batch_s = self._clock.monotonic_s()
        watch = asyncio.create_task(self._watch_silence(), name=f"silence of feed {self._name}")
        try:
            while not await self._passed_on():
                self.restarts += 1
                rest_s = self._random() * self._longest_rest_s
                self._longest_rest_s = min(2 * self._longest_rest_s, LONGEST_REST_S)
                _logger.warning("feed %s begins again in %.1f s", self._name, rest_s)
                await self._sleep(rest_s)
            _logger.info("feed %s has finished after %d quotes", self._name, self._source.state.quotes)
        finally:
            watch.cancel()
            await asyncio.wait([watch])

    async def _passed_on(self) -> bool:
        """Hand every batch on; whether the source came to its end, and did not fail."""
        batches: AsyncIterator[Sequence[Record]] | None = None
        try:
            batches = self._source.batches()
            async for batch in batches:
                self._note_batch()
                if self._source_number:
                    for record in batch:
                        record.source = self._source_number
                self._deliver(batch)
                self._longest_rest_s = FIRST_REST_S
                await self._sleep(0)
        except Exception:
            _logger.exception("feed %s failed", self._name)
            return False
        finally:
            if isinstance(batches, AsyncGenerator):
                await batches.aclose()
        return True

    def _note_batch(self) -> None:
        """The source speaks."""
        now_s = self._clock.monotonic_s()
        if self._silent:
            self._silent = False
            _logger.info("feed %s speaks again after %.0f s", self._name, now_s - self._last_batch_s)
        self._last_batch_s = now_s

    async def _watch_silence(self) -> None:
        """Say once of each silence that it is one."""
        while True:
            quiet_s = self._clock.monotonic_s() - self._last_batch_s
            if quiet_s < self._silence_s:
                await self._sleep(self._silence_s - quiet_s)
            else:
                if not self._silent:
                    self._silent = True
                    self.silences += 1
                    _logger.warning("feed %s has been silent for %.0f s", self._name, quiet_s)
                await self._sleep(self._silence_s)
            await asyncio.sleep(0)  # a sleep that does not wait must not hold the loop


def build_sources(
    specs: Iterable[str], catalogue: Catalogue, clock: Clock, sleep: Sleep = asyncio.sleep
) -> list[Source]:
    """The sources of feed specifications, in their order.

    Raises:
        FeedSpecError: a specification cannot be understood or served, or two claim the same instrument.
    """
    sources: list[Source] = []
    claims: dict[int, str] = {}
    for text in specs:
        source = _build(parse_feed_spec(text), catalogue, clock, sleep)
        for instrument in source.instruments():
            if instrument.id in claims:
                raise spec_error(text, f"{instrument.key} is quoted by {claims[instrument.id]!r} already")
            claims[instrument.id] = text
        sources.append(source)
    return sources


def _build(spec: FeedSpec, catalogue: Catalogue, clock: Clock, sleep: Sleep) -> Source:
    """The source that a specification asks for."""
    if isinstance(spec, SimulatedSpec):
        return SimulatedSource(spec, catalogue, clock, sleep)
    return ReplaySource(spec, catalogue, clock, sleep)
