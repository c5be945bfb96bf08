"""A budget: how many quotes a second a connection may have, counted after the fact."""


class Budget:
    """Quotes that a connection may have, of which a second's worth can be saved up.

    What was written is counted afterwards, so it may go beyond; the connection then waits until it is paid.
    It never owes more than a second's worth.

    Args:
        quotes_per_s: how many it earns in a second.
        delivered: what was written before it binds, which it does not pay for.
    """

    __slots__ = ("_counted", "_left", "_paid_s", "quotes_per_s")

    def __init__(self, quotes_per_s: int, *, delivered: int = 0) -> None:
        self.quotes_per_s = quotes_per_s
        self._left = float(quotes_per_s)
        self._paid_s: float | None = None
        self._counted = delivered

    @property
    def left(self) -> int:
        """Quotes that may be written now."""
        return max(0, int(self._left))

    @property
    def full(self) -> bool:
        """Whether a whole second's worth is there: less was wanted than could be had."""
        return self._left >= self.quotes_per_s

    def earn(self, now_s: float) -> None:
        """Time has passed, to this point of the monotonic clock."""
        if self._paid_s is not None:
            earned = (now_s - self._paid_s) * self.quotes_per_s
            self._left = min(self._left + earned, float(self.quotes_per_s))
        self._paid_s = now_s

    def count(self, delivered: int) -> bool:
        """So many quotes were written since the connection opened; whether none may be written now."""
        self._left = max(self._left - (delivered - self._counted), -float(self.quotes_per_s))
        self._counted = delivered
        return self._left < 1
