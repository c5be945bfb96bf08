"""Rows that could not be taken: counted, named, and logged within bounds."""

import logging
from collections import Counter

from tradewatch.feeds.source import SourceState

_logger = logging.getLogger("tradewatch.feeds.replay")

#: Per file so many are logged one by one, then one line for each so many.
LOGGED_FIRST = 20
LOGGED_EVERY = 1_000


class BadRows:
    """What one feed could not take, of all its files, in every round."""

    def __init__(self, feed: str, state: SourceState) -> None:
        self._feed = feed
        self._state = state
        self._per_file: Counter[str] = Counter()

    def count(self, file: str, place: str, why: str) -> None:
        """Take note of a row.

        Args:
            file: the file's name.
            place: where in it: `line 17`; empty where the whole file is meant.
            why: what is wrong.
        """
        name = file if file.isprintable() else ascii(file)
        said = f"{name} {place}: {why}" if place else f"{name}: {why}"
        self._state.bad_rows += 1
        self._state.last_bad = said
        self._per_file[file] += 1
        count = self._per_file[file]
        if count <= LOGGED_FIRST:
            _logger.warning("feed %s: %s", self._feed, said)
        elif count % LOGGED_EVERY == 0:
            _logger.warning(
                "feed %s: %d bad rows in this file so far, the newest: %s", self._feed, count, said
            )
