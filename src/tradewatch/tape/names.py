"""The numbers of sources: every record says in four bytes where it came from."""

import re

from tradewatch.errors import TradewatchError

#: A source's name is kept in one slot of the log.
MAX_NAME_BYTES = 64
#: Begins the names of producers: `publish/<key id>/<producer>`.
PUBLISHER_PREFIX = "publish/"


class SourceNames:
    """Names of feeds and producers, each with a number that is stable for the life of the tape.

    Number 0 is nobody. Only grows, up to `limit`.
    """

    def __init__(self, *, limit: int = 100_000) -> None:
        self._limit = limit
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def number(self, name: str) -> int | None:
        """The number of a name, or None where it has none."""
        return self._numbers.get(name)

    def add(self, name: str) -> int:
        """Give a name the next number, or return the one it has.

        Raises:
            TradewatchError: the name does not fit into a slot, or there are too many.
        """
        if name in self._numbers:
            return self._numbers[name]
        if len(name.encode("ascii", "replace")) > MAX_NAME_BYTES or not name.isascii():
            raise TradewatchError(
                f"a source's name is at most {MAX_NAME_BYTES} ASCII characters: {name[:80]!r}"
            )
        if len(self._numbers) >= self._limit:
            raise TradewatchError(f"more than {self._limit:,} sources on one tape: {name!r} is not taken")
        number = len(self._numbers) + 1
        self.restore(number, name)
        return number

    def restore(self, number: int, name: str) -> None:
        """Take in a name that the log remembers."""
        self._numbers[name] = number
        self._names[number] = name

    def name(self, number: int) -> str:
        """The name of a number; empty where it has none."""
        return self._names.get(number, "")

    def shown(self, number: int) -> str | None:
        """What clients are told of a source: see `shown_source`."""
        return shown_source(self.name(number))

    def by_number(self) -> dict[int, str]:
        """All names, by number."""
        return dict(self._names)


def shown_source(name: str) -> str | None:
    """What clients are told of a source: the kind of a feed, a producer's own name; no paths, no keys."""
    room, _, rest = name.partition("/")
    if room == "publish":
        return rest.partition("/")[2]
    return re.split(r"[:?]", rest, maxsplit=1)[0] if room == "feed" else None
