"""The verdicts on the kernel's network settings."""

import pytest

from tradewatch.diagnosis.network import NetworkFacts, judge


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (NetworkFacts(4_096, unsent_limit=True), [("ok", ""), ("ok", "")]),
        (NetworkFacts(2_048, unsent_limit=True), [("ok", ""), ("ok", "")]),
        (NetworkFacts(None, unsent_limit=True), [("ok", ""), ("ok", "")]),
        (
            NetworkFacts(128, unsent_limit=False),
            [("warning", "sysctl -w net.core.somaxconn=2048"), ("warning", "serve from Linux")],
        ),
    ],
)
def test_verdicts(facts: NetworkFacts, found: list[tuple[str, str]]) -> None:
    findings = judge(facts, backlog=2_048)
    assert [finding.check for finding in findings] == ["listen backlog", "unsent limit"]
    assert [(finding.verdict.value, finding.advice) for finding in findings] == found
