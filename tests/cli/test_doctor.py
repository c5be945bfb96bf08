"""`doctor`: words or JSON, and a code that says whether there is a fault."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.system.server import Server

import tradewatch

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def findings(done: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, str]]:
    return {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def test_a_machine_that_will_do(run: Run, tmp_path: Path, free_port: int) -> None:
    few = {"TRADEWATCH_LIMITS_MAX_CONNECTIONS": "100"}  # whatever the machine's own limits are
    done = run("doctor", "--data-dir", str(tmp_path / "data"), "--port", str(free_port), environ=few)
    assert (done.stderr, done.returncode) == ("", 0), done.stdout
    lines = done.stdout.splitlines()
    assert f"ok       port            {free_port} is free on 127.0.0.1" in lines
    assert f"ok       data directory  {tmp_path / 'data'} does not exist; serve makes it" in lines
    assert lines[-1].endswith(", faults: 0")
    verdicts = [line.split()[0] for line in lines[:-2] if not line.startswith(" ")]
    assert set(verdicts) <= {"ok", "warning"}
    assert lines[-1].startswith(f"{verdicts.count('ok')} ok, warnings: {verdicts.count('warning')}, ")
    assert list(tmp_path.iterdir()) == []


def test_faults_are_told_with_what_to_do_and_the_code_is_1(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "a file"
    place.write_text("")
    certificate = tmp_path / "missing.pem"
    config = tmp_path / "tradewatch.toml"
    config.write_text(f'tls_cert = "{certificate}"\ntls_key = "{certificate}"\n')
    arguments = ["doctor", "--data-dir", str(place / "data"), "--port", "0", "--config", str(config)]
    done = run(*arguments)
    assert (done.stderr, done.returncode) == ("", 1)
    assert f"fault    data directory  {place / 'data'} cannot be written: Not a directory\n" in done.stdout
    assert f"fault    certificate     {certificate}: No such file or directory\n" in done.stdout
    assert f"{'':25}> make it writable for this user, or choose another with --data-dir\n" in done.stdout
    assert done.stdout.endswith(", faults: 2\n")

    as_json = run(*arguments, "--json")
    report = json.loads(as_json.stdout)
    assert (as_json.stderr, as_json.returncode) == ("", 1)
    assert (report["version"], report["verdict"]) == (tradewatch.__version__, "fault")
    assert findings(as_json)["data directory"] == {
        "check": "data directory",
        "verdict": "fault",
        "what": f"{place / 'data'} cannot be written: Not a directory",
        "advice": "make it writable for this user, or choose another with --data-dir",
    }


def test_a_package_that_cannot_be_imported_does_not_hide_the_rest(
    clean_environment: dict[str, str], tmp_path: Path
) -> None:
    program = (
        "import sys; sys.modules['uvloop'] = None\n"
        f"sys.argv = ['tradewatch', 'doctor', '--json', '--port', '0', '--data-dir', {str(tmp_path)!r}]\n"
        "from tradewatch.cli.main import run; run()"
    )
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, env=clean_environment, capture_output=True, text=True, timeout=60)
    assert (done.stderr, done.returncode) == ("", 1)
    found = findings(done)
    faults = {check for check, finding in found.items() if finding["verdict"] == "fault"}
    assert faults == {"event loop", "port", "listen backlog"}
    assert "uvloop" in found["event loop"]["what"]
    assert found["data directory"]["verdict"] == "ok"


def test_settings_that_do_not_fit_are_refused_as_everywhere(run: Run) -> None:
    done = run("doctor", "--port", "x")
    line = 'tradewatch: port = "x" (option --port) is not a whole number from 0 to 65535\n'
    assert (done.stdout, done.stderr, done.returncode) == ("", line, 2)


def test_no_secret_is_printed(run: Run, tmp_path: Path) -> None:
    environ = {"TRADEWATCH_API_KEY": "tw_hunter2", "TRADEWATCH_URL": "ws://me:hunter2@host"}
    for form in ([], ["--json"]):
        done = run("doctor", "--data-dir", str(tmp_path), "--port", "0", *form, environ=environ)
        assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="its message names Linux' numbers")
def test_a_limit_of_files_that_is_too_low(clean_environment: dict[str, str], tmp_path: Path) -> None:
    words = ["-m", "tradewatch", "doctor", "--json", "--port", "0", "--data-dir", str(tmp_path)]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -Sn 512 && ulimit -Hn 1024 && exec "$@"', "sh", sys.executable, *words],
        env=clean_environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    found = findings(done)["open files"]
    assert found["verdict"] == "fault"
    assert found["what"].startswith("soft 512, hard 1024; limits.max_connections = 10000 needs 10256 open")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data", "--feed", "simulated?symbols=5")
    yield running
    running.kill()


def test_beside_a_running_server(run: Run, server: Server) -> None:
    host, port = server.address.split(":")
    options = ["doctor", "--json", "--data-dir", str(server.data_dir)]
    done = run(*options, "--port", port)
    found = findings(done)
    assert found["port"]["what"] == f"{port} on {host} is served by a tradewatch"
    assert found["server"]["check"] == "server"
    assert found["data directory"]["what"] == f"{server.data_dir} is held by process {server.process.pid}"
    assert found["data directory"]["verdict"] == "ok"

    elsewhere = findings(run(*options, "--port", "0"))["data directory"]
    assert elsewhere["verdict"] == "warning"
    assert "a second server here will not start" in elsewhere["advice"]
    assert server.get("/health/live").status_code == 200
