"""A fixed window: so many of something in so many seconds."""


class Window:
    """Counts what is taken since the first taking of the current window.

    A window begins with the first taking after the last one ended, so nobody's windows are in step with
    anybody else's. Two bursts may meet where one window ends: any stretch of `span_s` seconds holds at most
    twice the limit.

    Args:
        limit: how many a window holds; it may be set anew at any time, and binds at once.
        span_s: how long a window lasts.

    Attributes:
        limit: see above.
        span_s: see above.
        end_s: when the current window ends.
        refused: how many were not taken, ever.
    """

    __slots__ = ("_taken", "end_s", "limit", "refused", "span_s")

    def __init__(self, limit: int, span_s: float) -> None:
        self.limit = limit
        self.span_s = span_s
        self.end_s = float("-inf")
        self.refused = 0
        self._taken = 0

    def take(self, now_s: float, count: int = 1) -> bool:
        """Take so many, all or none of them; whether there was room.

        Args:
            now_s: seconds; where they go back behind the window, a new one begins.
            count: how many; more than the limit never fit.
        """
        if not self.end_s - self.span_s <= now_s < self.end_s:
            self.end_s = now_s + self.span_s
            self._taken = 0
        taken = self._taken + count
        if taken > self.limit:
            self.refused += count
            return False
        self._taken = taken
        return True

    def give_back(self, count: int = 1) -> None:
        """Undo a taking of the current window; what an earlier one took has been forgotten anyway."""
        self._taken = max(0, self._taken - count)

    def retry_after_s(self, now_s: float) -> float:
        """Seconds until the current window ends; 0 where it has ended."""
        return max(0.0, self.end_s - now_s)
