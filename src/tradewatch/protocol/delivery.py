"""How quotes of a symbol reach a client: every one, or the latest of each interval."""

from bisect import bisect_left
from typing import Annotated

import msgspec

#: The intervals there are. What is asked for is rounded up to one of them, so that clients share their work.
INTERVALS_MS = (50, 100, 250, 500, 1_000, 2_000, 5_000)


class Every(msgspec.Struct, frozen=True, gc=False, tag_field="mode", tag="every"):
    """`{"mode": "every"}`: each quote, as fast as the client takes them."""

    @property
    def interval_ms(self) -> int:
        """0: there is no interval."""
        return 0


class Latest(msgspec.Struct, frozen=True, gc=False, tag_field="mode", tag="latest"):
    """`{"mode": "latest", "interval_ms": 250}`: at most one quote in each interval, the newest."""

    interval_ms: Annotated[int, msgspec.Meta(ge=1)]


Delivery = Every | Latest

EVERY = Every()


def effective(wanted: Delivery) -> Delivery:
    """The delivery that a client gets which asks for this one."""
    if isinstance(wanted, Every):
        return EVERY
    index = min(bisect_left(INTERVALS_MS, wanted.interval_ms), len(INTERVALS_MS) - 1)
    return Latest(INTERVALS_MS[index])
