"""The listening sockets, the event loop and the HTTP server around the edge."""

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import uvicorn
import uvloop

from tradewatch.errors import ListenError, SettingError, TradewatchError
from tradewatch.server.file_limit import RESERVED_FILES
from tradewatch.server.stream.door import Door, DoorLimits
from tradewatch.server.stream.edge import StreamEdge
from tradewatch.server.stream.gateway import Gateway
from tradewatch.server.stream.keepalive import KeepAlive
from tradewatch.server.stream.registry import Drained

_BACKLOG = 2048
#: Sockets that speak HTTP, besides WebSockets: of the files in reserve, less those of the server itself.
HTTP_SOCKETS = RESERVED_FILES - 64
_KEEP_ALIVE_S = 15
_HTTP_SHUTDOWN_S = 2
_TLS_HANDSHAKE_S = 10.0
_TLS_SHUTDOWN_S = 10.0


class Loop(uvloop.Loop):
    """uvloop with the TLS deadlines that uvicorn has no setting for."""

    async def create_server(self, *args: Any, ssl: Any = None, **options: Any) -> asyncio.AbstractServer:  # type: ignore[override]  # passes on what it does not name
        """As any loop does; a TLS handshake, and a TLS shutdown, end in time."""
        if ssl is not None:
            options |= {"ssl_handshake_timeout": _TLS_HANDSHAKE_S, "ssl_shutdown_timeout": _TLS_SHUTDOWN_S}
        return await super().create_server(*args, ssl=ssl, **options)


def runner() -> asyncio.Runner:
    """What a process runs its server with."""
    return asyncio.Runner(loop_factory=Loop)


class Server(uvicorn.Server):
    """uvicorn's server, which leaves the signals alone and sends the clients away before it closes the port.

    To end it, set `should_exit`; `serve` then returns. While it drains, handshakes are answered with 503.

    Args:
        config: uvicorn's.
        gateway: has the connections.
        sockets: listening.
        drain_s: how long a drain may take.
    """

    def __init__(
        self, config: uvicorn.Config, gateway: Gateway, sockets: list[socket.socket], *, drain_s: float
    ) -> None:
        super().__init__(config)
        self.drain_s = drain_s
        self.drained: Drained | None = None
        self._connections = gateway.connections
        self._keep_alive = KeepAlive(gateway.connections, gateway.clock)
        self._sockets = sockets

    @property
    def port(self) -> int:
        """The port it listens on, also where 0 was asked for."""
        number: int = self._sockets[0].getsockname()[1]
        return number

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `should_exit`.

        Raises:
            TradewatchError: the HTTP application did not start; its own message is in the log.
        """
        sweeper = asyncio.create_task(self._keep_alive.run())
        try:
            await super().serve(sockets or self._sockets)
        except SystemExit as error:
            raise TradewatchError("the HTTP application did not start") from error
        finally:
            sweeper.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain with the port open, then close it; no socket is left behind."""
        self.drained = await self._connections.drain(self.drain_s)
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: the program owns its signals. uvicorn would raise them again after its shutdown."""
        yield


def build_server(
    rest_app: Any,
    gateway: Gateway,
    *,
    host: str,
    port: int,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    drain_s: float = 10.0,
    door_limits: DoorLimits | None = None,
) -> Server:
    """Bind, listen, and put the parts together; connections wait until `serve` runs.

    Args:
        rest_app: the ASGI application for everything that is no upgrade.
        gateway: decides about WebSockets.
        host: a name or an address, IPv4 or IPv6.
        port: 0 for any that is free.
        tls_cert: the certificate chain, in PEM.
        tls_key: its key; None where it stands in the same file.
        drain_s: how long a drain may take.
        door_limits: None for the gateway's limits of a request head and the defaults for the rest.

    Raises:
        ListenError: nobody can listen there.
        SettingError: the certificate or its key is missing or not usable.
    """
    limits = door_limits or DoorLimits(head_s=gateway.limits.head_s, head_bytes=gateway.limits.head_bytes)

    def has_room() -> bool:
        connections = gateway.connections
        return gateway.counters.http_open + len(connections) <= connections.max_connections + HTTP_SOCKETS

    config = uvicorn.Config(
        rest_app,
        http=cast("Any", functools.partial(Door, limits, gateway.counters, gateway.access_log, has_room)),
        ws=cast("Any", functools.partial(StreamEdge, gateway)),
        lifespan="on",
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_HTTP_SHUTDOWN_S,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
    )
    _load(config, tls_cert, tls_key)
    return Server(config, gateway, listen(host, port), drain_s=drain_s)


def _load(config: uvicorn.Config, tls_cert: Path | None, tls_key: Path | None) -> None:
    """Read the certificate now, so that its faults are told before anything else happens."""
    if tls_key is not None and tls_cert is None:
        raise SettingError("tls_key is set, and tls_cert is not")
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        if tls_cert is None:
            raise
        files = " and ".join(str(file) for file in (tls_cert, tls_key) if file is not None)
        raise SettingError(f"tls_cert, tls_key: {files}: {error}") from error


def listen(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of a host, all on one port.

    Raises:
        ListenError: the host is unknown, or the port is taken or not allowed; names both.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(found):
            chosen = sockets[0].getsockname()[1] if sockets else port
            sockets.append(_bound(family, (address[0], chosen, *address[2:])))
    except (OSError, UnicodeError) as error:
        for bound in sockets:
            bound.close()
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise ListenError(f"cannot listen on {host} port {port}: {reason}") from error
    return sockets


def _bound(family: int, address: tuple[Any, ...]) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)  # now: two that are only bound to a port would not notice each other
    except OSError:
        listening.close()
        raise
    return listening
