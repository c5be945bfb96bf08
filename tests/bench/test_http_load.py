"""The load client of REST counts what was answered, and what was refused."""

import json
import sys
from pathlib import Path

from bench.http_load import HttpLoad
from bench.process import ServerProcess

_BODY = json.dumps({"items": ["x" * 700]}).encode()


def _asked(port: int, path: str) -> tuple[int, int, float]:
    load = HttpLoad(port, path, "key", connections=4, warm_up_s=0.1, window_s=0.4, core=0)
    load.begin()
    asked = load.end()
    assert asked.p50_ms <= asked.p99_ms
    return asked.requests, asked.failed, asked.per_s


def test_requests_to_the_bare_application_are_answered_with_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(_BODY)
    command = [sys.executable, "-m", "bench.servers.bare", f"--body={tmp_path / 'body'}"]
    with ServerProcess(command, core=0) as server:
        requests, failed, per_s = _asked(server.port, "/crypto/quotes?symbols=A")
        assert (requests > 50, failed) == (True, 0)
        assert requests / 1.0 < per_s <= requests / 0.4
        requests, failed, _ = _asked(server.port, "/nothing")
        assert requests == failed > 0
