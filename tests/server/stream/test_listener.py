"""Ports, certificates, signals and the order in which a server ends."""

import asyncio
import signal
import socket
import subprocess
import sys
import time

import pytest

from tradewatch.errors import ListenError, SettingError, TradewatchError
from tradewatch.server.listener import build_server, listen


def test_a_port_that_is_taken_is_named():
    (taken,) = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(
        ListenError, match=rf"cannot listen on 127\.0\.0\.1 port {port}: Address already in use"
    ):
        listen("127.0.0.1", port)
    taken.close()


def test_a_host_that_is_unknown_is_named():
    with pytest.raises(ListenError, match=r"cannot listen on no\.such\.host\.invalid port 80: "):
        listen("no.such.host.invalid", 80)


def test_an_address_of_somebody_else_is_named():
    with pytest.raises(ListenError, match=r"192\.0\.2\.1 port 0: Cannot assign"):
        listen("192.0.2.1", 0)


def test_a_port_is_free_again_at_once():
    (first,) = listen("127.0.0.1", 0)
    port = first.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    accepted, _ = first.accept()
    accepted.close()  # first to close: this side waits in TIME_WAIT
    client.close()
    first.close()
    (second,) = listen("127.0.0.1", port)
    second.close()


def test_all_addresses_of_a_name_get_one_port(monkeypatch):
    """As `localhost` has, on most machines, an address of either family."""
    both = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: both)
    sockets = listen("localhost", 0)
    addresses = [bound.getsockname() for bound in sockets]
    assert [address[0] for address in addresses] == ["127.0.0.1", "127.0.0.2"]
    assert len({address[1] for address in addresses}) == 1
    for bound in sockets:
        bound.close()


def test_ipv6_is_listened_on():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    (bound,) = listen("::1", 0)
    socket.create_connection(bound.getsockname()[:2]).close()
    bound.close()


async def empty_app(scope, receive, send):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("cert", "key", "words"),
    [
        ("absent.pem", None, r"tls_cert, tls_key: .*absent\.pem.*No such file"),
        ("empty.pem", "empty.pem", r"empty\.pem and .*empty\.pem: "),
        (None, "empty.pem", "tls_key is set, and tls_cert is not"),
    ],
)
async def test_a_certificate_that_cannot_be_used_is_named(start, tmp_path, cert, key, words):
    (tmp_path / "empty.pem").touch()
    gateway = (await start()).gateway
    options = {"tls_cert": cert and tmp_path / cert, "tls_key": key and tmp_path / key}
    with pytest.raises(SettingError, match=words):
        build_server(empty_app, gateway, host="127.0.0.1", port=0, **options)


async def test_an_application_that_does_not_start_is_an_error(start):
    async def broken(scope, receive, send):
        raise RuntimeError("no")

    server = build_server(broken, (await start()).gateway, host="127.0.0.1", port=0)
    with pytest.raises(TradewatchError, match="did not start"):
        await server.serve()


async def test_a_silent_tls_client_is_cut_off(start, monkeypatch):
    monkeypatch.setattr("tradewatch.server.listener._TLS_HANDSHAKE_S", 0.2)
    rig = await start(tls=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.server.port)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_a_drain_answers_new_clients_and_closes_the_open_ones(start, tools):
    """uvicorn alone would close the port first, so that nobody could be told to come back."""
    rig = await start(drain_s=5)
    client, channel = await rig.open()
    rig.server.should_exit = True
    assert await client.close_frame() == (1001, "going_away")
    late = await rig.ask(tools.request())
    assert (late.status, late.reason, late.headers["retry-after"]) == (503, "draining", "5")
    client.leave()
    await tools.until(lambda: rig.server.drained is not None)
    assert rig.server.drained == (1, 0)
    assert channel.told == ["opened", "draining", "closed"]


async def test_who_does_not_leave_does_not_keep_the_server(start, tools):
    rig = await start(drain_s=0.2)
    _, channel = await rig.open()
    rig.server.should_exit = True
    await tools.until(lambda: rig.server.drained == (0, 1))
    assert channel.told == ["opened", "draining", "closed"]


async def test_a_request_that_does_not_end_does_not_keep_the_server(start, tools, monkeypatch):
    monkeypatch.setattr("tradewatch.server.listener._HTTP_SHUTDOWN_S", 0.2)
    rig = await start()
    client = await rig.client()
    client.say(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    await tools.until(lambda: rig.application.paths == ["/slow"])
    rig.server.should_exit = True
    await tools.until(lambda: not rig.protocols)
    assert b"200" not in await client.rest()


async def test_an_answer_that_is_not_taken_does_not_keep_the_server(start, tools, monkeypatch):
    monkeypatch.setattr("tradewatch.server.listener._HTTP_SHUTDOWN_S", 0.2)
    rig = await start()
    client = await rig.client(limit=1_024)
    client.say(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
    await tools.until(lambda: any(door.flow and door.flow.write_paused for door in rig.protocols))
    rig.server.should_exit = True
    await tools.until(lambda: not rig.protocols)


PROGRAM = """
import asyncio, signal
from tradewatch.clock import SystemClock
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.server.access_log import AccessLog
from tradewatch.server.listener import build_server, runner
from tradewatch.server.stream.counters import StreamCounters
from tradewatch.server.stream.registry import Connections

class Gateway:
    subprotocols, deflated, response_headers = (), (), ()
    limits, clock, counters = ConnectionLimits(), SystemClock(), StreamCounters()
    access_log = AccessLog(clock, enabled=False)
    connections = Connections(max_connections=10)

async def application(scope, receive, send):
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})

async def main():
    server = build_server(application, Gateway(), host="127.0.0.1", port=0)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, setattr, server, "should_exit", True)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print("listens", flush=True)
    try:
        await serving
    finally:
        print("cleaned up", flush=True)

with runner() as program:
    program.run(main())
print("done", flush=True)
"""


def test_a_signal_ends_the_program_with_its_own_code_and_after_its_own_cleaning():
    """uvicorn alone raises the signal again: exit code 143, and nothing behind it runs."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "listens\n"
        begin_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "cleaned up\ndone\n"
        assert process.wait() == 0
        assert time.monotonic() - begin_s < 5
