"""From the slots of the tape to the rows of the store: each record once, and what is missing by its seq."""

from typing import NamedTuple

import numpy as np

from tradewatch.history.registry import Registry
from tradewatch.history.ticks import ABSENT, Ticks, settled
from tradewatch.model.record import Kind
from tradewatch.reference.catalogue import CANARY_ID
from tradewatch.tape import layout

#: What a slot has for the exponent of a side that is missing.
_NO_SIDE = 127


class Hole(NamedTuple):
    """Records that the tape has numbered and the store never saw.

    Attributes:
        instrument: the store's number.
        epoch: the store's number.
        first_seq: the first that is missing.
        last_seq: the last.
    """

    instrument: int
    epoch: int
    first_seq: int
    last_seq: int


class Taken(NamedTuple):
    """What becomes of some slots.

    Attributes:
        instrument: the store's number of each row's instrument.
        ticks: the rows, in the order of the tape.
        holes: what is missing before rows of these.
        repeated: rows that were recorded before, and are left out.
        nameless: rows of instruments that the tape never defined here, and are left out.
    """

    instrument: np.ndarray
    ticks: Ticks
    holes: list[Hole]
    repeated: int
    nameless: int


def take(registry: Registry, epoch_ms: int, definitions: bytes, slots: bytes) -> Taken:
    """Turn slots of one epoch into rows; the registry learns what they define, and how far they reach.

    Args:
        registry: names and numbers, and the heads of this epoch.
        epoch_ms: the epoch of the slots.
        definitions: slots that stood at the beginning of the segment.
        slots: records, and definitions among them, in the order of the tape.
    """
    _learn(registry, definitions)
    epoch = registry.epoch(epoch_ms)
    _learn(registry, slots)
    rows = layout.slots(slots)
    rows = rows[(rows["kind"] < Kind.REFUSED) & (rows["instrument"] != CANARY_ID)]
    numbers = registry.numbers(rows["instrument"])
    named = numbers > 0
    nameless = int(len(rows) - np.count_nonzero(named))
    if nameless:
        rows, numbers = rows[named], numbers[named]
    new, holes = _follow(registry, epoch, numbers, rows["seq"].astype(np.int64))
    repeated = int(len(rows) - np.count_nonzero(new))
    if repeated:
        rows, numbers = rows[new], numbers[new]
    return Taken(numbers, _columns(registry, epoch, numbers, rows), holes, repeated, nameless)


def _learn(registry: Registry, slots: bytes) -> None:
    kinds = layout.slots(slots)["kind"]
    defining = np.flatnonzero(kinds >= layout.DEFINE_INSTRUMENT).tolist()
    registry.learn(slots[index * layout.SLOT_BYTES : (index + 1) * layout.SLOT_BYTES] for index in defining)


def _follow(
    registry: Registry, epoch: int, numbers: np.ndarray, seq: np.ndarray
) -> tuple[np.ndarray, list[Hole]]:
    """Which rows are new, and the holes before them; the heads move on."""
    heads = registry.heads
    new = seq > heads[numbers]
    order = np.argsort(numbers, kind="stable")
    order = order[new[order]]
    if not order.size:
        return new, []
    by_number, sequence = numbers[order], seq[order]
    first = np.concatenate(([True], by_number[1:] != by_number[:-1]))
    before = np.concatenate(([0], sequence[:-1]))
    before[first] = heads[by_number[first]]
    holes = [
        Hole(int(by_number[at]), epoch, int(before[at]) + 1, int(sequence[at]) - 1)
        for at in np.flatnonzero(sequence > before + 1).tolist()
    ]
    last = np.concatenate((first[1:], [True]))
    heads[by_number[last]] = sequence[last]
    return new, holes


def _columns(registry: Registry, epoch: int, numbers: np.ndarray, rows: np.ndarray) -> Ticks:
    missing = rows["exponents"] == _NO_SIDE
    decimals = np.where(missing, 0, -rows["exponents"].astype(np.int64)).astype(np.int8)
    mantissas = [
        np.where(missing[:, side], ABSENT, rows[name])
        for side, name in enumerate(("bid", "ask", "bid_size", "ask_size"))
    ]
    wanted = _wanted_scales(registry.scales, numbers, decimals[:, :2].max(axis=1, initial=0))
    wanted_sizes = _wanted_scales(registry.size_scales, numbers, decimals[:, 2:].max(axis=1, initial=0))
    bid, bid_scale = settled(mantissas[0], decimals[:, 0], wanted)
    ask, ask_scale = settled(mantissas[1], decimals[:, 1], wanted)
    bid_size, bid_size_scale = settled(mantissas[2], decimals[:, 2], wanted_sizes)
    ask_size, ask_size_scale = settled(mantissas[3], decimals[:, 3], wanted_sizes)
    event_ms, event_sub_ns = np.divmod(rows["event_ns"], 1_000_000)
    return Ticks(
        event_ms=event_ms,
        event_sub_ns=event_sub_ns.astype(np.int32),
        lag_us=rows["received_ns"] // 1_000 - event_ms * 1_000,
        epoch=np.full(len(rows), epoch, dtype=np.int32),
        seq=rows["seq"].astype(np.int64),
        bid=bid,
        bid_scale=bid_scale,
        ask=ask,
        ask_scale=ask_scale,
        bid_size=bid_size,
        bid_size_scale=bid_size_scale,
        ask_size=ask_size,
        ask_size_scale=ask_size_scale,
        source=registry.source_numbers(rows["source"]).astype(np.int32),
        flags=rows["flags"].astype(np.int32),
        kind=rows["kind"].astype(np.int8),
        channel=rows["channel"].astype(np.int8),
        reference=rows["reference"].astype(np.int64),
    )


def _wanted_scales(scales: np.ndarray, numbers: np.ndarray, decimals: np.ndarray) -> np.ndarray:
    """The scale for each row: the finest that its instrument was ever seen with, this row included."""
    wider = decimals > scales[numbers]
    if np.any(wider):
        np.maximum.at(scales, numbers[wider], decimals[wider])
    wanted: np.ndarray = scales[numbers]
    return wanted
