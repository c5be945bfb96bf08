"""Looking at the kernel's network settings."""

import sys
from pathlib import Path

import pytest

from tradewatch.diagnosis.probes.network import look


@pytest.mark.skipif(sys.platform != "linux", reason="Linux' own settings")
def test_linux() -> None:
    found = look()
    assert found.unsent_limit
    assert found.most_backlog == int(Path("/proc/sys/net/core/somaxconn").read_text())
