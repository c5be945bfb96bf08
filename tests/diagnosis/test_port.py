"""The verdicts on the port, and on the server that has it."""

import errno

import pytest

from tradewatch.diagnosis.port import PortFacts, ServerFacts, judge

TAKEN = PortFacts("127.0.0.1", 8000, "cannot listen on 127.0.0.1 port 8000: it is taken", errno.EADDRINUSE)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (PortFacts("::1", 8000), [("port", "ok", "8000 is free on ::1")]),
        (PortFacts("::1", 0), [("port", "ok", "any free one on ::1")]),
        (TAKEN, [("port", "fault", TAKEN.trouble)]),
        (
            TAKEN._replace(server=ServerFacts(ours=False)),
            [("port", "fault", f"{TAKEN.trouble}; what answers there is no tradewatch")],
        ),
        (
            TAKEN._replace(server=ServerFacts(ours=True, ready=True)),
            [
                ("port", "ok", "8000 on 127.0.0.1 is served by a tradewatch"),
                ("server", "ok", "the running server is ready: quotes travel through it"),
            ],
        ),
        (
            TAKEN._replace(server=ServerFacts(ours=True, trouble="starting")),
            [
                ("port", "ok", "8000 on 127.0.0.1 is served by a tradewatch"),
                ("server", "fault", "the running server is not ready: starting"),
            ],
        ),
    ],
)
def test_verdicts(facts: PortFacts, found: list[tuple[str, str, str]]) -> None:
    findings = judge(facts)
    assert [(finding.check, finding.verdict.value, finding.what) for finding in findings] == found
    assert all(bool(finding.advice) is (finding.verdict != "ok") for finding in findings)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (errno.EADDRINUSE, "choose another with --port"),
        (errno.EACCES, "CAP_NET_BIND_SERVICE"),
        (errno.EADDRNOTAVAIL, "0.0.0.0"),
        (0, "set host and port"),
    ],
)
def test_the_advice_depends_on_the_reason(error: int, advice: str) -> None:
    (finding,) = judge(TAKEN._replace(error=error))
    assert advice in finding.advice
