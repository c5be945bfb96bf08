"""The memory of batches: new, repeated, in conflict, out of order, too old."""

from tradewatch.tape.batches import BATCHES_REMEMBERED, BatchMemory, Place, Verdict
from tradewatch.tape.log import BatchStamp, StampedBlock


def stamp(batch: int, *, source: int = 1, content: bytes = b"c" * 16) -> BatchStamp:
    return BatchStamp(source, batch, content)


def remember(memory: BatchMemory, *batches: int) -> None:
    for batch in batches:
        memory.remember(StampedBlock(batch * 10, 3, stamp(batch)))


def test_numbers_grow_with_gaps_and_are_known_again() -> None:
    memory = BatchMemory()
    assert memory.judge(stamp(1)) == (Verdict.NEW, None)
    remember(memory, 2, 5, 6)
    assert memory.judge(stamp(5)) == (Verdict.REPEATED, Place(50, 3))
    assert memory.judge(stamp(7)) == (Verdict.NEW, None)
    assert memory.judge(stamp(100)) == (Verdict.NEW, None)
    assert memory.judge(stamp(5, content=b"x" * 16))[0] is Verdict.CONFLICT
    assert memory.judge(stamp(4))[0] is Verdict.OUT_OF_ORDER
    assert memory.judge(stamp(1))[0] is Verdict.OUT_OF_ORDER, "nothing was forgotten: it was never taken"
    assert memory.judge(stamp(5, source=2))[0] is Verdict.NEW


def test_what_is_forgotten_is_too_old_and_the_memory_stays_bounded() -> None:
    memory = BatchMemory()
    last = 3 * BATCHES_REMEMBERED
    remember(memory, *range(1, last + 1))
    assert memory.judge(stamp(1))[0] is Verdict.TOO_OLD
    assert memory.judge(stamp(last - BATCHES_REMEMBERED + 1))[0] is Verdict.REPEATED
    assert len(memory._producers[1].batches) < 2 * BATCHES_REMEMBERED


def test_a_last_number_alone_still_keeps_the_order() -> None:
    memory = BatchMemory()
    memory.remember_last(1, 40, forgotten=True)
    assert memory.judge(stamp(41))[0] is Verdict.NEW
    assert memory.judge(stamp(40))[0] is Verdict.TOO_OLD
    assert memory.last_batches() == {1: 40}
    remember(memory, 43, 45)
    assert memory.judge(stamp(44))[0] is Verdict.OUT_OF_ORDER
