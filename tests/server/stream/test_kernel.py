"""What is set on a socket, and what is read from it."""

import socket
import sys

import pytest

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux' socket options")


@linux_only
async def test_sockets_send_at_once_and_hold_little_unsent(start):
    rig = await start()
    _, channel = await rig.open()
    kernel_socket = channel.connection.transport.get_extra_info("socket")
    assert kernel_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert kernel_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 16 << 10


@linux_only
async def test_what_the_peer_took_is_counted_to_the_byte(start, tools):
    rig = await start()
    client, channel = await rig.open()
    await tools.until(lambda: channel.connection.taken_bytes == channel.connection.written_bytes)
    channel.connection.send(b"x" * 98)
    assert await client.next_frame() == (1, b"x" * 98)
    await tools.until(lambda: channel.connection.taken_bytes == channel.connection.written_bytes)


async def test_where_the_kernel_does_not_say_its_own_progress_is_taken(start, tools, monkeypatch):
    monkeypatch.setattr("tradewatch.server.stream.kernel.acknowledged_bytes", lambda transport: None)
    rig = await start()
    _, channel = await rig.open()
    edge = channel.connection
    edge.send(b"x" * 1_000)
    await tools.until(lambda: edge.taken_bytes == edge.written_bytes)
