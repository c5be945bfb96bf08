"""The composition root: reads the settings, builds the parts, starts and stops them.

The only place that knows every adapter.
"""

import asyncio
import contextlib
import gc
import logging
import random
import signal
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import NamedTuple

from tradewatch.access.key import Scope, mint
from tradewatch.access.keyring import KeyRing
from tradewatch.access.store import KeyStore
from tradewatch.address import is_loopback, reachable, url_host
from tradewatch.clock import Clock, SystemClock
from tradewatch.data_directory import DataDirectory
from tradewatch.fanout.claims import Claims, FeedEntry
from tradewatch.fanout.hub import Hub
from tradewatch.fanout.intake import Intake
from tradewatch.feeds.runner import FeedRunner, build_sources
from tradewatch.feeds.simulated import SimulatedSource
from tradewatch.feeds.source import Source
from tradewatch.feeds.spec import NO_FEED, parse_feed_spec
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.delivery import INTERVALS_MS
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.publishing.publisher import Limits, Publisher
from tradewatch.publishing.quote import QuoteReader
from tradewatch.reference.builtin import load_builtin
from tradewatch.reference.catalogue import Catalogue
from tradewatch.server.listener import Server, build_server
from tradewatch.server.rest.api import build_api
from tradewatch.server.rest.health import health_routes
from tradewatch.server.rest.metrics import metrics_routes
from tradewatch.server.rest.publish import publish_routes
from tradewatch.server.rest.readings import feed_readings, quote_readings, stream_readings
from tradewatch.server.rest.stream_paths import stream_path_routes
from tradewatch.server.stream.admission import Admission
from tradewatch.server.stream.canary import Canary
from tradewatch.server.stream.registry import Connections
from tradewatch.server.upkeep import sync_log, tick, watch_keys
from tradewatch.settings import Settings
from tradewatch.tape.boot import boot_id
from tradewatch.tape.names import MAX_NAME_BYTES
from tradewatch.tape.segments import SegmentLog
from tradewatch.tape.tape import Tape

_log = logging.getLogger("tradewatch")

#: From SIGTERM to the last connection closed; what follows takes a second or two.
_DRAIN_S = 5.0
_SHARD = "0"
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


class _Core(NamedTuple):
    """What every quote goes through."""

    catalogue: Catalogue
    tape: Tape
    hub: Hub
    intake: Intake
    claims: Claims


async def run(
    settings: Settings,
    *,
    announce: Callable[[Started], None],
    new_epoch: bool = False,
    clock: Clock | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, drain, and come back; a second signal cuts the drain short.

    Args:
        settings: what to run with.
        announce: called once the server listens and quotes flow.
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
        core = _build_core(settings, directory, opened, clock=clock, new_epoch=new_epoch)
        sources = build_sources(specs, core.catalogue, clock)
        feeds = [_feed(source, core, clock) for source in sources]
        store = KeyStore.open(settings.data_dir, clock=clock)
        opened.callback(store.close)
        ring = KeyRing()
        ring.replace(store.load())
        demo_key = _demo_key(settings, ring, clock)
        canary = Canary(core.intake, clock=clock)
        admission, server = _build_edge(settings, core, feeds, ring=ring, canary=canary, clock=clock)
        upkeep = [
            sync_log(core.tape.log, interval_s=settings.tape.sync_ms / 1_000),
            watch_keys(store, ring, admission.connections),
            *(tick(core.hub, interval_ms=interval_ms) for interval_ms in INTERVALS_MS),
        ]
        address = f"{url_host(settings.host)}:{server.port}"
        own_address = f"{url_host(reachable(settings.host))}:{server.port}"
        scheme = "wss" if settings.tls_cert else "ws"
        running = [
            canary.run(f"{scheme}://{own_address}", _own_tls(settings)),
            *(feed.run() for feed in feeds),
        ]
        started = Started(
            address=address,
            settings=settings,
            demo_key=demo_key,
            simulated=any(source.simulated for source in sources),
            examples=_examples(sources),
        )
        await _serve(server, admission.connections, running, upkeep, lambda: announce(started))


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


def _build_core(
    settings: Settings,
    directory: DataDirectory,
    opened: contextlib.ExitStack,
    *,
    clock: Clock,
    new_epoch: bool,
) -> _Core:
    log, recovered = SegmentLog.open(
        directory.tape / _SHARD,
        clock=clock,
        boot_id=boot_id(),
        segment_bytes=settings.tape.segment_bytes,
        retain_bytes=settings.tape.retain_bytes,
        new_epoch=new_epoch,
    )
    opened.callback(log.close)
    catalogue = Catalogue(limit=settings.limits.max_instruments)
    tape = Tape(log, recovered, catalogue=catalogue, clock=clock)
    load_builtin(catalogue)
    hub = Hub(call_soon=_end_of_turn(settings.stream.flush_min_ms))
    hub.restore(tape.all_newest())
    catalogue.watch(hub.appear)
    return _Core(catalogue, tape, hub, Intake(tape, hub), Claims())


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


def _feed(source: Source, core: _Core, clock: Clock) -> FeedRunner:
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


def _build_edge(
    settings: Settings, core: _Core, feeds: list[FeedRunner], *, ring: KeyRing, canary: Canary, clock: Clock
) -> tuple[Admission, Server]:
    limits = settings.limits
    publisher = Publisher(
        core.intake,
        QuoteReader(core.catalogue, core.claims),
        clock=clock,
        limits=Limits(limits.publish_quotes, limits.producers_per_key),
    )
    connections = Connections(max_connections=limits.max_connections)
    admission = Admission(
        ring=ring,
        hub=core.hub,
        catalogue=core.catalogue,
        tape=core.tape,
        publisher=publisher,
        limits=_connection_limits(settings),
        connections=connections,
        clock=clock,
        canary_token=canary.token,
        simulated=lambda: any(feed.source.simulated and feed.source.instruments() for feed in feeds),
        deflate=settings.stream.deflate,
    )
    log = core.tape.log
    api = build_api(
        [
            health_routes(
                trouble=lambda: "draining" if connections.draining else canary.trouble,
                details=lambda: {"log": log.failing or "keeps every record", "epoch": core.tape.epoch},
            ),
            metrics_routes(
                stream_readings(admission.counters, connections)
                + quote_readings(core.intake, core.hub, log, publisher)
                + feed_readings(feeds)
            ),
            publish_routes(publisher, ring, body_bytes=limits.publish_bytes),
            stream_path_routes(),
        ]
    )
    server = build_server(
        api,
        admission,
        host=settings.host,
        port=settings.port,
        tls_cert=settings.tls_cert,
        tls_key=settings.tls_key,
        drain_s=_DRAIN_S,
    )
    return admission, server


def _connection_limits(settings: Settings) -> ConnectionLimits:
    limits = settings.limits
    return ConnectionLimits(
        symbols=limits.symbols_per_connection,
        symbols_per_message=limits.symbols_per_message,
        message_bytes=limits.message_bytes,
        send_buffer_bytes=limits.send_buffer_bytes,
        send_buffer_low_bytes=limits.send_buffer_bytes // 4,
        idle_s=limits.idle_s,
        ping_interval_s=limits.ping_interval_s,
        pong_timeout_s=limits.pong_timeout_s,
        too_slow_s=limits.too_slow_s,
        head_s=limits.head_s,
        head_bytes=limits.head_bytes,
    )


def _demo_key(settings: Settings, ring: KeyRing, clock: Clock) -> str | None:
    """A key in memory, where only this machine can use it."""
    if not is_loopback(settings.host):
        return None
    key, text = mint(name="demo", plan="demo", scopes=[Scope.PUBLISH], now_ns=clock.now_ns())
    ring.add_memory_key(key)
    return text


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
