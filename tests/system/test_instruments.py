"""Instruments of the user's own in a real server: known before anybody quotes them, and after a restart."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

from tests.system.server import Server
from tradewatch.clock import SystemClock
from tradewatch.composition.core import build_core
from tradewatch.data_directory import DataDirectory
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.price import Price
from tradewatch.model.record import Record
from tradewatch.settings import Settings

_STOCKS = AssetClass.STOCKS


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["asset_class,symbol,name,decimals", *rows]) + "\n")
    return path


async def test_a_client_can_subscribe_what_nobody_quotes_yet(tmp_path: Path) -> None:
    own = write(tmp_path / "own.csv", "stocks,ACME,Acme,3")
    server = Server(tmp_path / "data", "--feed", "none", "--instruments", str(own))
    try:
        async with server.stream("/stocks/quotes", key=server.demo_key) as client:
            await client.recv()
            await client.send(json.dumps({"action": "subscribe", "symbols": ["acme"]}))
            assert json.loads(await client.recv()) == {"event": "status", "symbols": ["ACME"]}
            await client.send(json.dumps({"action": "subscribe", "symbols": ["ACMF"]}))
            error = json.loads(await client.recv())
            assert (error["code"], error["symbols"]) == ("unknown_symbol", ["ACMF"])
    finally:
        server.kill()


def test_a_faulty_file_is_refused_before_the_server_listens(tmp_path: Path) -> None:
    own = write(tmp_path / "own.csv", "stocks,ACME,Acme,3", "stocks,acme,Acme,3")
    command = ["serve", "--port", "0", "--data-dir", str(tmp_path / "data"), "--instruments", str(own)]
    done = subprocess.run(
        [sys.executable, "-m", "tradewatch", *command], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr == f"tradewatch: {own}, line 3: stocks:ACME stands in line 2 already\n"


async def test_names_outlive_a_restart(tmp_path: Path) -> None:
    """The tape remembers an instrument's id and not its name; once it came back nameless."""
    own = write(tmp_path / "own.csv", "stocks,ACME,Acme,3")
    settings = Settings(data_dir=tmp_path / "data", instruments=(own,))
    clock = SystemClock()
    ids = []
    for _ in range(2):
        with contextlib.ExitStack() as opened:
            directory = DataDirectory(settings.data_dir)
            directory.take()
            opened.callback(directory.release)
            core = build_core(settings, directory, opened, clock=clock, new_epoch=False)
            acme, apple = (core.catalogue.get(_STOCKS, symbol) for symbol in ("ACME", "AAPL"))
            assert acme is not None
            assert apple is not None
            assert (acme.name, acme.decimals, apple.name) == ("Acme", 3, "Apple Inc.")
            ids.append((acme.id, apple.id))
            now_ns, price = clock.now_ns(), Price.parse("12.5")
            core.tape.append([Record(one, now_ns, now_ns, price, price, 0, 0, 0) for one in (acme, apple)])
    assert ids[0] == ids[1]
