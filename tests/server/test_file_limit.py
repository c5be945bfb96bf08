"""The limit of open files: raised as far as is needed and allowed, by processes with limits of their own."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tradewatch.server.file_limit import RESERVED_FILES, fitted

PROGRAM = """
import json, logging, resource, sys
logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
from tradewatch.server.file_limit import raise_file_limit
limit = raise_file_limit(int(sys.argv[1]))
print(json.dumps({**limit._asdict(), "really": resource.getrlimit(resource.RLIMIT_NOFILE)}))
"""


def raised(max_connections: int, *, soft: int, hard: int) -> tuple[dict[str, Any], str]:
    """What a process with these limits comes to, and what it logs."""
    program = [sys.executable, "-c", PROGRAM, str(max_connections)]
    limits = 'ulimit -Sn "$1" && ulimit -Hn "$2" && shift 2 && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", limits, "sh", str(soft), str(hard), *program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout), done.stderr


def test_it_is_raised_to_what_the_connections_need() -> None:
    limit, log = raised(1_000, soft=512, hard=4_000)
    assert limit == {
        "before": 512,
        "now": 1_256,
        "hard": 4_000,
        "wanted_connections": 1_000,
        "max_connections": 1_000,
        "really": [1_256, 4_000],
    }
    assert log == ""


def test_it_is_never_lowered() -> None:
    limit, log = raised(10, soft=2_000, hard=3_000)
    assert (limit["now"], limit["max_connections"], limit["really"]) == (2_000, 10, [2_000, 3_000])
    assert log == ""


def test_under_a_hard_limit_that_is_too_low_fewer_connections_fit_and_the_log_says_so() -> None:
    limit, log = raised(10_000, soft=256, hard=1_024)
    assert (limit["now"], limit["max_connections"], limit["really"]) == (1_024, 768, [1_024, 1_024])
    assert log == (
        "WARNING tradewatch.file_limit: limits.max_connections = 10000 needs 10256 open files,"
        " and this process may have 1024: 768 connections fit\n"
    )


@pytest.mark.parametrize(
    ("soft", "hard", "now", "max_connections"),
    [
        (1_024, 4_096, 1_256, 1_000),
        (1_024, sys.maxsize, 1_256, 1_000),
        (sys.maxsize, sys.maxsize, sys.maxsize, 1_000),
        (1_024, 1_256, 1_256, 1_000),
        (1_024, 1_255, 1_255, 999),
        (64, RESERVED_FILES, RESERVED_FILES, 1),
        (64, 64, 64, 1),
    ],
)
def test_what_fits(soft: int, hard: int, now: int, max_connections: int) -> None:
    limit = fitted(1_000, soft, hard)
    assert (limit.before, limit.now, limit.max_connections) == (soft, now, max_connections)
    assert bool(limit.shortage) is (max_connections < 1_000)
