"""The canary: a quote that travels the whole way, again and again, and says whether quotes travel."""

import asyncio
import logging
import secrets
import ssl
from collections.abc import Sequence

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tradewatch.clock import Clock
from tradewatch.fanout.hub import Hub
from tradewatch.fanout.intake import Intake
from tradewatch.model.price import Price
from tradewatch.model.record import Flags, Record, whole_microseconds
from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.dialect import Dialect
from tradewatch.reference.catalogue import CANARY, CANARY_ID
from tradewatch.server.stream.channel import Connection
from tradewatch.server.stream.hub_channel import HubChannel

#: Where the canary's own subscriber connects; the token in the query is made at each start.
CANARY_PATH = "/health/canary"

_INTERVAL_S = 1.0
#: Without a canary for so long, quotes do not travel.
_MISSING_AFTER_S = 3.0
_RETRY_S = 0.5

_log = logging.getLogger("tradewatch.canary")
#: The client library logs whole requests at DEBUG, and the token stands in ours.
_wire_log = logging.getLogger("tradewatch.canary.wire")
_wire_log.setLevel(logging.WARNING)


class CanaryChannel(HubChannel):
    """The listening end of the canary, inside the edge: a member that hears only the canary."""

    draining_code = CloseCode.GOING_AWAY
    in_use = True

    def __init__(self, hub: Hub, dialect: Dialect) -> None:
        super().__init__(hub, dialect, permit=None)

    def opened(self, connection: Connection) -> None:
        """Hear the canary."""
        super().opened(connection)
        self._hub.join(self._member, (0, 0), {CANARY_ID: self._hub.head(CANARY)})

    def received(self, messages: Sequence[bytes]) -> None:
        """The canary's subscriber has nothing to say."""


class Canary:
    """Publishes a canary each second and waits for it at the far end of a real socket.

    Attributes:
        token: what the far end shows at the door; a secret of this process.
    """

    def __init__(self, intake: Intake, *, clock: Clock) -> None:
        self._intake = intake
        self._clock = clock
        self._source = intake.tape.source("canary")
        self._sent = 0
        self._arrived_s: float | None = None
        self._trouble = "starting"
        self.token = secrets.token_urlsafe(32)

    @property
    def trouble(self) -> str:
        """What is wrong, in a line; empty while canaries arrive."""
        if self._arrived_s is not None and self._clock.monotonic_s() - self._arrived_s < _MISSING_AFTER_S:
            return ""
        return self._trouble or f"no canary quote has arrived for {_MISSING_AFTER_S:.0f} s"

    async def run(self, url: str, tls: ssl.SSLContext | None) -> None:
        """Publish and listen until cancelled.

        Args:
            url: the server's own address, `ws://127.0.0.1:8000`.
            tls: how to speak TLS with ourselves; None for plain.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish())
            tasks.create_task(self._listen(f"{url}{CANARY_PATH}?token={self.token}", tls))

    async def _publish(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL_S)
            self._send()

    def _send(self) -> None:
        self._sent += 1
        now_ns = whole_microseconds(self._clock.now_ns())
        price = Price(self._sent, 0)
        self._intake.take(
            [Record(CANARY, now_ns, now_ns, price, price, source=self._source, flags=Flags.TEST.value)]
        )

    async def _listen(self, url: str, tls: ssl.SSLContext | None) -> None:
        while True:
            try:
                async with connect(
                    url, ssl=tls, proxy=None, compression=None, ping_interval=None, logger=_wire_log
                ) as stream:
                    self._trouble = ""
                    self._send()
                    async for _ in stream:
                        self._arrived_s = self._clock.monotonic_s()
            except (OSError, WebSocketException) as error:
                self._say(f"the loopback subscriber cannot connect: {type(error).__name__}")
            await asyncio.sleep(_RETRY_S)

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.warning("canary: %s", trouble)
        self._trouble = trouble
