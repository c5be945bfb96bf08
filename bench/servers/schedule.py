"""What these servers have in common: quotes at a rate, of a given length, in scattered order."""

import argparse
import random
import time
from collections.abc import Iterator
from typing import NamedTuple

from bench.scenario import symbol, turns

#: Quotes handed over before the event loop turns.
BATCH_QUOTES = 100


class Options(NamedTuple):
    """What every server is told."""

    symbols: int
    rate: float
    payload_bytes: int
    cadence_ms: int

    @classmethod
    def read(cls) -> "Options":
        """From the command line."""
        parser = argparse.ArgumentParser()
        parser.add_argument("--symbols", type=int, required=True)
        parser.add_argument("--rate", type=float, required=True)
        parser.add_argument("--payload-bytes", type=int, required=True)
        parser.add_argument("--cadence-ms", type=int, required=True)
        return cls(**vars(parser.parse_args()))


class Schedule:
    """Quotes as they fall due, each with the time it was due at.

    Attributes:
        given: quotes handed out so far.
    """

    def __init__(self, options: Options) -> None:
        self._rate = options.rate
        self._bytes = options.payload_bytes
        order = [number for number, count in enumerate(turns(options.symbols)) for _ in range(count)]
        random.Random(0).shuffle(order)
        self._order = [symbol(number) for number in order]
        self._start_s = time.monotonic()
        self._start_wall_s = time.time()
        self.given = 0

    def due(self) -> Iterator[tuple[str, str]]:
        """Symbol and payload of the next quotes that are due, `BATCH_QUOTES` at most."""
        due = int((time.monotonic() - self._start_s) * self._rate)
        for number in range(self.given, min(due, self.given + BATCH_QUOTES)):
            name = self._order[number % len(self._order)]
            time_ms = int((self._start_wall_s + (number + 1) / self._rate) * 1_000)
            bid = 1.0 + number % 1_000 / 100_000
            head = (
                f'{{"symbol":"{name}","timestamp":"{time_ms}","ask":"{bid + 0.0001:.5f}","bid":"{bid:.5f}",'
                f'"mid":"{bid + 0.00005:.5f}'
            )
            self.given = number + 1
            yield name, head.ljust(self._bytes - 2, "0") + '"}'

    def behind(self) -> bool:
        """Whether more is due now."""
        return (time.monotonic() - self._start_s) * self._rate - self.given >= 1


def metrics(*, given: int, flushes: int, skipped: int = 0) -> str:
    """The body of `/metrics`."""
    return f"quotes_in_total {given}\nquotes_skipped_total {skipped}\nflushes_total {flushes}\n"
