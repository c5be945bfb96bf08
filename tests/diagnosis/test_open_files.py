"""The verdict on the limit of open files."""

import sys

import pytest

from tradewatch.diagnosis.finding import Verdict
from tradewatch.diagnosis.open_files import judge
from tradewatch.server.file_limit import fitted


@pytest.mark.parametrize(
    ("soft", "hard", "verdict", "what"),
    [
        (20_000, 20_000, "ok", "soft 20000, hard 20000; 10256 needed: enough"),
        (1_024, sys.maxsize, "ok", "soft 1024, hard unlimited; 10256 needed: serve raises it to 10256"),
        (1_024, 10_256, "ok", "soft 1024, hard 10256; 10256 needed: serve raises it to 10256"),
        (1_024, 8_192, "warning", None),
        (1_024, 4_096, "fault", None),
    ],
)
def test_against_ten_thousand_connections(soft: int, hard: int, verdict: str, what: str | None) -> None:
    (finding,) = judge(fitted(10_000, soft, hard))
    assert finding.verdict == verdict
    if what is not None:
        assert (finding.what, finding.advice) == (what, "")
        return
    assert f"this process may have {hard}: {hard - 256} connections fit" in finding.what
    assert "raise the hard limit to 10256" in finding.advice
    assert finding.advice.endswith(f"or set limits.max_connections = {hard - 256}")


def test_its_name_is_stable() -> None:
    (finding,) = judge(fitted(1, 1_024, 1_024))
    assert (finding.check, finding.verdict) == ("open files", Verdict.OK)
