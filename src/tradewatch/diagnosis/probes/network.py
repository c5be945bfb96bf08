"""Asks the kernel for its network settings."""

import socket
import sys
from pathlib import Path

from tradewatch.diagnosis.network import NetworkFacts

_SOMAXCONN = Path("/proc/sys/net/core/somaxconn")
_UNSENT_BYTES = 16 << 10


def look() -> NetworkFacts:
    """What the kernel allows."""
    try:
        most_backlog = int(_SOMAXCONN.read_text())
    except (OSError, ValueError):
        most_backlog = None
    return NetworkFacts(most_backlog, _unsent_limit())


def _unsent_limit() -> bool:
    if sys.platform != "linux":  # where the server does not set it either
        return False
    with socket.socket() as unconnected:
        try:
            unconnected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        except OSError:
            return False
    return True
