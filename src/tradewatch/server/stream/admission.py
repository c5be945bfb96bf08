"""The admission: from a handshake to the channel that its path means, or to a refusal."""

import hmac
import secrets
from collections.abc import Callable, Sequence

import msgspec

from tradewatch.access.entry import enter
from tradewatch.access.key import Key, Scope
from tradewatch.access.keyring import KeyRing
from tradewatch.access.plan import plan_named
from tradewatch.clock import Clock
from tradewatch.fanout.hub import Hub
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.position import position_text
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.protocol.session import Session
from tradewatch.protocol.suggestions import Suggestions
from tradewatch.protocol.v2.encoding import JSON, MSGPACK
from tradewatch.protocol.v2.session import V2Session
from tradewatch.publishing.publisher import Publisher
from tradewatch.reference.catalogue import Catalogue
from tradewatch.server.stream.canary import CANARY_PATH, CanaryChannel
from tradewatch.server.stream.channel import Channel, Head
from tradewatch.server.stream.counters import StreamCounters
from tradewatch.server.stream.dialects import Dialects
from tradewatch.server.stream.publishing import PublishingChannel
from tradewatch.server.stream.registry import Connections
from tradewatch.server.stream.subscriber import Subscriber
from tradewatch.server.stream.v2_subscriber import HEARTBEAT_S, V2Subscriber
from tradewatch.tape.tape import Tape

#: What the paths of the stream mean: an asset class, or None for all of them.
STREAM_PATHS: dict[str, AssetClass | None] = {
    "/": None,
    "/quotes": None,
    **{f"/{asset_class.value}/quotes": asset_class for asset_class in AssetClass},
}

V1_NAME, V2_JSON, V2_MSGPACK = "tradewatch.v1", "tradewatch.v2", "tradewatch.v2.msgpack"

_SESSION_BYTES = 16

#: Whoever may meet simulated prices is told in the handshake.
_SIMULATED_HEADER = ("tradewatch-simulated", "true")


class Admission:
    """The gateway of this process: who may come in, and to what.

    Args:
        ring: the keys that are good now.
        hub: fans quotes out to subscribers.
        catalogue: finds instruments by name, and knows the members of classes.
        tape: names the epoch, and the point that is flushed.
        publisher: takes published batches.
        limits: what binds each connection; a plan may bind it tighter.
        connections: all connections of this process.
        clock: the time.
        canary_token: what the canary's own subscriber shows instead of a key.
        simulated: whether any price may be simulated now.
        deflate: whether messages of v2 are compressed for clients that offer it.
    """

    subprotocols: Sequence[str] = (V1_NAME, V2_JSON, V2_MSGPACK)

    def __init__(
        self,
        *,
        ring: KeyRing,
        hub: Hub,
        catalogue: Catalogue,
        tape: Tape,
        publisher: Publisher,
        limits: ConnectionLimits,
        connections: Connections,
        clock: Clock,
        canary_token: str,
        simulated: Callable[[], bool],
        deflate: bool,
    ) -> None:
        self._ring = ring
        self._hub = hub
        self._catalogue = catalogue
        self._tape = tape
        self._dialects = Dialects(tape.names.shown)
        self._suggestions = Suggestions(catalogue)
        self._publisher = publisher
        self._canary_token = canary_token
        self._simulated = simulated
        self.deflated: Sequence[str] = (V2_JSON, V2_MSGPACK) if deflate else ()
        self.limits = limits
        self.connections = connections
        self.counters = StreamCounters()
        self.clock = clock

    @property
    def response_headers(self) -> Sequence[tuple[str, str]]:
        """What a completed handshake tells besides."""
        return [_SIMULATED_HEADER] if self._simulated() else []

    def admit(self, head: Head) -> Channel | Refusal:
        """The channel of a path, for whoever may have it."""
        if head.path in STREAM_PATHS:
            key = enter(self._ring, head.headers, head.query)
            return key if isinstance(key, Refusal) else self._subscriber(key, STREAM_PATHS[head.path], head)
        if head.path == "/publish":
            key = enter(self._ring, head.headers, head.query, scope=Scope.PUBLISH)
            return key if isinstance(key, Refusal) else PublishingChannel(self._publisher, key)
        if head.path == CANARY_PATH and hmac.compare_digest(
            head.query.get("token", "").encode(), self._canary_token.encode()
        ):
            return CanaryChannel(self._hub, self._dialects.v1(scoped=True))
        return Refusal(404, RefusalReason.NOT_FOUND, "no stream at this path")

    def _subscriber(self, key: Key, asset_class: AssetClass | None, head: Head) -> Channel:
        plan = plan_named(key.plan)
        limits = self.limits  # shared by all whom their plan does not bind tighter
        if plan.symbols < limits.symbols:
            limits = msgspec.structs.replace(limits, symbols=plan.symbols)
        if head.subprotocol not in (V2_JSON, V2_MSGPACK):
            session = Session(self._catalogue, scope=asset_class, limits=limits, wildcard=plan.wildcard)
            return Subscriber(
                session,
                self._hub,
                catalogue=self._catalogue,
                dialect=self._dialects.v1(scoped=asset_class is None),
                key_id=key.id,
                clock=self.clock,
            )
        binary = head.subprotocol == V2_MSGPACK
        v2_session = V2Session(
            self._catalogue,
            self._hub,
            self._suggestions,
            name=secrets.token_urlsafe(_SESSION_BYTES),
            epoch=self._tape.epoch,
            scope=asset_class,
            limits=limits,
            encoding=MSGPACK if binary else JSON,
            heartbeat_s=HEARTBEAT_S,
            wildcard=plan.wildcard,
        )
        return V2Subscriber(
            v2_session,
            self._hub,
            catalogue=self._catalogue,
            dialect=self._dialects.v2(binary=binary, window_bits=head.window_bits),
            binary=binary,
            key_id=key.id,
            as_of=lambda: position_text(self._tape.epoch, self._tape.log.next_offset),
            clock=self.clock,
        )
