"""Portions: what does not fit into one message, divided by the bytes that it takes."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import TypeVar

import msgspec

from tradewatch.protocol.v2.events import Answer

#: No message is longer than this, before compression.
MESSAGE_BYTES = 256 << 10
#: What an array adds to what stands in it, besides a byte for each: at most a MessagePack header.
ARRAY_BYTES = 5
#: An event that a message can carry.
EVENT_BYTES = MESSAGE_BYTES - ARRAY_BYTES

_LARGEST_NUMBER = 2**31
_BATCH = 64

_Answer = TypeVar("_Answer", bound=Answer)


def portions(sizes: Iterable[int], budget_bytes: int) -> list[slice]:
    """Consecutive slices that each take at most so many bytes; an item larger than that has its own.

    Args:
        sizes: the bytes of each item; one more is reckoned for what separates it from the next.
        budget_bytes: the bytes of a slice.
    """
    ends = [*accumulate(sizes, initial=0)]
    return _divided(len(ends) - 1, lambda index: ends[index] + index, budget_bytes)


def in_parts(answer: _Answer, field: str, encode: Callable[[object], bytes]) -> list[_Answer]:
    """The answer whole, or in parts that each fit into a message.

    Args:
        answer: says nothing of parts yet.
        field: the list in it that may be long.
        encode: writes it as the client will read it.
    """
    items = getattr(answer, field)
    bytes_before = _measured(items, encode)
    bare = msgspec.structs.replace(answer, **{field: []})
    list_bytes = _list_bytes(len(items), encode) - _list_bytes(0, encode)
    if len(encode(bare)) + list_bytes + bytes_before(len(items)) - len(items) <= EVENT_BYTES:
        return [answer]
    numbered = msgspec.structs.replace(bare, part=_LARGEST_NUMBER, parts=_LARGEST_NUMBER)
    slices = _divided(len(items), bytes_before, EVENT_BYTES - ARRAY_BYTES - len(encode(numbered)))
    return [
        msgspec.structs.replace(answer, **{field: items[part], "part": number, "parts": len(slices)})
        for number, part in enumerate(slices, 1)
    ]


def _divided(count: int, bytes_before: Callable[[int], int], budget_bytes: int) -> list[slice]:
    """See `portions`; `bytes_before` an index are those of all items before it, and one more for each."""
    slices: list[slice] = []
    first = 0
    while first < count:
        most = bytes_before(first) + budget_bytes
        end = bisect_right(range(count + 1), most, lo=first + 1, key=bytes_before) - 1
        slices.append(slice(first, max(end, first + 1)))
        first = slices[-1].stop
    return slices


def _measured(items: list[object], encode: Callable[[object], bytes]) -> Callable[[int], int]:
    """The bytes before an index, as `_divided` asks for them.

    Items are encoded once and together: one by one they would take three times as long.
    """
    starts = range(0, len(items), _BATCH)
    batches = (_content_bytes(items[start : start + _BATCH], encode) for start in starts)
    ends = [*accumulate(batches, initial=0)]

    def bytes_before(index: int) -> int:
        whole, more = divmod(index, _BATCH)
        return ends[whole] + _content_bytes(items[index - more : index], encode) + index

    return bytes_before


def _content_bytes(items: list[object], encode: Callable[[object], bytes]) -> int:
    """What the items take by themselves."""
    return len(encode(items)) - _list_bytes(len(items), encode)


def _list_bytes(count: int, encode: Callable[[object], bytes]) -> int:
    """What a list of so many items takes besides them, however it is written."""
    return len(encode([None] * count)) - count * len(encode(None))
