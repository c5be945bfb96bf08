"""How long a client stays away before it comes back. No I/O."""

from collections.abc import Callable

import msgspec

from tradewatch.errors import ClientError, RefusedError

#: No server may send a client away for longer.
_MOST_TOLD_S = 300.0


class Reconnect(msgspec.Struct, frozen=True, kw_only=True):
    """When a lost connection is sought again; what has to be changed first is never tried again.

    The wait before an attempt is random between 0 and a bound that doubles with each attempt, so that
    clients that were lost together do not come back together.

    Attributes:
        first_s: the bound of the first wait.
        longest_s: what the bound grows to.
        attempts: attempts in a row after which it is given up; None for never.
        settled_s: a connection that lasted so long ends the row.
    """

    first_s: float = 0.5
    longest_s: float = 30.0
    attempts: int | None = None
    settled_s: float = 10.0


class Backoff:
    """The waits of one stream.

    Args:
        policy: the bounds.
        random: numbers from 0 to 1.
    """

    def __init__(self, policy: Reconnect, random: Callable[[], float]) -> None:
        self._policy = policy
        self._random = random
        self._attempts = 0

    def next_s(self, error: ClientError, *, told_s: float | None = None) -> float | None:
        """The wait before the next attempt; None where there is none.

        Args:
            error: why the last one failed, or how the connection ended.
            told_s: when the server wants this client back, as it said while going down.
        """
        if not error.may_come_back or self._attempts == self._policy.attempts:
            return None
        bound_s = min(self._policy.first_s * 2.0 ** min(self._attempts, 60), self._policy.longest_s)
        self._attempts += 1
        if told_s is not None:
            return min(told_s, _MOST_TOLD_S)  # the server spreads these itself
        if isinstance(error, RefusedError) and error.retry_after_s is not None:
            return min(error.retry_after_s, _MOST_TOLD_S) + self._random() * self._policy.first_s
        return self._random() * bound_s

    def lasted(self, seconds: float) -> None:
        """A connection was good for so long."""
        if seconds >= self._policy.settled_s:
            self._attempts = 0
