"""One instrument's records, gathered from the newest backwards."""

import numpy as np

from tradewatch.tape.layout import SLOT_BYTES, SLOT_DTYPE, slots
from tradewatch.tape.selection import Selection


def rows(*seqs: int) -> np.ndarray:
    made = np.zeros(len(seqs), SLOT_DTYPE)
    made["seq"] = seqs
    return made


def test_pieces_come_newest_first_and_go_oldest_first() -> None:
    selection = Selection(after_seq=2, limit=10)
    assert selection.take(rows(6, 7)) is True
    assert selection.take(rows(4, 5)) is True
    assert selection.take(rows(2, 3)) is False
    assert slots(selection.slots())["seq"].tolist() == [3, 4, 5, 6, 7]


def test_what_lies_beyond_the_limit_is_let_go_at_once() -> None:
    selection = Selection(after_seq=0, limit=3)
    for newest in range(1_000, 0, -2):
        selection.take(rows(newest - 1, newest))
        assert sum(piece.nbytes for piece in selection._pieces) <= 4 * SLOT_BYTES
    assert slots(selection.slots())["seq"].tolist() == [1, 2, 3]


def test_entries_without_a_number_neither_count_nor_stop() -> None:
    selection = Selection(after_seq=1, limit=3)
    assert selection.take(rows(0, 4, 0)) is True
    assert selection.take(rows(0)) is True
    assert slots(selection.slots())["seq"].tolist() == [4]
