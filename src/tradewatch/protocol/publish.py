"""Publishing on the wire: the batch that a producer sends and the answer it gets."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec

from tradewatch.protocol.codes import ErrorCode, PublishCode
from tradewatch.protocol.messages import MessageError, decoded

#: Names of producers; with the key's id they fit into one slot of the log.
PRODUCER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"
MAX_BATCH_NUMBER = 2**63 - 1


class PublishedQuote(msgspec.Struct, gc=False):
    """One quote of a batch, as sent; its fields are judged row by row, so any JSON value gets this far.

    JSON numbers arrive as their own text (never as a float), so a price may be a string or a number.
    """

    asset_class: Any = None
    symbol: Any = None
    timestamp: Any = None
    bid: Any = None
    ask: Any = None
    bid_size: Any = None
    ask_size: Any = None


class Batch(msgspec.Struct):
    """`{"action": "publish", "producer": "p1", "batch": 12, "quotes": [...]}`; unknown fields are ignored."""

    producer: Annotated[str, msgspec.Meta(pattern=PRODUCER_PATTERN)]
    batch: Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH_NUMBER)]
    quotes: list[PublishedQuote]
    action: Literal["publish"] = "publish"


class Taken(msgspec.Struct, frozen=True, gc=False):
    """A quote that is on the tape: its symbol as sent, and its position."""

    symbol: Any
    position: str


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A quote that is not: its symbol as sent (null where there was none), and why."""

    symbol: Any
    ok: Literal[False]
    code: PublishCode


class Published(msgspec.Struct, frozen=True, tag_field="event", tag="published"):
    """The answer to a batch: results in the order of its quotes.

    `stored` is False where the log could not keep the batch: it was streamed, and a restart will not know it.
    """

    batch: int
    stored: bool
    results: list[Taken | Refused]


_decode_batch: Callable[[bytes], Batch] = msgspec.json.Decoder(Batch, float_hook=str).decode


def decode_batch(text: bytes, *, most_quotes: int) -> Batch:
    """One published batch.

    Args:
        text: as it came.
        most_quotes: the quotes of the largest batch; far more objects than that are not even decoded.

    Raises:
        MessageError: not JSON, not a batch, another action, or too large to look into.
    """
    if text.count(b"{") > 2 * most_quotes + 2:
        raise MessageError(ErrorCode.MESSAGE_TOO_LARGE, f"at most {most_quotes:,} quotes in one batch")
    return decoded(text, _decode_batch, ("publish",))


def published(answer: Published) -> bytes:
    """The answer as a message."""
    return msgspec.json.encode(answer)


def credit(batches: int) -> bytes:
    """`{"event": "credit", "batches": 16}`: how many batches may be unanswered at a time."""
    return msgspec.json.encode({"event": "credit", "batches": batches})


def refusal(code: PublishCode | ErrorCode, message: str, *, batch: int | None = None) -> bytes:
    """An `error` event about a whole batch; `batch` where its number is known."""
    event: dict[str, object] = {"event": "error", "code": code.value, "message": message}
    if batch is not None:
        event["batch"] = batch
    return msgspec.json.encode(event)
