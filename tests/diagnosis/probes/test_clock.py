"""Looking at the clocks."""

import sys
import time

import pytest

from tradewatch.clock import ManualClock, SystemClock
from tradewatch.diagnosis.probes.clock import look


def test_the_machines_own() -> None:
    found = look(SystemClock())
    assert abs(found.now_ns - time.time_ns()) < 10**9
    assert 0.002 <= found.elapsed_s < 1
    assert 0 < found.step_ns < 10**7


def test_one_that_stands() -> None:
    found = look(ManualClock())
    assert (found.elapsed_s, found.step_ns) == (0.0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is asked")
def test_linux_says_whether_it_is_synchronised() -> None:
    assert look(SystemClock()).synchronised in (True, False, None)
