"""Portions: what does not fit into one message, divided by the bytes that it takes."""

from collections.abc import Callable, Iterable
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

_Answer = TypeVar("_Answer", bound=Answer)


def portions(sizes: Iterable[int], budget_bytes: int) -> list[slice]:
    """Consecutive slices that each take at most so many bytes; an item larger than that has its own.

    Args:
        sizes: the bytes of each item; one more is reckoned for what separates it from the next.
        budget_bytes: the bytes of a slice.
    """
    slices: list[slice] = []
    first = index = used = 0
    for index, size in enumerate(sizes):
        if used and used + size + 1 > budget_bytes:
            slices.append(slice(first, index))
            first, used = index, 0
        used += size + 1
    return [*slices, slice(first, index + 1)] if used else slices


def in_parts(answer: _Answer, field: str, encode: Callable[[object], bytes]) -> list[_Answer]:
    """The answer whole, or in parts that each fit into a message.

    Args:
        answer: says nothing of parts yet.
        field: the list in it that may be long.
        encode: writes it as the client will read it.
    """
    if len(encode(answer)) <= EVENT_BYTES:
        return [answer]
    empty = {field: [], "part": _LARGEST_NUMBER, "parts": _LARGEST_NUMBER}
    budget_bytes = EVENT_BYTES - ARRAY_BYTES - len(encode(msgspec.structs.replace(answer, **empty)))
    items = getattr(answer, field)
    slices = portions((len(encode(item)) for item in items), budget_bytes)
    return [
        msgspec.structs.replace(answer, **{field: items[part], "part": number, "parts": len(slices)})
        for number, part in enumerate(slices, 1)
    ]
