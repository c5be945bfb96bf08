"""What happened at the stream edge, as plain integers that a collector reads when it is asked."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class StreamCounters:
    """Counts since the process began.

    Attributes:
        http_open: sockets that speak HTTP, or have not said a word yet, now.
        opened: WebSocket handshakes that were completed.
        closed: connections that ended, by why: the reason of our close code, `client` where the client
            closed, `lost` where nobody said anything.
        refused: HTTP refusals of the door and of handshakes, by reason.
        messages_in: whole text messages received.
        bytes_in: bytes read from WebSocket connections.
        bytes_out: bytes written to them.
    """

    http_open: int = 0
    opened: int = 0
    closed: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    messages_in: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
