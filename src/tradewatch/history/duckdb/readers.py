"""Readers: who reads at the moment, so that no file goes that one of them may still want."""

import contextlib
import threading
from collections.abc import Iterator


class Readers:
    """Counts readers as they come; a number is a moment, and no clock is asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0
        self._reading: set[int] = set()

    @contextlib.contextmanager
    def one_more(self) -> Iterator[None]:
        """Somebody reads, from before the view is made until after the last of it."""
        with self._lock:
            reader, self._next = self._next, self._next + 1
            self._reading.add(reader)
        try:
            yield
        finally:
            with self._lock:
                self._reading.remove(reader)

    def moment(self) -> int:
        """Now."""
        with self._lock:
            return self._next

    def left_since(self, moment: int) -> bool:
        """Whether nobody reads any more who did at some moment."""
        with self._lock:
            return all(reader >= moment for reader in self._reading)
