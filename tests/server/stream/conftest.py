"""A whole server on a port of 127.0.0.1, with channels that record, and clients that speak raw bytes."""

import asyncio
import shutil
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from websockets.frames import Frame, Opcode

from tradewatch.access.permit import Permit
from tradewatch.clock import ManualClock
from tradewatch.protocol import v1
from tradewatch.protocol.codes import CloseCode, ErrorCode
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.refusal import Refusal
from tradewatch.server.access_log import AccessLog
from tradewatch.server.listener import Loop, Server, build_server
from tradewatch.server.stream.channel import Connection, Head
from tradewatch.server.stream.counters import StreamCounters
from tradewatch.server.stream.door import DoorLimits
from tradewatch.server.stream.keepalive import KeepAlive
from tradewatch.server.stream.registry import Connections

DEADLINE_S = 10.0


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, type[Loop]]:
    """These tests run on the loop that the server runs on."""
    return {"uvloop": Loop}


class Recorder:
    """A channel that writes down what it is told; it raises where it is told to."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.key_id = head.headers.get("api-key", "")
        self.in_use = True
        self.draining_code = CloseCode.GOING_AWAY
        self.binary = False
        self.ticket = None
        self.tally = (0, 0)
        self.messages_per_10_s = 120
        self.fits = True
        self.echoes = False
        self.raises_in: set[str] = set()
        self.log: list[Any] = []
        self.connection: Connection | None = None

    def opened(self, connection: Connection) -> None:
        self.connection = connection
        self._note("opened")

    def received(self, messages: Sequence[bytes]) -> None:
        self._note("received", list(messages))
        if self.echoes and self.connection is not None:
            for message in messages:
                self.connection.send(message)

    def refused(self, code: ErrorCode, message: str) -> None:
        self._note("refused", code)
        if self.connection is not None:
            self.connection.send(v1.error(code, message))

    def permitted(self, permit: Permit) -> bool:
        self._note("permitted", permit)
        return self.fits

    def draining(self, deadline_ms: int, reconnect_in_ms: int) -> None:
        self._note("draining", deadline_ms, reconnect_in_ms)

    def paused(self) -> None:
        self._note("paused")

    def resumed(self) -> None:
        self._note("resumed")

    def beat(self, now_s: float) -> None:
        """Not written down: it comes once a second."""

    def closed(self) -> None:
        self._note("closed")

    @property
    def told(self) -> list[str]:
        return [name for name, *_ in self.log]

    @property
    def messages(self) -> list[list[bytes]]:
        return [entry[1] for entry in self.log if entry[0] == "received"]

    def _note(self, name: str, *values: Any) -> None:
        self.log.append((name, *values))
        if name in self.raises_in:
            raise RuntimeError(f"a fault in {name}")


class StubGateway:
    """Lets everybody in, but at the paths that say otherwise."""

    subprotocols = ("tradewatch.v1", "tradewatch.v2")
    deflated = ("tradewatch.v2",)
    response_headers = (("tradewatch-simulated", "true"),)

    def __init__(self, limits: ConnectionLimits, max_connections: int) -> None:
        self.limits = limits
        self.clock = ManualClock()
        self.counters = StreamCounters()
        self.access_log = AccessLog(self.clock, enabled=False)
        self.connections = Connections(max_connections=max_connections)
        self.knocks: list[str] = []
        self.channels: list[Recorder] = []
        self.prepare: Callable[[Recorder], None] = lambda channel: None

    def address_of(self, peer: str, forwarded_for: Sequence[str]) -> str:
        return forwarded_for[-1] if forwarded_for else peer

    def knock(self, address: str) -> Refusal | None:
        self.knocks.append(address)
        return None

    def admit(self, head: Head) -> Recorder | Refusal:
        if head.path == "/refused":
            return Refusal(429, "too_many_attempts", "wait a little", 7)
        if head.path == "/fault":
            raise RuntimeError("a fault in the admission")
        channel = Recorder(head)
        self.prepare(channel)
        self.channels.append(channel)
        return channel


class Application:
    """The ASGI application behind the same port; its paths say what it does."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.paths: list[str] = []
        self.enough: Callable[[], bool] = self.release.is_set

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        path = scope["path"]
        self.paths.append(path)
        body = b"plain"
        if path in ("/slow", "/later"):
            await self.release.wait()
            body = b"slow"
        if path in ("/echo", "/later"):
            body = await self._body(receive)
        if path == "/large":
            body = b"x" * (16 << 20)
        if path == "/endless":
            await self._write_endlessly(send)
            return
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _body(self, receive: Any) -> bytes:
        """The whole body, or what came of it before the client was gone."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                return body

    async def _write_endlessly(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not self.enough() and not self.release.is_set():
            await send({"type": "http.response.body", "body": b"x" * 16_384, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b""})


class Answer(NamedTuple):
    """An HTTP answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def reason(self) -> str:
        error = msgspec.json.decode(self.body)["error"]
        assert error["code"] == self.status
        assert error["message"]
        return str(error["reason"])


class Client:
    """A socket that says exactly what it is told to say."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    def frame(self, payload: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> None:
        self.say(Frame(opcode, payload, fin).serialize(mask=True))

    async def answer(self) -> Answer:
        """The next HTTP answer."""
        head = await self._in_time(self.reader.readuntil(b"\r\n\r\n"))
        status_line, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await self._in_time(self.reader.readexactly(int(headers.get("content-length", 0))))
        return Answer(int(status_line.split(" ")[1]), headers, body)

    async def next_frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame."""
        first, size = await self._in_time(self.reader.readexactly(2))
        if size == 126:
            (size,) = struct.unpack("!H", await self._in_time(self.reader.readexactly(2)))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._in_time(self.reader.readexactly(8)))
        assert first & 0xF0 == 0x80, "a server's frame is whole and has no reserved bit set"
        return first & 0x0F, await self._in_time(self.reader.readexactly(size))

    async def close_frame(self) -> tuple[int, str]:
        """Code and reason of the close frame, which is the next frame but for pings."""
        opcode, payload = await self.next_frame()
        while opcode == Opcode.PING:
            opcode, payload = await self.next_frame()
        assert opcode == Opcode.CLOSE
        return struct.unpack("!H", payload[:2])[0], payload[2:].decode()

    async def ended(self) -> bool:
        """Whether nothing but the end of the stream follows."""
        try:
            return await self._in_time(self.reader.read(1)) == b""
        except ConnectionError:
            return True

    async def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        return await self._in_time(self.reader.read())

    def leave(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Go without a word."""
        kernel_socket = self.writer.get_extra_info("socket")
        kernel_socket.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER
        self.writer.transport.abort()

    async def _in_time(self, work: Awaitable[Any]) -> Any:
        async with asyncio.timeout(DEADLINE_S):
            return await work


def request(
    path: str = "/currencies/quotes",
    *,
    method: str = "GET",
    version: str = "HTTP/1.1",
    drop: Iterable[str] = (),
    extra: Iterable[str] = (),
    **replaced: str,
) -> bytes:
    """A handshake request; `drop` and `replaced` (with underscores) change single headers."""
    headers = {
        "Host": "localhost",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    headers.update({name.replace("_", "-"): value for name, value in replaced.items()})
    lines = [f"{name}: {value}" for name, value in headers.items() if name not in set(drop)]
    return "\r\n".join([f"{method} {path} {version}", *lines, *extra, "", ""]).encode("latin-1")


class Rig:
    """The running server and what a test reaches of it."""

    def __init__(
        self, server: Server, gateway: StubGateway, application: Application, tls: Path | None
    ) -> None:
        self.server = server
        self.gateway = gateway
        self.application = application
        self.keep_alive = KeepAlive(gateway.connections, gateway.clock)
        self.clients: list[Client] = []
        self._tls = tls

    @property
    def counters(self) -> StreamCounters:
        return self.gateway.counters

    @property
    def protocols(self) -> set[Any]:
        """What uvicorn's shutdown would wait for."""
        return self.server.server_state.connections

    async def client(self, **options: Any) -> Client:
        """A connected socket that has said nothing."""
        if self._tls is not None:
            options["ssl"] = ssl.create_default_context(cafile=self._tls)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port, **options)
        self.clients.append(Client(reader, writer))
        return self.clients[-1]

    async def open(self, data: bytes | None = None, **options: Any) -> tuple[Client, Recorder]:
        """A finished handshake."""
        known = len(self.gateway.channels)
        client = await self.client(**options)
        client.say(data or request())
        assert (await client.answer()).status == 101
        return client, self.gateway.channels[known]

    async def ask(self, data: bytes) -> Answer:
        """The HTTP answer to these bytes, which ends the connection."""
        client = await self.client()
        client.say(data)
        answer = await client.answer()
        assert answer.headers["connection"] == "close"
        assert await client.ended()
        client.leave()
        return answer

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and the keep-alive do what is due."""
        self.gateway.clock.advance(seconds)
        self.keep_alive.sweep(self.gateway.clock.monotonic_s())

    async def stop(self) -> None:
        """End the server."""
        self.application.release.set()
        for client in self.clients:
            client.writer.transport.abort()
        self.server.should_exit = True


async def until(condition: Callable[[], bool]) -> None:
    """Come back when it holds; fail when it does not in time."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.002)


async def overwhelm(channel: Recorder) -> None:
    """Write until the client, its kernel and ours hold all they can, and the connection stays behind."""
    edge: Any = channel.connection
    unsent = -1
    async with asyncio.timeout(DEADLINE_S):
        while unsent != edge.unsent_bytes or not unsent:
            while channel.told[-1] != "paused":
                edge.send(b"x" * 10_000)
                await asyncio.sleep(0)
            unsent = edge.unsent_bytes
            await asyncio.sleep(0.05)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    subprocess.run([*command, "-days", "2", *subject, *files], check=True, capture_output=True)
    return folder / "cert.pem"


Start = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def start(request: pytest.FixtureRequest) -> AsyncIterator[Start]:
    """Starts servers; each is ended after the test, and has to end promptly."""
    running: list[tuple[Rig, asyncio.Task[None]]] = []

    async def begin(
        *,
        limits: ConnectionLimits | None = None,
        door: DoorLimits | None = None,
        max_connections: int = 1_000,
        tls: bool = False,
        drain_s: float = 1.0,
    ) -> Rig:
        certificate = request.getfixturevalue("certificate") if tls else None
        gateway = StubGateway(limits or ConnectionLimits(), max_connections)
        application = Application()
        server = build_server(
            application,
            gateway,
            host="127.0.0.1",
            port=0,
            tls_cert=certificate,
            tls_key=certificate.with_name("key.pem") if certificate else None,
            door_limits=door,
            drain_s=drain_s,
        )
        rig = Rig(server, gateway, application, certificate)
        running.append((rig, asyncio.create_task(server.serve())))
        await until(lambda: server.started)
        return rig

    yield begin
    for rig, task in running:
        await rig.stop()
        async with asyncio.timeout(5):
            await task
        assert rig.protocols == set()
        assert len(rig.gateway.connections) == 0
        assert [channel.told.count("closed") for channel in rig.gateway.channels] == [
            1 for _ in rig.gateway.channels
        ]


class Tools(NamedTuple):
    """What test modules need of this one."""

    request: Callable[..., bytes]
    until: Callable[[Callable[[], bool]], Awaitable[None]]
    overwhelm: Callable[[Recorder], Awaitable[None]]


@pytest.fixture
def tools() -> Tools:
    return Tools(request, until, overwhelm)
