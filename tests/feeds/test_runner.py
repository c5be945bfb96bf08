import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise

import pytest

from tradewatch.errors import FeedSpecError
from tradewatch.feeds.runner import FeedRunner, build_sources
from tradewatch.feeds.source import Source, SourceState
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record
from tradewatch.reference.builtin import builtin_listings
from tradewatch.reference.catalogue import Catalogue
from tradewatch.reference.listing import Listings

_INSTRUMENT = Instrument(id=1, asset_class=AssetClass.CRYPTO, symbol="A", decimals=0)


class _Script:
    """A source that plays a list: an integer is a quote's event time, a float waits, an error is raised."""

    name = "script"
    simulated = False

    def __init__(self, timeline, *steps: "int | float | Exception") -> None:
        self.state = SourceState()
        self.closed = 0
        self._timeline = timeline
        self._steps = list(steps)

    def instruments(self) -> list[Instrument]:
        return [_INSTRUMENT]

    async def batches(self) -> AsyncGenerator[Sequence[Record], None]:
        try:
            while self._steps:
                step = self._steps.pop(0)
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float):
                    await self._timeline.sleep(step)
                    continue
                self.state.quotes += 1
                yield [Record(_INSTRUMENT, step, 0, None, None)]
        finally:
            self.closed += 1


class _Desk:
    """A runner with what it delivered."""

    def __init__(self, source: Source, timeline, **options: float) -> None:
        self.delivered: list[Record] = []
        self.began = asyncio.Event()
        self.runner = FeedRunner(
            source,
            name="desk",
            deliver=self._deliver,
            clock=timeline.clock,
            sleep=timeline.sleep,
            random=lambda: 0.5,
            **options,  # type: ignore[arg-type]
        )

    def _deliver(self, batch: Sequence[Record]) -> None:
        self.delivered += batch
        self.began.set()

    @property
    def times(self) -> list[int]:
        return [record.event_ns for record in self.delivered]


async def test_batches_are_handed_on_with_their_source_until_the_end(
    timeline, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    source = _Script(timeline, 1, 2, 3)
    desk = _Desk(source, timeline, source_number=9)
    await desk.runner.run()
    assert [(record.event_ns, record.source) for record in desk.delivered] == [(1, 9), (2, 9), (3, 9)]
    assert (desk.runner.restarts, desk.runner.silences, source.closed) == (0, 0, 1)
    assert caplog.messages == ["feed desk has finished after 3 quotes"]


async def test_a_source_that_fails_before_it_begins_is_begun_again(timeline) -> None:
    """It was no generator, so its failure went past the runner, and the server with it."""
    source = _Script(timeline, 1)
    begin = source.batches
    attempts = iter([OSError("no route"), begin()])

    def batches() -> AsyncGenerator[Sequence[Record], None]:
        attempt = next(attempts)
        if isinstance(attempt, OSError):
            raise attempt
        return attempt

    source.batches = batches  # type: ignore[method-assign]
    desk = _Desk(source, timeline)
    await desk.runner.run()
    assert (desk.times, desk.runner.restarts) == ([1], 1)


async def test_the_loop_turns_between_batches(timeline) -> None:
    desk = _Desk(_Script(timeline, *range(50)), timeline)
    seen = []

    async def watch() -> None:
        while len(desk.delivered) < 50:
            seen.append(len(desk.delivered))
            await asyncio.sleep(0)

    await asyncio.gather(desk.runner.run(), watch())
    assert all(after - before <= 1 for before, after in pairwise(seen))


async def test_a_failure_is_logged_and_the_source_begun_again_after_a_rest(
    timeline, caplog: pytest.LogCaptureFixture
) -> None:
    source = _Script(timeline, 1, OSError("connection lost"), 2)
    desk = _Desk(source, timeline)
    await desk.runner.run()
    assert desk.times == [1, 2]
    assert (desk.runner.restarts, source.closed) == (1, 2)
    assert caplog.messages == ["feed desk failed", "feed desk begins again in 0.2 s"]
    assert "connection lost" in caplog.text


async def test_rests_double_up_to_half_a_minute_and_a_batch_ends_the_row(timeline) -> None:
    errors = [OSError("down") for _ in range(9)]
    desk = _Desk(_Script(timeline, *errors, 1, OSError("down"), 2), timeline, silence_s=1e9)
    await desk.runner.run()
    rests = [wait for wait in timeline.waits if wait < 1e8]
    assert rests == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 0.25]
    assert desk.runner.restarts == 10


async def test_a_failing_receiver_is_a_failure_too(timeline) -> None:
    source = _Script(timeline, 1, 2)
    taken: list[int] = []

    def deliver(batch: Sequence[Record]) -> None:
        if batch[0].event_ns == 1:
            raise ValueError("not this one")
        taken.append(batch[0].event_ns)

    runner = FeedRunner(
        source, name="x", deliver=deliver, clock=timeline.clock, sleep=timeline.sleep, random=lambda: 0.0
    )
    await runner.run()
    assert (taken, runner.restarts, source.closed) == ([2], 1, 2)


class _Alarm:
    """A clock's sleepers, woken in the order of their times; a source and its watch sleep side by side."""

    def __init__(self, clock) -> None:
        self._clock = clock
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._count = 0

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        self._count += 1
        self._sleepers.append((self._clock.monotonic_s() + seconds, self._count, woken))
        await woken.wait()

    async def run(self) -> None:
        while True:
            for _ in range(20):
                await asyncio.sleep(0)
            if self._sleepers:
                first = min(self._sleepers, key=lambda sleeper: sleeper[:2])
                self._sleepers.remove(first)
                self._clock.advance(max(0.0, first[0] - self._clock.monotonic_s()))
                first[2].set()


async def test_each_silence_is_said_and_counted_once(timeline, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    alarm = _Alarm(timeline.clock)
    timeline.sleep = alarm.sleep
    source = _Script(timeline, 1, 50.0, 2, 200.0, 3, 59.0, 4, 61.0, 5)
    desk = _Desk(source, timeline)
    waking = asyncio.create_task(alarm.run())
    await desk.runner.run()
    waking.cancel()
    assert desk.runner.silences == 2
    assert caplog.messages == [
        "feed desk has been silent for 60 s",
        "feed desk speaks again after 200 s",
        "feed desk has been silent for 60 s",
        "feed desk speaks again after 61 s",
        "feed desk has finished after 5 quotes",
    ]


async def test_a_cancelled_runner_closes_its_source_and_leaves_no_task(timeline) -> None:
    alarm = _Alarm(timeline.clock)
    timeline.sleep = alarm.sleep
    source = _Script(timeline, 1, 1e6)
    desk = _Desk(source, timeline)
    task = asyncio.create_task(desk.runner.run())
    await desk.began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


def _full_catalogue() -> Catalogue:
    catalogue = Catalogue(limit=10_000, listings=Listings(builtin_listings()))
    catalogue.add_listed()
    return catalogue


def test_sources_are_built_in_the_order_of_their_specs(write_rows, timeline) -> None:
    catalogue = _full_catalogue()
    path = write_rows("crypto-a.csv", "1,NEWCOIN,1,2")
    specs = ["simulated?symbols=3", f"replay:{path}?loop=true", "simulated?symbols=2&prefix=SYM"]
    sources = build_sources(specs, catalogue, timeline.clock)
    assert [source.name for source in sources] == specs
    assert [source.simulated for source in sources] == [True, False, True]


@pytest.mark.parametrize("order", [1, -1])
def test_two_feeds_of_one_instrument_are_refused(write_rows, timeline, order: int) -> None:
    catalogue = _full_catalogue()
    path = write_rows("currencies-a.csv", "1,EURUSD,1,2")
    specs = [f"replay:{path}", "simulated?symbols=5"][::order]
    with pytest.raises(FeedSpecError) as caught:
        build_sources(specs, catalogue, timeline.clock)
    expected = f"feed {specs[1]!r}: currencies:EURUSD is quoted by {specs[0]!r} already"
    assert str(caught.value) == expected


def test_a_spec_that_cannot_be_understood_is_refused(timeline, catalogue) -> None:
    with pytest.raises(FeedSpecError, match="there are: none, replay, simulated"):
        build_sources(["kraken"], catalogue, timeline.clock)
