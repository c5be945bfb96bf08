"""The core: what every quote goes through, from its source to the hub."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from typing import NamedTuple

from tradewatch.clock import Clock
from tradewatch.data_directory import DataDirectory
from tradewatch.fanout.claims import Claims, FeedEntry
from tradewatch.fanout.delayed import Delayed
from tradewatch.fanout.flush_watch import FlushWatch
from tradewatch.fanout.hub import Hub
from tradewatch.fanout.intake import Intake
from tradewatch.feeds.runner import FeedRunner
from tradewatch.feeds.simulated import SimulatedSource
from tradewatch.feeds.source import Source
from tradewatch.reference.catalogue import Catalogue
from tradewatch.reference.known import known_listings
from tradewatch.server.stream.views import View, Views
from tradewatch.settings import Settings
from tradewatch.tape.boot import boot_id
from tradewatch.tape.names import MAX_NAME_BYTES
from tradewatch.tape.past import Past
from tradewatch.tape.segments import SegmentLog
from tradewatch.tape.tape import Tape

_log = logging.getLogger("tradewatch")

#: The one shard of the tape that this version has.
SHARD = "0"


class Core(NamedTuple):
    """Instruments, tape and fan-out.

    Attributes:
        catalogue: the instruments.
        tape: numbers the records.
        intake: the one way onto the tape and to the hub.
        claims: which feed quotes what.
        views: the hubs that connections hear, the live one among them.
        watch: what the flushes of the live hub cost, and how old quotes are then.
    """

    catalogue: Catalogue
    tape: Tape
    intake: Intake
    claims: Claims
    views: Views
    watch: FlushWatch


def build_core(
    settings: Settings,
    directory: DataDirectory,
    opened: contextlib.ExitStack,
    *,
    clock: Clock,
    new_epoch: bool,
) -> Core:
    """Open the log, and stand everything on it; `opened` closes it again."""
    limit = settings.limits.max_instruments
    catalogue = Catalogue(limit=limit, listings=known_listings(settings.instruments, limit=limit))
    log, recovered = SegmentLog.open(
        directory.tape / SHARD,
        clock=clock,
        boot_id=boot_id(),
        segment_bytes=settings.tape.segment_bytes,
        retain_bytes=settings.tape.retain_bytes,
        hold_bytes=settings.tape.hold_bytes,
        new_epoch=new_epoch,
    )
    opened.callback(log.close)
    if settings.history.enabled:
        log.hold(0)  # until the store says how far it is; the tape lets old segments go as it begins
    tape = Tape(log, recovered, catalogue=catalogue, clock=clock)
    catalogue.add_listed()
    watch = FlushWatch(clock)
    call_soon = _end_of_turn(settings.stream.flush_min_ms)
    hub = Hub(call_soon=call_soon, watch=watch)
    hub.restore(tape.all_newest())
    catalogue.watch(hub.appear)

    def delayed(delay_s: float) -> Delayed:
        late_hub = Hub(call_soon=asyncio.get_running_loop().call_soon)
        catalogue.watch(late_hub.appear)
        return Delayed(tape, Past(log, catalogue), late_hub, delay_s=delay_s, clock=clock)

    views = Views(
        View(hub, lambda: tape.end_position),
        delayed=delayed,
        close=lambda gone: catalogue.unwatch(gone.hub.appear),
    )
    return Core(catalogue, tape, Intake(tape, hub), Claims(), views, watch)


def feed_runner(source: Source, core: Core, clock: Clock) -> FeedRunner:
    """A runner whose quotes go to the intake, after the source's claims were made known."""
    for instrument in source.instruments():
        if not isinstance(source, SimulatedSource):
            core.claims.claim(instrument, source.name)
        elif core.tape.is_published(instrument):
            _log.info("%s is left to its publisher; %s does not quote it", instrument.key, source.name)
            source.yield_instrument(instrument)
        else:
            core.claims.claim_yielding(instrument, source.yield_instrument)
    entry = FeedEntry(core.intake, core.claims, source)
    return FeedRunner(
        source,
        name=source.name,
        deliver=entry.deliver,
        clock=clock,
        random=random.random,
        source_number=core.tape.source(f"feed/{ascii(source.name)[1:-1]}"[:MAX_NAME_BYTES]),
    )


def _end_of_turn(flush_min_ms: float) -> Callable[[Callable[[], None]], object]:
    """When a flush happens: at the end of the turn, but not sooner than the minimum after the one before."""
    loop = asyncio.get_running_loop()
    if not flush_min_ms:
        return loop.call_soon
    next_at_s = 0.0

    def flush_now(flush: Callable[[], None]) -> None:
        nonlocal next_at_s
        next_at_s = loop.time() + flush_min_ms / 1_000
        flush()

    return lambda flush: loop.call_at(next_at_s, flush_now, flush)
