"""The examination: every check of a machine and its settings, one after another."""

from collections.abc import Callable

from tradewatch.access.plan import Plans, check_delays
from tradewatch.address import parse_networks
from tradewatch.clock import Clock
from tradewatch.data_directory import DataDirectory
from tradewatch.diagnosis import certificate, clock, disk, memory, network, open_files, packages, port
from tradewatch.diagnosis.finding import Finding, fault, ok, warning
from tradewatch.diagnosis.probes import certificate as certificate_probe
from tradewatch.diagnosis.probes import clock as clock_probe
from tradewatch.diagnosis.probes import disk as disk_probe
from tradewatch.diagnosis.probes import memory as memory_probe
from tradewatch.diagnosis.probes import network as network_probe
from tradewatch.diagnosis.probes import packages as packages_probe
from tradewatch.errors import UsageError
from tradewatch.feeds.spec import NO_FEED, parse_feed_spec
from tradewatch.protocol.origin import OriginRule
from tradewatch.reference.known import known_listings
from tradewatch.server.file_limit import fitted, read_file_limit
from tradewatch.settings import Loaded, Settings

_SETTINGS, _LOOP = "settings", "event loop"


def examine(loaded: Loaded, *, now: Clock) -> list[Finding]:
    """What is so on this machine with these settings. Nothing is changed, and nothing is left behind.

    A check that itself fails is a finding like any other.

    Args:
        loaded: the settings, and where they come from.
        now: the time.
    """
    return _Examination(loaded, now).findings()


class _Examination:
    """The checks of one examination; some need to know what another saw."""

    def __init__(self, loaded: Loaded, now: Clock) -> None:
        self._loaded = loaded
        self._settings = loaded.settings
        self._now = now
        self._served = False

    def findings(self) -> list[Finding]:
        """What all checks came to."""
        checks: dict[str, Callable[[], list[Finding]]] = {
            _SETTINGS: self._origins,
            packages.PROGRAM: lambda: packages.judge(packages_probe.look()),
            _LOOP: self._event_loop,
            open_files.CHECK: self._open_files,
            memory.CHECK: self._memory,
            clock.CHECK: lambda: clock.judge(clock_probe.look(self._now)),
            port.PORT: self._port,
            disk.DIRECTORY: self._disk,
            network.BACKLOG: self._network,
            certificate.CHECK: self._certificate,
        }
        return [finding for name, check in checks.items() for finding in _caught(name, check)]

    def _origins(self) -> list[Finding]:
        try:
            _read_texts(self._settings)
        except UsageError as error:
            return [fault(_SETTINGS, str(error), "correct it; `tradewatch config show` says where it stands")]
        if self._loaded.ignored:
            names = ", ".join(self._loaded.ignored)
            return [warning(_SETTINGS, f"{names} in the environment set nothing", "correct or remove them")]
        origins = {origin.split()[0] for _, _, origin in self._loaded}
        return [ok(_SETTINGS, f"all fit; from {', '.join(sorted(origins))}")]

    def _event_loop(self) -> list[Finding]:
        from tradewatch.server.listener import Loop, runner  # noqa: PLC0415 - needs every package

        async def turn() -> None:
            """One turn of the loop."""

        with runner() as running:
            running.run(turn())
        return [ok(_LOOP, f"{Loop.__base__.__module__} turns")]

    def _open_files(self) -> list[Finding]:
        return open_files.judge(fitted(self._settings.limits.max_connections, *read_file_limit()))

    def _memory(self) -> list[Finding]:
        return memory.judge(memory_probe.look(), max_connections=self._settings.limits.max_connections)

    def _port(self) -> list[Finding]:
        from tradewatch.diagnosis.probes import port as port_probe  # noqa: PLC0415 - needs every package

        settings = self._settings
        found = port_probe.look(settings.host, settings.port, tls=settings.tls_cert is not None)
        self._served = found.served
        return port.judge(found)

    def _disk(self) -> list[Finding]:
        found = disk_probe.look(DataDirectory(self._settings.data_dir))
        return disk.judge(found, self._settings.tape, served=self._served)

    def _network(self) -> list[Finding]:
        from tradewatch.server.listener import _BACKLOG  # noqa: PLC0415 - needs every package

        return network.judge(network_probe.look(), backlog=_BACKLOG)

    def _certificate(self) -> list[Finding]:
        facts = None
        if self._settings.tls_cert is not None and self._settings.tls_key is not None:
            facts = certificate_probe.look(self._settings.tls_cert, self._settings.tls_key)
        return certificate.judge(facts, now_s=self._now.now_ns() / 1e9)


def _read_texts(settings: Settings) -> None:
    """Read the settings that have a language of their own, as the server does when it starts.

    Raises:
        UsageError: one cannot be understood.
    """
    for spec in settings.feeds:
        if spec != NO_FEED:
            parse_feed_spec(spec)
    parse_networks(settings.trusted_proxies, setting="trusted_proxies")
    OriginRule(settings.origins, setting="origins")
    check_delays({plan.delay_s for plan in Plans(settings.plans)})
    known_listings(settings.instruments, limit=settings.limits.max_instruments)


def _caught(name: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - the other checks say what is wrong; this one that it is
        what = f"it could not be checked: {type(error).__name__}: {error}"
        return [fault(name, what, "mend what the other findings name, and ask again")]
