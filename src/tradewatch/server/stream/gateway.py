"""What the edge asks of the rest of the server."""

from collections.abc import Sequence
from typing import Protocol

from tradewatch.clock import Clock
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.refusal import Refusal
from tradewatch.server.access_log import AccessLog
from tradewatch.server.stream.channel import Channel, Head
from tradewatch.server.stream.counters import StreamCounters
from tradewatch.server.stream.registry import Connections


class Gateway(Protocol):
    """Who may come in, and what binds them; one for all connections of a process."""

    @property
    def subprotocols(self) -> Sequence[str]:
        """The dialects that a client may ask for."""
        ...

    @property
    def deflated(self) -> Sequence[str]:
        """Those of them whose messages may be compressed."""
        ...

    @property
    def response_headers(self) -> Sequence[tuple[str, str]]:
        """Headers that every completed handshake carries."""
        ...

    @property
    def limits(self) -> ConnectionLimits:
        """What binds each connection."""
        ...

    @property
    def connections(self) -> Connections:
        """All connections."""
        ...

    @property
    def counters(self) -> StreamCounters:
        """What happened so far."""
        ...

    @property
    def access_log(self) -> AccessLog:
        """Where requests and connections leave a line."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    def address_of(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """The address of a client, from its socket's and what proxies wrote (`X-Forwarded-For`)."""
        ...

    def knock(self, address: str) -> Refusal | None:
        """Count an attempt that is no well-formed handshake; why the next is not even heard, if so."""
        ...

    def admit(self, head: Head) -> Channel | Refusal:
        """Decide about a well-formed handshake for which there is room.

        A channel that is returned gets `closed` exactly once, whatever happens to its connection.
        """
        ...
