"""The real listener, door and edge with a channel that echoes, in a thread of its own."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any, cast

from tests.server.stream.conftest import Application, StubGateway
from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.deflate import Deflated
from tradewatch.protocol.frame import Opcode, frame_header
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.server.listener import Server, build_server, runner
from tradewatch.server.stream.channel import Connection, Head

V1, V2, V2_MSGPACK = "tradewatch.v1", "tradewatch.v2", "tradewatch.v2.msgpack"
MESSAGE_BYTES = 1 << 20


class Plain:
    """As much of a dialect as `Deflated` asks for: every body is a message."""

    name = "echo"
    body = drained = event = None

    def __init__(self, opcode: Opcode) -> None:
        self.opcode = opcode

    def payloads(self, bodies: Sequence[bytes]) -> Sequence[bytes]:
        return bodies

    def frames(self, bodies: Sequence[bytes]) -> bytes:
        return b"".join(frame_header(len(body), self.opcode) + body for body in bodies)


class EchoChannel:
    """Says every message back, compressed where that was agreed."""

    draining_code = CloseCode.GOING_AWAY
    in_use = True
    key_id = "echo"
    ticket = None
    messages_per_10_s = 1_000_000
    tally = (0, 0)

    def __init__(self, head: Head) -> None:
        self.binary = head.subprotocol == V2_MSGPACK
        plain = Plain(Opcode.BINARY if self.binary else Opcode.TEXT)
        self._dialect = Deflated(cast("Any", plain), head.window_bits) if head.window_bits else plain
        self._connection: Connection | None = None
        self.told: list[str] = []

    def opened(self, connection: Connection) -> None:
        self._connection = connection
        self.told.append("opened")

    def received(self, messages: Sequence[bytes]) -> None:
        assert self._connection is not None
        self._connection.write(self._dialect.frames(messages))

    def paused(self) -> None:
        """What is echoed waits; the edge stops reading meanwhile."""

    def resumed(self) -> None:
        """See `paused`."""

    def beat(self, now_s: float) -> None:
        """Nothing is due."""

    def refused(self, code: object, message: str) -> None:
        raise AssertionError(f"{code}: {message}")

    def permitted(self, permit: object) -> bool:
        return True

    def draining(self, deadline_ms: int, reconnect_in_ms: int) -> None:
        """An echo has nothing to say of it."""

    def closed(self) -> None:
        self.told.append("closed")


class EchoGateway(StubGateway):
    """Lets everybody in, to an echo."""

    subprotocols: Any = (V1, V2, V2_MSGPACK)
    deflated: Any = (V2, V2_MSGPACK)

    def __init__(self) -> None:
        super().__init__(ConnectionLimits(message_bytes=MESSAGE_BYTES), max_connections=100)
        self.echoes: list[EchoChannel] = []

    def address_of(self, peer: str, forwarded_for: Sequence[str]) -> str:
        return peer

    def knock(self, address: str) -> None:
        """Everybody may try."""

    def admit(self, head: Head) -> Any:
        channel = EchoChannel(head)
        self.echoes.append(channel)
        return channel


class EchoServer:
    """Runs until `stop`, which fails where a connection was left behind or a channel not told."""

    def __init__(self) -> None:
        self.gateway = EchoGateway()
        self._server: Server
        self._loop: asyncio.AbstractEventLoop
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: runner().run(self._serve()), daemon=True)
        self._thread.start()
        assert self._listening.wait(10)

    @property
    def port(self) -> int:
        return self._server.port

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = build_server(Application(), self.gateway, host="127.0.0.1", port=0, drain_s=1.0)
        self._listening.set()
        await self._server.serve()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(setattr, self._server, "should_exit", True)
        self._thread.join(10)
        assert not self._thread.is_alive()
        assert len(self.gateway.connections) == 0
        assert {tuple(channel.told) for channel in self.gateway.echoes} <= {("opened", "closed")}
