"""The seam between a WebSocket connection, which moves messages, and the channel, which means something."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tradewatch.access.permit import Permit
from tradewatch.access.tickets import Ticket
from tradewatch.protocol.codes import CloseCode, ErrorCode


class Head(NamedTuple):
    """The request head of a handshake, as far as a decision needs it.

    Attributes:
        path: percent-decoded, without the query.
        query: the parameters, the last one of each name.
        headers: lower-case names, the last one of each name.
        address: the client's IP address.
        subprotocol: the one of the client's that was chosen; empty where it offered none.
        window_bits: the base-2 logarithm of the window in which messages to it are compressed; 0 where they
            are not.
    """

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    address: str
    subprotocol: str = ""
    window_bits: int = 0


class Connection(Protocol):
    """An open WebSocket connection, as a channel sees it."""

    @property
    def id(self) -> str:
        """A short name for logs and lists; no secret."""
        ...

    def send(self, payload: bytes) -> None:
        """Write one text message; dropped silently once the closing handshake has begun."""
        ...

    def write(self, frames: bytes) -> None:
        """Write finished frames (`protocol.frame.text_frame`), any number joined; dropped likewise."""
        ...

    @property
    def queued_bytes(self) -> int:
        """Bytes written that the peer has not taken, the kernel's send queue included."""
        ...

    def close(self, code: CloseCode) -> None:
        """Begin the closing handshake; whoever does not finish it in time is cut off."""
        ...


class Channel(Protocol):
    """What a path means: quotes of a class, publishing, the canary. Called from the loop only."""

    @property
    def key_id(self) -> str:
        """Id of the API key that opened it; empty where none was needed."""
        ...

    @property
    def ticket(self) -> Ticket | None:
        """The ticket that opened it in the key's place; None where none did."""
        ...

    @property
    def messages_per_10_s(self) -> int:
        """How many messages its client may send in 10 seconds, control frames among them."""
        ...

    @property
    def tally(self) -> tuple[int, int]:
        """Quotes delivered and quotes skipped, since it was opened."""
        ...

    @property
    def in_use(self) -> bool:
        """False while nothing is subscribed: the idle rule then counts."""
        ...

    @property
    def draining_code(self) -> CloseCode:
        """The code a drained connection is closed with (v1: 1001, v2: 4000)."""
        ...

    @property
    def binary(self) -> bool:
        """Whether its messages are binary; the other kind is refused."""
        ...

    def opened(self, connection: Connection) -> None:
        """The handshake is done; the first message may be sent now."""
        ...

    def received(self, messages: Sequence[bytes]) -> None:
        """All messages that one read completed, text as UTF-8 that was checked; never empty."""
        ...

    def refused(self, code: ErrorCode, message: str) -> None:
        """A message was not handed over; the client is to be told why."""
        ...

    def permitted(self, permit: Permit) -> bool:
        """What it may have has changed; False where it no longer fits that and must end."""
        ...

    def draining(self, deadline_ms: int, reconnect_in_ms: int) -> None:
        """The server is going down, as `Drain` tells those who can read it."""
        ...

    def paused(self) -> None:
        """The client is behind: its send buffer is full."""
        ...

    def resumed(self) -> None:
        """The client has caught up with the send buffer."""
        ...

    def beat(self, now_s: float) -> None:
        """About once a second, by the monotonic clock."""
        ...

    def closed(self) -> None:
        """The connection is over; called once, after which nothing may be written."""
        ...
