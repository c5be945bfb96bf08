"""The verdict on the clocks."""

import pytest

from tradewatch.diagnosis.clock import ClockFacts, judge

GOOD = ClockFacts(now_ns=1_795_000_000_500_000_000, elapsed_s=0.002, step_ns=90, synchronised=True)


@pytest.mark.parametrize(
    ("facts", "verdict", "what"),
    [
        (GOOD, "ok", "2026-11-18T11:06:40Z, in steps of 90 ns; synchronised"),
        (
            GOOD._replace(synchronised=None),
            "ok",
            "2026-11-18T11:06:40Z, in steps of 90 ns; whether it is synchronised is not known",
        ),
        (
            GOOD._replace(synchronised=False),
            "warning",
            "2026-11-18T11:06:40Z, in steps of 90 ns; no time service steers it",
        ),
        (
            GOOD._replace(step_ns=4_000_000),
            "warning",
            "2026-11-18T11:06:40Z, in steps of 4000 µs, which is coarse; synchronised",
        ),
        (GOOD._replace(now_ns=0), "fault", "it stands at 0 s of Unix time, which cannot be"),
        (GOOD._replace(now_ns=5_000_000_000 * 10**9), "fault", None),
        (GOOD._replace(elapsed_s=0.0), "fault", "the monotonic clock stands still"),
    ],
)
def test_verdicts(facts: ClockFacts, verdict: str, what: str | None) -> None:
    (finding,) = judge(facts)
    assert finding.verdict == verdict
    assert what in (None, finding.what)
    assert bool(finding.advice) is (verdict != "ok")
