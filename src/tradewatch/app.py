"""The composition root: reads the settings, has the parts built, starts and stops them."""

import asyncio
import contextlib
import gc
import logging
import signal
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import NamedTuple

from tradewatch.address import reachable, url_host
from tradewatch.clock import Clock, SystemClock
from tradewatch.composition.core import build_core, feed_runner
from tradewatch.composition.front import Front
from tradewatch.composition.stores import open_stores
from tradewatch.data_directory import DataDirectory
from tradewatch.errors import TradewatchError
from tradewatch.feeds.runner import build_sources
from tradewatch.feeds.source import Source
from tradewatch.feeds.spec import NO_FEED, parse_feed_spec
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.delivery import INTERVALS_MS
from tradewatch.server.listener import Server
from tradewatch.server.stream.registry import Connections
from tradewatch.server.upkeep import allow, follow, sync_log, tick
from tradewatch.server.usage_keeper import UsageKeeper
from tradewatch.settings import Settings

_log = logging.getLogger("tradewatch")

#: Two objects a quote (its prices) count among those that bring a collection on.
_COLLECTION_THRESHOLDS = (20_000, 20, 50)


class Started(NamedTuple):
    """What a person is told once the server listens.

    Attributes:
        address: where it listens, without the scheme: `127.0.0.1:8000`.
        settings: what it runs with.
        demo_key: the text of a key that lives as long as the process; None where others could use it.
        simulated: whether any feed invents its prices.
        examples: an instrument of each class that a feed quotes.
    """

    address: str
    settings: Settings
    demo_key: str | None
    simulated: bool
    examples: list[Instrument]


async def run(
    settings: Settings,
    *,
    announce: Callable[[Started], None],
    reload: Callable[[], Settings] | None = None,
    new_epoch: bool = False,
    clock: Clock | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, drain, and come back; a second signal cuts the drain short.

    Args:
        settings: what to run with.
        announce: called once the server listens and quotes flow.
        reload: gives the settings anew on SIGHUP, of which the plans are taken over.
        new_epoch: end the epoch of the tape that is found (it is a restored backup).
        clock: the time; the machine's where None.

    Raises:
        TradewatchError: something that was asked for cannot be had; nothing is left open.
    """
    clock = clock or SystemClock()
    specs = [text for text in settings.feeds if text != NO_FEED]
    for text in specs:
        parse_feed_spec(text)  # before anything is opened or made
    with contextlib.ExitStack() as opened:
        directory = DataDirectory(settings.data_dir)
        directory.take()
        opened.callback(directory.release)
        core = build_core(settings, directory, opened, clock=clock, new_epoch=new_epoch)
        sources = build_sources(specs, core.catalogue, clock)
        feeds = [feed_runner(source, core, clock) for source in sources]
        stores = open_stores(settings, directory, core, opened, clock=clock)
        front = Front(settings, core, feeds, stores, clock=clock)
        upkeep = [
            sync_log(core.tape.log, interval_s=settings.tape.sync_ms / 1_000),
            front.key_watch.run(),
            front.sweep.run(),
            UsageKeeper(front.meter, stores.usage, clock=clock, swept=front.sweep.swept).run(),
            allow(core.views, clock),
            follow(core.views),
            *([] if stores.keeper is None else [stores.keeper.run()]),
            *(tick(core.views, interval_ms=interval_ms) for interval_ms in INTERVALS_MS),
        ]
        address = f"{url_host(settings.host)}:{front.server.port}"
        own_address = f"{url_host(reachable(settings.host))}:{front.server.port}"
        scheme = "wss" if settings.tls_cert else "ws"
        running = [
            front.canary.run(f"{scheme}://{own_address}", _own_tls(settings)),
            *(feed.run() for feed in feeds),
        ]
        started = Started(
            address=address,
            settings=settings,
            demo_key=front.demo_key,
            simulated=any(source.simulated for source in sources),
            examples=_examples(sources),
        )
        if reload is not None:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, _take_over, reload, front)
        await _serve(front.server, front.connections, running, upkeep, lambda: announce(started))


def _take_over(reload: Callable[[], Settings], front: Front) -> None:
    """Take the plans of new settings over; where they do not fit, the old ones stay."""
    try:
        front.replan(reload().plans)
    except TradewatchError as error:
        _log.error("the plans stay as they were: %s", error)
    else:
        _log.info("the plans of the settings are in force")


async def _serve(
    server: Server,
    connections: Connections,
    running: Sequence[Coroutine[None, None, None]],
    upkeep: Sequence[Coroutine[None, None, None]],
    announce: Callable[[], None],
) -> None:
    """Run everything until a signal comes; then quotes stop first, clients go next, the upkeep last.

    A fault of any part ends the server in the same order, and is raised afterwards.
    """
    stop = asyncio.Event()
    faults: list[Exception] = []
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            _log.warning("cutting the drain short")
            server.force_exit = True
            for member in connections:
                member.abort()
        stop.set()

    async def guarded(part: Coroutine[None, None, None]) -> None:
        try:
            await part
        except Exception as error:  # noqa: BLE001 - raised again once the clients are gone
            _log.exception("a part of the server failed")
            faults.append(error)
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(guarded(server.serve()))
        beside = [tasks.create_task(guarded(part)) for part in upkeep]
        quoting = [tasks.create_task(guarded(part)) for part in running]
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        _settle_heap()
        if not faults:
            announce()
        await stop.wait()
        _log.info("going down; open connections: %d", len(connections))
        for task in quoting:
            task.cancel()
        server.should_exit = True
        await serving
        for task in beside:
            task.cancel()
    if faults:
        raise faults[0]


def _settle_heap() -> None:
    """What the start made stays: collections need not walk it, nor come each time a few prices were made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTION_THRESHOLDS)


def _examples(sources: list[Source]) -> list[Instrument]:
    """The first instrument of each class that a feed quotes."""
    first: dict[AssetClass, Instrument] = {}
    for source in sources:
        for instrument in source.instruments():
            first.setdefault(instrument.asset_class, instrument)
    return list(first.values())


def _own_tls(settings: Settings) -> ssl.SSLContext | None:
    """How the canary speaks to this very process: encrypted, and trusting itself whatever the certificate."""
    if settings.tls_cert is None:
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
