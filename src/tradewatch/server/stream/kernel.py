"""What the kernel is told and asked about a connection's socket."""

import contextlib
import socket
import struct
import sys
from asyncio import BaseTransport

#: `tcpi_bytes_acked` in Linux' `struct tcp_info`: fields are only ever added behind it.
_BYTES_ACKED = struct.Struct("Q")
_BYTES_ACKED_OFFSET = 120
_TCP_INFO_BYTES = 192


def tune(transport: BaseTransport, *, unsent_bytes: int) -> None:
    """Send small frames at once, and keep what the kernel holds unsent below a limit where it can be told."""
    kernel_socket: socket.socket = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # the peer may be gone already; the loop will tell
        kernel_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform == "linux":
            kernel_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, unsent_bytes)


def acknowledged_bytes(transport: BaseTransport) -> int | None:
    """Bytes that the peer's kernel has acknowledged so far; None where this kernel does not say."""
    if sys.platform == "linux":
        kernel_socket: socket.socket = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            info = kernel_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
            if len(info) >= _BYTES_ACKED_OFFSET + _BYTES_ACKED.size:
                acknowledged: int = _BYTES_ACKED.unpack_from(info, _BYTES_ACKED_OFFSET)[0]
                return acknowledged
    return None
