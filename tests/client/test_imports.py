"""The client is light: its import needs no part of the server, and starts nothing."""

import subprocess
import sys

HEAVY = {
    "uvicorn",
    "fastapi",
    "starlette",
    "sqlalchemy",
    "alembic",
    "duckdb",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "httpx",
    "uvloop",
    "typer",
}
ROOMS = {"client", "protocol", "model", "errors", "clock", "address"}

PROGRAM = """
import asyncio, sys, threading
import tradewatch.client
assert threading.active_count() == 1
assert asyncio._get_running_loop() is None
assert asyncio.get_event_loop_policy()._local._loop is None
print(*sys.modules)
"""


def test_the_import_needs_no_part_of_the_server() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    assert HEAVY & {module.partition(".")[0] for module in modules} == set()
    rooms = {module.split(".")[1] for module in modules if module.startswith("tradewatch.")}
    assert "client" in rooms
    assert rooms <= ROOMS
