"""Several recordings as one, in the order of time."""

from collections.abc import Generator, Iterator, Sequence
from heapq import heapify, heappop, heapreplace

from tradewatch.model.record import Record

#: A recording that has begun or not: the time of its first record, and its records in blocks.
Stream = tuple[int, Iterator[Sequence[Record]]]


def merged(streams: Sequence[Stream]) -> Generator[Record | None, None, None]:
    """The records of all streams by event time; None where a block was read, so that the loop may turn.

    Stable: equal times keep the order of the streams, and a stream's own order is never changed: where its
    time goes back, a record stands where the latest time before it put it. A stream is not touched before its
    first record is due, so that a thousand files are not open at once.
    """
    flattened = [_flat(blocks) for _, blocks in streams]
    heap: list[tuple[int, int, Record | None]] = [
        (first_ns, index, None) for index, (first_ns, _) in enumerate(streams)
    ]
    heapify(heap)
    try:
        while heap:
            time_ns, index, record = heap[0]
            if record is not None:
                yield record
            for following in flattened[index]:
                if following is not None:
                    heapreplace(heap, (max(time_ns, following.event_ns), index, following))
                    break
                yield None
            else:
                heappop(heap)
    finally:
        for stream in flattened:
            stream.close()


def _flat(blocks: Iterator[Sequence[Record]]) -> Generator[Record | None, None, None]:
    """The records of a stream one by one; None where a block begins."""
    for block in blocks:
        yield None
        yield from block
