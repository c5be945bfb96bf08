"""The settings: each field with its meaning, its unit, its bounds and its default.

docs/reference/settings.md is generated from this file. A description is the start of a sentence about the
setting; units are the end of a name (`idle_s`, `retain_bytes`) and are not repeated.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tradewatch.errors import SettingError
from tradewatch.model.asset_class import AssetClass

_CLASS_NAMES = {asset_class.value for asset_class in AssetClass}
_KIB = 1 << 10
_MIB = 1 << 20
_GIB = 1 << 30
_DAY_S = 86_400


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Table `limits`: what binds clients, each counted where it is met."""

    max_connections: Annotated[
        int, Meta(ge=1, le=1_000_000, description="WebSocket connections open at one time, over all keys")
    ] = 10_000
    max_instruments: Annotated[
        int, Meta(ge=1, le=10_000_000, description="instruments the catalogue may hold, over all classes")
    ] = 100_000
    symbols_per_connection: Annotated[
        int, Meta(ge=1, le=1_000_000, description="symbols one connection may have subscribed at one time")
    ] = 10_000
    symbols_per_message: Annotated[
        int, Meta(ge=1, le=1_000_000, description="symbols one message of a client may name")
    ] = 5_000
    messages_per_10_s: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="messages, control frames among them, that one connection may send in 10 seconds;"
            " beyond it come errors, then a close (4004)",
        ),
    ] = 120
    symbol_changes_per_10_s: Annotated[
        int,
        Meta(
            ge=1, le=1_000_000_000, description="symbols one connection may subscribe or leave in 10 seconds"
        ),
    ] = 20_000
    attempts_per_address: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000_000,
            description="attempts to open a WebSocket from one address (IPv6: one /64) in 10 seconds; beyond"
            " it the address is banned, for 10 seconds at first; 0 sets no limit",
        ),
    ] = 1_000
    message_bytes: Annotated[
        int, Meta(ge=_KIB, le=64 * _MIB, description="size of a message from a client")
    ] = _MIB
    send_buffer_bytes: Annotated[
        int,
        Meta(
            ge=64 * _KIB,
            le=64 * _MIB,
            description="bytes written and not yet taken by the kernel at which a connection is behind",
        ),
    ] = 256 * _KIB
    idle_s: Annotated[
        float,
        Meta(
            gt=0, le=_DAY_S, description="a connection with nothing subscribed for so long is closed (4001)"
        ),
    ] = 60.0
    ping_interval_s: Annotated[
        float, Meta(gt=0, le=_DAY_S, description="time between two protocol pings on a connection")
    ] = 20.0
    pong_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=_DAY_S,
            description="a connection that neither answers a ping nor takes a byte for so long is closed"
            " (4002); at least `limits.ping_interval_s`",
        ),
    ] = 60.0
    too_slow_s: Annotated[
        float,
        Meta(
            gt=0,
            le=_DAY_S,
            description="a connection for which bytes wait and that takes none for so long is closed (4003)",
        ),
    ] = 30.0
    head_s: Annotated[
        float, Meta(gt=0, le=_DAY_S, description="time a client has to send the head of its request")
    ] = 10.0
    head_bytes: Annotated[int, Meta(ge=_KIB, le=_MIB, description="size of the head of a request")] = (
        32 * _KIB
    )
    publish_bytes: Annotated[
        int, Meta(ge=_KIB, le=_GIB, description="size of a published batch, as it arrives")
    ] = 16 * _MIB
    publish_quotes: Annotated[int, Meta(ge=1, le=1_000_000, description="quotes in one published batch")] = (
        10_000
    )
    producers_per_key: Annotated[
        int, Meta(ge=1, le=1_000_000, description="names of producers that one API key may publish under")
    ] = 100


class StreamSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Table `stream`: how quotes leave."""

    flush_min_ms: Annotated[
        float,
        Meta(
            ge=0,
            le=10_000,
            description="the least time between two flushes: more costs less CPU per quote and makes every"
            " quote older; 0 flushes whenever something waits",
        ),
    ] = 0.0
    deflate: Annotated[
        bool,
        Meta(
            description="whether messages of v2 are compressed for clients that offer permessage-deflate:"
            " fewer bytes for more CPU"
        ),
    ] = False


class TapeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Table `tape`: the log of everything that was ever sent."""

    segment_bytes: Annotated[
        int, Meta(ge=64 * _KIB, le=4 * _GIB, description="size at which a file of the log is full")
    ] = 64 * _MIB
    retain_bytes: Annotated[
        int,
        Meta(
            ge=128 * _KIB,
            le=1 << 50,
            description="size of the log above which its oldest files are deleted; at least two segments",
        ),
    ] = 2 * _GIB
    hold_bytes: Annotated[
        int,
        Meta(
            ge=0,
            le=1 << 50,
            description="size by which the log may exceed `tape.retain_bytes` for as long as the history has"
            " not recorded its oldest files; beyond it they are deleted all the same, and counted",
        ),
    ] = 8 * _GIB
    sync_ms: Annotated[
        int, Meta(ge=1, le=60_000, description="time between two syncs of the log to the disk")
    ] = 250


class HistorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Table `history`: what is recorded, and for how long."""

    enabled: Annotated[
        bool, Meta(description="whether what is streamed is recorded, for candles and ticks over HTTP")
    ] = True
    retain_days: Annotated[
        float,
        Meta(ge=0, le=100_000, description="age at which what was recorded is deleted; 0 keeps it for good"),
    ] = 0.0
    retain_days_by_class: Annotated[
        dict[str, float],
        Meta(
            description="the same for single asset classes: `{ crypto = 30 }`",
            extra={"default": "none"},
        ),
    ] = {}
    memory_bytes: Annotated[
        int,
        Meta(ge=64 * _MIB, le=1 << 45, description="memory that the database of the history may take"),
    ] = 512 * _MIB
    threads: Annotated[
        int, Meta(ge=1, le=256, description="threads that the database of the history may use")
    ] = 2


def default_data_dir() -> Path:
    """The platform's place for a user's data; nothing is created."""
    import platformdirs  # noqa: PLC0415 - only a process that needs the default pays for it

    return platformdirs.user_data_path("tradewatch", appauthor=False)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set. Making one opens nothing.

    Raises:
        SettingError: two settings contradict each other, or ask for what this version does not have. The
            bounds of single fields are checked where a value comes from outside, by `load_settings`.
    """

    host: Annotated[
        str,
        Meta(min_length=1, max_length=255, description="the address to listen on; `0.0.0.0` is all of IPv4"),
    ] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65_535, description="the TCP port to listen on; 0 takes a free one")
    ] = 8000
    data_dir: Annotated[
        Path,
        Meta(
            description="the directory that holds everything the server writes",
            extra={"default": "the platform's user data directory"},
        ),
    ] = msgspec.field(default_factory=default_data_dir)
    feeds: Annotated[
        tuple[str, ...],
        Meta(
            description="where quotes come from, besides those that are published; `none` for nowhere",
            extra={"option": "--feed"},
        ),
    ] = ("simulated",)
    instruments: Annotated[
        tuple[Path, ...],
        Meta(
            description="files (CSV, TOML) of instruments that are known besides the built-in ones"
            " (docs/how-to/add-instruments.md)"
        ),
    ] = ()
    role: Annotated[
        Literal["all", "feed", "gateway", "store"],
        Meta(description="the part of the server that this process is; this version has `all` only"),
    ] = "all"
    bus: Annotated[
        str,
        Meta(
            description="the URL of the bus that joins several processes; this version has none",
            extra={"secret": True},
        ),
    ] = ""
    workers: Annotated[
        int, Meta(ge=1, le=1024, description="processes that serve clients; this version has 1 only")
    ] = 1
    tls_cert: Annotated[
        Path | None, Meta(description="the certificate chain (PEM) to serve TLS with; needs `tls_key`")
    ] = None
    tls_key: Annotated[Path | None, Meta(description="the private key (PEM) of `tls_cert`")] = None
    origins: Annotated[
        tuple[str, ...],
        Meta(
            description="the origins whose web pages may open the stream, besides the server's own:"
            " `https://app.example.com`, `https://*.example.com`, or `*` for all"
        ),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="the networks (`10.0.0.0/8`) whose `X-Forwarded-For` says a client's address"),
    ] = ()
    access_log: Annotated[
        bool, Meta(description="whether each request and each connection that ended is logged")
    ] = False
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="the least severity that is logged")
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"], Meta(description="how log lines are written: for people or for machines")
    ] = "text"
    plans: Annotated[
        dict[str, dict[str, Any]],
        Meta(
            description="plans besides the built-in ones, or in their place: a table for each,"
            " with the limits that differ from `standard` (docs/how-to/plans.md)",
            extra={"default": "none"},
        ),
    ] = {}
    limits: LimitSettings = LimitSettings()
    stream: StreamSettings = StreamSettings()
    tape: TapeSettings = TapeSettings()
    history: HistorySettings = HistorySettings()

    def __post_init__(self) -> None:
        if self.bus:
            raise SettingError("bus is set, but this version does not have a bus")
        if self.role != "all":
            raise SettingError(f"role '{self.role}' needs a bus, which this version does not have")
        if self.workers > 1:
            raise SettingError(f"workers = {self.workers} needs a bus, which this version does not have")
        if (self.tls_cert is None) != (self.tls_key is None):
            given, missing = ("tls_cert", "tls_key") if self.tls_cert else ("tls_key", "tls_cert")
            raise SettingError(f"{given} is set without {missing}: TLS needs both")
        if self.limits.pong_timeout_s < self.limits.ping_interval_s:
            raise SettingError(
                f"limits.pong_timeout_s = {self.limits.pong_timeout_s} is less than"
                f" limits.ping_interval_s = {self.limits.ping_interval_s}"
            )
        unknown = set(self.history.retain_days_by_class) - _CLASS_NAMES
        if unknown:
            raise SettingError(f"history.retain_days_by_class: no asset class is called {min(unknown)!r}")
        if self.tape.retain_bytes < 2 * self.tape.segment_bytes:
            raise SettingError(
                f"tape.retain_bytes = {self.tape.retain_bytes} is less than two segments"
                f" (tape.segment_bytes = {self.tape.segment_bytes})"
            )
