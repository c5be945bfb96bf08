"""The channel of a publisher: batches in, answers out, in order."""

from collections.abc import Sequence

from tradewatch.access.key import Key, Scope
from tradewatch.access.permit import Permit
from tradewatch.errors import BatchRefusedError
from tradewatch.protocol import publish, v1
from tradewatch.protocol.codes import CloseCode, ErrorCode, PublishCode
from tradewatch.protocol.messages import MessageError
from tradewatch.publishing.publisher import Publisher
from tradewatch.server.stream.channel import Connection

#: Batches that a producer may have unanswered; each is answered in the turn it arrives, so this is a window
#: for the network, and a producer that does not read its answers is no longer read.
CREDIT_BATCHES = 64
#: What publishers may send is bound by their credit; this is for who sends other things.
MESSAGES_PER_10_S = 300_000


class PublishingChannel:
    """Takes each message as a batch and answers it before the next."""

    draining_code = CloseCode.DRAINING
    in_use = True
    binary = False
    ticket = None
    tally = (0, 0)
    messages_per_10_s = MESSAGES_PER_10_S

    def __init__(self, publisher: Publisher, key: Key) -> None:
        self._publisher = publisher
        self._key = key
        self._connection: Connection | None = None
        self.key_id = key.id

    def opened(self, connection: Connection) -> None:
        """Say how many batches may be under way."""
        self._connection = connection
        connection.send(publish.credit(CREDIT_BATCHES))

    def received(self, messages: Sequence[bytes]) -> None:
        """Answer each batch; one that is refused leaves the connection open."""
        for message in messages:
            if self._connection is not None:
                self._connection.send(self._answer(message))

    def refused(self, code: ErrorCode, message: str) -> None:
        """Tell the publisher why a message was ignored."""
        if self._connection is not None:
            self._connection.send(v1.error(code, message))

    def permitted(self, permit: Permit) -> bool:
        """What its key may publish may have changed; the scope must still be there."""
        self._key = permit.key
        return Scope.PUBLISH in permit.key.scopes

    def draining(self, deadline_ms: int, reconnect_in_ms: int) -> None:
        """A publisher is told by the close."""

    def paused(self) -> None:
        """Nothing is sent unasked, so there is nothing to hold back."""

    def resumed(self) -> None:
        """See `paused`."""

    def beat(self, now_s: float) -> None:
        """Nothing is due."""

    def closed(self) -> None:
        """Forget the connection."""
        self._connection = None

    def _answer(self, message: bytes) -> bytes:
        try:
            batch = publish.decode_batch(message, most_quotes=self._publisher.most_quotes)
        except MessageError as error:
            return v1.error(error.code, str(error))
        try:
            return publish.published(
                self._publisher.publish(batch, key_id=self._key.id, grant=self._key.grant)
            )
        except BatchRefusedError as error:
            return publish.refusal(PublishCode(error.code), str(error), batch=batch.batch)
