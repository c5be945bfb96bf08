"""The verdict on the certificate."""

import pytest

from tradewatch.diagnosis.certificate import CertificateFacts, judge

NOW_S = 1_795_000_000.0
DAY_S = 86_400.0
NINETY_DAYS = "good until 2027-02-16, 90 days from now; the key belongs to it"
GOOD = CertificateFacts(begins_s=NOW_S - DAY_S, ends_s=NOW_S + 90 * DAY_S)


@pytest.mark.parametrize(
    ("facts", "verdict", "what"),
    [
        (None, "ok", "none: the server speaks without TLS"),
        (GOOD, "ok", NINETY_DAYS),
        (
            GOOD._replace(ends_s=NOW_S + 13.5 * DAY_S),
            "warning",
            "good until 2026-12-01, 13 days from now; the key belongs to it",
        ),
        (GOOD._replace(ends_s=NOW_S), "fault", "it has expired on 2026-11-18"),
        (GOOD._replace(begins_s=NOW_S + 60), "fault", "it is good only from 2026-11-18T11:07:40Z"),
        (
            GOOD._replace(key_is_open=True),
            "warning",
            f"{NINETY_DAYS}, and every user of this machine can read it",
        ),
        (CertificateFacts("c and k: key values mismatch"), "fault", "c and k: key values mismatch"),
    ],
)
def test_verdicts(facts: CertificateFacts | None, verdict: str, what: str) -> None:
    (finding,) = judge(facts, now_s=NOW_S)
    assert (finding.check, finding.verdict, finding.what) == ("certificate", verdict, what)
    assert bool(finding.advice) is (verdict != "ok")
