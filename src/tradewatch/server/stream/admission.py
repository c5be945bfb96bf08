"""The admission: from a handshake to the channel that its path means, or to a refusal."""

import hmac
import secrets
from collections.abc import Callable, Sequence

from tradewatch.access.permit import Permit
from tradewatch.address import Networks, client_address
from tradewatch.clock import Clock
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.protocol.session import Session
from tradewatch.protocol.suggestions import Suggestions
from tradewatch.protocol.v2.encoding import JSON, MSGPACK
from tradewatch.protocol.v2.session import V2Session
from tradewatch.publishing.publisher import Publisher
from tradewatch.reference.catalogue import Catalogue
from tradewatch.server.access_log import AccessLog
from tradewatch.server.stream.canary import CANARY_PATH, CanaryChannel
from tradewatch.server.stream.channel import Channel, Head
from tradewatch.server.stream.counters import StreamCounters
from tradewatch.server.stream.dialects import Dialects
from tradewatch.server.stream.entrance import Entrance
from tradewatch.server.stream.publishing import PublishingChannel
from tradewatch.server.stream.registry import Connections
from tradewatch.server.stream.subscriber import Subscriber
from tradewatch.server.stream.v2_subscriber import HEARTBEAT_S, V2Subscriber
from tradewatch.server.stream.views import Views
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
        entrance: decides who may come in.
        views: fan quotes out to subscribers.
        catalogue: finds instruments by name, and knows the members of classes.
        tape: names the epoch and the sources.
        publisher: takes published batches.
        limits: what binds each connection before it is known whose it is.
        connections: all connections of this process.
        clock: the time.
        canary_token: what the canary's own subscriber shows instead of a key.
        simulated: whether any price may be simulated now.
        deflate: whether messages of v2 are compressed for clients that offer it.
        trusted_proxies: whose word on a client's address counts.
        access_log: where connections leave a line.
    """

    subprotocols: Sequence[str] = (V1_NAME, V2_JSON, V2_MSGPACK)

    def __init__(
        self,
        *,
        entrance: Entrance,
        views: Views,
        catalogue: Catalogue,
        tape: Tape,
        publisher: Publisher,
        limits: ConnectionLimits,
        connections: Connections,
        clock: Clock,
        canary_token: str,
        simulated: Callable[[], bool],
        deflate: bool,
        trusted_proxies: Networks,
        access_log: AccessLog,
    ) -> None:
        self._entrance = entrance
        self._views = views
        self._catalogue = catalogue
        self._epoch = tape.epoch
        self._dialects = Dialects(tape.names.shown)
        self._suggestions = Suggestions(catalogue)
        self._publisher = publisher
        self._canary_token = canary_token
        self._simulated = simulated
        self._trusted_proxies = trusted_proxies
        self.deflated: Sequence[str] = (V2_JSON, V2_MSGPACK) if deflate else ()
        self.limits = limits
        self.connections = connections
        self.counters = StreamCounters()
        self.clock = clock
        self.access_log = access_log

    @property
    def response_headers(self) -> Sequence[tuple[str, str]]:
        """What a completed handshake tells besides."""
        return [_SIMULATED_HEADER] if self._simulated() else []

    def address_of(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """The address of a client, which trusted proxies may have written down."""
        return client_address(peer, forwarded_for, self._trusted_proxies)

    def knock(self, address: str) -> Refusal | None:
        """See `Entrance.knock`."""
        return self._entrance.knock(address)

    def admit(self, head: Head) -> Channel | Refusal:
        """The channel of a path, for whoever may have it."""
        if head.path == CANARY_PATH and hmac.compare_digest(
            head.query.get("token", "").encode(), self._canary_token.encode()
        ):
            return CanaryChannel(self._views.of(0).hub, self._dialects.v1(scoped=True))
        if refusal := self._entrance.knock(head.address):
            return refusal
        if head.path in STREAM_PATHS:
            asset_class = STREAM_PATHS[head.path]
            permit = self._entrance.enter(head, asset_class)
            return permit if isinstance(permit, Refusal) else self._subscriber(permit, asset_class, head)
        if head.path == "/publish":
            key = self._entrance.enter_publisher(head)
            return key if isinstance(key, Refusal) else PublishingChannel(self._publisher, key)
        return Refusal(404, RefusalReason.NOT_FOUND, "no stream at this path")

    def _subscriber(self, permit: Permit, asset_class: AssetClass | None, head: Head) -> Channel:
        view = self._views.of(permit.limits.delay_s)
        if head.subprotocol not in (V2_JSON, V2_MSGPACK):
            session = Session(self._catalogue, scope=asset_class, limits=permit.limits, rights=permit.rights)
            return Subscriber(
                session,
                view.hub,
                catalogue=self._catalogue,
                dialect=self._dialects.v1(scoped=asset_class is None),
                permit=permit,
                clock=self.clock,
            )
        binary = head.subprotocol == V2_MSGPACK
        v2_session = V2Session(
            self._catalogue,
            view.hub,
            self._suggestions,
            name=secrets.token_urlsafe(_SESSION_BYTES),
            epoch=self._epoch,
            scope=asset_class,
            limits=permit.limits,
            encoding=MSGPACK if binary else JSON,
            heartbeat_s=HEARTBEAT_S,
            rights=permit.rights,
        )
        return V2Subscriber(
            v2_session,
            view.hub,
            catalogue=self._catalogue,
            dialect=self._dialects.v2(binary=binary, window_bits=head.window_bits),
            binary=binary,
            permit=permit,
            as_of=view.as_of,
            clock=self.clock,
        )
