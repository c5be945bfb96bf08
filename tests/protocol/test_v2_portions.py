"""Portions: nothing is lost, nothing is too long, and nothing is divided that need not be."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.protocol.v2.encoding import JSON, MSGPACK, Encoding
from tradewatch.protocol.v2.events import Status
from tradewatch.protocol.v2.portions import ARRAY_BYTES, EVENT_BYTES, in_parts, portions


@settings(deadline=None)
@given(st.lists(st.integers(0, 60), max_size=60), st.integers(1, 100))
def test_slices_hold_everything_in_order_and_as_much_as_fits(sizes: list[int], budget_bytes: int) -> None:
    slices = [sizes[part] for part in portions(sizes, budget_bytes)]
    assert [size for part in slices for size in part] == sizes
    assert all(part for part in slices)
    used = [sum(part) + len(part) for part in slices]
    assert all(bytes_ <= budget_bytes or len(part) == 1 for bytes_, part in zip(used, slices, strict=True))
    for bytes_, following in zip(used, slices[1:], strict=False):
        assert bytes_ + following[0] + 1 > budget_bytes


def test_the_budget_is_met_to_the_byte() -> None:
    assert portions([4, 4, 4], 15) == [slice(0, 3)]
    assert portions([4, 4, 4], 14) == [slice(0, 2), slice(2, 3)]
    assert portions([], 14) == []


def status_of(encoding: Encoding, event_bytes: int) -> Status:
    """A status that takes exactly so many bytes."""
    empty = Status(patterns=[], symbols=["s" * 20] * 10_000 + ["x" * 1_000])
    missing = event_bytes - len(encoding.encode(empty))
    return msgspec.structs.replace(empty, symbols=[*empty.symbols[:-1], "x" * (1_000 + missing)])


@pytest.mark.parametrize("encoding", [JSON, MSGPACK], ids=["json", "msgpack"])
def test_an_answer_is_divided_when_it_is_a_byte_too_long(encoding: Encoding) -> None:
    fits = status_of(encoding, EVENT_BYTES)
    assert len(encoding.encode(fits)) == EVENT_BYTES
    assert in_parts(fits, "symbols", encoding.encode) == [fits]
    first, second = in_parts(status_of(encoding, EVENT_BYTES + 1), "symbols", encoding.encode)
    assert (first.part, first.parts, second.part, second.parts) == (1, 2, 2, 2)
    assert len(encoding.encode(first)) <= EVENT_BYTES


@pytest.mark.parametrize("encoding", [JSON, MSGPACK], ids=["json", "msgpack"])
@settings(deadline=None, max_examples=20)
@given(lengths=st.lists(st.integers(0, 40_000), min_size=1, max_size=200))
def test_parts_are_the_portions_of_their_items(encoding: Encoding, lengths: list[int]) -> None:
    status = Status(patterns=[], symbols=["s" * length for length in lengths], id=7)
    parts = in_parts(status, "symbols", encoding.encode)
    numbered = Status(patterns=[], symbols=[], id=7, part=2**31, parts=2**31)
    budget_bytes = EVENT_BYTES - ARRAY_BYTES - len(encoding.encode(numbered))
    slices = portions((len(encoding.encode(symbol)) for symbol in status.symbols), budget_bytes)
    if len(encoding.encode(status)) <= EVENT_BYTES:
        assert parts == [status]
    else:
        assert [part.symbols for part in parts] == [status.symbols[part] for part in slices]


@pytest.mark.parametrize("count", [1, 64, 65, 5_000], ids=str)
def test_measuring_encodes_every_item_once_and_few_where_a_part_ends(count: int) -> None:
    calls: list[object] = []

    def encode(value: object) -> bytes:
        calls.append(value)
        return JSON.encode(value)

    status = Status(patterns=[], symbols=[f"NOSUCH-{number:060d}" for number in range(count)])
    parts = in_parts(status, "symbols", encode)
    encoded = sum(
        len([each for each in call if each is not None]) for call in calls if isinstance(call, list)
    )
    assert encoded <= count + 1_000 * (len(parts) - 1) + 64
    assert len(calls) <= count / 8 + 100 * len(parts)
