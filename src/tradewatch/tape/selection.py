"""The records of one instrument above a seq, gathered from the newest backwards within a limit."""

from collections import deque

import numpy as np

from tradewatch.tape.layout import SLOT_BYTES


class Selection:
    """Takes pieces of one instrument's records, newest piece first, and keeps the oldest `limit` wanted.

    Args:
        after_seq: records above it are wanted; they have increasing numbers.
        limit: the most records answered.
    """

    def __init__(self, after_seq: int, limit: int) -> None:
        self._after_seq = after_seq
        self._limit = limit
        self._pieces: deque[np.ndarray] = deque()
        self._records = 0

    def take(self, rows: np.ndarray) -> bool:
        """Take the next older piece; False where no older one can hold anything wanted."""
        numbered = rows[rows["seq"] > 0]
        wanted = numbered[numbered["seq"] > self._after_seq]
        if wanted.size:
            self._pieces.append(wanted)
            self._records += wanted.size
        while self._pieces and self._records - self._pieces[0].size >= self._limit:
            self._records -= self._pieces.popleft().size
        return wanted.size == numbered.size

    def slots(self) -> bytes:
        """What was kept, oldest first."""
        return b"".join(piece.tobytes() for piece in reversed(self._pieces))[: self._limit * SLOT_BYTES]
