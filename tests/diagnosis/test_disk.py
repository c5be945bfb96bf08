"""The verdicts on the data directory and its disk."""

import pytest

from tradewatch.diagnosis.disk import DiskFacts, judge
from tradewatch.settings import TapeSettings

GIB = 1 << 30
GOOD = DiskFacts("/d", exists=True, free_bytes=50 * GIB, sync_ms=0.5, filesystem="ext4")


def verdicts(facts: DiskFacts, *, served: bool = False) -> dict[str, tuple[str, str]]:
    found = judge(facts, TapeSettings(), served=served)
    assert all(bool(finding.advice) is (finding.verdict != "ok") for finding in found)
    return {finding.check: (finding.verdict.value, finding.what) for finding in found}


def test_a_good_one() -> None:
    assert verdicts(GOOD) == {
        "data directory": ("ok", "/d can be written, and no server holds it"),
        "disk space": ("ok", "50.0 GiB free; the tape may take 2.1 GiB more"),
        "disk sync": ("ok", "4 KiB are on the disk after 0.50 ms"),
        "file system": ("ok", "ext4; flock works"),
    }


@pytest.mark.parametrize(
    ("facts", "served", "check", "verdict", "what"),
    [
        (GOOD._replace(exists=False), False, "data directory", "ok", "/d does not exist; serve makes it"),
        (GOOD._replace(holder="7"), True, "data directory", "ok", "/d is held by process 7"),
        (
            GOOD._replace(holder="7"),
            False,
            "data directory",
            "warning",
            "/d is held by process 7, which does not answer on this port",
        ),
        (
            GOOD._replace(free_bytes=GIB),
            False,
            "disk space",
            "warning",
            "1.0 GiB free; the tape may take 2.1 GiB more",
        ),
        (
            GOOD._replace(free_bytes=GIB, tape_bytes=3 * GIB),
            False,
            "disk space",
            "ok",
            "1.0 GiB free; the tape may take 64.0 MiB more",
        ),
        (
            GOOD._replace(free_bytes=GIB >> 5),
            False,
            "disk space",
            "fault",
            "32.0 MiB free; the tape may take 2.1 GiB more",
        ),
        (
            GOOD._replace(sync_ms=300.0),
            False,
            "disk sync",
            "warning",
            "4 KiB are on the disk after 300.00 ms, and tape.sync_ms is 250",
        ),
        (
            GOOD._replace(locks=False),
            False,
            "file system",
            "fault",
            "ext4: flock does not keep a second server out",
        ),
        (
            GOOD._replace(filesystem="nfs4"),
            False,
            "file system",
            "warning",
            "nfs4, over a network: its syncs and locks are slow",
        ),
        (
            GOOD._replace(filesystem="tmpfs"),
            False,
            "file system",
            "warning",
            "tmpfs: memory, which nothing survives",
        ),
        (GOOD._replace(filesystem=""), False, "file system", "ok", "its type is not known; flock works"),
    ],
)
def test_what_is_otherwise(facts: DiskFacts, served: bool, check: str, verdict: str, what: str) -> None:
    found = verdicts(facts, served=served)
    assert found.pop(check) == (verdict, what)
    assert {others for others, _ in found.values()} == {"ok"}


def test_where_nothing_can_be_written_nothing_else_is_said() -> None:
    assert verdicts(DiskFacts("/d", exists=True, trouble="Permission denied")) == {
        "data directory": ("fault", "/d cannot be written: Permission denied")
    }
