"""When a request that was refused for now is made again. No I/O."""

from collections.abc import Callable

import msgspec

from tradewatch.errors import RefusedError

#: Too many requests of this key; a server that goes down, or whose history does not answer.
_FOR_NOW = frozenset({429, 503})


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How often, and after which wait.

    Attributes:
        attempts: attempts after the first one; 0 for none.
        first_s: the bound of the first wait where the server does not say; it doubles with each attempt.
        longest_s: the longest wait; a server that wants to be left alone for longer is, and the error raised.
    """

    attempts: int = 4
    first_s: float = 0.5
    longest_s: float = 60.0

    def wait_s(self, error: RefusedError, attempt: int, random: Callable[[], float]) -> float | None:
        """The wait before the next attempt; None where there is none.

        Args:
            error: the refusal.
            attempt: how often it was tried again before.
            random: numbers from 0 to 1, so that clients refused together do not come back together.
        """
        if error.status not in _FOR_NOW or attempt >= self.attempts:
            return None
        if error.retry_after_s is None:
            return random() * min(self.first_s * 2.0 ** min(attempt, 60), self.longest_s)
        if error.retry_after_s > self.longest_s:
            return None
        return error.retry_after_s + random() * self.first_s
