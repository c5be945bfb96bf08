"""The front: what stands between the core and its clients."""

from collections.abc import Mapping

from tradewatch.access.attempts import Attempts
from tradewatch.access.key import Scope, mint
from tradewatch.access.keyring import KeyRing
from tradewatch.access.permit import Permits
from tradewatch.access.plan import Plans
from tradewatch.access.tickets import Tickets
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.address import is_loopback, parse_networks
from tradewatch.clock import Clock
from tradewatch.composition.core import SHARD, Core
from tradewatch.composition.rest import Parts, build_rest
from tradewatch.composition.stores import Stores
from tradewatch.feeds.runner import FeedRunner
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.origin import OriginRule
from tradewatch.publishing.publisher import Limits, Publisher
from tradewatch.publishing.quote import QuoteReader
from tradewatch.server.access_log import AccessLog, LoggedRequests
from tradewatch.server.file_limit import raise_file_limit
from tradewatch.server.key_watch import KeyWatch
from tradewatch.server.listener import Server, build_server
from tradewatch.server.stream.admission import Admission
from tradewatch.server.stream.canary import Canary
from tradewatch.server.stream.entrance import Entrance
from tradewatch.server.stream.registry import Connections
from tradewatch.server.stream.usage_sweep import UsageSweep
from tradewatch.settings import Settings

#: From SIGTERM to the last connection closed; what follows takes a second or two.
_DRAIN_S = 5.0


class Front:
    """Keys, the door, the stream's edge and the REST API.

    Args:
        settings: what to run with.
        core: what is served.
        feeds: the feeds of this process.
        stores: what is on disk.
        clock: the time.

    Attributes:
        ring: the keys that are good now.
        tickets: the open tickets.
        connections: all connections.
        entrance: decides who may come in.
        key_watch: follows the keys on disk.
        canary: tells whether quotes travel.
        meter: the usage of each key.
        sweep: accounts for the connections.
        server: listens.
        demo_key: the text of a key that lives as long as the process; None where others could use it.

    Raises:
        TradewatchError: a setting that does not fit, or an address that cannot be listened on.
    """

    def __init__(
        self,
        settings: Settings,
        core: Core,
        feeds: list[FeedRunner],
        stores: Stores,
        *,
        clock: Clock,
    ) -> None:
        self._core = core
        self._limits = _connection_limits(settings)
        self.ring = KeyRing()
        self.ring.replace(stores.keys.load())
        self.demo_key = _demo_key(settings, self.ring, clock)
        self.tickets = Tickets()
        self.canary = Canary(core.intake, clock=clock)
        fitting = raise_file_limit(settings.limits.max_connections)
        self.connections = Connections(max_connections=fitting.max_connections)
        self.meter = UsageMeter(gateway=SHARD)
        self.sweep = UsageSweep(
            self.connections, self.meter, clock=clock, live_lag_us=core.watch.take_highest_age_us
        )
        self.connections.watch(self.sweep)
        self._attempts = Attempts(settings.limits.attempts_per_address)
        self.entrance = Entrance(
            ring=self.ring,
            tickets=self.tickets,
            permits=self._permits(settings.plans),
            attempts=self._attempts,
            origins=OriginRule(settings.origins, setting="origins"),
            connections=self.connections,
            clock=clock,
        )
        self.key_watch = KeyWatch(
            stores.keys, self.ring, tickets=self.tickets, entrance=self.entrance, connections=self.connections
        )
        self.server = self._listen(settings, feeds, stores, clock)

    def replan(self, plans: Mapping[str, Mapping[str, object]]) -> None:
        """The plans of the settings have changed: open connections keep what still fits.

        Raises:
            SettingError: they do not fit; nothing changes then.
        """
        self.entrance.permits = self._permits(plans)
        for key_id in self.connections.keys:
            self.connections.permit_key(key_id, self.entrance.permit_of)

    def _permits(self, tables: Mapping[str, Mapping[str, object]]) -> Permits:
        plans = Plans(tables)
        self._core.views.open({plan.delay_s for plan in plans})
        return Permits(plans, self._limits)

    def _listen(self, settings: Settings, feeds: list[FeedRunner], stores: Stores, clock: Clock) -> Server:
        core, limits = self._core, settings.limits
        proxies = parse_networks(settings.trusted_proxies, setting="trusted_proxies")
        access_log = AccessLog(clock, enabled=settings.access_log)
        publisher = Publisher(
            core.intake,
            QuoteReader(core.catalogue, core.claims),
            clock=clock,
            limits=Limits(limits.publish_quotes, limits.producers_per_key),
        )
        admission = Admission(
            entrance=self.entrance,
            views=core.views,
            catalogue=core.catalogue,
            tape=core.tape,
            publisher=publisher,
            limits=self._limits,
            connections=self.connections,
            clock=clock,
            canary_token=self.canary.token,
            simulated=lambda: any(feed.source.simulated and feed.source.instruments() for feed in feeds),
            deflate=settings.stream.deflate,
            trusted_proxies=proxies,
            access_log=access_log,
        )
        rest = build_rest(
            Parts(
                settings=settings,
                core=core,
                feeds=feeds,
                stores=stores,
                ring=self.ring,
                key_watch=self.key_watch,
                tickets=self.tickets,
                attempts=self._attempts,
                entrance=self.entrance,
                publisher=publisher,
                connections=self.connections,
                counters=admission.counters,
                canary=self.canary,
                meter=self.meter,
                sweep=self.sweep,
                clock=clock,
            )
        )
        return build_server(
            LoggedRequests(rest, access_log, trusted_proxies=proxies),
            admission,
            host=settings.host,
            port=settings.port,
            tls_cert=settings.tls_cert,
            tls_key=settings.tls_key,
            drain_s=_DRAIN_S,
        )


def _connection_limits(settings: Settings) -> ConnectionLimits:
    limits = settings.limits
    return ConnectionLimits(
        symbols=limits.symbols_per_connection,
        symbols_per_message=limits.symbols_per_message,
        messages_per_10_s=limits.messages_per_10_s,
        symbol_changes_per_10_s=limits.symbol_changes_per_10_s,
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
