"""Requests made up from `/openapi.json`, by the thousand: each is answered as the document says.

`TRADEWATCH_FUZZ_REST_S` says for how many seconds (25), `TRADEWATCH_FUZZ_SEED` with which seed.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.system.server import Server, run_command

SECONDS = int(os.environ.get("TRADEWATCH_FUZZ_REST_S", "25"))
SEED = os.environ.get("TRADEWATCH_FUZZ_SEED", "20260102")

#: All but `positive_data_acceptance`: a document cannot say that a cursor is forged, or that a time is before
#: another.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
)


def publish_history(server: Server, key: str) -> None:
    """Quotes of the day that the examples of the history name."""
    quotes = [
        {
            "asset_class": asset_class,
            "symbol": symbol,
            "timestamp": f"13995{number}",
            "bid": "1.5",
            "ask": "1.51",
        }
        for asset_class, symbol in (("crypto", "BTCUSD"), ("stocks", "AAPL"), ("indices", "DJI"))
        for number in range(10_000_000, 10_060_000, 2_000)
    ]
    answer = server.publish({"producer": "history", "batch": 1, "quotes": quotes}, key=key)
    assert "code" not in answer.text, answer.text


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 90)
def test_every_answer_is_as_documented(serve: Any, tmp_path: Path) -> None:
    server: Server = serve("--feed", "simulated?symbols=30&rate=50")
    key = server.create_key("fuzz", "--plan", "unlimited", "--scope", "admin", "--scope", "publish")
    publish_history(server, key)
    run_command("insights", "add", "quiet", "--data-dir", str(server.data_dir))
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{server.http}/openapi.json",
            *("--header", f"api-key: {key}"),
            *("--exclude-operation-id", "delete_account_keys_name_or_id"),  # it would end this very key
            *("--checks", ",".join(CHECKS)),
            *("--max-time", str(SECONDS)),
            *("--seed", SEED),
            "--continue-on-failure",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS + 60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr
    assert "Traceback" not in server.errors
    assert key.rpartition("_")[2] not in server.errors
