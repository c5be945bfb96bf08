"""Runs targets: so many examples of each, or for so long; every example has a limit of CPU time."""

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.targets import Target

#: CPU seconds that one example may take; milliseconds are usual, the limit is there for hangs.
EXAMPLE_CPU_S = 10.0


class HangError(Exception):
    """An example took more CPU time than any may."""


class Watch:
    """Counts examples and the CPU time of each.

    Attributes:
        examples: how many ran.
        slowest_s: CPU seconds of the slowest.
    """

    def __init__(self, check: Callable[[Any], None]) -> None:
        self._check = check
        self.examples = 0
        self.slowest_s = 0.0

    def __call__(self, example: Any) -> None:
        self.examples += 1
        begin_s = time.process_time()
        before = signal.signal(signal.SIGVTALRM, _hang)
        signal.setitimer(signal.ITIMER_VIRTUAL, EXAMPLE_CPU_S)
        try:
            self._check(example)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)
            self.slowest_s = max(self.slowest_s, time.process_time() - begin_s)


def run(target: Target, *, examples: int, seed_number: int | None = None) -> Watch:
    """Try so many inputs; raises what an input raised, made as small as it can be.

    Args:
        target: what is fuzzed.
        examples: how many inputs.
        seed_number: where to begin; None for the same place at each run.
    """
    watch = Watch(target.check)

    def one(example: Any) -> None:
        watch(example)

    wrapped = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=seed_number is None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        print_blob=False,
    )(given(target.inputs)(one))
    if seed_number is not None:
        wrapped = seed(seed_number)(wrapped)
    wrapped()
    return watch


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise HangError(f"an example took more than {EXAMPLE_CPU_S:.0f} s of CPU time")
