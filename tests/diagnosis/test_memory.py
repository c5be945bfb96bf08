"""The verdict on memory."""

import pytest

from tradewatch.diagnosis.memory import MemoryFacts, judge

NEEDED_BYTES = (256 << 20) + 10_000 * (12 << 10)


@pytest.mark.parametrize(
    ("available_bytes", "verdict", "what"),
    [
        (NEEDED_BYTES, "ok", "373.2 MiB available; about 373.2 MiB for 10000 connections"),
        (NEEDED_BYTES - 1, "warning", "373.2 MiB available; about 373.2 MiB for 10000 connections"),
        (None, "ok", "what is available is not known; about 373.2 MiB for 10000 connections"),
    ],
)
def test_verdicts(available_bytes: int | None, verdict: str, what: str) -> None:
    (finding,) = judge(MemoryFacts(available_bytes), max_connections=10_000)
    assert (finding.check, finding.verdict, finding.what) == ("memory", verdict, what)
    assert ("limits.max_connections" in finding.advice) is (verdict == "warning")
