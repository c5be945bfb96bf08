"""The publisher: takes batches, each once, whole or not at all, and answers with positions."""

from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from tradewatch.clock import Clock
from tradewatch.errors import BatchRefusedError
from tradewatch.fanout.intake import Intake
from tradewatch.model.position import epoch_text, position_text
from tradewatch.model.record import Kind, Record, whole_microseconds
from tradewatch.protocol.codes import PUBLISH_CODE_BY_NUMBER, PUBLISH_CODE_NUMBERS, PublishCode
from tradewatch.protocol.publish import Batch, Published, PublishedQuote, Refused, Taken
from tradewatch.publishing.quote import Grant, QuoteReader
from tradewatch.reference.catalogue import CANARY
from tradewatch.tape.batches import BATCHES_REMEMBERED, Place, Verdict
from tradewatch.tape.log import BatchStamp
from tradewatch.tape.names import PUBLISHER_PREFIX

#: Answers kept in memory for batches that the log could not keep.
_UNKEPT_ANSWERS = 1_000
#: Quotes read in one turn of the loop: a few milliseconds.
_QUOTES_PER_TURN = 500


class Limits(NamedTuple):
    """What binds publishing: quotes in a batch, producers that one key may name."""

    quotes: int
    producers_per_key: int


class Publisher:
    """Takes published batches onto the tape.

    A batch becomes one block of the log, a slot for each of its quotes in their order, the refused ones too:
    so the block itself is the memory of the answer, and a batch that is sent again, be it after a crash
    between the log and the answer, is answered from it.

    Attributes:
        batches: batches taken.
        repeated: batches answered from memory.
        refused_quotes: quotes refused, over all batches.
    """

    def __init__(self, intake: Intake, reader: QuoteReader, *, clock: Clock, limits: Limits) -> None:
        self._intake = intake
        self._tape = intake.tape
        self._reader = reader
        self._clock = clock
        self._limits = limits
        self._unkept: OrderedDict[tuple[int, int], Published] = OrderedDict()
        self._producers: dict[str, int] = {}
        self.batches = 0
        self.repeated = 0
        self.refused_quotes = 0
        for name in self._tape.names.by_number().values():
            self._count_producer(name)

    @property
    def most_quotes(self) -> int:
        """The quotes of the largest batch that it takes."""
        return self._limits.quotes

    def publish(self, batch: Batch, *, key_id: str, grant: Grant) -> Published:
        """Take a batch, or answer for it once more.

        Raises:
            BatchRefusedError: the whole batch is not taken, and nothing of it is on the tape.
        """
        turns = self.in_turns(batch, key_id=key_id, grant=grant)
        return next(answer for answer in turns if answer is not None)

    def in_turns(self, batch: Batch, *, key_id: str, grant: Grant) -> Iterator[Published | None]:
        """`publish` in pieces, so that others may have their turn: None after each, and then the answer.

        Only the reading of the quotes is cut; the batch is put onto the tape in one.

        Raises:
            BatchRefusedError: as `publish`.
        """
        if len(batch.quotes) > self._limits.quotes:
            text = f"{len(batch.quotes):,} quotes in one batch; at most {self._limits.quotes:,}"
            raise BatchRefusedError(413, PublishCode.TOO_MANY_QUOTES, text)
        source = self._source(key_id, batch.producer)
        stamp = BatchStamp(source, batch.batch, _digest(batch.quotes))
        answer = self._known(batch, stamp)
        if answer is None:
            received_ns = whole_microseconds(self._clock.now_ns())
            records: list[Record] = []
            for first in range(0, len(batch.quotes), _QUOTES_PER_TURN):
                records += [
                    self._record(quote, grant, source=source, received_ns=received_ns)
                    for quote in batch.quotes[first : first + _QUOTES_PER_TURN]
                ]
                yield None
            # Judged once more: meanwhile the same producer may have sent it again, or a later one.
            answer = self._known(batch, stamp) or self._take(batch, stamp, records)
        yield answer

    def _known(self, batch: Batch, stamp: BatchStamp) -> Published | None:
        """The answer to a batch that was taken before; None for a new one.

        Raises:
            BatchRefusedError: it is neither.
        """
        verdict, place = self._tape.judge(stamp)
        match verdict:
            case Verdict.NEW:
                return None
            case Verdict.REPEATED if place is not None:
                return self._repeat(batch, stamp, place)
            case Verdict.CONFLICT:
                text = f"batch {batch.batch} was published before with other content"
                raise BatchRefusedError(409, PublishCode.BATCH_CONFLICT, text)
            case Verdict.TOO_OLD:
                raise _too_old(batch)
        text = f"batch {batch.batch} comes after a higher number and was never taken"
        raise BatchRefusedError(409, PublishCode.BATCH_OUT_OF_ORDER, text)

    def _take(self, batch: Batch, stamp: BatchStamp, records: list[Record]) -> Published:
        appended = self._intake.take(records, stamp)
        answer = self._answer(batch, records, epoch=self._tape.epoch, stored=appended.kept)
        self.batches += 1
        self.refused_quotes += sum(record.kind == Kind.REFUSED for record in records)
        if not appended.kept:
            self._unkept[stamp.source, stamp.batch] = answer
            if len(self._unkept) > _UNKEPT_ANSWERS:
                self._unkept.popitem(last=False)
        return answer

    def _repeat(self, batch: Batch, stamp: BatchStamp, place: Place) -> Published:
        """The answer of the first time."""
        self.repeated += 1
        unkept = self._unkept.get((stamp.source, stamp.batch))
        if unkept is not None:
            return unkept
        records = self._tape.records_at(place)
        if records is None or len(records) != len(batch.quotes):
            raise _too_old(batch)
        epoch = epoch_text(self._tape.log.epoch_at(place.offset))
        return self._answer(batch, records, epoch=epoch, stored=True)

    def _record(self, quote: PublishedQuote, grant: Grant, *, source: int, received_ns: int) -> Record:
        """The quote's record; a refused one keeps its place with a record that says why."""
        read = self._reader.read(quote, grant, source=source, received_ns=received_ns)
        if isinstance(read, Record):
            return read
        return Record(
            instrument=CANARY,
            event_ns=received_ns,
            received_ns=received_ns,
            bid=None,
            ask=None,
            source=source,
            kind=Kind.REFUSED,
            reference=PUBLISH_CODE_NUMBERS[read],
        )

    def _answer(self, batch: Batch, records: list[Record], *, epoch: str, stored: bool) -> Published:
        results: list[Taken | Refused] = []
        for quote, record in zip(batch.quotes, records, strict=True):
            if record.kind == Kind.REFUSED:
                results.append(
                    Refused(_echo(quote.symbol), ok=False, code=PUBLISH_CODE_BY_NUMBER[record.reference])
                )
            else:
                results.append(Taken(quote.symbol, position_text(epoch, record.seq)))
        return Published(batch.batch, stored, results)

    def _source(self, key_id: str, producer: str) -> int:
        """The number of (key, producer) among the tape's sources."""
        name = f"{PUBLISHER_PREFIX}{key_id}/{producer}"
        if self._tape.names.number(name) is None:
            if self._producers.get(key_id, 0) >= self._limits.producers_per_key:
                text = f"at most {self._limits.producers_per_key} producers with one key"
                raise BatchRefusedError(429, PublishCode.TOO_MANY_PRODUCERS, text)
            self._count_producer(name)
        return self._tape.source(name)

    def _count_producer(self, name: str) -> None:
        if name.startswith(PUBLISHER_PREFIX):
            key_id = name.removeprefix(PUBLISHER_PREFIX).partition("/")[0]
            self._producers[key_id] = self._producers.get(key_id, 0) + 1


def _digest(quotes: list[PublishedQuote]) -> bytes:
    """What a batch says, whatever its white space."""
    return blake2b(msgspec.json.encode(quotes), digest_size=16).digest()


def _too_old(batch: Batch) -> BatchRefusedError:
    text = f"batch {batch.batch} is more than {BATCHES_REMEMBERED:,} batches back, or gone from the tape"
    return BatchRefusedError(409, PublishCode.BATCH_TOO_OLD, text)


def _echo(symbol: object) -> str | None:
    return symbol[:64] if isinstance(symbol, str) else None
