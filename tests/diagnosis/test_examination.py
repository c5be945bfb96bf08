"""The examination as a whole: all checks, whatever becomes of one of them."""

import contextlib
import socket
import threading
from pathlib import Path

import pytest

from tradewatch.clock import SystemClock
from tradewatch.diagnosis.examination import examine
from tradewatch.diagnosis.finding import Finding
from tradewatch.diagnosis.probes import clock as clock_probe
from tradewatch.settings import settings_with_origins

CHECKS = [
    "settings",
    "program",
    "packages",
    "event loop",
    "open files",
    "memory",
    "clock",
    "port",
    "data directory",
    "disk space",
    "disk sync",
    "file system",
    "listen backlog",
    "unsent limit",
    "certificate",
]


def hang_up(listener: socket.socket) -> None:
    """Answer every caller by a close, until the listener is closed."""
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()


def examined(data_dir: Path, *, port: int = 0, **environ: str) -> dict[str, Finding]:
    loaded = settings_with_origins(options={"data_dir": str(data_dir), "port": port}, environ=environ)
    return {finding.check: finding for finding in examine(loaded, now=SystemClock())}


def test_every_check_has_its_finding_and_nothing_is_left_behind(tmp_path: Path) -> None:
    found = examined(tmp_path / "data")
    assert list(found) == CHECKS
    assert [found[check].verdict for check in ("settings", "packages", "event loop", "port")] == ["ok"] * 4
    assert found["event loop"].what == "uvloop turns"
    assert found["settings"].what == "all fit; from default, option"
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_instruments_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "instruments.csv"
    file.write_text("asset_class,symbol,decimals\nmoonshots,DOGE,2\n")
    found = examined(tmp_path / "data", TRADEWATCH_INSTRUMENTS=str(file))["settings"]
    assert found.verdict == "fault"
    assert f"{file}, line 2" in found.what


def test_no_file_stays_open(tmp_path: Path) -> None:
    examined(tmp_path)  # what is imported for the first time may open files of its own
    files = len(list(Path("/dev/fd").iterdir()))
    examined(tmp_path)
    assert len(list(Path("/dev/fd").iterdir())) == files


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        threading.Thread(target=hang_up, args=(taken,), daemon=True).start()
        assert examined(tmp_path, port=port)["port"].verdict == "fault"


def test_a_variable_that_sets_nothing_is_named(tmp_path: Path) -> None:
    found = examined(tmp_path, TRADEWATCH_PROT="1")["settings"]
    assert found.verdict == "warning"
    assert found.what == "TRADEWATCH_PROT in the environment set nothing"


@pytest.mark.parametrize(
    ("variable", "text", "what"),
    [
        ("TRADEWATCH_FEEDS", "none simulatd", "simulatd"),
        ("TRADEWATCH_TRUSTED_PROXIES", "10.0.0.0/8 me", "trusted_proxies: 'me' is no network"),
    ],
)
def test_a_setting_that_is_not_understood_is_a_fault(
    tmp_path: Path, variable: str, text: str, what: str
) -> None:
    found = examined(tmp_path, **{variable: text})["settings"]
    assert found.verdict == "fault"
    assert what in found.what


def test_a_check_that_fails_is_a_finding_among_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_clock: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(clock_probe, "look", fail)
    found = examined(tmp_path)
    assert list(found) == CHECKS
    assert found["clock"].verdict == "fault"
    assert found["clock"].what == "it could not be checked: ZeroDivisionError: a fault of ours"
