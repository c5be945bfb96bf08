"""The live table, driven as a person drives it: a real terminal, a real server."""

import contextlib
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from tests.system.server import Server

COLUMNS, LINES = 96, 20


class Terminal:
    """A program in a terminal, and what is on its screen."""

    def __init__(self, *arguments: str) -> None:
        self.screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self.screen)
        self.program = pexpect.spawn(
            sys.executable,
            ["-m", "tradewatch", *arguments],
            dimensions=(LINES, COLUMNS),
            env={"TERM": "xterm-256color", "PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8"},
            timeout=20,
        )

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, condition: Callable[[str], object], *, seconds: float = 20) -> str:
        """What is on the screen, once the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition(self.text):
            assert time.monotonic() < deadline, self.text
            self._read()
        return self.text

    def colours_of(self, column: slice) -> set[str]:
        """The colours in these columns of the lines that have prices."""
        rows = [row for row in range(LINES) if re.search(r"\d\.\d", self.screen.display[row])]
        return {self.screen.buffer[row][place].fg for row in rows for place in range(COLUMNS)[column]}

    def end(self) -> int | None:
        self.program.sendintr()
        while True:
            try:
                self._read()
            except pexpect.EOF:
                break
        self.program.close()
        status: int | None = self.program.exitstatus
        return status

    def _read(self) -> None:
        with contextlib.suppress(pexpect.TIMEOUT):
            self._stream.feed(self.program.read_nonblocking(4_096, timeout=0.5))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data", "--feed", "simulated?symbols=50&rate=200")
    yield running
    running.kill()


def test_a_terminal_shows_a_table_that_lives(server: Server) -> None:
    terminal = Terminal(
        *("stream", "--url", f"ws://{server.address}", "--api-key", server.demo_key, "--snapshot"),
        *("all", "currencies:EURUSD", "crypto:BTCUSD", "stocks:AAPL"),
    )
    text = terminal.until(lambda shown: all(each in shown for each in ("EURUSD", "BTCUSD", "AAPL")))
    head = next(line for line in text.splitlines() if "symbol" in line)
    assert [word for word in re.split(r"[^a-z/]+", head) if word] == [
        "symbol",
        "bid",
        "ask",
        "spread",
        "age",
        "quotes/s",
    ]
    assert text.count(f"ws://{server.address}/") == 1
    assert "the prices of this server are simulated" in text
    assert server.demo_key not in text
    # It lives: a price goes up in green, another down in red, and the arrows say so without colours.
    terminal.until(lambda shown: "▲" in shown and "green" in terminal.colours_of(slice(0, None)))
    terminal.until(lambda shown: "▼" in shown and "red" in terminal.colours_of(slice(0, None)))
    line = next(line for line in terminal.text.splitlines() if "EURUSD" in line)
    bid, ask, spread = (float(number) for number in re.findall(r"\d+\.\d+", line)[:3])
    assert spread == pytest.approx(ask - bid)
    assert terminal.end() == 130


def test_a_refused_key_is_one_line_and_no_table(server: Server) -> None:
    terminal = Terminal("stream", "--url", f"ws://{server.address}", "--api-key", "tw_nobody", "all", "*")
    terminal.until(lambda shown: "key_unknown" in shown)
    assert "Traceback" not in terminal.text
    assert "tw_nobody" not in terminal.text


def test_a_server_that_goes_ends_the_table_with_a_word(server: Server) -> None:
    terminal = Terminal(
        "stream", "--url", f"ws://{server.address}", "--api-key", server.demo_key, "crypto", "BTCUSD"
    )
    terminal.until(lambda shown: re.search(r"BTCUSD +│", shown))
    server.process.send_signal(signal.SIGTERM)
    terminal.until(lambda shown: "going_away" in shown or "1001" in shown)
    assert "BTCUSD" in terminal.text  # what was known stays on the screen
